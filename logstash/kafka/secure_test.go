package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// certificate returns one for 127.0.0.1, and the file of who has signed it.
func certificate(t *testing.T) (cert tls.Certificate, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}

// Over TLS with a password, with the right ones; and with others, which the state tells.
func TestTLSAndPassword(t *testing.T) {
	t.Parallel()
	cert, caFile := certificate(t)
	c := newCluster(t,
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}),
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "me", "s@cret"), kfake.Superuser("SCRAM-SHA-512", "you", "other"))
	hosts := c.ListenAddrs()[0]
	scrambled := &kafka.Options{Client: []kgo.Opt{kgo.SASL(scram.Auth{User: "you", Pass: "other"}.AsSha512Mechanism())}}
	n := uint64(0)
	for _, tt := range []struct {
		name, addr string
		opts       *kafka.Options
		do         logstash.DialOptions
		want       string
	}{
		{"of the address", "kafka+tls://me:s%40cret@" + hosts + "/logs", nil, logstash.DialOptions{CAFile: caFile}, ""},
		{"of the options", "kafka+tls://" + hosts + "/logs", nil, logstash.DialOptions{CAFile: caFile, Username: "me", Password: "s@cret"}, ""},
		{"SCRAM", "kafka+tls://" + hosts + "/logs", scrambled, logstash.DialOptions{CAFile: caFile}, ""},
		{"wrong password", "kafka+tls://me:secret@" + hosts + "/logs", nil, logstash.DialOptions{CAFile: caFile}, "a broker does so to a wrong password, and without TLS where it wants that"},
		{"no password", "kafka+tls://" + hosts + "/logs", nil, logstash.DialOptions{CAFile: caFile}, "broker 127.0.0.1:"},
		{"unknown certificate", "kafka+tls://me:s%40cret@" + hosts + "/logs", nil, logstash.DialOptions{}, "certificate signed by unknown authority"},
		{"no TLS", "kafka://me:s%40cret@" + hosts + "/logs", nil, logstash.DialOptions{}, "broker 127.0.0.1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := c.dial(t, tt.addr, tt.opts, tt.do)
			write(t, s, 0, 100)
			if tt.want == "" {
				flush(t, s)
				n += 100
				if got := c.PartitionInfo("logs", 0).HighWatermark; uint64(got) != n {
					t.Errorf("%d events arrived, want %d", got, n)
				}
				return
			}
			await(t, "state Down", func() bool { return s.Health().State == logstash.Down })
			err := s.Health().Err
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Health.Err %v: want %q", err, tt.want)
			}
			for _, secret := range []string{"s@cret", "secret"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("Health.Err has a password: %v", err)
				}
			}
			if st := s.Stats(); st.Queued != 100 {
				t.Errorf("stats %+v; want the events to be queued", st)
			}
		})
	}
}
