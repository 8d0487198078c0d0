package logstash_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestDialAddress(t *testing.T) {
	tests := []struct {
		addr string
		want []string // what is dialed, in order
	}{
		{"beats://logs.example.com", []string{"logs.example.com:5044"}},
		{"beats://logs.example.com:5045", []string{"logs.example.com:5045"}},
		{"BEATS://a:1,b,c:3", []string{"a:1", "b:5044", "c:3"}},
		{"beats://[::1]:9,[fe80::1]", []string{"[::1]:9", "[fe80::1]:5044"}},
		{"tcp://10.0.0.1:5000,b:6", []string{"10.0.0.1:5000", "b:6"}},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			dialed := make(chan string, 100)
			s := dialShipper(t, tt.addr, logstash.DialOptions{
				MinBackoff: time.Hour,
				DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
					if network != "tcp" {
						t.Errorf("network %q, want tcp", network)
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
			if err := s.Shutdown(ctx); !errors.Is(err, testlog.ErrInjected) {
				t.Errorf("Shutdown: %v, want what the dialer said", err)
			}
		})
	}
}

func TestDialRefusesAddress(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"", "want beats://host:port or tcp://host:port"},
		{"logs:5044", `dial "logs:5044": want beats://host:port or tcp://host:port`},
		{"http://logs:5044", `scheme "http": want beats or tcp`},
		{"beats://", `address ""`},
		{"beats://a:1,", `address ""`},
		{"beats://:5044", "no host"},
		{"tcp://logs", `address "logs": want host:port`},
		{"tcp://logs:", `port "": want 1 to 65535`},
		{"tcp://logs:0", `port "0": want 1 to 65535`},
		{"tcp://logs:65536", `port "65536": want 1 to 65535`},
		{"tcp://logs:http", `port "http": want 1 to 65535`},
		{"tcp://::1:80", `address "::1:80": want host:port or [IPv6]:port`},
		{"beats://::1", `address "::1": want host, host:port or [IPv6]:port`},
		{"beats://logs:5044/path", `port "5044/path"`},
		{"beats://logs/path", `host "logs/path"`},
		{"beats://a b", `host "a b"`},
	}
	for _, tt := range tests {
		s, err := logstash.Dial(tt.addr, nil)
		if err == nil {
			t.Errorf("Dial(%q) accepted", tt.addr)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Dial(%q): %v; want %s", tt.addr, err, tt.want)
		}
	}
}

func TestDialNeverRepeatsAPassword(t *testing.T) {
	_, err := logstash.Dial("beats://me:s3cret@logs:5044", nil)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Dial: %v; want an error without the password", err)
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
		{logstash.DialOptions{Policy: 7}, "DialOptions.Policy Policy(7): want DropNewest or Block"},
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
	if st := checkAccounts(t, s); st.DroppedShutdown != 4 {
		t.Errorf("dropped %d, want 4", st.DroppedShutdown)
	}
}

// A dialer that hangs costs one Timeout before the next host has its turn, and
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
		if d := time.Since(start); d != 7*time.Second {
			t.Errorf("the third host took %v, want 7s", d)
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
			before := runtime.NumGoroutine()
			time.Sleep(time.Hour)
			synctest.Wait()
			if after := runtime.NumGoroutine(); after > before+1 { // one connection may be open
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
