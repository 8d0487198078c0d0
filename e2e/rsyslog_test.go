package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// rsyslogConfig makes rsyslog take JSON lines over everything it listens on,
// and write those it can parse to one file and the rest to another.
const rsyslogConfig = `
global(workDirectory="{{.Dir}}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
       defaultNetstreamDriverCAFile="{{.Dir}}/cert.pem"
       defaultNetstreamDriverCertFile="{{.Dir}}/cert.pem" defaultNetstreamDriverKeyFile="{{.Dir}}/key.pem")
module(load="imtcp")
module(load="imudp")
module(load="imptcp")
module(load="mmjsonparse")
template(name="event" type="string" string="%$!%\n")
template(name="raw" type="string" string="%rawmsg%\n")
ruleset(name="events") {
	action(type="mmjsonparse" cookie="" useRawMsg="on")
	if $parsesuccess == "OK" then {
		action(type="omfile" file="{{.Dir}}/events.json" template="event")
	} else {
		action(type="omfile" file="{{.Dir}}/broken.txt" template="raw")
	}
}
input(type="imtcp" address="127.0.0.1" port="{{port .TCP}}" ruleset="events")
input(type="imudp" address="127.0.0.1" port="{{port .UDP}}" ruleset="events" rcvbufSize="1m")
input(type="imptcp" path="{{.Dir}}/events.sock" unlink="on" ruleset="events")
{{if .TLS}}input(type="imtcp" address="127.0.0.1" port="{{port .TLS}}" ruleset="events"
      streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"){{end}}
`

// rsyslog is one rsyslogd with its folder.
type rsyslog struct {
	Dir           string
	TCP, UDP, TLS string // the addresses it listens on; no TLS where it has no driver for that

	program string
	cmd     *exec.Cmd
	log     bytes.Buffer // to be read when it has ended
}

// newRsyslog prepares an rsyslogd, and skips the test where there is none.
func newRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	program, err := exec.LookPath("rsyslogd")
	if err != nil {
		program = "/usr/sbin/rsyslogd" // where a user's PATH often does not reach
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("no rsyslogd here: on Debian, apt-get install rsyslog rsyslog-openssl")
	}
	r := &rsyslog{Dir: t.TempDir(), TCP: freeAddr(t), UDP: freeAddr(t), program: program}
	if drivers, err := filepath.Glob("/usr/lib*/*/rsyslog/lmnsd_ossl.so"); err == nil && drivers != nil {
		r.TLS = freeAddr(t)
	}
	certificate(t, r.Dir)
	var config bytes.Buffer
	tmpl := template.Must(template.New("").Funcs(template.FuncMap{"port": port}).Parse(rsyslogConfig))
	if err := tmpl.Execute(&config, r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "rsyslog.conf"), config.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd != nil {
			r.stop(t)
		}
	})
	return r
}

func port(addr string) (string, error) {
	_, port, err := net.SplitHostPort(addr)
	return port, err
}

// start returns when rsyslog listens.
func (r *rsyslog) start(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command(r.program, "-n", "-f", filepath.Join(r.Dir, "rsyslog.conf"), "-i", filepath.Join(r.Dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "rsyslog to listen", func() bool {
		nc, err := net.Dial("unix", filepath.Join(r.Dir, "events.sock"))
		if err != nil {
			return false
		}
		_ = nc.Close()
		nc, err = net.Dial("tcp", r.TCP)
		if err != nil {
			return false
		}
		_ = nc.Close()
		return true
	})
}

// stop returns when rsyslog has written what it has read, and ended.
func (r *rsyslog) stop(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("rsyslog: %v\n%s", err, r.log.String())
	}
	r.cmd = nil
}

// lines returns the lines of one of its files.
func (r *rsyslog) lines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.Dir, file))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.SplitAfter(string(content), "\n")[:bytes.Count(content, []byte("\n"))]
}

// JSON lines arrive in rsyslog with the content they were sent with, over
// everything that both of us speak.
func TestRsyslog(t *testing.T) {
	r := newRsyslog(t)
	r.start(t)
	secured := logstash.DialOptions{
		CAFile:   filepath.Join(r.Dir, "cert.pem"),
		CertFile: filepath.Join(r.Dir, "cert.pem"), KeyFile: filepath.Join(r.Dir, "key.pem"),
	}
	tests := []struct {
		addr  string
		opts  logstash.DialOptions
		total int
	}{
		{"tcp://" + r.TCP, logstash.DialOptions{}, 5000},
		{"unix://" + filepath.Join(r.Dir, "events.sock"), logstash.DialOptions{}, 5000},
		{"udp://" + r.UDP, logstash.DialOptions{}, 500}, // few enough for the kernel's buffer
		{"tls://" + r.TLS, secured, 5000},
	}
	var sent int
	for _, tt := range tests {
		scheme, addr, _ := strings.Cut(tt.addr, "://")
		t.Run(scheme, func(t *testing.T) {
			if addr == "" {
				t.Skip("rsyslog has no OpenSSL driver: on Debian, apt-get install rsyslog-openssl")
			}
			begin := sent
			s := dialShipper(t, tt.addr, tt.opts)
			for range tt.total {
				write(t, s, line(sent))
				sent++
			}
			shutdown(t, s)
			waitFor(t, "the events", func() bool { return len(r.lines(t, "events.json")) >= sent })
			for i, got := range r.lines(t, "events.json")[begin:] {
				if !sameJSON(t, got, line(begin+i)) {
					t.Fatalf("event %d arrived as %s want %s", begin+i, got, line(begin+i))
				}
			}
		})
	}
	if broken := r.lines(t, "broken.txt"); len(broken) > 0 {
		t.Errorf("%d lines that are not JSON, first %q", len(broken), broken[0])
	}
}

// rsyslog is restarted again and again. With ResendBytes every event arrives,
// in order but for repetitions.
func TestRsyslogRestarts(t *testing.T) {
	const total, restarts = 50_000, 5
	r := newRsyslog(t)
	r.start(t)
	s := dialShipper(t, "tcp://"+r.TCP, logstash.DialOptions{ResendBytes: 16 << 20})
	for i := range total {
		if i%(total/(restarts+1)) == total/(restarts+1)-1 {
			r.stop(t)
			r.start(t)
		}
		write(t, s, line(i))
	}
	shutdown(t, s)
	var ledger lstest.Ledger
	waitFor(t, "the events", func() bool {
		ledger = lstest.Ledger{}
		receive := ledger.Receiver()
		for _, line := range r.lines(t, "events.json") {
			receive(1, []byte(strings.ReplaceAll(line, " ", "")))
		}
		return ledger.Unique() == total
	})
	stats := s.Stats()
	if stats.Reconnects < restarts/2 || stats.Dropped != 0 || ledger.Strange() != 0 {
		t.Errorf("%d reconnects, %d dropped, %d strange; want %d or more, as two can look like one, 0, 0",
			stats.Reconnects, stats.Dropped, ledger.Strange(), restarts/2)
	}
	if uint64(ledger.Duplicates()) > stats.Resent {
		t.Errorf("%d duplicates, but only %d events were sent again", ledger.Duplicates(), stats.Resent)
	}
	// A connection that ends within a line leaves half of one.
	if broken := len(r.lines(t, "broken.txt")); broken > restarts {
		t.Errorf("%d broken lines after %d restarts", broken, restarts)
	}
	t.Logf("%d duplicates, %d broken lines, %d resent", ledger.Duplicates(), len(r.lines(t, "broken.txt")), stats.Resent)
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}

// dialShipper dials with quick retries and room for what a test sends.
func dialShipper(t *testing.T, addr string, opts logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	opts.Policy, opts.BlockTimeout = logstash.Block, -1
	opts.FlushInterval = 5 * time.Millisecond
	opts.MinBackoff, opts.MaxBackoff = 5*time.Millisecond, 50*time.Millisecond
	s, err := logstash.Dial(addr, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // the test has done that unless it has failed
	})
	return s
}

func write(t *testing.T, s *logstash.Shipper, event string) {
	t.Helper()
	if _, err := s.Write([]byte(event)); err != nil {
		t.Fatal(err)
	}
}

func shutdown(t *testing.T, s *logstash.Shipper) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// waitFor waits until ok holds, which something else is to bring about.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); pause(t.Context(), 20*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
