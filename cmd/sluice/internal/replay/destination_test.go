package replay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/lstest"
)

// certificate returns a certificate for a name, signed by itself, and the files with it and its key.
func certificate(t *testing.T, name string) (pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return pair, writeFile(t, dir, "cert.pem", string(certPEM)), writeFile(t, dir, "key.pem", string(keyPEM))
}

// Over TLS the receiver has to be the one that is meant, and may want to know who sends.
func TestTLS(t *testing.T) {
	t.Parallel()
	theirs, ca, _ := certificate(t, "logstash")
	ours, certFile, keyFile := certificate(t, "shop")
	clients := x509.NewCertPool()
	clients.AddCert(ours.Leaf)
	b := beats(t, &lstest.BeatsOptions{TLS: &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{theirs}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	}})
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
	send := []string{log, "--to", "beats+tls://" + b.Addr(), "--no-state", "--give-up", "4s", "--cert", certFile, "--key", keyFile}
	must(t, 0, append(send, "--ca", ca, "--server-name", "logstash")...)
	r := must(t, 0, append(send, "--ca", ca, "--server-name", "logstash", "--dry-run")...)
	if !strings.Contains(r.out, "its certificate ends on") {
		t.Errorf("a dry run says\n%s", r.out)
	}
	must(t, 0, append(send, "--insecure")...)
	if n := len(b.Events()); n != 20 {
		t.Errorf("%d events arrived, want 20", n)
	}
	r = must(t, cli.Partial, append(send, "--ca", ca)...)
	if !strings.Contains(r.out, "certificate") || strings.Contains(r.out, "DialOptions") || len(b.Events()) != 20 {
		t.Errorf("%d events arrived at another receiver:\n%s", len(b.Events()), r.out)
	}
}
