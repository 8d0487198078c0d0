package logstash_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// What each address dials. TestParseAddr has the addresses themselves.
func TestDialAddress(t *testing.T) {
	tests := []struct {
		addr, network string
		want          []string // what is dialed, in order
	}{
		{"beats://logs.example.com", "tcp", []string{"logs.example.com:5044"}},
		{"BEATS://a:1,b,c:3", "tcp", []string{"a:1", "b:5044", "c:3"}},
		{"beats://[::1]:9,[fe80::1]", "tcp", []string{"[::1]:9", "[fe80::1]:5044"}},
		{"beats+tls://a,b", "tcp", []string{"a:5044", "b:5044"}},
		{"tcp://10.0.0.1:5000,b:6", "tcp", []string{"10.0.0.1:5000", "b:6"}},
		{"tls://a:1,b:2", "tcp", []string{"a:1", "b:2"}},
		{"udp://a:1,b:2", "udp", []string{"a:1", "b:2"}},
		{"unix:///run/a,b.sock", "unix", []string{"/run/a,b.sock"}},
		{"http://me:s3cret@a,b:2/in", "tcp", []string{"a:8080", "b:2"}},
		{"https://a,b:2/in", "tcp", []string{"a:443", "b:2"}},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			dialed := make(chan string, 100)
			s := dialShipper(t, tt.addr, logstash.DialOptions{
				MinBackoff: time.Hour,
				DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
					if network != tt.network {
						t.Errorf("network %q, want %q", network, tt.network)
					}
					dialed <- addr
					return nil, testlog.ErrInjected
				},
			})
			writeEvents(t, s, 0, 1)
			var got []string
			for range tt.want {
				got = append(got, <-dialed)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("dialed mismatch (-want +got):\n%s", diff)
			}
			waitFor(t, "the failure", func() bool { return s.Stats().LastError != nil })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := s.Shutdown(ctx)
			if !errors.Is(err, testlog.ErrInjected) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Shutdown: %v, want what the dialer said, without a password", err)
			}
		})
	}
}

// TestParseAddrRefuses has the other mistakes.
func TestDialRefusesAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"logs:5044":                   `logstash: dial "logs:5044": scheme "": want beats://`,
		"tcp://logs":                  `logstash: dial "tcp://logs": host "logs": want host:port`,
		"beats://me:s3cret@logs:5044": "logstash: dial: user information: want none but for http:// and https://",
	} {
		s, err := logstash.Dial(addr, nil)
		if err == nil {
			t.Errorf("Dial(%q) accepted", addr)
			_ = s.Close()
		} else if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Dial(%q): %v; want %s", addr, err, want)
		}
	}
}

func TestDialRefusesOptions(t *testing.T) {
	tests := []struct {
		opts logstash.DialOptions
		want string
	}{
		{logstash.DialOptions{Size: -1}, "DialOptions.Size -1: want 0 or more"},
		{logstash.DialOptions{Size: 8}, "DialOptions.Size 8: want at least"},
		{logstash.DialOptions{Size: 100, MaxEventBytes: 93}, "DialOptions.Size 100: want at least MaxEventBytes and 8, 101"},
		{logstash.DialOptions{MaxEvents: -1}, "DialOptions.MaxEvents -1"},
		{logstash.DialOptions{MaxEventBytes: -1}, "DialOptions.MaxEventBytes -1"},
		{logstash.DialOptions{MaxEventBytes: 64<<20 + 1}, "DialOptions.MaxEventBytes 67108865: want 0 to 67108864"},
		{logstash.DialOptions{Policy: 7}, "DialOptions.Policy Policy(7): want DropNewest, Block or DropOldest"},
		{logstash.DialOptions{BatchSize: 2049}, "DialOptions.BatchSize 2049: want 0 to 2048"},
		{logstash.DialOptions{Timeout: -1}, "DialOptions.Timeout -1ns"},
		{logstash.DialOptions{CompressionLevel: 10}, "DialOptions.CompressionLevel 10: want 0 to 9"},
		{logstash.DialOptions{MinBackoff: -1}, "DialOptions.MinBackoff -1ns"},
		{logstash.DialOptions{MaxBackoff: -1}, "DialOptions.MaxBackoff -1ns"},
		{logstash.DialOptions{MinBackoff: 2, MaxBackoff: 1}, "DialOptions.MinBackoff 2ns: want at most MaxBackoff, 1ns"},
		{logstash.DialOptions{BatchSize: -1, Timeout: -2}, "DialOptions.Timeout -2ns"},
	}
	for _, tt := range tests {
		s, err := logstash.Dial("beats://localhost", &tt.opts)
		if err == nil {
			t.Errorf("%s: accepted", tt.want)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v; want %s", err, tt.want)
		}
	}
	if _, err := logstash.Dial("tcp://localhost:1", &logstash.DialOptions{CompressionLevel: 3}); err == nil {
		t.Error("CompressionLevel accepted for tcp://")
	}
	for _, opts := range []logstash.DialOptions{
		{Size: -1},
		{Timeout: 1},
		{CompressionLevel: 1},
		{DialContext: new(net.Dialer).DialContext},
	} {
		if _, err := logstash.NewShipper(new(fakeTransport), &opts); err == nil {
			t.Errorf("NewShipper: %+v accepted", opts)
		}
	}
}

func TestNewShipperPanicsWithoutTransport(t *testing.T) {
	defer func() {
		if v := recover(); v != "logstash: NewShipper: nil transport" {
			t.Errorf("panic %v", v)
		}
	}()
	_, _ = logstash.NewShipper(nil, nil)
}

// Shutdown breaks off a dial that never ends.
func TestShutdownCancelsDial(t *testing.T) {
	testlog.CheckGoroutines(t)
	dialing := make(chan struct{})
	s := dialShipper(t, "beats://localhost", logstash.DialOptions{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			close(dialing)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	writeEvents(t, s, 0, 4)
	<-dialing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	waitFor(t, "the end of the dial", func() bool { return s.Stats().Queued == 0 }) // Shutdown gives it a second
	if st := checkAccounts(t, s); st.DroppedShutdown != 4 {
		t.Errorf("dropped %d, want 4", st.DroppedShutdown)
	}
}

// A dialer that hangs costs three seconds before the next host has its turn, and
// one that returns nothing is an error, not a crash.
func TestDialTriesTheNextHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peer pipes
		s := dialShipper(t, "tcp://hangs:1,nothing:2,works:3", logstash.DialOptions{
			Timeout: 7 * time.Second,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				switch addr {
				case "hangs:1":
					<-ctx.Done()
					return nil, ctx.Err()
				case "nothing:2":
					return nil, nil
				}
				return peer.dial(ctx, network, addr)
			},
		})
		start := time.Now()
		writeEvents(t, s, 0, 3)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < 3*time.Second || d >= 4*time.Second {
			t.Errorf("the third host took %v, want 3s and what the transport takes", d)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Attempts that fail, for an hour, leave nothing behind.
func TestGoroutinesStayTheSameWhileThePeerIsAway(t *testing.T) {
	for _, scheme := range []string{"beats", "tcp"} {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			s := dialShipper(t, scheme+"://example.com:1", logstash.DialOptions{
				MinBackoff: time.Second, MaxBackoff: time.Second,
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					if attempts++; attempts%2 == 0 {
						return nil, testlog.ErrInjected
					}
					ours, theirs := net.Pipe()
					return ours, theirs.Close()
				},
			})
			writeEvents(t, s, 0, 1)
			time.Sleep(time.Minute)
			synctest.Wait()
			before := testlog.Goroutines()
			time.Sleep(time.Hour)
			synctest.Wait()
			if after := testlog.Goroutines(); after > before+1 { // one connection may be open
				t.Errorf("%s: %d goroutines after a minute, %d after an hour", scheme, before, after)
			}
			if attempts < 3600 {
				t.Errorf("%s: %d attempts, want 3600 at least", scheme, attempts)
			}
			if st := checkAccounts(t, s); st.Queued != 1 {
				t.Errorf("%s: queued %d, want 1", scheme, st.Queued)
			}
		})
	}
}

func TestPolicyText(t *testing.T) {
	for _, p := range []logstash.Policy{logstash.DropNewest, logstash.Block} {
		text, err := p.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := logstash.Policy(-1)
		if err := got.UnmarshalText([]byte(strings.ToUpper(string(text)))); err != nil || got != p {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	p := logstash.Block
	if err := p.UnmarshalText([]byte("never")); err == nil || p != logstash.Block {
		t.Errorf("UnmarshalText of nonsense: %v, %v", p, err)
	}
	if _, err := logstash.Policy(9).MarshalText(); err == nil {
		t.Error("MarshalText of an unknown policy succeeded")
	}
}
