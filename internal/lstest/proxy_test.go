package lstest_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
)

// echo starts a server that sends back what it is sent, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(nc, nc)
				_ = nc.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

// exchange sends p and returns what comes back.
func exchange(addr string, p []byte) ([]byte, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err // a reset can be as quick as that
	}
	defer nc.Close()
	go func() {
		_, _ = nc.Write(p) // fails where the connection is cut
		_ = nc.(*net.TCPConn).CloseWrite()
	}()
	return io.ReadAll(nc)
}

func TestProxy(t *testing.T) {
	const k = 70_000 // more than one piece
	sent := bytes.Repeat([]byte("0123456789"), 10_000)
	tests := []struct {
		name  string
		fault lstest.Fault
		want  int // bytes that come back at most
		stats lstest.ProxyStats
	}{
		{"passes on", lstest.Fault{}, len(sent), lstest.ProxyStats{Passed: 1, Up: 100_000, Down: 100_000}},
		{"refuses with a RST", lstest.Fault{Refuse: true}, 0, lstest.ProxyStats{Refused: 1}},
		{"refuses with a FIN", lstest.Fault{Refuse: true, End: lstest.FIN}, 0, lstest.ProxyStats{Refused: 1}},
		{"cuts the way up", lstest.Fault{Up: lstest.Way{Cut: k}}, k, lstest.ProxyStats{Passed: 1, Cut: 1, Up: k, Down: -1}},
		{"cuts the way down", lstest.Fault{Down: lstest.Way{Cut: k}}, k, lstest.ProxyStats{Passed: 1, Cut: 1, Up: -1, Down: k}},
		{"cuts after one byte", lstest.Fault{Down: lstest.Way{Cut: 1}, End: lstest.FIN}, 1, lstest.ProxyStats{Passed: 1, Cut: 1, Up: -1, Down: 1}},
		{
			"stalls, goes on, and cuts",
			lstest.Fault{Up: lstest.Way{Stall: k - 1, For: time.Millisecond, Cut: k}},
			k,
			lstest.ProxyStats{Passed: 1, Cut: 1, Stalled: 1, Up: k, Down: -1},
		},
		{
			"is slow",
			lstest.Fault{Up: lstest.Way{Delay: time.Millisecond}, Down: lstest.Way{Delay: time.Millisecond}},
			len(sent),
			lstest.ProxyStats{Passed: 1, Up: 100_000, Down: 100_000},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			proxy, err := lstest.ListenProxy("127.0.0.1:0", echo(t), &lstest.ProxyOptions{
				Script: func(int) lstest.Fault { return tt.fault },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			got, err := exchange(proxy.Addr(), sent)
			whole := tt.want == len(sent)
			if len(got) > tt.want || !bytes.HasPrefix(sent, got) || (whole && (err != nil || len(got) < len(sent))) {
				t.Errorf("%d bytes came back with error %v, want %d of what was sent", len(got), err, tt.want)
			}
			proxy.Kill()
			stats := proxy.Stats()
			if tt.stats.Up < 0 { // however far it came
				tt.stats.Up = stats.Up
			}
			if tt.stats.Down < 0 {
				tt.stats.Down = stats.Down
			}
			if diff := cmp.Diff(tt.stats, stats); diff != "" {
				t.Errorf("stats mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// The ends of a connection are those that were asked for.
func TestProxyEnds(t *testing.T) {
	proxy, err := lstest.ListenProxy("127.0.0.1:0", echo(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	for _, how := range []lstest.End{lstest.RST, lstest.FIN} {
		proxy.SetScript(func(int) lstest.Fault { return lstest.Fault{Down: lstest.Way{Cut: 5}, End: how} })
		nc := dial(t, proxy.Addr())
		send(t, nc, []byte("12345"))
		if got := readEnd(t, nc, how); how == lstest.FIN && string(got) != "12345" {
			t.Errorf("%q came back, want all", got)
		}
	}
	proxy.SetScript(nil)
	nc := dial(t, proxy.Addr())
	send(t, nc, []byte("12345"))
	if _, err := io.ReadFull(nc, make([]byte, 5)); err != nil {
		t.Error(err)
	}
	proxy.Kill()
	readEnd(t, nc, lstest.RST)
	if _, err := net.Dial("tcp", proxy.Addr()); err == nil {
		t.Error("a killed proxy took a connection")
	}
}

func TestProxyWithoutBackend(t *testing.T) {
	testlog.CheckGoroutines(t)
	backend := lstest.NewTCP(nil)
	backend.Kill()
	proxy := lstest.NewProxy("", &lstest.ProxyOptions{Dial: backend.Dial})
	defer proxy.Kill()
	if _, err := dialPipe(t, proxy).Read(make([]byte, 1)); err == nil {
		t.Error("something came from nowhere")
	}
	if got := proxy.Stats(); got.Unreachable != 1 {
		t.Errorf("stats %+v, want one connection that found no backend", got)
	}
}

// A stall without end lasts as long as the connection, and holds up one
// direction only.
func TestProxyStallsInOneDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := lstest.NewBeats(nil)
		defer backend.Kill()
		proxy := lstest.NewProxy("", &lstest.ProxyOptions{
			Dial:   backend.Dial,
			Script: func(int) lstest.Fault { return lstest.Fault{Down: lstest.Way{Stall: 3, For: -1}} },
		})
		defer proxy.Kill()
		nc := dialPipe(t, proxy)
		for range 2 {
			send(t, nc, frames(1, `{"a":1}`))
		}
		got := make([]byte, 6)
		if _, err := io.ReadFull(nc, got[:3]); err != nil {
			t.Error(err)
		}
		if err := nc.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if n, err := nc.Read(got); err == nil {
			t.Errorf("%d bytes came through a stall", n)
		}
		if proxy.Stats().Stalled != 1 || backend.Acked() == 0 {
			t.Errorf("stats %+v, %d events acked; want a stall behind an ack", proxy.Stats(), backend.Acked())
		}
	})
}

// The script of a seed is always the same, and has faults of every kind.
func TestChaos(t *testing.T) {
	const n = 1000
	var faults [2][]lstest.Fault
	for i := range faults {
		script := lstest.Chaos(7, 10_000, time.Second)
		for conn := range n {
			faults[i] = append(faults[i], script(conn))
		}
	}
	if !slices.Equal(faults[0], faults[1]) {
		t.Error("the same seed made two scripts")
	}
	var refused, stalled, slow, up, down, fin int
	var bytes, returned int64
	for _, f := range faults[0] {
		way := f.Up
		if f.Down != (lstest.Way{}) {
			way, down = f.Down, down+1
			returned += way.Cut
		} else if !f.Refuse {
			up++
			bytes += way.Cut
		}
		refused += count(f.Refuse)
		stalled += count(way.For > 0)
		slow += count(way.Delay > 0)
		fin += count(f.End == lstest.FIN)
		if !f.Refuse && (way.Cut < 1 || way.For > time.Second || way.Stall >= way.Cut) {
			t.Fatalf("fault %+v", f)
		}
	}
	for name, got := range map[string]int{"refused": refused, "stalled": stalled, "slow": slow, "up": up, "down": down, "FIN": fin} {
		if got < 50 || got > 950 {
			t.Errorf("%s: %d of %d", name, got, n)
		}
	}
	if mean := bytes / int64(up); mean < 8000 || mean > 12_000 {
		t.Errorf("cut after %d bytes on average, want 10000", mean)
	}
	if mean := returned / int64(down); mean < 2 || mean > 4 {
		t.Errorf("cut after %d bytes of the way back on average, want 3", mean)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
