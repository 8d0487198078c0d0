package handler

import (
	"context"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// TB is what a [Test] needs of a test. A *testing.T, a *testing.B and a *testing.F
// have it. If there is also a method Output() io.Writer, as they have, records are
// printed with that, so that they do not all seem to come from the same line.
type TB interface {
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// TestOptions are options for a [Test]. A zero TestOptions consists entirely of
// default values.
type TestOptions struct {
	// Level is the minimum level, asked for each record. Nil means all levels.
	Level slog.Leveler

	// Quiet keeps records from the log of the test. False prints each of them, as a
	// line of text with its source.
	Quiet bool

	// FailLevel is the level from which on a record fails the test, in which case
	// it is printed with Errorf. It is asked for each record. Nil means that none
	// does.
	FailLevel slog.Leveler

	// UntakenLevel is the level from which on a record fails the test if at its end
	// it has not been taken with Take or TakeFunc: every record has to be expected.
	// It is asked at the end. Nil means that none has to.
	UntakenLevel slog.Leveler
}

// Test is a [slog.Handler] for tests of what logs. It keeps each record for the test
// to look at, and prints it to the test's log, which go test shows if the test
// fails:
//
//	logs := handler.NewTest(t, &handler.TestOptions{FailLevel: slog.LevelError})
//	serve(slog.New(logs))
//	if logs.Records().Message("started").Attr("port", 8080) == nil {
//		t.Error("it did not say that it started")
//	}
//
// The records that it keeps hold all, as those of a [Func] do: what With has bound,
// in the groups that WithGroup has opened, with resolved values. A value that
// changes later is not seen to: it is copied, or if it cannot be what it printed is
// kept.
//
// When the test ends, nothing more is printed and no test is failed; what a
// goroutine still logs is kept.
//
// All methods are safe for concurrent use. There is no goroutine.
type Test struct {
	fn    *Func
	store *testStore
}

// testStore is what derived handlers share.
type testStore struct {
	t     TB // nil for none
	opts  TestOptions
	taker snapshot.Taker

	mu      sync.Mutex
	records []*slog.Record

	printing sync.RWMutex // held to write when the test ends
	ended    bool
}

var _ slog.Handler = (*Test)(nil)

// NewTest returns a Test for a test. If t is nil the records are only kept. Nil opts
// are the default options.
func NewTest(t TB, opts *TestOptions) *Test {
	s := &testStore{t: t}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Level == nil {
		s.opts.Level = slog.Level(math.MinInt)
	}
	if t != nil {
		t.Cleanup(s.end)
	}
	return &Test{NewFunc(s.handle, &FuncOptions{Level: s.opts.Level}), s}
}

func (s *testStore) handle(_ context.Context, r slog.Record) error {
	r = r.Clone()
	s.taker.Freeze(&r)
	s.mu.Lock()
	s.records = append(s.records, &r)
	s.mu.Unlock()
	s.print(r)
	return nil
}

func (s *testStore) print(r slog.Record) {
	fails := s.opts.FailLevel != nil && r.Level >= s.opts.FailLevel.Level()
	if s.t == nil || s.opts.Quiet && !fails {
		return
	}
	line := lineOf(r)
	s.printing.RLock() // the test cannot end meanwhile, after which its methods panic
	defer s.printing.RUnlock()
	if s.ended {
		return
	}
	if fails {
		s.t.Errorf("%s", strings.TrimSuffix(line, "\n"))
		return
	}
	if t, ok := s.t.(interface{ Output() io.Writer }); ok {
		_, _ = io.WriteString(t.Output(), line)
		return
	}
	s.t.Logf("%s", strings.TrimSuffix(line, "\n"))
}

// end is called when the test ends.
func (s *testStore) end() {
	s.printing.Lock()
	s.ended = true
	s.printing.Unlock()
	if s.opts.UntakenLevel == nil {
		return
	}
	level := s.opts.UntakenLevel.Level()
	s.mu.Lock()
	left := slices.Clone(s.records)
	s.mu.Unlock()
	for _, r := range left {
		if r.Level >= level {
			s.t.Errorf("not expected: %s", strings.TrimSuffix(lineOf(*r), "\n"))
		}
	}
}

// Enabled reports whether level is at or above the minimum level.
func (h *Test) Enabled(ctx context.Context, level slog.Level) bool { return h.fn.Enabled(ctx, level) }

// Handle keeps and prints the record.
func (h *Test) Handle(ctx context.Context, r slog.Record) error { return h.fn.Handle(ctx, r) }

// WithAttrs returns a Test whose records hold attrs. Their values are copied now.
func (h *Test) WithAttrs(as []slog.Attr) slog.Handler {
	if as = attrs.ResolveAll(as); len(as) == 0 {
		return h
	}
	return h.with(h.fn.WithAttrs(h.store.taker.Attrs(as)))
}

// WithGroup returns a Test whose records have all later attrs in a group.
func (h *Test) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(h.fn.WithGroup(name))
}

func (h *Test) with(fn slog.Handler) *Test {
	f, _ := fn.(*Func)
	return &Test{f, h.store}
}

// Records returns the records that have been logged with this handler and all that
// share their origin, in the order in which they came, but for those that have been
// taken.
func (h *Test) Records() Records {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return clones(h.store.records)
}

// Len returns how many records there are.
func (h *Test) Len() int {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return len(h.store.records)
}

// Take returns the records and forgets them.
func (h *Test) Take() Records {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	taken := clones(h.store.records)
	h.store.records = nil
	return taken
}

// TakeFunc returns the records for which take is true and forgets them. What is
// logged meanwhile is not among them.
func (h *Test) TakeFunc(take func(slog.Record) bool) Records {
	h.store.mu.Lock()
	all := slices.Clone(h.store.records)
	h.store.mu.Unlock()
	wanted := make(map[*slog.Record]bool)
	for _, r := range all {
		if take(r.Clone()) {
			wanted[r] = true
		}
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	var taken, left []*slog.Record
	for _, r := range h.store.records {
		if wanted[r] {
			taken = append(taken, r)
		} else {
			left = append(left, r)
		}
	}
	h.store.records = left
	return clones(taken)
}

// clones returns records that may be added to.
func clones(records []*slog.Record) Records {
	if len(records) == 0 {
		return nil
	}
	out := make(Records, len(records))
	for i, r := range records {
		out[i] = r.Clone()
	}
	return out
}
