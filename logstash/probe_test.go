package logstash_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// server is what all receivers of lstest can do.
type server interface {
	Addr() string
	Close() error
	Connections() int
	TurnAway(n int, how lstest.End)
}

func listen(t *testing.T, scheme string, config *tls.Config) server {
	t.Helper()
	var (
		srv server
		err error
	)
	switch scheme {
	case "beats", "beats+tls":
		srv, err = lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{TLS: config})
	case "http", "https":
		srv, err = lstest.ListenHTTP("127.0.0.1:0", &lstest.HTTPOptions{TLS: config})
	default:
		srv, err = lstest.ListenTCP("127.0.0.1:0", &lstest.TCPOptions{TLS: config})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv
}

// probe probes one receiver.
func probe(t *testing.T, addr string, opts *logstash.DialOptions) logstash.Receiver {
	t.Helper()
	found, err := logstash.Probe(t.Context(), addr, opts)
	if err != nil || len(found.Receivers) != 1 {
		t.Fatalf("Probe(%s) = %+v, %v", addr, found, err)
	}
	return found.Receivers[0]
}

// dialPatiently dials for a Probe that is to learn something of the receiver, however long
// that takes on a busy machine.
func dialPatiently(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &patientConn{conn}, nil
}

// patientConn is a connection without deadlines, but for one long ago, which ends it.
type patientConn struct{ net.Conn }

func (c *patientConn) SetDeadline(at time.Time) error {
	if time.Since(at) < time.Hour {
		return nil
	}
	return c.Conn.SetDeadline(at)
}

// A receiver that works is found to, and has got nothing.
func TestProbeLeavesNoEvent(t *testing.T) {
	testlog.CheckGoroutines(t)
	for _, scheme := range []string{"beats", "tcp", "http"} {
		srv := listen(t, scheme, nil)
		r := probe(t, scheme+"://"+srv.Addr(), nil)
		if r.Err != nil || r.Addr != srv.Addr() || r.Remote.String() != srv.Addr() || r.Took <= 0 || r.Certificate != nil {
			t.Errorf("%s: got %+v", scheme, r)
		}
		_ = srv.Close() // after which it has heard all there is
		switch srv := srv.(type) {
		case *lstest.Beats:
			if n := len(srv.Events()); n != 0 || srv.Windows() != 0 {
				t.Errorf("%d events, %d windows", n, srv.Windows())
			}
		case *lstest.TCP:
			if srv.Count() != 0 || len(srv.Torn()) != 0 {
				t.Errorf("%d lines, torn %q", srv.Count(), srv.Torn())
			}
		case *lstest.HTTP:
			if len(srv.Events()) != 0 || srv.Requests() != 0 {
				t.Errorf("%d requests", srv.Requests())
			}
		}
	}
}

func TestProbeTLS(t *testing.T) {
	testlog.CheckGoroutines(t)
	ca, dir := newAuthority(t), t.TempDir()
	ca.client(dir, "client")
	opts := &logstash.DialOptions{
		CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
	}
	for _, scheme := range []string{"beats+tls", "tls", "https"} {
		config := ca.server()
		srv := listen(t, scheme, config)
		found, err := logstash.Probe(t.Context(), scheme+"://"+srv.Addr(), opts)
		if err != nil || found.Client == nil || found.Client.Subject.CommonName != "client" {
			t.Fatalf("%s: got %+v, %v", scheme, found, err)
		}
		r := found.Receivers[0]
		if r.Err != nil || r.Certificate == nil || time.Until(r.Certificate.NotAfter) > time.Hour {
			t.Errorf("%s: got %+v", scheme, r)
		}
		// One of TLS 1.3 complains after the handshake only.
		r = probe(t, scheme+"://"+srv.Addr(), &logstash.DialOptions{CAFile: opts.CAFile, DialContext: dialPatiently})
		if r.Err == nil || r.Certificate != nil || strings.Count(r.Err.Error(), "may want a client certificate") != 1 {
			t.Errorf("%s without a client certificate: got %v", scheme, r.Err)
		}
	}
}

func TestProbeNamesWhatIsWrong(t *testing.T) {
	testlog.CheckGoroutines(t)
	ca, dir := newAuthority(t), t.TempDir()
	ca.client(dir, "client")
	caOnly := logstash.DialOptions{CAFile: filepath.Join(dir, "ca.pem")}
	config := func() *tls.Config {
		c := ca.server()
		c.ClientAuth = tls.NoClientCert
		return c
	}
	for _, tt := range []struct {
		scheme string
		config *tls.Config // of the receiver
		opts   logstash.DialOptions
		want   string
	}{
		{"beats", config(), logstash.DialOptions{}, "beats+tls://"},
		{"tcp", config(), logstash.DialOptions{}, "tls://"},
		{"http", config(), logstash.DialOptions{}, "https://"},
		{"beats+tls", nil, caOnly, "may speak no TLS"},
		{"tls", nil, caOnly, "TLS"},
		{"https", nil, caOnly, "may speak no TLS"},
		{"tls", config(), logstash.DialOptions{}, "unknown authority"},
		{
			"tls", config(),
			logstash.DialOptions{CAFile: caOnly.CAFile, TLS: &tls.Config{ServerName: "elsewhere.example"}},
			"elsewhere.example",
		},
	} {
		srv := listen(t, tt.scheme, tt.config)
		r := func() logstash.Receiver {
			limit := 20 * time.Second
			if tt.scheme == "tls" && tt.config == nil {
				limit = 200 * time.Millisecond // it waits for the end of a line
			}
			tt.opts.DialContext = dialPatiently
			for ; ; limit *= 4 {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				found, err := logstash.Probe(ctx, tt.scheme+"://"+srv.Addr(), &tt.opts)
				cancel()
				if err != nil {
					t.Fatal(err)
				}
				if r := found.Receivers[0]; r.Remote != nil || limit > time.Minute { // the limit was not over before
					return r
				}
			}
		}()
		if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) {
			t.Errorf("%s, receiver with TLS %v: got %v, want %q in it", tt.scheme, tt.config != nil, r.Err, tt.want)
		}
	}
}

func TestProbeOfReceiversThatAreAway(t *testing.T) {
	testlog.CheckGoroutines(t)
	gone := listen(t, "tcp", nil)
	_ = gone.Close()
	up, reset := listen(t, "tcp", nil), listen(t, "tcp", nil)
	reset.TurnAway(1, lstest.RST)
	found, err := logstash.Probe(t.Context(), "tcp://"+gone.Addr()+","+up.Addr()+","+reset.Addr()+",nowhere.invalid:1", &logstash.DialOptions{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == reset.Addr() {
				return dialPatiently(ctx, network, addr)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	})
	if err != nil || len(found.Receivers) != 4 {
		t.Fatalf("got %+v, %v", found, err)
	}
	for i, bad := range []bool{true, false, true, true} {
		if (found.Receivers[i].Err != nil) != bad {
			t.Errorf("receiver %d: got %v", i, found.Receivers[i].Err)
		}
	}
	// In memory: a connection that never answers ends with the context.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	found, err = logstash.Probe(ctx, "tls://stalled:1", &logstash.DialOptions{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			t.Cleanup(func() { _ = far.Close() })
			return near, nil
		},
	})
	if err != nil || !errors.Is(found.Receivers[0].Err, context.DeadlineExceeded) {
		t.Errorf("got %+v, %v", found, err)
	}
	found, err = logstash.Probe(t.Context(), "tcp://panics:1", &logstash.DialOptions{
		DialContext: func(context.Context, string, string) (net.Conn, error) { panic("no") },
	})
	if err != nil || found.Receivers[0].Err == nil {
		t.Errorf("got %+v, %v", found, err)
	}
}

// A server that speaks first is no input of Logstash for Beats or HTTP.
func TestProbeOfOneThatGreets(t *testing.T) {
	testlog.CheckGoroutines(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
				_, _ = io.Copy(io.Discard, conn) // until the other hangs up
				_ = conn.Close()
			})
		}
	})
	for _, scheme := range []string{"beats", "http"} {
		r := probe(t, scheme+"://"+l.Addr().String(), &logstash.DialOptions{DialContext: dialPatiently})
		if r.Err == nil || !strings.Contains(r.Err.Error(), "answers before it is asked (it is something else than Logstash)") {
			t.Errorf("%s: got %v", scheme, r.Err)
		}
	}
}

// lateConn is a connection of which the first read comes when its time is over, as on a machine that has stood still.
type lateConn struct {
	patientConn

	mu    sync.Mutex
	until time.Time
	late  bool
}

func (c *lateConn) SetDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = at
	return c.patientConn.SetDeadline(at)
}

// SetReadDeadline gives as much time as it takes.
func (c *lateConn) SetReadDeadline(time.Time) error { return nil }

func (c *lateConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	until, late := c.until, c.late
	c.late = true
	c.mu.Unlock()
	if !late {
		<-time.After(time.Until(until) + 100*time.Millisecond)
		return 0, os.ErrDeadlineExceeded
	}
	return c.patientConn.Read(p)
}

// What a receiver has said is heard, also when the machine stood still until there was no time left.
func TestProbeIsLate(t *testing.T) {
	testlog.CheckGoroutines(t)
	config := newAuthority(t).server()
	config.ClientAuth = tls.NoClientCert
	secure, ends := listen(t, "beats", config), listen(t, "beats", nil)
	ends.TurnAway(1, lstest.FIN)
	for addr, want := range map[string]string{secure.Addr(): "beats+tls://", ends.Addr(): "hung up at once"} {
		r := probe(t, "beats://"+addr, &logstash.DialOptions{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return &lateConn{patientConn: patientConn{conn}}, err
			},
		})
		if r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("got %v, want %q in it", r.Err, want)
		}
	}
}

// unheardConn is a connection on which the time is over before anything was said.
type unheardConn struct{ patientConn }

func (*unheardConn) Write([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestProbeHasNoTime(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listen(t, "beats", nil)
	r := probe(t, "beats://"+srv.Addr(), &logstash.DialOptions{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &unheardConn{patientConn{conn}}, err
		},
	})
	if r.Err != nil {
		t.Errorf("got %v of a receiver that is there", r.Err)
	}
}

func TestProbeUnixAndUDP(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // a short one, for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "l")
	if r := probe(t, "unix://"+path, nil); !errors.Is(r.Err, os.ErrNotExist) {
		t.Errorf("no socket: got %v", r.Err)
	}
	srv, err := lstest.ListenUnix(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := probe(t, "unix://"+path, nil); r.Err != nil || r.Addr != path {
		t.Errorf("got %+v", r)
	}
	if _ = srv.Close(); srv.Count()+srv.Blank() != 0 {
		t.Error("it has got something")
	}
	if r := probe(t, "udp://127.0.0.1:9", nil); r.Err != nil {
		t.Errorf("got %+v", r)
	}
}

// The error is that of Dial.
func TestProbeAgreesWithDial(t *testing.T) {
	for _, tt := range []struct {
		addr string
		opts *logstash.DialOptions
	}{
		{"gopher://h:1", nil},
		{"tcp://u:hunter2@h:1", nil},
		{"tcp://h:1", &logstash.DialOptions{CAFile: "x"}},
		{"tls://h:1", &logstash.DialOptions{CAFile: "/nowhere/ca.pem"}},
		{"tcp://h:1", &logstash.DialOptions{Size: -1}},
		{"http://h:1", &logstash.DialOptions{Header: map[string][]string{"A B": {"x"}}}},
	} {
		_, got := logstash.Probe(t.Context(), tt.addr, tt.opts)
		s, want := logstash.Dial(tt.addr, tt.opts)
		if s != nil {
			_ = s.Close()
		}
		if got == nil || want == nil || got.Error() != want.Error() {
			t.Errorf("%s: Probe: %v; Dial: %v", tt.addr, got, want)
		}
		if got != nil && strings.Contains(got.Error(), "hunter2") {
			t.Errorf("a password is in %v", got)
		}
	}
}

// net/http looks at the environment once, so this needs a process of its own.
func TestProbeGoesThroughTheProxy(t *testing.T) {
	if os.Getenv("SLUICE_TEST_PROBE_PROXY") != "" {
		if r := probe(t, "http://logstash.invalid:8080/path", nil); r.Err != nil || r.Proxy == "" || strings.Contains(r.Proxy, "pw") {
			t.Errorf("got %+v", r)
		}
		return
	}
	srv := listen(t, "http", nil)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProbeGoesThroughTheProxy$")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_PROBE_PROXY=1", "HTTP_PROXY=http://proxyuser:pw@"+srv.Addr(), "NO_PROXY=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	waitFor(t, "the connection to the proxy", func() bool { return srv.Connections() == 1 })
}
