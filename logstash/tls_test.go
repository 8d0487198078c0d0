package logstash

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue returns a certificate for 127.0.0.1 and its key, in PEM format.
func (a *authority) issue(t testing.TB, serial int64, life time.Duration) (cert, key []byte) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-2 * time.Hour),
		NotAfter:     time.Now().Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"logs.example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, priv.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func (a *authority) keyPair(t testing.TB, life time.Duration) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(a.issue(t, 1, life))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// writeFile writes a file in place, and returns its name.
func writeFile(t testing.TB, dir, name string, data ...[]byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, bytes.Join(data, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLSOptionsRefused(t *testing.T) {
	dir := t.TempDir()
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	cert, key := ca.issue(t, 1, time.Hour)
	oldCert, oldKey := ca.issue(t, 2, -time.Hour)
	_, otherKey := other.issue(t, 1, time.Hour)
	caFile := writeFile(t, dir, "ca", ca.pem)
	certFile, keyFile := writeFile(t, dir, "cert", cert), writeFile(t, dir, "key", key)
	missing := filepath.Join(dir, "missing")
	certificates := &tls.Config{Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)}}

	tests := []struct {
		name string
		opts DialOptions
		want string
	}{
		{
			"old version",
			DialOptions{TLS: &tls.Config{MinVersion: tls.VersionTLS11}},
			"DialOptions.TLS: MinVersion TLS 1.1: want TLS 1.2 or TLS 1.3",
		},
		{
			"old last version",
			DialOptions{TLS: &tls.Config{MaxVersion: tls.VersionTLS11}},
			"DialOptions.TLS: MaxVersion TLS 1.1: want TLS 1.2 or higher",
		},
		{"no key", DialOptions{CertFile: "c"}, `DialOptions.CertFile "c" with KeyFile "": want both or none`},
		{"no certificate", DialOptions{KeyFile: "k"}, `DialOptions.CertFile "" with KeyFile "k": want both or none`},
		{
			"two client certificates",
			DialOptions{TLS: certificates, CertFile: certFile, KeyFile: keyFile},
			"DialOptions.CertFile with a client certificate in TLS: want one of them",
		},
		{
			"two pools",
			DialOptions{TLS: &tls.Config{RootCAs: ca.pool()}, CAFile: caFile},
			"DialOptions.CAFile with RootCAs in TLS: want one of them",
		},
		{"missing file", DialOptions{CAFile: missing}, "DialOptions.CAFile: stat " + missing},
		{"missing key", DialOptions{CertFile: certFile, KeyFile: missing}, "DialOptions.KeyFile: stat " + missing},
		{"folder", DialOptions{CAFile: dir}, "want a regular file, not a d"},
		{
			"empty file",
			DialOptions{CAFile: writeFile(t, dir, "empty")},
			"empty\": no certificate: want PEM with at least one block BEGIN CERTIFICATE",
		},
		{"key for an authority", DialOptions{CAFile: keyFile}, "no certificate: want PEM"},
		{
			"second authority cut",
			DialOptions{CAFile: writeFile(t, dir, "cut", ca.pem, ca.pem[:len(ca.pem)-30])},
			"1 of 2 PEM blocks are cut or damaged",
		},
		{
			"authority of nonsense",
			DialOptions{CAFile: writeFile(t, dir, "junk", ca.pem, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))},
			"certificate 2: x509: ",
		},
		{
			"another key",
			DialOptions{CertFile: certFile, KeyFile: writeFile(t, dir, "otherkey", otherKey)},
			"private key does not match public key",
		},
		{
			"certificate and key swapped",
			DialOptions{CertFile: keyFile, KeyFile: certFile},
			"DialOptions.CertFile \"" + keyFile + "\" with KeyFile \"" + certFile + "\": tls: ",
		},
		{
			"key with a passphrase",
			DialOptions{
				CertFile: certFile,
				KeyFile:  writeFile(t, dir, "locked", bytes.ReplaceAll(key, []byte("PRIVATE"), []byte("ENCRYPTED PRIVATE"))),
			},
			"locked\": encrypted: want the key without a passphrase",
		},
		{
			"expired",
			DialOptions{CertFile: writeFile(t, dir, "oldcert", oldCert), KeyFile: writeFile(t, dir, "oldkey", oldKey)},
			"oldcert\": the certificate of CN=test expired at 20",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newTLSFiles(&tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "logstash: ") {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
}

// tlsPeer is a server on loopback that says in which way handshakes end. It
// reads what it is sent, and answers nothing.
type tlsPeer struct {
	net.Listener
	serial chan string // of the client's certificate, "" for none
}

func startTLSPeer(t testing.TB, c *tls.Config) *tlsPeer {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tlsPeer{ln, make(chan string, 10_000)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(tls.Server(conn, c)) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return p
}

func (p *tlsPeer) serve(conn *tls.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if conn.Handshake() != nil {
		_, _ = io.Copy(io.Discard, conn.NetConn()) // so that no RST overtakes the alert
		return
	}
	serial := ""
	if certs := conn.ConnectionState().PeerCertificates; len(certs) > 0 {
		serial = certs[0].SerialNumber.String()
	}
	p.serial <- serial
	_, _ = io.Copy(io.Discard, conn)
}

// secureEndpoints returns endpoints of one address, and the files of o.
func secureEndpoints(t testing.TB, addr string, o DialOptions) (*endpoints, *tlsFiles) {
	t.Helper()
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	files, err := newTLSFiles(&o)
	if err != nil {
		t.Fatal(err)
	}
	return endpointsOf(t, nil, addr, o), files
}

func TestTLSConnects(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	cert, key := ca.issue(t, 77, time.Hour)
	caFile := writeFile(t, dir, "ca", []byte("# the authority\n"), newAuthority(t, "unused").pem, ca.pem)
	certFile, keyFile := writeFile(t, dir, "cert", cert), writeFile(t, dir, "key", key)
	bothFile := writeFile(t, dir, "both", key, []byte("and\n"), cert)
	peer := startTLSPeer(t, &tls.Config{
		Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)},
		ClientCAs:    ca.pool(),
		ClientAuth:   tls.VerifyClientCertIfGiven,
	})
	tests := []struct {
		name string
		opts DialOptions
		want string // the client's certificate
	}{
		{"CAFile", DialOptions{CAFile: caFile}, ""},
		{"client certificate", DialOptions{CAFile: caFile, CertFile: certFile, KeyFile: keyFile}, "77"},
		{"certificate and key in one file", DialOptions{CAFile: caFile, CertFile: bothFile, KeyFile: bothFile}, "77"},
		{"another name", DialOptions{CAFile: caFile, TLS: &tls.Config{ServerName: "logs.example.com"}}, ""},
		{"TLS 1.2", DialOptions{CAFile: caFile, TLS: &tls.Config{MaxVersion: tls.VersionTLS12}}, ""},
		{"RootCAs", DialOptions{TLS: &tls.Config{RootCAs: ca.pool()}}, ""},
		{"unverified", DialOptions{TLS: &tls.Config{InsecureSkipVerify: true}}, ""},
		{"certificate in TLS", DialOptions{CAFile: caFile, TLS: &tls.Config{
			Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)},
		}}, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, files := secureEndpoints(t, peer.Addr().String(), tt.opts)
			l, err := e.connect(t.Context(), "tcp", files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, <-peer.serial); diff != "" {
				t.Errorf("client certificate mismatch (-want +got):\n%s", diff)
			}
			if _, err := l.Write([]byte("x")); err != nil {
				t.Error(err)
			}
			l.done(l.Close())
			if tt.opts.TLS != nil && tt.opts.TLS.MinVersion != 0 {
				t.Error("the user's TLS was changed")
			}
		})
	}
}

func TestServerName(t *testing.T) {
	for host, want := range map[string]string{
		"a:1": "a", "a": "a", "[::1]:5": "::1", "[fe80::1%eth0]:5": "fe80::1", "127.0.0.1:3": "127.0.0.1",
	} {
		if got := serverName(host); got != want {
			t.Errorf("serverName(%q) = %q, want %q", host, got, want)
		}
	}
}

// An error of TLS says what can be done about it.
func TestTLSErrors(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	caFile, otherFile := writeFile(t, dir, "ca", ca.pem), writeFile(t, dir, "other", other.pem)
	strangerCert, strangerKey := other.issue(t, 5, time.Hour)
	stranger := DialOptions{
		CAFile: caFile, CertFile: writeFile(t, dir, "cert", strangerCert), KeyFile: writeFile(t, dir, "key", strangerKey),
	}
	strangerTLS := DialOptions{CAFile: caFile, TLS: &tls.Config{
		Certificates: []tls.Certificate{other.keyPair(t, time.Hour)},
	}}
	server := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)}}
		change(c)
		return c
	}
	demanding := func(last uint16) *tls.Config {
		return server(func(c *tls.Config) {
			c.ClientCAs, c.ClientAuth, c.MaxVersion = ca.pool(), tls.RequireAndVerifyClientCert, last
		})
	}
	tests := []struct {
		name   string
		server *tls.Config
		opts   DialOptions
		want   string
	}{
		{
			"unknown authority", server(func(*tls.Config) {}),
			DialOptions{},
			"certificate signed by unknown authority (want the certificate of its authority in DialOptions.CAFile)",
		},
		{
			"another authority", server(func(*tls.Config) {}),
			DialOptions{CAFile: otherFile},
			"(want a certificate signed by an authority in CAFile \"" + otherFile + "\")",
		},
		{
			"another name", server(func(*tls.Config) {}),
			DialOptions{CAFile: caFile, TLS: &tls.Config{ServerName: "elsewhere"}},
			"is valid for logs.example.com, not elsewhere (want one of its names in the address",
		},
		{
			"expired", server(func(c *tls.Config) { c.Certificates[0] = ca.keyPair(t, -time.Hour) }),
			DialOptions{CAFile: caFile},
			"(want a new certificate there, or the right time here)",
		},
		{
			"old server", server(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }),
			DialOptions{CAFile: caFile},
			"(the receiver has no version from DialOptions.TLS.MinVersion",
		},
		{
			"certificate required", demanding(0),
			DialOptions{CAFile: caFile},
			"certificate required (the receiver may want a client certificate: DialOptions.CertFile and KeyFile)",
		},
		{
			"certificate required by TLS 1.2", demanding(tls.VersionTLS12),
			DialOptions{CAFile: caFile},
			"(the receiver may want a client certificate: DialOptions.CertFile and KeyFile)",
		},
		{
			"client certificate refused", demanding(0), stranger,
			"(the receiver does not accept the client certificate of CertFile \"" + stranger.CertFile + "\")",
		},
		{
			"client certificate refused by TLS 1.2", demanding(tls.VersionTLS12), stranger,
			"(the receiver does not accept the client certificate of CertFile \"" + stranger.CertFile + "\")",
		},
		{
			"client certificate of TLS not shown", demanding(0), strangerTLS,
			"(the receiver does not accept the client certificate of DialOptions.TLS)",
		},
		{
			"no version in common",
			server(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }),
			DialOptions{CAFile: caFile, TLS: &tls.Config{MinVersion: tls.VersionTLS13}},
			"(the receiver has no version from DialOptions.TLS.MinVersion",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peer := startTLSPeer(t, tt.server)
			e, files := secureEndpoints(t, peer.Addr().String(), tt.opts)
			l, err := e.connect(t.Context(), "tcp", files)
			if err == nil { // as TLS 1.3 does before the client's certificate was looked at
				_, err = l.Read(make([]byte, 1))
				_ = l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
}

// closeCounter counts how often a connection is closed.
type closeCounter struct {
	net.Conn
	n int
}

func (c *closeCounter) Close() error {
	c.n++
	return c.Conn.Close()
}

// A receiver that does not speak TLS gets the blame for that.
func TestTLSToAPlainPort(t *testing.T) {
	const plain = "beats://, tcp:// or http://"
	tests := []struct {
		name string
		peer func(net.Conn)
		want string
	}{
		{"speaks HTTP", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, "the receiver speaks no TLS on this port: want " + plain + ", or TLS there"},
		{"closes", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1<<16))
			_ = c.Close()
		}, "closed by the receiver: it may speak no TLS on this port, which wants " + plain},
		{"closes at once", func(c net.Conn) { _ = c.Close() }, "closed by the receiver: it may speak no TLS"},
		{"says nothing", func(c net.Conn) {
			_, _ = io.Copy(io.Discard, c)
		}, "no answer in time: the receiver may speak no TLS on this port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var closer closeCounter
				e, files := secureEndpoints(t, "a:1", DialOptions{
					Timeout: time.Minute,
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go tt.peer(theirs)
						closer.Conn = ours
						return &closer, nil
					},
				})
				start := time.Now()
				_, err := e.connect(t.Context(), "tcp", files)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("connect: %v; want %s", err, tt.want)
				}
				if closer.n == 0 {
					t.Error("the connection was not closed")
				}
				if time.Since(start) > time.Minute {
					t.Errorf("that took %v, want Timeout at most", time.Since(start))
				}
			})
		})
	}
}

// A dial that takes most of Timeout leaves the handshake what is left.
func TestTimeoutIncludesTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, files := secureEndpoints(t, "a:1", DialOptions{
			Timeout: time.Minute,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(50 * time.Second)
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				return ours, nil
			},
		})
		start := time.Now()
		_, err := e.connect(t.Context(), "tcp", files)
		if d := time.Since(start); d != time.Minute || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("connect: %v after %v; want context.DeadlineExceeded after 1m", err, d)
		}
	})
}

// Closing does not wait for a peer that reads nothing.
func TestTLSCloseIsShort(t *testing.T) {
	ca := newAuthority(t, "ca")
	config := &tls.Config{
		RootCAs: ca.pool(), ServerName: "logs.example.com",
		Time: func() time.Time { return ca.cert.NotAfter.Add(-23 * time.Hour) }, // not that of the bubble
	}
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.keyPair(t, 24*time.Hour)}, SessionTicketsDisabled: true,
	}
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		defer close(done)
		e, files := secureEndpoints(t, "a:1", DialOptions{
			TLS: config,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					_ = tls.Server(theirs, server).HandshakeContext(t.Context())
					<-done
				}()
				return ours, nil
			},
		})
		l := mustConnectTLS(t, e, files)
		start := time.Now()
		_ = l.Close()
		if d := time.Since(start); d != farewell {
			t.Errorf("Close took %v, want %v", d, farewell)
		}
	})
}

func mustConnectTLS(t testing.TB, e *endpoints, files *tlsFiles) *link {
	t.Helper()
	l, err := e.connect(t.Context(), "tcp", files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Files that change are used for the next connection; while they are broken
// the ones before are, and the health of the endpoint says so.
func TestTLSReload(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	ca, next := newAuthority(t, "ca"), newAuthority(t, "next")
	cert, key := ca.issue(t, 1, time.Hour)
	opts := DialOptions{
		CAFile: writeFile(t, dir, "ca", ca.pem), CertFile: writeFile(t, dir, "cert", cert), KeyFile: writeFile(t, dir, "key", key),
	}
	var serverCert atomic.Pointer[tls.Certificate]
	pair := ca.keyPair(t, time.Hour)
	serverCert.Store(&pair)
	peer := startTLSPeer(t, &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return serverCert.Load(), nil },
		ClientAuth:     tls.RequireAnyClientCert,
	})
	e, files := secureEndpoints(t, peer.Addr().String(), opts)
	first, _ := files.config()

	use := func(when, want string, wantErr ...string) {
		t.Helper()
		l := mustConnectTLS(t, e, files)
		if diff := cmp.Diff(want, <-peer.serial); diff != "" {
			t.Errorf("%s: client certificate mismatch (-want +got):\n%s", when, diff)
		}
		l.worked()
		got := e.health()[0].LastError
		if (got == nil) != (len(wantErr) == 0) {
			t.Errorf("%s: LastError %v, want %q", when, got, wantErr)
		}
		for _, s := range wantErr {
			if got != nil && !strings.Contains(got.Error(), s) {
				t.Errorf("%s: LastError %v, want %s", when, got, s)
			}
		}
		l.done(nil)
		_ = l.Close()
	}
	use("at first", "1")
	use("again", "1")
	if c, err := files.config(); c != first || err != nil || c.ServerName != "" {
		t.Errorf("config read again or changed without need: %v", err)
	}

	cert, key = ca.issue(t, 22, time.Hour)
	writeFile(t, dir, "cert", cert)
	use("the new certificate with the old key", "1", "DialOptions.CertFile", opts.KeyFile, "does not match")
	writeFile(t, dir, "key", key[:len(key)/2])
	use("half of the new key", "1", "KeyFile", "1 of 1 PEM blocks are cut or damaged")
	writeFile(t, dir, "key", key)
	use("both", "22")

	cert, key = ca.issue(t, 333, -time.Hour)
	writeFile(t, dir, "cert", cert)
	writeFile(t, dir, "key", key)
	use("an expired one", "22", "expired")
	if err := os.Remove(opts.CertFile); err != nil {
		t.Fatal(err)
	}
	use("none", "22", "DialOptions.CertFile: stat ")
	cert, key = ca.issue(t, 4444, time.Hour)
	writeFile(t, dir, "cert", cert)
	writeFile(t, dir, "key", key)
	use("a new one", "4444")

	pair2 := next.keyPair(t, time.Hour)
	serverCert.Store(&pair2)
	writeFile(t, dir, "ca", next.pem[:len(next.pem)-40])
	_, err := e.connect(t.Context(), "tcp", files)
	for _, want := range []string{"unknown authority", "DialOptions.CAFile", "cut or damaged"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with half of the new authority: %v; want %s", err, want)
		}
	}
	e.hurry()
	writeFile(t, dir, "ca", ca.pem, next.pem)
	l := mustConnectTLS(t, e, files)
	_ = l.Close()
	if err := files.reloadError(); err != nil {
		t.Errorf("reloadError in the end: %v", err)
	}
}

// Certificates, keys and authorities are replaced all the time, while
// connections come and go: none of these fails.
func TestTLSReloadConcurrently(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	cert, key := ca.issue(t, 1, time.Hour)
	opts := DialOptions{
		CAFile: writeFile(t, dir, "ca", ca.pem), CertFile: writeFile(t, dir, "cert", cert), KeyFile: writeFile(t, dir, "key", key),
		Strategy: LoadBalance,
	}
	peer := startTLSPeer(t, &tls.Config{
		Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)},
		ClientCAs:    ca.pool(),
		ClientAuth:   tls.RequireAndVerifyClientCert,
	})
	e, files := secureEndpoints(t, peer.Addr().String(), opts)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 40 {
				l, err := e.connect(t.Context(), "tcp", files)
				if err != nil {
					t.Error(err)
					return
				}
				l.done(l.Close())
				if s := <-peer.serial; s == "" {
					t.Error("no client certificate")
				}
			}
		})
	}
	var rotations sync.WaitGroup
	rotations.Go(func() {
		for i := int64(2); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			cert, key := ca.issue(t, i, time.Hour)
			writeFile(t, dir, "cert", cert) // in place, and out of step with the key
			writeFile(t, dir, "ca", newAuthority(t, "another").pem, ca.pem)
			writeFile(t, dir, "key", key)
		}
	})
	wg.Wait()
	close(stop)
	rotations.Wait()
	l := mustConnectTLS(t, e, files)
	_ = l.Close()
	if err := files.reloadError(); err != nil {
		t.Errorf("reloadError in the end: %v", err)
	}
}
