package logstash

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// tlsFiles are the configuration of TLS and the files that belong to it. These
// are looked at for each new connection, and read again when they have changed,
// so that certificates can be renewed under a running program. While a new file
// is broken, or not all there yet, what was read before stays in use. tlsFiles
// are safe for concurrent use; nil ones stand for no TLS.
type tlsFiles struct {
	base              *tls.Config // the user's, completed
	caFile            string
	certFile, keyFile string

	mu      sync.Mutex
	current *tls.Config   // base and what was in the files; never changed
	stamps  []os.FileInfo // of the files when that was read
	err     error         // why the last reading failed
}

// newTLSFiles reads the files that o names.
func newTLSFiles(o *DialOptions) (*tlsFiles, error) {
	base := new(tls.Config)
	if o.TLS != nil {
		base = o.TLS.Clone()
	}
	if base.MinVersion == 0 {
		base.MinVersion = tls.VersionTLS12
	}
	t := &tlsFiles{base: base, caFile: o.CAFile, certFile: o.CertFile, keyFile: o.KeyFile}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("logstash: DialOptions.%w", err)
	}
	_, err := t.config()
	return t, err
}

// check reports what is wrong about the options themselves.
func (t *tlsFiles) check() error {
	least, most := t.base.MinVersion, t.base.MaxVersion
	switch {
	case least < tls.VersionTLS12:
		return fmt.Errorf("TLS: MinVersion %s: want TLS 1.2 or TLS 1.3", tls.VersionName(least))
	case most != 0 && most < least:
		return fmt.Errorf("TLS: MaxVersion %s: want %s or higher", tls.VersionName(most), tls.VersionName(least))
	case (t.certFile == "") != (t.keyFile == ""):
		return fmt.Errorf("CertFile %q with KeyFile %q: want both or none", t.certFile, t.keyFile)
	case t.certFile != "" && hasCertificate(t.base):
		return errors.New("CertFile with a client certificate in TLS: want one of them")
	case t.caFile != "" && t.base.RootCAs != nil:
		return errors.New("CAFile with RootCAs in TLS: want one of them")
	}
	return nil
}

// hasCertificate reports whether a client with this configuration has a
// certificate to show.
func hasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetClientCertificate != nil
}

// config returns the configuration for a new connection: the same as before,
// unless the files have changed. It must not be changed. An error says why the
// files could not be read again; the configuration is then still the one before.
func (t *tlsFiles) config() (*tls.Config, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stamps, err := t.stat() // first, so that a change while they are read is noticed next time
	if err == nil && (t.current == nil || !slices.EqualFunc(stamps, t.stamps, sameFile)) {
		var fresh *tls.Config
		if fresh, err = t.read(); err == nil {
			t.current, t.stamps = fresh, stamps
		}
	}
	if err != nil {
		err = fmt.Errorf("logstash: DialOptions.%w", err)
	}
	t.err = err
	return t.current, err
}

// reloadError returns why the files could not be read again the last time they
// had to be, nil if they could.
func (t *tlsFiles) reloadError() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// stat returns what is known of the files without reading them.
func (t *tlsFiles) stat() ([]os.FileInfo, error) {
	var stamps []os.FileInfo
	for _, f := range []struct{ field, name string }{
		{"CAFile", t.caFile}, {"CertFile", t.certFile}, {"KeyFile", t.keyFile},
	} {
		if f.name == "" {
			continue
		}
		info, err := os.Stat(f.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.field, err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s %q: want a regular file, not a %v", f.field, f.name, info.Mode().Type())
		}
		stamps = append(stamps, info)
	}
	return stamps, nil
}

// sameFile reports whether a file has not changed meanwhile, as far as can be
// seen from outside.
func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// read returns a configuration with what is in the files now.
func (t *tlsFiles) read() (*tls.Config, error) {
	c := t.base.Clone()
	if t.caFile != "" {
		pool, err := readAuthorities(t.caFile)
		if err != nil {
			return nil, fmt.Errorf("CAFile %q: %w", t.caFile, err)
		}
		c.RootCAs = pool
	}
	if t.certFile != "" {
		cert, err := t.readCertificate()
		if err != nil {
			return nil, err
		}
		// Certificates would be kept back from a peer that names other
		// authorities, which then complains that there is no certificate.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return c, nil
}

// readAuthorities returns the certificates of a file.
func readAuthorities(name string) (*x509.CertPool, error) {
	blocks, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	pool, n := x509.NewCertPool(), 0
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", n+1, err)
		}
		pool.AddCert(cert)
		n++
	}
	if n == 0 {
		return nil, errors.New("no certificate: want PEM with at least one block BEGIN CERTIFICATE")
	}
	return pool, nil
}

// readPEM returns all blocks of a file. One that is cut or damaged is an error,
// where the pem package would leave it out.
func readPEM(name string) ([]*pem.Block, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Unwrap(err) // the name is known
	}
	var blocks []*pem.Block
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if n := bytes.Count(data, []byte("-----BEGIN ")); n != len(blocks) {
		return nil, fmt.Errorf("%d of %d PEM blocks are cut or damaged", n-len(blocks), n)
	}
	return blocks, nil
}

// readCertificate returns the client certificate with its key.
func (t *tlsFiles) readCertificate() (*tls.Certificate, error) {
	certs, err := readPEM(t.certFile)
	if err != nil {
		return nil, fmt.Errorf("CertFile %q: %w", t.certFile, err)
	}
	keys, err := readPEM(t.keyFile)
	if err != nil {
		return nil, fmt.Errorf("KeyFile %q: %w", t.keyFile, err)
	}
	for _, block := range keys {
		if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, fmt.Errorf("KeyFile %q: encrypted: want the key without a passphrase", t.keyFile)
		}
	}
	cert, err := tls.X509KeyPair(encode(certs), encode(keys))
	if err != nil {
		return nil, fmt.Errorf("CertFile %q with KeyFile %q: %w", t.certFile, t.keyFile, err)
	}
	if end := cert.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("CertFile %q: the certificate of %s expired at %s", t.certFile, cert.Leaf.Subject, stamp(end))
	}
	return &cert, nil
}

// encode returns blocks as the text that they were.
func encode(blocks []*pem.Block) []byte {
	var out bytes.Buffer
	for _, block := range blocks {
		_ = pem.Encode(&out, block) // what was decoded can be encoded
	}
	return out.Bytes()
}

// client returns the client's side of a connection to a host, with or without
// a port. Nothing is sent yet.
func (t *tlsFiles) client(conn net.Conn, host string) *tls.Conn {
	c, _ := t.config() // reloadError has it
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName = serverName(host)
	}
	return tls.Client(conn, c)
}

// serverName returns what the certificate of a host must be for. The zone of an
// IPv6 address is this machine's own name for an interface.
func serverName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

// handshake makes a connection to a host a secure one. It owns conn, and
// returns soon after ctx is done.
func (t *tlsFiles) handshake(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	c := t.client(conn, host)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // err says all there is to say
		return nil, errors.Join(t.explain(err), t.reloadError())
	}
	return &secureConn{Conn: c, files: t}, nil
}

// farewell is how long the closing of a connection over TLS may take to tell
// the peer so.
const farewell = 200 * time.Millisecond

// secureConn is a connection over TLS.
type secureConn struct {
	*tls.Conn
	files *tlsFiles
}

// Read reads. With TLS 1.3 only this tells that the peer does not like the
// client's certificate, after a handshake that has worked.
func (c *secureConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		err = c.files.explainAlert(err)
	}
	return n, err
}

// Close tells the peer and closes. A peer that takes nothing cannot hold it up.
func (c *secureConn) Close() error {
	raw := c.NetConn()
	timer := time.AfterFunc(farewell, func() { _ = raw.Close() })
	defer timer.Stop()
	return c.Conn.Close()
}
