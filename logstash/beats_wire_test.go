package logstash_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// While nothing is acked, as many windows are under way as Pipeline says, and no
// more than those come twice after a break.
func TestBeatsPipeline(t *testing.T) {
	for pipeline, want := range map[int]int{0: 4, 1: 1, 7: 7} {
		synctest.Test(t, func(t *testing.T) {
			var windows, unacked atomic.Int64
			var theirs []net.Conn
			s := dialShipper(t, "beats://example.com", logstash.DialOptions{
				Pipeline: pipeline, BatchSize: 10, FlushInterval: time.Hour,
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					ours, nc := net.Pipe()
					acks := len(theirs) > 0 // but on the first connection
					theirs = append(theirs, nc)
					go func() {
						for {
							events, _, err := lstest.ReadWindow(nc)
							if err != nil {
								return
							}
							windows.Add(1)
							if acks {
								_, _ = nc.Write(lumber.AppendAck(nil, uint32(len(events))))
							} else {
								unacked.Add(int64(len(events)))
							}
						}
					}()
					return ours, nil
				},
			})
			writeEvents(t, s, 0, 200)
			synctest.Wait()
			if got := int(windows.Load()); got != want {
				t.Errorf("Pipeline %d: %d windows under way, want %d", pipeline, got, want)
			}
			_ = theirs[0].Close()
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if st := checkAccounts(t, s); st.Written != 200 || int64(st.Resent) != unacked.Load() {
				t.Errorf("Pipeline %d: written %d, resent %d; want 200, %d", pipeline, st.Written, st.Resent, unacked.Load())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Somebody who has mixed up his ports is told so.
func TestBeatsPeerIsNoBeatsInput(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	plain := listenBeats(t, nil)
	tests := []struct{ name, addr, want string }{
		{"HTTP", "beats://" + web.Listener.Addr().String(), `the peer does not speak the Beats protocol: it answered "HTTP/1.1 400 Bad Request"`},
		{"TLS", "beats://" + secure.Listener.Addr().String(), "beats+tls://"},
		{"no TLS", "beats+tls://" + plain.Addr(), "beats://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log errorLog
			s := dialShipper(t, tt.addr, logstash.DialOptions{OnError: log.add, Timeout: 10 * time.Second, FlushInterval: time.Hour})
			writeEvents(t, s, 0, 10) // the number of the last is a newline, for which HTTP waits
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = s.Flush(ctx) // only begins to
			waitFor(t, "an error that says "+tt.want, func() bool {
				return slices.ContainsFunc(log.all(), func(err error) bool { return strings.Contains(err.Error(), tt.want) })
			})
			if st := checkAccounts(t, s); st.Queued != 10 {
				t.Errorf("queued %d, want 10", st.Queued)
			}
		})
	}
}

// One event that breaks the pipeline of Logstash costs no other, in whichever way
// the receiver treats the events of its window in front of it.
func TestBeatsPoison(t *testing.T) {
	for _, taken := range []bool{false, true} {
		poison := event(33)
		srv := listenBeats(t, &lstest.BeatsOptions{AckHighest: taken, Poison: func(e []byte) bool { return string(e) == poison }})
		s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{BatchSize: 20})
		writeEvents(t, s, 0, 100)
		if err := s.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		got := stringsOf(srv.Events())
		slices.Sort(got)
		want := slices.DeleteFunc(eventRange(0, 100), func(e string) bool { return e == poison })
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("events mismatch (-want +got):\n%s", diff)
		}
		if st := checkAccounts(t, s); st.Written != 99 || st.DroppedRejected != 1 {
			t.Errorf("written %d, rejected %d; want 99, 1", st.Written, st.DroppedRejected)
		}
	}
}

// Nothing is sent when there is nothing to send: a window of none is never acked.
func TestBeatsNoEmptyWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := false
		s := dialShipper(t, "beats://example.com", logstash.DialOptions{
			FlushInterval: time.Millisecond,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				dialled = true
				return nil, testlog.ErrInjected
			},
		})
		time.Sleep(time.Hour)
		if err := s.Flush(t.Context()); err != nil || dialled {
			t.Errorf("Flush of nothing: %v, connected: %t", err, dialled)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// From Handle to the ack no event costs more than one allocation; in fact
// hundreds share one.
func TestBeatsAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	const events = 10_000
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go ackAll(ln)
	s := dialShipper(t, "beats://"+ln.Addr().String(), logstash.DialOptions{
		BatchSize: 512, Policy: logstash.Block, BlockTimeout: -1, FlushInterval: time.Hour,
	})
	h := logstash.NewHandler(s, nil)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "something happened", 0)
	r.AddAttrs(slog.Int("n", 1), slog.String("path", "/a/b/c"), slog.Duration("took", time.Millisecond), slog.Bool("ok", true))
	ship := func() {
		for range events {
			if err := h.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	ship() // pays for all buffers
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ship()
	runtime.ReadMemStats(&after)
	per := float64(after.Mallocs-before.Mallocs) / events
	t.Logf("%.3f allocations for each event", per)
	if per > 0.1 {
		t.Errorf("%.2f allocations for each event, want hardly any", per)
	}
	if st := checkAccounts(t, s); st.Written != 2*events {
		t.Errorf("written %d, want %d", st.Written, 2*events)
	}
}
