package lstest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

func send(t *testing.T, nc net.Conn, p []byte) {
	t.Helper()
	if _, err := nc.Write(p); err != nil {
		t.Fatal(err)
	}
}

func readAck(t *testing.T, nc net.Conn) uint32 {
	t.Helper()
	seq, err := lumber.ReadAck(nc, make([]byte, lumber.AckLen))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestListenSaysWhy(t *testing.T) {
	if _, err := lstest.ListenBeats("nowhere", nil); err == nil {
		t.Error("an address without a port was accepted")
	}
}

// dialer is a server's Dial.
type dialer interface {
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

func dialPipe(t *testing.T, srv dialer) net.Conn {
	t.Helper()
	nc, err := srv.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// readEnd reads what is left on nc and checks how it ends.
func readEnd(t *testing.T, nc net.Conn, how lstest.End) []byte {
	t.Helper()
	rest, err := io.ReadAll(nc)
	if reset := errors.Is(err, syscall.ECONNRESET); reset != (how == lstest.RST) || (!reset && err != nil) {
		t.Errorf("the connection ended with %v, want the way of End(%d)", err, how)
	}
	return rest
}

// readEndAtOnce is readEnd of a new connection. A reset can be so quick that
// the dialling fails.
func readEndAtOnce(t *testing.T, addr string, how lstest.End) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if how == lstest.RST && errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := readEnd(t, nc, how); len(got) > 0 {
		t.Errorf("%q came", got)
	}
}

// certificate returns what a server on loopback needs, and who trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots}
}

// waitFor waits until ok holds, which something else is to bring about.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
