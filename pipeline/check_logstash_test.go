package pipeline_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

// certificates are signed for one test, by an authority of its own.
type certificates struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // with the authority's
}

func newCertificates(t *testing.T) *certificates {
	t.Helper()
	c := &certificates{t: t, dir: t.TempDir()}
	c.cert, c.key = c.sign("authority", 365*24*time.Hour, func(cert *x509.Certificate) {
		cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	c.file = filepath.Join(c.dir, "ca.pem")
	c.write(c.file, "CERTIFICATE", c.cert.Raw)
	return c
}

func (c *certificates) sign(name string, life time.Duration, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(cert)
	parent, signer := c.cert, c.key
	if parent == nil {
		parent, signer = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		c.t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		c.t.Fatal(err)
	}
	return cert, key
}

func (c *certificates) write(path, kind string, der []byte) {
	c.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// listen starts a Beats receiver whose certificate, for these names, lasts so long.
func (c *certificates) listen(life time.Duration, names ...string) string {
	c.t.Helper()
	return c.listenFor(life, false, names...)
}

// listenFor does so for clients that may need a certificate.
func (c *certificates) listenFor(life time.Duration, needsOne bool, names ...string) string {
	c.t.Helper()
	cert, key := c.sign("receiver", life, func(cert *x509.Certificate) {
		for _, name := range names {
			if ip := net.ParseIP(name); ip != nil {
				cert.IPAddresses = append(cert.IPAddresses, ip)
			} else {
				cert.DNSNames = append(cert.DNSNames, name)
			}
		}
	})
	config := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	}
	if needsOne {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return listenBeats(c.t, config)
}

// client writes a certificate with its key, and returns the names of the files.
func (c *certificates) client(life time.Duration) (certFile, keyFile string) {
	c.t.Helper()
	cert, key := c.sign("client", life, func(*x509.Certificate) {})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(c.dir, "cert.pem"), filepath.Join(c.dir, "key.pem")
	c.write(certFile, "CERTIFICATE", cert.Raw)
	c.write(keyFile, "PRIVATE KEY", der)
	return certFile, keyFile
}

func listenBeats(t *testing.T, config *tls.Config) string {
	t.Helper()
	srv, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv.Addr()
}

func ship(addr string) pipeline.Sink {
	return pipeline.Sink{Type: pipeline.Logstash, Name: "ship", Addr: addr}
}

func checkSink(t *testing.T, s pipeline.Sink) []pipeline.Finding {
	t.Helper()
	return pipeline.Config{Sinks: []pipeline.Sink{s}}.Check(t.Context())
}

func TestCheckCertificates(t *testing.T) {
	testlog.CheckGoroutines(t)
	const day = 24 * time.Hour
	c := newCertificates(t)
	tests := []struct{ name, scheme, addr, ca, what, want string }{
		{"good", "beats+tls", c.listen(100*day, "127.0.0.1"), c.file, "certificate of", "pass  good: …CN=receiver is valid until 20…for 99 days"},
		{"soon", "beats+tls", c.listen(10*day, "127.0.0.1"), c.file, "certificate of", "warn  soon: …CN=receiver ends on 20…in 9 days -> renew it now"},
		{"tls", "beats+tls", c.listen(day, "127.0.0.1"), c.file, "receiver", "pass  tls: …connected over TLS in "},
		{"expired", "beats+tls", c.listen(-day, "127.0.0.1"), c.file, "receiver", "fail  expired: …expired…-> want a new certificate there"},
		{
			"another name", "beats+tls", c.listen(day, "elsewhere.example"), c.file, "receiver",
			"fail  another name: …127.0.0.1…-> want one of its names in the address, or in Dial.TLS.ServerName",
		},
		{"plain", "beats+tls", listenBeats(t, nil), c.file, "receiver", "fail  plain: …may speak no TLS"},
		{"unknown", "beats+tls", c.listen(day, "127.0.0.1"), "", "receiver", "fail  unknown: …unknown authority -> want the certificate of its authority in ca_file"},
		{"in the clear", "beats", c.listen(day, "127.0.0.1"), "", "receiver", "fail  in the clear: …hung up at once…beats+tls://"},
	}
	var cfg pipeline.Config
	for _, tt := range tests {
		s := ship(tt.scheme + "://" + tt.addr)
		s.Name, s.CAFile = tt.name, tt.ca
		cfg.Sinks = append(cfg.Sinks, s)
	}
	findings := cfg.Check(t.Context())
	for _, tt := range tests {
		expect(t, findings, tt.what, tt.want)
	}
}

func TestCheckClientCertificate(t *testing.T) {
	testlog.CheckGoroutines(t)
	const day = 24 * time.Hour
	c := newCertificates(t)
	s := ship("beats+tls://" + c.listen(100*day, "127.0.0.1"))
	s.CAFile = c.file
	s.CertFile, s.KeyFile = c.client(20 * day)
	expect(t, checkSink(t, s), "client certificate "+s.CertFile, "warn…CN=client ends on 20…in 19 days")
	s.CertFile, s.KeyFile = c.client(-day)
	expect(t, checkSink(t, s), "configuration", "fail…expired")
	s.CertFile, s.KeyFile = c.client(90 * day)
	if err := os.Chmod(s.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	findings := checkSink(t, s)
	expect(t, findings, "client certificate", "pass")
	wanting := ship("beats+tls://" + c.listenFor(100*day, true, "127.0.0.1"))
	wanting.CAFile = c.file
	expect(t, checkSink(t, wanting), "receiver", "fail…hung up after the handshake…-> the receiver may want a client certificate: cert_file and key_file")
	needModes(t)
	expect(t, findings, "key "+s.KeyFile, "warn…0644: it is not for every user -> run: chmod o-rwx "+s.KeyFile)
	s.CAFile = filepath.Join(c.dir, "missing.pem")
	expect(t, checkSink(t, s), "configuration", "fail…missing.pem")
}

func TestCheckReceiversThatAreAway(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := srv.Addr()
	srv.Close()
	up := listenBeats(t, nil)
	findings := checkSink(t, ship("beats://"+gone+","+up+",nowhere.invalid"))
	expect(t, findings, "receiver "+gone, "fail…nobody listens there…-> start Logstash, or correct the port")
	expect(t, findings, "receiver "+up, "pass…connected in ")
	expect(t, findings, "receiver nowhere.invalid:5044", "…nowhere.invalid")
	if got := of(findings, "receiver "+up); strings.Contains(got, "in the clear") {
		t.Errorf("loopback is no network: %s", got)
	}
}

// What to start is named: a broker is no Logstash.
func TestCheckBrokersThatAreAway(t *testing.T) {
	testlog.CheckGoroutines(t)
	addr, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	for scheme, want := range map[string]string{"kafka": "the broker", "redis": "Redis", "redis+tls": "Redis", "beats": "Logstash"} {
		s := ship(scheme + "://" + addr)
		if name, _, _ := strings.Cut(scheme, "+"); name != "beats" {
			s.Addr += "/logs"
			s.Dial.Schemes = []logstash.Scheme{{Name: name, Open: func(logstash.Remote) (logstash.Transport, error) { return nowhere{}, nil }}}
		}
		expect(t, checkSink(t, s), "receiver "+addr, "fail…nobody listens there…-> start "+want+", or correct the port")
	}
}

// nowhere is a Transport to nobody.
type nowhere struct{}

func (nowhere) Send(context.Context, [][]byte) (int, error) { return 0, nil }
func (nowhere) Close() error                                { return nil }

// stalled is a network on which nothing is ever answered.
func stalled(t *testing.T) logstash.DialOptions {
	return logstash.DialOptions{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		return near, nil
	}}
}

// net/http looks at the environment once, so this needs a process of its own.
func TestCheckNamesTheProxy(t *testing.T) {
	const marker = "SLUICE_TEST_CHECK_PROXY"
	if proxy := os.Getenv(marker); proxy != "" {
		findings := checkSink(t, ship("http://logstash.invalid:8080"))
		expect(t, findings, "receiver", "fail…through the proxy "+proxy+" of the environment: nobody listens at the proxy -> …HTTPS_PROXY")
		return
	}
	addr, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCheckNamesTheProxy$")
	cmd.Env = append(os.Environ(), marker+"="+addr, "HTTP_PROXY=http://user:pw@"+addr, "NO_PROXY=")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "pw@") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCheckReceiversThatStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where nobody is late but who waits
		s := ship("beats+tls://peer:5044")
		s.Dial = stalled(t)
		start := time.Now()
		findings := checkSink(t, s)
		expect(t, findings, "receiver", "warn…did not answer in time…may speak no TLS")
		if d := time.Since(start); d > 6*time.Second {
			t.Errorf("it took %v", d)
		}
		// A dialer that does not listen to its context.
		wait := make(chan struct{})
		defer close(wait)
		s.Dial.DialContext = func(context.Context, string, string) (net.Conn, error) {
			<-wait
			return nil, os.ErrClosed
		}
		findings = checkSink(t, s)
		expect(t, findings, "receivers", "warn  ship: receivers: did not answer in time")
		expect(t, findings, "spool", "warn") // the others have
	})
}

func TestCheckKeepsSecrets(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "log.json")
	if err := os.WriteFile(config, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(config, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{
		"http://app:hunter2@127.0.0.1:1/path?token=hunter2", "tcp://app:hunter2@127.0.0.1:1", "http://app:hunter2@[::1:1", "hunter2@x",
	} {
		findings := pipeline.Machine{Environ: []string{"LOG_CONFIG=" + config}}.Check(t.Context(), pipeline.Config{Sinks: []pipeline.Sink{ship(addr)}})
		if got := of(findings, ""); strings.Contains(got, "hunter2") {
			t.Errorf("%s:\n%s", addr, got)
		}
		if strings.HasPrefix(addr, "http") {
			expect(t, findings, "credentials", "warn…are sent in the clear over http://")
		}
		if needModes(t); true {
			expect(t, findings, "configuration file", "warn…a password in it, and every user may read the file…0644 -> run: chmod o-rwx "+config)
		}
	}
}

func TestCheckInTheClear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where nobody is late but who waits
		for addr, do := range map[string]string{
			"beats://peer": "use beats+tls://", "tcp://peer:1": "use tls://", "http://peer:1": "use https://",
		} {
			s := ship(addr)
			s.Dial = stalled(t)
			expect(t, checkSink(t, s), "receiver peer", "warn…in the clear…"+do)
		}
		s := ship("tls://peer:1")
		s.Dial = stalled(t)
		s.Dial.TLS = &tls.Config{InsecureSkipVerify: true}
		findings := checkSink(t, s)
		expect(t, findings, "certificate", "warn…is not verified")
		if got := of(findings, "receiver"); strings.Contains(got, "in the clear") {
			t.Error(got)
		}
	})
}

func TestCheckSpool(t *testing.T) {
	t.Parallel()
	addr := "beats://" + listenBeats(t, nil)
	expect(t, checkSink(t, ship(addr)), "spool", "warn…none: events wait in memory for a receiver that is away, up to 64 MiB…set spool_dir")
	s := ship(addr)
	s.SpoolDir, s.SpoolMaxSize = folder(t, 0o700, t.TempDir(), "spool"), 8<<20
	if err := os.WriteFile(filepath.Join(s.SpoolDir, "1"), make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	findings := checkSink(t, s)
	expect(t, findings, "spool", "pass…and files can be written")
	expect(t, findings, "space", "…ship (spool) may take 4.0 MiB more")
}
