package logstash_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// gated is a Transport that holds back every Send until it is opened.
type gated struct {
	fakeTransport

	open func()
	gate chan struct{}
}

func newGated() *gated {
	g := &gated{gate: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.gate) })
	g.send = func(ctx context.Context, events [][]byte) (int, error) {
		select {
		case <-g.gate:
			return len(events), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return g
}

// arrived returns all that was sent, attempts that failed included.
func (f *fakeTransport) arrived() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.batches...)
}

// dropLog is an OnDrop that remembers.
type dropLog struct {
	mu      sync.Mutex
	events  []string
	reasons []error
}

func (l *dropLog) add(event []byte, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, string(event))
	l.reasons = append(l.reasons, reason)
}

func (l *dropLog) all() ([]string, []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events), slices.Clone(l.reasons)
}

// writeLevel writes one event, which is to be taken.
func writeLevel(t testing.TB, s *logstash.Shipper, level slog.Level, event string) {
	t.Helper()
	if _, err := s.WriteLevel(level, []byte(event)); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
}

// abandon ends a Shipper at once, whatever it has.
func abandon(s *logstash.Shipper) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Shutdown(ctx) // only its goroutines matter
}

// padded returns an event of a certain length.
func padded(id, length int) string {
	e := event(id)
	return e[:len(e)-2] + strings.Repeat("x", max(length-len(e), 0)) + `"}`
}

// idsOf returns the numbers of events.
func idsOf(events []string) []int {
	var out []int
	for _, e := range events {
		out = append(out, eventID([]byte(e)))
	}
	return out
}

// retryInError is a failure that says when to try again.
type retryInError struct {
	error

	after time.Duration
}

func (e retryInError) RetryAfter() time.Duration { return e.after }
