package logstash_test

import (
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
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// authority signs the certificates of one test.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	next int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, next: 1}
	a.cert, a.key = a.sign("authority", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign returns a certificate for a name, signed by the authority, or by itself
// where there is none yet.
func (a *authority) sign(name string, cert *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.next++
	cert.SerialNumber, cert.Subject = big.NewInt(a.next), pkix.Name{CommonName: name}
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// server returns the configuration of a receiver on loopback that wants a
// certificate of the client.
func (a *authority) server() *tls.Config {
	cert, key := a.sign("receiver", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientCAs:    a.pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}
}

// client writes the files of a client called name into dir.
func (a *authority) client(dir, name string) {
	a.t.Helper()
	cert, key := a.sign(name, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: a.cert.Raw},
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Raw},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// Over TLS both sides have certificates, and a client certificate that is
// renewed in its files is in use from the next request on.
func TestHTTPSClientCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // outside of which net/http may be too slow to use a connection again
		ca, dir := newAuthority(t), t.TempDir()
		ca.client(dir, "first")
		config := ca.server()
		var (
			mu    sync.Mutex
			names []string
		)
		config.VerifyConnection = func(s tls.ConnectionState) error {
			mu.Lock()
			defer mu.Unlock()
			names = append(names, s.PeerCertificates[0].Subject.CommonName)
			return nil
		}
		srv := lstest.NewHTTP(&lstest.HTTPOptions{TLS: config})
		defer srv.Kill()
		tr := newHTTP(t, func(o *logstash.DialOptions) {
			o.CAFile = filepath.Join(dir, "ca.pem")
			o.CertFile, o.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			o.CompressionLevel, o.DialContext = 1, srv.Dial
		}, "https://127.0.0.1")
		for i := range 4 {
			if i == 2 {
				ca.client(dir, "second one")
			}
			if acked, err := tr.Send(t.Context(), events(i, i+1)); acked != 1 || err != nil {
				t.Fatalf("acked %d, error %v; want 1, nil", acked, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff([]string{"first", "second one"}, names); diff != "" {
			t.Errorf("clients mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(eventRange(0, 4), stringsOf(srv.Events())); diff != "" {
			t.Errorf("events mismatch (-want +got):\n%s", diff)
		}
	})
}

// What is wrong with TLS comes with what to do about it.
func TestHTTPSMistakes(t *testing.T) {
	testlog.CheckGoroutines(t)
	ca, dir := newAuthority(t), t.TempDir()
	ca.client(dir, "client")
	file := func(name string) string { return filepath.Join(dir, name) }
	secure := listenHTTP(t, "127.0.0.1:0", &lstest.HTTPOptions{TLS: ca.server()})
	plain := listenHTTP(t, "127.0.0.1:0", nil)
	tests := []struct {
		name string
		addr string
		opts logstash.DialOptions
		says string
	}{
		{"no authority", "https://" + secure.Addr(), logstash.DialOptions{}, "CAFile"},
		{
			"no client certificate", "https://" + secure.Addr(),
			logstash.DialOptions{CAFile: file("ca.pem")},
			"the receiver may want a client certificate",
		},
		{
			"plain receiver", "https://" + plain.Addr(),
			logstash.DialOptions{CAFile: file("ca.pem")},
			"may speak no TLS",
		},
		{
			"other name", "https://localhost" + secure.Addr()[strings.LastIndex(secure.Addr(), ":"):],
			logstash.DialOptions{CAFile: file("ca.pem")},
			"ServerName",
		},
		{"plain to a receiver with TLS", "http://" + secure.Addr(), logstash.DialOptions{}, "post 1 events to http://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newHTTP(t, func(o *logstash.DialOptions) { *o = tt.opts }, tt.addr)
			acked, err := tr.Send(t.Context(), events(0, 1))
			if acked != 0 || err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("acked %d, error %v; want 0, and %q", acked, err, tt.says)
			}
			var wait interface{ RetryAfter() time.Duration }
			if !errors.As(err, &wait) || wait.RetryAfter() < 400*time.Millisecond {
				t.Errorf("error %v does not say when to try again", err)
			}
		})
	}
	secure.Kill()
	plain.Kill()
}

// Over HTTP/2 everything is as over HTTP/1.1: one connection, acks, poison, a
// body that is not read, and a server that goes away.
func TestHTTPOverHTTP2(t *testing.T) {
	testlog.CheckGoroutines(t)
	var (
		mu     sync.Mutex
		protos []string
		status = http.StatusOK
	)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		protos = append(protos, r.Proto)
		if status == http.StatusOK {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(status)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	answer := func(s int) {
		mu.Lock()
		defer mu.Unlock()
		status = s
	}
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	dials := 0
	tr := newHTTP(t, func(o *logstash.DialOptions) {
		o.TLS = &tls.Config{RootCAs: pool}
		o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials++
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		o.MinBackoff, o.MaxBackoff = time.Millisecond, time.Millisecond
	}, srv.URL)
	large := [][]byte{lstest.AppendEvent(nil, 0, 0, strings.Repeat("x", 3<<20))} // more than a window of HTTP/2
	for range 3 {
		if acked, err := tr.Send(t.Context(), events(0, 3)); acked != 3 || err != nil {
			t.Fatalf("acked %d, error %v; want 3, nil", acked, err)
		}
	}
	answer(http.StatusRequestEntityTooLarge)
	if acked, err := tr.Send(t.Context(), large); acked != 0 || !errors.Is(err, logstash.ErrRejected) {
		t.Fatalf("acked %d, error %v; want 0, ErrRejected", acked, err)
	}
	answer(http.StatusInternalServerError)
	if acked, err := tr.Send(t.Context(), events(0, 3)); acked != 0 || !logstash.IsDeath(err) {
		t.Fatalf("acked %d, error %v; want 0, a death", acked, err)
	}
	answer(http.StatusOK)
	deliver(t, tr, events(0, 3))
	srv.CloseClientConnections()
	deliver(t, tr, events(0, 3))
	mu.Lock()
	defer mu.Unlock()
	for _, proto := range protos {
		if proto != "HTTP/2.0" {
			t.Errorf("request over %s", proto)
		}
	}
	if dials < 3 || dials > 4 {
		t.Errorf("%d connections, want one, one after the failure, and one after the server went away", dials)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	srv.Close()
}
