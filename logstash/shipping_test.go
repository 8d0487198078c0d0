package logstash_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// listenBeats starts a Beats receiver that is gone at the end of the test.
func listenBeats(t testing.TB, opts *lstest.BeatsOptions) *lstest.Beats {
	t.Helper()
	srv, err := lstest.ListenBeats("127.0.0.1:0", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Kill)
	return srv
}

func listenTCP(t testing.TB) *lstest.TCP {
	t.Helper()
	srv, err := lstest.ListenTCP("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Kill)
	return srv
}

// dialShipper dials with quick retries; what opts sets counts.
func dialShipper(t testing.TB, addr string, opts logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	if opts.MinBackoff == 0 {
		opts.MinBackoff, opts.MaxBackoff = time.Millisecond, 10*time.Millisecond
	}
	if opts.FlushInterval == 0 {
		opts.FlushInterval = -1
	}
	s, err := logstash.Dial(addr, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // only the goroutines matter here
		checkAccounts(t, s)
	})
	return s
}

// checkAccounts checks what holds at every moment, and returns the accounts.
func checkAccounts(t testing.TB, s *logstash.Shipper) logstash.Stats {
	t.Helper()
	st := s.Stats()
	if st.Accepted != st.Written+st.Dropped+st.Queued+st.Spooled {
		t.Errorf("accepted %d, but written %d + dropped %d + queued %d + spooled %d",
			st.Accepted, st.Written, st.Dropped, st.Queued, st.Spooled)
	}
	if sum := st.DroppedFull + st.DroppedTooLarge + st.DroppedInvalid + st.DroppedRejected + st.DroppedSpool +
		st.DroppedShutdown; sum != st.Dropped {
		t.Errorf("dropped %d, but the reasons make %d", st.Dropped, sum)
	}
	if st.Queued == 0 && st.QueuedBytes != 0 {
		t.Errorf("nothing queued, but %d bytes", st.QueuedBytes)
	}
	return st
}

// within returns a context for something that takes far less time.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// waitFor waits until ok holds, which something else is to bring about.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func event(i int) string { return fmt.Sprintf(`{"id":%d,"message":"something happened"}`, i) }

// eventID returns the number that event put into an event, -1 if it has none.
func eventID(event []byte) int {
	digits, _, _ := bytes.Cut(bytes.TrimPrefix(event, []byte(`{"id":`)), []byte{','})
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return -1
	}
	return n
}

func writeEvents(t testing.TB, s *logstash.Shipper, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := io.WriteString(s, event(i)+"\n"); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
}

func stringsOf(events [][]byte) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = string(e)
	}
	return out
}

func eventRange(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, event(i))
	}
	return out
}

// errorLog is an OnError that remembers.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// await waits until n errors have been told: Close waits a second for OnError.
func (l *errorLog) await(t testing.TB, n int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d errors", n), func() bool { return len(l.all()) >= n })
}

func (l *errorLog) all() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]error(nil), l.errs...)
}
