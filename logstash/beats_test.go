package logstash_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// The receiver is killed ten times, each time with a window in hand that it
// has taken but not acked, and some connections are cut inside a frame besides.
func TestBeatsLosesNothingAcrossRestarts(t *testing.T) {
	for level, total := range []int{100_000, 30_000} {
		t.Run("compression "+strconv.Itoa(level), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			if testlog.Race {
				total /= 5
			}
			const kills = 10
			step := total / (kills + 1)
			total = step * (kills + 1)
			var (
				ledger   lstest.Ledger
				received atomic.Int64
				mark     atomic.Int64 // of received, for the next kill
				last     sync.Map     // the last id on each connection
				doomed   = make(chan struct{})
				reset    = make(chan struct{})
				killed   = make(chan struct{}, kills)
			)
			mark.Store(int64(step / 2))
			note := ledger.Receiver()
			srv := listenBeats(t, &lstest.BeatsOptions{
				Forget: true,
				OnEvent: func(conn int, e []byte) {
					note(conn, e)
					id := eventID(e)
					if before, ok := last.Swap(conn, id); ok && id != before.(int)+1 {
						t.Errorf("connection %d: event %d after %d", conn, id, before)
					}
					n := received.Add(1)
					if m := mark.Load(); n >= m && mark.CompareAndSwap(m, math.MaxInt64) {
						doomed <- struct{}{}
						<-reset
					}
				},
			})
			s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{
				Policy: logstash.Block, BlockTimeout: -1, MaxEvents: 20_000, BatchSize: 256, CompressionLevel: level,
			})
			var killer sync.WaitGroup
			killer.Go(func() {
				for k := range kills {
					<-doomed
					srv.ResetConns()
					reset <- struct{}{}
					srv.Kill()
					if err := srv.Restart(); err != nil {
						t.Error(err)
					}
					if k%2 == 0 {
						srv.CutAfter(int64(500*k + 7))
					}
					if k < kills-1 {
						mark.Store(received.Load() + int64(step/2))
					}
					killed <- struct{}{}
				}
			})
			for k := range kills {
				writeEvents(t, s, 1+k*step, 1+(k+1)*step)
				<-killed
			}
			writeEvents(t, s, 1+kills*step, total+1)
			if err := s.Flush(within(t)); err != nil {
				t.Fatal(err)
			}
			killer.Wait()
			st := checkAccounts(t, s)
			if st.Written != uint64(total) || st.Dropped != 0 || st.Queued != 0 {
				t.Errorf("written %d, dropped %d, queued %d; want %d, 0, 0", st.Written, st.Dropped, st.Queued, total)
			}
			if got := ledger.Unique(); got != total {
				t.Errorf("%d different events arrived, want %d", got, total)
			}
			if dup := uint64(ledger.Duplicates()); dup == 0 || dup > st.Resent {
				t.Errorf("%d duplicates, %d events sent again; want some, and no more than those", dup, st.Resent)
			}
			if st.Reconnects < kills {
				t.Errorf("%d reconnects after %d kills", st.Reconnects, kills)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			srv.Kill()
			t.Logf("%d duplicates, %d resent, %d reconnects", ledger.Duplicates(), st.Resent, st.Reconnects)
		})
	}
}

// A Shipper starts while its peer is down, keeps what it is given and sends it
// when the peer is there.
func TestBeatsPeerDownAtStart(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listenBeats(t, nil)
	srv.Kill()
	var log errorLog
	s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{OnError: log.add})
	writeEvents(t, s, 0, 10)
	waitFor(t, "a second failure", func() bool { return !checkAccounts(t, s).FailingSince.IsZero() })
	if st := s.Stats(); st.Queued != 10 || st.LastError == nil {
		t.Errorf("queued %d with error %v, want 10 and one", st.Queued, st.LastError)
	}
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(eventRange(0, 10), stringsOf(srv.Events())); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	st := checkAccounts(t, s)
	if st.Written != 10 || st.Resent != 0 || !st.FailingSince.IsZero() {
		t.Errorf("written %d, resent %d, failing since %v; want 10, 0, never", st.Written, st.Resent, st.FailingSince)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	log.await(t, 2)
	if errs := log.all(); len(errs) != 2 {
		t.Errorf("OnError was told %q, want the first failure and the recovery", errs)
	}
	srv.Kill()
}

// A peer that is busy for an hour, and says so, is waited for.
func TestBeatsKeepaliveRenewsTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dialShipper(t, "beats://example.com", logstash.DialOptions{
			FlushInterval: time.Second,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					if _, _, err := lstest.ReadWindow(theirs); err != nil {
						t.Error(err)
					}
					for range 120 {
						time.Sleep(30*time.Second - 1)
						_, _ = theirs.Write([]byte("2A\x00\x00\x00\x00"))
					}
					_, _ = theirs.Write([]byte("2A\x00\x00\x00\x05"))
				}()
				return ours, nil
			},
		})
		writeEvents(t, s, 0, 5)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
		defer cancel()
		if err := s.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush of a stalled peer: %v, want context.DeadlineExceeded", err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		st := checkAccounts(t, s)
		if st.Written != 5 || st.Reconnects != 0 || st.Resent != 0 || st.LastError != nil {
			t.Errorf("written %d, %d reconnects, %d resent, error %v; want 5 and nothing else",
				st.Written, st.Reconnects, st.Resent, st.LastError)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBeatsSilentPeerIsGivenUp(t *testing.T) {
	t.Parallel()
	srv := listenBeats(t, nil)
	resume := srv.Stall(0)
	s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{Timeout: 20 * time.Millisecond})
	writeEvents(t, s, 0, 5)
	waitFor(t, "a reconnect", func() bool { return s.Stats().Reconnects > 0 })
	resume()
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if st := checkAccounts(t, s); st.Written != 5 || st.Resent == 0 {
		t.Errorf("written %d, resent %d; want 5 and some", st.Written, st.Resent)
	}
}

// answers plays one answer for each window, and right ones afterwards.
func answers(list ...lstest.Answer) func(n int) lstest.Answer {
	return func(n int) lstest.Answer {
		if len(list) == 0 {
			return lstest.Answer{Acks: []uint32{uint32(n)}}
		}
		a := list[0]
		list = list[1:]
		return a
	}
}

// What a peer does to one window of ten events, and what of it comes twice.
func TestBeatsOddAnswers(t *testing.T) {
	tests := []struct {
		name    string
		answers []lstest.Answer
		resent  uint64
		want    []string // what arrives
		failed  bool     // LastError is set
	}{
		{"partial acks", []lstest.Answer{{Acks: []uint32{3, 0, 7, 7, 10}}}, 0, eventRange(0, 10), false},
		{
			"partial ack, then reset",
			[]lstest.Answer{{Acks: []uint32{4}, Reset: true}},
			6, append(eventRange(0, 10), eventRange(4, 10)...), true,
		},
		{
			"reset before the ack",
			[]lstest.Answer{{Reset: true}},
			10, append(eventRange(0, 10), eventRange(0, 10)...), true,
		},
		{
			"ack too high",
			[]lstest.Answer{{Acks: []uint32{11}}},
			10, append(eventRange(0, 10), eventRange(0, 10)...), true,
		},
		{
			"ack going back",
			[]lstest.Answer{{Acks: []uint32{5, 2}}},
			5, append(eventRange(0, 10), eventRange(5, 10)...), true,
		},
		{
			"refused three times",
			[]lstest.Answer{{Refuse: true, Reset: true}, {Refuse: true, Reset: true}, {Refuse: true, Reset: true}},
			30, eventRange(0, 10), true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := listenBeats(t, nil)
			s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{FlushInterval: time.Hour})
			srv.SetAnswer(answers(tt.answers...))
			writeEvents(t, s, 0, 10)
			if err := s.Flush(within(t)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, stringsOf(srv.Events())); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			st := checkAccounts(t, s)
			if st.Written != 10 || st.Resent != tt.resent || (st.LastError != nil) != tt.failed {
				t.Errorf("written %d, resent %d, error %v; want 10, %d, error %v",
					st.Written, st.Resent, st.LastError, tt.resent, tt.failed)
			}
		})
	}
}

// The Beats input acks the highest sequence number, others the number of
// events: with windows numbered from 1 both are the same.
func TestBeatsAckOfHighestSequence(t *testing.T) {
	t.Parallel()
	srv := listenBeats(t, &lstest.BeatsOptions{AckHighest: true})
	s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{BatchSize: 7})
	writeEvents(t, s, 0, 100)
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(eventRange(0, 100), stringsOf(srv.Events())); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}

// The Beats input resets connections that are idle for a minute. That is no
// failure, and costs no event, neither when it is noticed nor when the next
// window is on its way at that very moment.
func TestBeatsIdleCloseIsQuiet(t *testing.T) {
	for _, how := range []string{"reset", "close", "reset at the next window"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			srv := listenBeats(t, nil)
			var log errorLog
			s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{OnError: log.add, FlushInterval: time.Hour})
			for round := range 20 {
				writeEvents(t, s, 10*round, 10*round+10)
				if err := s.Flush(within(t)); err != nil {
					t.Fatal(err)
				}
				switch how {
				case "reset":
					srv.ResetConns()
				case "close":
					srv.CloseConns()
				default:
					srv.SetAnswer(answers(lstest.Answer{Refuse: true, Reset: true}))
				}
			}
			if diff := cmp.Diff(eventRange(0, 200), stringsOf(srv.Events())); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			if errs := log.all(); len(errs) != 0 {
				t.Errorf("OnError was told %q, want nothing", errs)
			}
			st := checkAccounts(t, s)
			if st.Written != 200 || st.Reconnects < 19 || !st.FailingSince.IsZero() {
				t.Errorf("written %d, reconnects %d, failing since %v; want 200, 19, never",
					st.Written, st.Reconnects, st.FailingSince)
			}
		})
	}
}

// A close that is noticed while nothing is sent costs nothing at all: the next
// window goes over a new connection, for the first time.
func TestBeatsIdleCloseIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last net.Conn
		s := dialShipper(t, "beats://example.com", logstash.DialOptions{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				last = theirs
				go func() {
					if _, _, err := lstest.ReadWindow(theirs); err == nil {
						_, _ = theirs.Write([]byte("2A\x00\x00\x00\x01"))
					}
				}()
				return ours, nil
			},
		})
		for i := range 3 {
			writeEvents(t, s, i, i+1)
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := last.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		st := checkAccounts(t, s)
		if st.Written != 3 || st.Reconnects != 2 || st.Resent != 0 || st.LastError != nil {
			t.Errorf("written %d, reconnects %d, resent %d, error %v; want 3, 2, 0, none",
				st.Written, st.Reconnects, st.Resent, st.LastError)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A peer that breaks the protocol is told of, however well it began.
func TestBeatsProtocolErrorIsReported(t *testing.T) {
	t.Parallel()
	srv := listenBeats(t, nil)
	var log errorLog
	s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{OnError: log.add})
	for i := range 2 {
		writeEvents(t, s, i, i+1)
		if err := s.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			srv.SetAnswer(answers(lstest.Answer{Acks: []uint32{7}}))
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	log.await(t, 2)
	if errs := log.all(); len(errs) != 2 || !strings.Contains(errs[0].Error(), "ack of 7 for a window of 1") {
		t.Errorf("OnError was told %q, want the violation and the recovery", errs)
	}
}

// A peer that reads nothing costs no more memory than allowed. The accounts
// say exactly what did not fit, and nothing hangs.
func TestBeatsStalledPeer(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listenBeats(t, nil)
	resume := srv.StopReading()
	var (
		mu      sync.Mutex
		dropped []string
		log     errorLog
	)
	s := dialShipper(t, "beats://"+srv.Addr(), logstash.DialOptions{
		Size: 1 << 20, MaxEvents: 1000, Reserve: -1, OnError: log.add,
		OnDrop: func(e []byte, reason error) {
			if !errors.Is(reason, logstash.ErrFull) {
				t.Errorf("dropped because of %v, want ErrFull", reason)
			}
			mu.Lock()
			defer mu.Unlock()
			dropped = append(dropped, string(e))
		},
	})
	for i := range 1500 {
		_, err := io.WriteString(s, event(i))
		if want := i >= 1000; errors.Is(err, logstash.ErrFull) != want {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	st := checkAccounts(t, s)
	if st.Queued != 1000 || st.DroppedFull != 500 || st.QueuedBytes > 1<<20 {
		t.Errorf("queued %d (%d bytes), dropped %d; want 1000, 500", st.Queued, st.QueuedBytes, st.DroppedFull)
	}
	if diff := cmp.Diff(eventRange(1000, 1500), dropped); diff != "" {
		t.Errorf("dropped mismatch (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v, want context.DeadlineExceeded", err)
	}
	resume()
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(eventRange(0, 1000), stringsOf(srv.Events())); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	log.await(t, 2)
	if errs := log.all(); len(errs) != 2 {
		t.Errorf("OnError was told %q, want the beginning and the end of the drops", errs)
	}
	srv.Kill()
}

// The first host that works is used, and the next takes over when one takes
// connections but never acks.
func TestBeatsSeveralHosts(t *testing.T) {
	t.Parallel()
	down, deaf, good := listenBeats(t, nil), listenBeats(t, nil), listenBeats(t, nil)
	down.Kill()
	deaf.SetAnswer(func(int) lstest.Answer { return lstest.Answer{Refuse: true, Reset: true} })
	s := dialShipper(t, "beats://"+down.Addr()+","+deaf.Addr()+","+good.Addr(), logstash.DialOptions{})
	writeEvents(t, s, 0, 10)
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	deaf.SetAnswer(nil)
	good.Kill()
	writeEvents(t, s, 10, 20)
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	got := append(stringsOf(good.Events()), stringsOf(deaf.Events())...)
	if diff := cmp.Diff(eventRange(0, 20), got); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}
