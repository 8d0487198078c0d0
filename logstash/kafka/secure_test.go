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

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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
		{"no password", "kafka+tls://" + hosts + "/logs", nil, logstash.DialOptions{CAFile: caFile}, "to a client without a user where it wants one"},
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
			var err error
			await(t, "the reason "+tt.want, func() bool {
				err = s.Health().Err
				return err != nil && strings.Contains(err.Error(), tt.want)
			})
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

// Where the brokers have no PLAIN, a Username is for SCRAM, and where they have neither, the state says so.
func TestMechanisms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"PLAIN": "", "SCRAM-SHA-256": "", "SCRAM-SHA-512": "", "OAUTHBEARER": "want another mechanism, with kgo.SASL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := []kfake.Opt{kfake.EnableSASL()}
			if want == "" {
				opts = append(opts, kfake.Superuser(name, "me", "s@cret"))
			}
			c := newCluster(t, opts...)
			c.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				resp, ok := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
				if !ok || req.(*kmsg.SASLHandshakeRequest).Mechanism == name {
					return nil, nil, false
				}
				resp.ErrorCode, resp.SupportedMechanisms = kerr.UnsupportedSaslMechanism.Code, []string{name}
				return resp, nil, true
			})
			s := c.dial(t, "kafka://me:s%40cret@"+c.ListenAddrs()[0]+"/logs", nil, logstash.DialOptions{})
			write(t, s, 0, 100)
			if want == "" {
				flush(t, s)
				if n := c.PartitionInfo("logs", 0).HighWatermark; n != 100 {
					t.Errorf("%d events arrived, want 100", n)
				}
				return
			}
			awaitDown(t, s, want)
		})
	}
}

// Brokers that want a certificate of the client get one, and the state says if there is none.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	cert, caFile := certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}))
	addr := "kafka+tls://" + c.ListenAddrs()[0] + "/logs"
	s := c.dial(t, addr, nil, logstash.DialOptions{CAFile: caFile, CertFile: caFile, KeyFile: keyFile})
	write(t, s, 0, 100)
	flush(t, s)
	balance(t, s, 100, 0)
	if n := c.PartitionInfo("logs", 0).HighWatermark; n != 100 {
		t.Errorf("%d events arrived, want 100", n)
	}
	s = c.dial(t, addr, nil, logstash.DialOptions{CAFile: caFile})
	write(t, s, 0, 100)
	awaitDown(t, s, "the receiver may want a client certificate")
}

// A user needs no permission but WRITE, and the state says what is missing.
func TestPermissions(t *testing.T) {
	t.Parallel()
	on := func(name string, pattern kmsg.ACLResourcePatternType, op kmsg.ACLOperation) []kfake.ACL {
		return []kfake.ACL{{Resource: kmsg.ACLResourceTypeTopic, Name: name, Pattern: pattern, Operation: op, Allow: true}}
	}
	const literal, prefixed = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
	for _, tt := range []struct {
		name string
		acls []kfake.ACL
		want string
	}{
		{"WRITE", on("logs", literal, kmsg.ACLOperationWrite), ""},
		{"WRITE by prefix", on("lo", prefixed, kmsg.ACLOperationWrite), ""},
		{"DESCRIBE", on("logs", literal, kmsg.ACLOperationDescribe), `topic "logs": want the permission`},
		{"another topic", on("audit", literal, kmsg.ACLOperationWrite), `topic "logs": want the permission WRITE for the user`},
		{"none", nil, `topic "logs": want the permission WRITE for the user`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "me", "secret", tt.acls...), kfake.Superuser("PLAIN", "root", "other"))
			s := c.dial(t, "kafka://me:secret@"+c.ListenAddrs()[0]+"/logs", nil, logstash.DialOptions{})
			write(t, s, 0, 100)
			if tt.want == "" {
				flush(t, s)
				balance(t, s, 100, 0)
				return
			}
			awaitDown(t, s, tt.want)
			if st := s.Stats(); st.Queued != 100 {
				t.Errorf("stats %+v; want the events to be queued", st)
			}
		})
	}
}
