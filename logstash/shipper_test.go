package logstash_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// fakeTransport keeps what it is sent, and does what the test says.
type fakeTransport struct {
	send func(ctx context.Context, events [][]byte) (int, error) // nil acks all

	mu      sync.Mutex
	batches [][]string
	times   []time.Time
	closed  int
}

func (f *fakeTransport) Send(ctx context.Context, events [][]byte) (int, error) {
	f.mu.Lock()
	f.batches = append(f.batches, stringsOf(events))
	f.times = append(f.times, time.Now())
	f.mu.Unlock()
	if f.send != nil {
		return f.send(ctx, events)
	}
	return len(events), nil
}

func (f *fakeTransport) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

// sizes returns how many events each batch had.
func (f *fakeTransport) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []int
	for _, b := range f.batches {
		out = append(out, len(b))
	}
	return out
}

func newShipper(t testing.TB, f logstash.Transport, opts *logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	s, err := logstash.NewShipper(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sendNothing(context.Context, [][]byte) (int, error) { return 0, testlog.ErrInjected }

func sendNever(ctx context.Context, _ [][]byte) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestShipperBatches(t *testing.T) {
	tests := []struct {
		name  string
		opts  logstash.DialOptions
		write func(t *testing.T, s *logstash.Shipper)
		want  []int
	}{
		{
			"an event waits for others",
			logstash.DialOptions{},
			func(t *testing.T, s *logstash.Shipper) {
				writeEvents(t, s, 0, 3)
				time.Sleep(99 * time.Millisecond)
				writeEvents(t, s, 3, 5)
				time.Sleep(time.Second)
				writeEvents(t, s, 5, 6)
			},
			[]int{5, 1},
		},
		{
			"a full batch waits for nothing",
			logstash.DialOptions{BatchSize: 4, FlushInterval: time.Hour},
			func(t *testing.T, s *logstash.Shipper) { writeEvents(t, s, 0, 10); synctest.Wait() },
			[]int{4, 4, 2},
		},
		{
			"negative interval",
			logstash.DialOptions{FlushInterval: -1},
			func(t *testing.T, s *logstash.Shipper) {
				for i := range 3 {
					writeEvents(t, s, i, i+1)
					synctest.Wait()
				}
			},
			[]int{1, 1, 1},
		},
		{
			"an ERROR hurries",
			logstash.DialOptions{FlushInterval: time.Hour},
			func(t *testing.T, s *logstash.Shipper) {
				for i, level := range []slog.Level{slog.LevelDebug, slog.LevelError, slog.LevelWarn, slog.LevelInfo} {
					if _, err := s.WriteLevel(level, []byte(event(i))); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
			},
			[]int{2, 2},
		},
		{
			"SyncLevel",
			logstash.DialOptions{FlushInterval: time.Hour, SyncLevel: slog.LevelInfo},
			func(t *testing.T, s *logstash.Shipper) {
				for i := range 3 {
					writeEvents(t, s, i, i+1)
					synctest.Wait()
					time.Sleep(time.Millisecond)
				}
			},
			[]int{1, 1, 1},
		},
		{
			"of many in a hurry those of a millisecond are a batch",
			logstash.DialOptions{FlushInterval: time.Hour, SyncLevel: slog.LevelInfo},
			func(t *testing.T, s *logstash.Shipper) {
				for i := range 10 {
					writeEvents(t, s, i, i+1)
					synctest.Wait()
					time.Sleep(300 * time.Microsecond)
				}
				time.Sleep(time.Millisecond)
			},
			[]int{1, 3, 3, 3},
		},
		{
			"a megabyte is a batch",
			logstash.DialOptions{FlushInterval: time.Hour},
			func(t *testing.T, s *logstash.Shipper) {
				for range 5 {
					if _, err := s.Write([]byte(`{"m":"` + strings.Repeat("x", 400<<10) + `"}`)); err != nil {
						t.Error(err)
					}
				}
				synctest.Wait()
			},
			[]int{2, 2, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f fakeTransport
				s := newShipper(t, &f, &tt.opts)
				tt.write(t, s)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tt.want, f.sizes()); diff != "" {
					t.Errorf("batches mismatch (-want +got):\n%s", diff)
				}
				checkAccounts(t, s)
			})
		})
	}
}

// The delays double from MinBackoff to MaxBackoff, at most half of each is
// chance, and only an ack begins anew.
func TestShipperBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var log errorLog
		f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			if calls++; calls == 10 {
				return 1, testlog.ErrInjected // some progress
			}
			if calls == 13 {
				return len(events), nil
			}
			return 0, testlog.ErrInjected
		}}
		s := newShipper(t, f, &logstash.DialOptions{OnError: log.add})
		writeEvents(t, s, 0, 2)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		seconds := []int{1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2, 4}
		for i, n := range seconds {
			most := time.Duration(n) * time.Second
			if d := f.times[i+1].Sub(f.times[i]); d < most/2 || d > most {
				t.Errorf("delay %d is %v, want %v to %v", i, d, most/2, most)
			}
		}
		if len(f.times) != len(seconds)+1 {
			t.Errorf("%d attempts, want %d", len(f.times), len(seconds)+1)
		}
		st := checkAccounts(t, s)
		if want := uint64(9*2 + 3); st.Resent != want {
			t.Errorf("resent %d, want %d", st.Resent, want)
		}
		// Two runs of failures, one told at its beginning and its end each.
		synctest.Wait()
		if errs := log.all(); len(errs) != 4 || !errors.Is(errs[0], testlog.ErrInjected) {
			t.Errorf("OnError was told %q, want 4 errors", errs)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Shutdown does not sit out a pause: it tries once more at once.
func TestShutdownTriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		f := &fakeTransport{}
		f.send = func(_ context.Context, events [][]byte) (int, error) {
			if !up {
				return 0, testlog.ErrInjected
			}
			return len(events), nil
		}
		s := newShipper(t, f, &logstash.DialOptions{MinBackoff: time.Hour})
		writeEvents(t, s, 0, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		up = true
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Close took %v, want no time at all", d)
		}
	})
}

// What Shutdown cannot send in time is counted, handed to OnDrop, and named in
// the error. No call hangs, whatever the transport is doing.
func TestShutdownWithTooLittleTime(t *testing.T) {
	tests := []struct {
		name string
		send func(context.Context, [][]byte) (int, error)
	}{
		{"in an attempt", sendNever},
		{"in a pause", sendNothing},
		{"panicking", func(context.Context, [][]byte) (int, error) { panic("boom") }},
		{"acking too much", func(_ context.Context, e [][]byte) (int, error) { return len(e) + 1, nil }},
		{"acking less than nothing", func(context.Context, [][]byte) (int, error) { return -1, nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeTransport{send: tt.send}
				var dropped []string
				s := newShipper(t, f, &logstash.DialOptions{
					BatchSize: 4, MinBackoff: time.Hour,
					OnDrop: func(e []byte, reason error) {
						if !errors.Is(reason, os.ErrClosed) {
							t.Errorf("dropped because of %v, want os.ErrClosed", reason)
						}
						dropped = append(dropped, string(e))
						panic("a hook that panics")
					},
				})
				writeEvents(t, s, 0, 10)
				synctest.Wait()
				flushed := make(chan error)
				go func() { flushed <- s.Flush(context.Background()) }()
				start := time.Now()
				err := s.Close()
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "10 events") {
					t.Errorf("Close: %v, want context.DeadlineExceeded and 10 events", err)
				}
				if d := time.Since(start); d != 5*time.Second {
					t.Errorf("Close took %v, want 5s", d)
				}
				if err := <-flushed; !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "10 events") {
					t.Errorf("Flush: %v, want os.ErrClosed and 10 events", err)
				}
				if diff := cmp.Diff(eventRange(0, 10), dropped); diff != "" {
					t.Errorf("dropped mismatch (-want +got):\n%s", diff)
				}
				if st := checkAccounts(t, s); st.DroppedShutdown != 10 || st.Queued != 0 {
					t.Errorf("dropped %d, queued %d; want 10, 0", st.DroppedShutdown, st.Queued)
				}
				if err := s.Close(); !errors.Is(err, os.ErrClosed) {
					t.Errorf("second Close: %v, want os.ErrClosed, as events were dropped", err)
				}
				if f.closed != 1 {
					t.Errorf("transport closed %d times, want once", f.closed)
				}
			})
		})
	}
}

// A transport that ignores its context cannot hold up Shutdown for long, and
// what it holds stays queued until it lets go.
func TestShutdownOfDeafTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			<-release
			return len(events), nil
		}}
		s := newShipper(t, f, nil)
		writeEvents(t, s, 0, 3)
		start := time.Now()
		if err := s.Close(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v, want context.DeadlineExceeded", err)
		}
		if d := time.Since(start); d != 6*time.Second {
			t.Errorf("Close took %v, want 6s", d)
		}
		if st := checkAccounts(t, s); st.Queued != 3 {
			t.Errorf("queued %d, want 3", st.Queued)
		}
		close(release)
		synctest.Wait()
		if st := checkAccounts(t, s); st.Written != 3 {
			t.Errorf("written %d, want 3", st.Written)
		}
	})
}

func TestWriteAfterClose(t *testing.T) {
	testlog.CheckGoroutines(t)
	var f fakeTransport
	drops := 0
	s := newShipper(t, &f, &logstash.DialOptions{OnDrop: func([]byte, error) { drops++ }})
	writeEvents(t, s, 0, 1)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n, err := s.Write([]byte(event(1))); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write = %d, %v; want 0, os.ErrClosed", n, err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("Flush: %v", err)
	}
	st := checkAccounts(t, s)
	if st.Accepted != 2 || st.Written != 1 || st.DroppedShutdown != 1 || drops != 1 {
		t.Errorf("accepted %d, written %d, dropped %d, OnDrop %d; want 2, 1, 1, 1",
			st.Accepted, st.Written, st.DroppedShutdown, drops)
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		name  string
		event string
		want  error // nil: taken
	}{
		{"object", `{"a":1}`, nil},
		{"newline at the end", "{\"a\":1}\n", nil},
		{"carriage return at the end", "{\"a\":1}\r\n", nil},
		{"spaces around", " \t{\"a\":1} \n", nil},
		{"of the limit", `{"a":"` + strings.Repeat("x", 92) + `"}`, nil},
		{"one over the limit", `{"a":"` + strings.Repeat("x", 93) + `"}`, logstash.ErrTooLarge},
		{"nothing", "", logstash.ErrInvalid},
		{"blank", " \n", logstash.ErrInvalid},
		{"text", "hello", logstash.ErrInvalid},
		{"array", `[{"a":1}]`, logstash.ErrInvalid},
		{"null", `null`, logstash.ErrInvalid},
		{"half an object", `{"a":1`, logstash.ErrInvalid},
		{"two objects", `{"a":1}{"b":2}`, logstash.ErrInvalid},
		{"two lines", "{\"a\":1}\n{\"b\":2}", logstash.ErrInvalid},
		{"pretty", "{\n\"a\":1}", logstash.ErrInvalid},
		{"carriage return inside", "{\r\"a\":1}", logstash.ErrInvalid},
		{"tab in a string", "{\"a\":\"\t\"}", logstash.ErrInvalid},
		{"not UTF-8", "{\"a\":\"\xff\"}", logstash.ErrInvalid},
		{"NaN", `{"a":NaN}`, logstash.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var (
				f       fakeTransport
				dropped []string
				log     errorLog
			)
			s := newShipper(t, &f, &logstash.DialOptions{
				MaxEventBytes: 100,
				OnError:       log.add,
				OnDrop:        func(e []byte, _ error) { dropped = append(dropped, string(e)) },
			})
			line := []byte(tt.event)
			n, err := s.Write(line)
			clear(line) // it must have been copied
			if cerr := s.Close(); cerr != nil {
				t.Error(cerr)
			}
			st := checkAccounts(t, s)
			if tt.want == nil {
				if n != len(tt.event) || err != nil || st.Written != 1 {
					t.Errorf("Write = %d, %v, written %d; want %d, nil, 1", n, err, st.Written, len(tt.event))
				}
				if diff := cmp.Diff([][]string{{strings.TrimSpace(tt.event)}}, f.batches); diff != "" {
					t.Errorf("sent mismatch (-want +got):\n%s", diff)
				}
				return
			}
			if n != 0 || !errors.Is(err, tt.want) {
				t.Errorf("Write = %d, %v; want 0, %v", n, err, tt.want)
			}
			if diff := cmp.Diff([]string{tt.event}, dropped); diff != "" {
				t.Errorf("dropped mismatch (-want +got):\n%s", diff)
			}
			if st.Dropped != 1 || st.DroppedTooLarge+st.DroppedInvalid != 1 || len(log.all()) != 1 {
				t.Errorf("dropped %d (%d, %d), told %q; want 1 and one error",
					st.Dropped, st.DroppedTooLarge, st.DroppedInvalid, log.all())
			}
		})
	}
}

// A stream of bad events tells OnError once a minute, with a number.
func TestRefusedEventsAreReportedInSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			f   fakeTransport
			log errorLog
		)
		s := newShipper(t, &f, &logstash.DialOptions{OnError: log.add})
		for range 121 {
			if _, err := s.Write([]byte("bad")); !errors.Is(err, logstash.ErrInvalid) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		errs := log.all()
		if len(errs) != 3 || !strings.Contains(errs[1].Error(), "59 more") {
			t.Errorf("OnError was told %q, want 3 errors, the second with 59 more", errs)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			time.Sleep(10 * time.Millisecond)
			return len(events), nil
		}}
		s := newShipper(t, f, &logstash.DialOptions{
			Policy: logstash.Block, MaxEvents: 2, BatchSize: 2, FlushInterval: -1,
		})
		var wg sync.WaitGroup
		for w := range 10 {
			wg.Go(func() { writeEvents(t, s, 10*w, 10*w+10) })
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := checkAccounts(t, s); st.Written != 100 || st.Dropped != 0 {
			t.Errorf("written %d, dropped %d; want 100, 0", st.Written, st.Dropped)
		}
	})
}

// A batch that cannot fill, because the queue is full before, waits no longer.
func TestFullQueueIsSentAtOnce(t *testing.T) {
	for _, opts := range []logstash.DialOptions{{MaxEvents: 10}, {Size: 500}} {
		synctest.Test(t, func(t *testing.T) {
			opts.Policy, opts.FlushInterval = logstash.Block, time.Hour
			s := newShipper(t, new(fakeTransport), &opts)
			start := time.Now()
			writeEvents(t, s, 0, 100)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("100 events took %v, want no time at all", d)
			}
			if st := checkAccounts(t, s); st.Written != 100 {
				t.Errorf("written %d, want 100", st.Written)
			}
		})
	}
}

func TestBlockGivesUp(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration
		want    error
		after   time.Duration
	}{
		{"after the default", 0, logstash.ErrFull, time.Second},
		{"after BlockTimeout", time.Minute, logstash.ErrFull, time.Minute},
		{"never, but at Shutdown", -1, os.ErrClosed, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShipper(t, &fakeTransport{send: sendNever}, &logstash.DialOptions{
					Policy: logstash.Block, BlockTimeout: tt.timeout, MaxEvents: 1,
				})
				writeEvents(t, s, 0, 1)
				time.AfterFunc(time.Hour, func() { _ = s.Close() })
				start := time.Now()
				if _, err := s.Write([]byte(event(1))); !errors.Is(err, tt.want) {
					t.Errorf("Write: %v, want %v", err, tt.want)
				}
				if d := time.Since(start); d != tt.after {
					t.Errorf("Write took %v, want %v", d, tt.after)
				}
				time.Sleep(2 * time.Hour)
				if st := checkAccounts(t, s); st.Dropped != 2 || st.Queued != 0 {
					t.Errorf("dropped %d, queued %d; want 2, 0", st.Dropped, st.Queued)
				}
			})
		})
	}
}

// Size bounds the bytes, of large events and of a great many small ones.
func TestSizeBoundsMemory(t *testing.T) {
	for _, length := range []int{2, 100, 100_000} {
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			const size = 1 << 20
			s := newShipper(t, &fakeTransport{send: sendNever}, &logstash.DialOptions{Size: size, Reserve: -1})
			line := []byte("{}")
			if pad := length - len(`{"m":""}`); pad > 0 {
				line = []byte(`{"m":"` + strings.Repeat("x", pad) + `"}`)
			}
			before := heap()
			taken := 0
			for refused := 0; refused < 100; {
				switch _, err := s.Write(line); {
				case err == nil:
					taken++
				case errors.Is(err, logstash.ErrFull):
					refused++
				default:
					t.Fatal(err)
				}
			}
			if used := heap() - before; used > 2*size {
				t.Errorf("%d bytes of memory for a Size of %d", used, size)
			}
			if want := size / (length + 8); taken != want {
				t.Errorf("%d events taken, want %d", taken, want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown: %v, want context.Canceled", err)
			}
			if st := checkAccounts(t, s); st.DroppedShutdown != uint64(taken) {
				t.Errorf("dropped at shutdown %d, want %d", st.DroppedShutdown, taken)
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Writers, a Flush, Stats and a Close at once: the accounts hold at every
// moment, and each writer's events stay in order.
func TestShipperConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	failing := 0
	f := &fakeTransport{}
	f.send = func(_ context.Context, events [][]byte) (int, error) {
		if failing++; failing%3 == 0 {
			return len(events) / 2, testlog.ErrInjected
		}
		return len(events), nil
	}
	s := newShipper(t, f, &logstash.DialOptions{
		MaxEvents: 500, BatchSize: 50, FlushInterval: -1, MinBackoff: time.Microsecond, MaxBackoff: time.Microsecond,
	})
	const writers, each = 4, 2000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := s.Write([]byte(event(w*each + i)))
				if err != nil && !errors.Is(err, logstash.ErrFull) && !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
				if i%100 == 0 {
					checkAccounts(t, s)
				}
				if i == each*3/4 && w == 0 {
					wg.Go(func() { _ = s.Close() })
				}
			}
		})
	}
	wg.Go(func() { _ = s.Flush(within(t)) })
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if st := checkAccounts(t, s); st.Accepted != writers*each || st.Queued != 0 {
		t.Errorf("accepted %d, queued %d; want %d, 0", st.Accepted, st.Queued, writers*each)
	}
	var last [writers]int
	for _, b := range f.batches {
		for _, e := range b[:min(len(b), 1)] { // the first of a batch is never behind one sent before
			id := eventID([]byte(e))
			if w := id / each; id < last[w] {
				t.Errorf("writer %d: event %d after %d", w, id, last[w])
			} else {
				last[w] = id
			}
		}
	}
}
