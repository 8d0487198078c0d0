package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// shipment is a Shipper under test, and what it was told.
type shipment struct {
	*logstash.Shipper

	t    testing.TB
	sent int

	mu   sync.Mutex
	errs []string
	down bool
}

// dial opens a Shipper that tries again soon.
func dial(t testing.TB, addr string, opts *redis.Options, dial logstash.DialOptions) *shipment {
	t.Helper()
	s := &shipment{t: t}
	dial.Schemes = []logstash.Scheme{redis.Scheme(opts)}
	if dial.MinBackoff == 0 {
		dial.MinBackoff, dial.MaxBackoff = 5*time.Millisecond, 50*time.Millisecond
	}
	if dial.FlushInterval == 0 {
		dial.FlushInterval = 5 * time.Millisecond
	}
	dial.OnError = func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errs = append(s.errs, err.Error())
	}
	dial.OnState = func(h logstash.Health) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.down = s.down || h.State == logstash.Down
	}
	shipper, err := logstash.Dial(addr, &dial)
	if err != nil {
		t.Fatal(err)
	}
	s.Shipper = shipper
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // it has been checked, or does not matter
	})
	return s
}

// write writes the next n events.
func (s *shipment) write(n int) {
	s.t.Helper()
	for range n {
		if _, err := s.Write(event(s.sent)); err != nil {
			s.t.Fatal(err)
		}
		s.sent++
	}
}

// event returns an event that a ledger can account for.
func event(id int) []byte {
	return lstest.AppendEvent(nil, 0, id, "a message that is about as long as they are "+strings.Repeat("·", 40))
}

// flush waits until all that was written has been acked.
func (s *shipment) flush() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// told reports whether OnError has had an error with a text.
func (s *shipment) told(text string) bool {
	return strings.Contains(strings.Join(s.troubles(), "\n"), text)
}

// troubles returns what OnError has had.
func (s *shipment) troubles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// wasDown reports whether OnState has been told of it, or OnError of its end: it may be over before OnState is called.
func (s *shipment) wasDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down || slices.ContainsFunc(s.errs, func(err string) bool { return strings.Contains(err, "recovered after ") })
}

// awaitError waits for an error with all of the texts.
func (s *shipment) awaitError(texts ...string) {
	s.t.Helper()
	is := func() bool {
		err := s.Stats().LastError
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) {
				return false
			}
		}
		return true
	}
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			s.t.Fatalf("last error: %v; want %q", s.Stats().LastError, texts)
		}
		<-tick.C
	}
}

// check flushes and closes, and compares what was written with what is there: nothing lost,
// in order but for batches sent again, and no more duplicates than Stats says. It returns
// how many there are.
func (s *shipment) check(entries func() []string) (duplicates int) {
	s.t.Helper()
	s.flush()
	st := s.Stats()
	if err := s.Close(); err != nil {
		s.t.Error(err)
	}
	if n := uint64(s.sent); st.Accepted != n || st.Written != n || st.Queued+st.Spooled+st.Dropped != 0 {
		s.t.Errorf("accounts of %d events: %+v", s.sent, st)
	}
	ledger := account(entries())
	if missing := ledger.Missing(0, s.sent); len(missing) > 0 || ledger.Strange() > 0 || ledger.Unique() != s.sent {
		s.t.Errorf("%d of %d events are missing (the first ones %v), %s", len(missing), s.sent, missing[:min(len(missing), 5)], ledger.FirstOdd())
	}
	duplicates = ledger.Duplicates()
	if uint64(duplicates) > st.Resent {
		s.t.Errorf("%d duplicates, but Stats.Resent %d", duplicates, st.Resent)
	}
	if duplicates == 0 && ledger.OrderBreaks() > 0 {
		s.t.Errorf("out of order: %s", ledger.FirstOdd())
	}
	return duplicates
}

// account enters what is in a list.
func account(entries []string) *lstest.Ledger {
	ledger := new(lstest.Ledger)
	receive := ledger.Receiver()
	for _, entry := range entries {
		receive(1, []byte(entry))
	}
	return ledger
}

// openTransport returns the Transport to an address, outside of a Shipper.
func openTransport(tb testing.TB, addr string, opts *redis.Options, dial *logstash.DialOptions) logstash.Transport {
	tb.Helper()
	var o logstash.DialOptions
	if dial != nil {
		o = *dial
	}
	scheme := redis.Scheme(opts)
	open := scheme.Open
	var transport logstash.Transport
	scheme.Open = func(to logstash.Remote) (logstash.Transport, error) {
		var err error
		transport, err = open(to)
		return idle{}, err
	}
	o.Schemes = []logstash.Scheme{scheme}
	shipper, err := logstash.Dial(addr, &o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(shipper.Close(), transport.Close()); err != nil {
			tb.Error(err)
		}
	})
	return transport
}

// idle is a Transport that gets nothing to do.
type idle struct{}

func (idle) Send(context.Context, [][]byte) (int, error) { return 0, nil }
func (idle) Close() error                                { return nil }

func addrOf(host, key string) string { return fmt.Sprintf("redis://%s/%s", host, key) }
