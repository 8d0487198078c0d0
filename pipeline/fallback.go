package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/fanout"
)

// perSecond is how many records are printed to the fallback.
const perSecond = 10

// troubles knows which sinks fail, and prints to the fallback what these do not
// take.
type troubles struct {
	failing atomic.Int32 // how many sinks do
	out     fallback

	mu      sync.Mutex // guards what follows, and all trouble
	byName  map[string]*trouble
	off     bool  // Config.NoFallback
	second  int64 // of the clock
	printed int   // in it
}

// trouble is that of one sink, over all generations in which it is the same.
type trouble struct {
	failing bool
	since   time.Time
	last    time.Time // when it failed
	told    time.Time // when somebody was last told
	err     error
	mark    uint64 // what the sink had written when it failed last
	left    uint64 // records not printed
	over    bool   // there is no such sink any more
}

func (t *troubles) init() {
	t.byName = make(map[string]*trouble)
	t.out.turn = make(chan struct{}, 1)
}

// of returns the trouble of a sink.
func (t *troubles) of(name string) *trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.byName[name]
	if tr == nil {
		tr = new(trouble)
		t.byName[name] = tr
	}
	return tr
}

// follow turns to the sinks of g.
func (t *troubles) follow(g *generation) {
	t.out.w.Store(&g.fallback)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.off = g.cfg.NoFallback
	for name, tr := range t.byName {
		s := g.sink(name)
		switch {
		case s != nil:
			tr.mark = min(tr.mark, s.written()) // who counts may be new
		case tr.failing:
			t.failing.Add(-1)
			fallthrough
		default:
			tr.over = true
			delete(t.byName, name)
		}
	}
}

func (t *troubles) any() bool { return t.failing.Load() != 0 }

// fail notes a failure of a sink, and reports whether it is the first.
func (t *troubles) fail(tr *trouble, err error, written uint64, now time.Time) (first bool) {
	tr.err, tr.last, tr.mark = err, now, written
	if tr.failing || tr.over {
		return false
	}
	tr.failing, tr.since, tr.told, tr.left = true, now, now, 0
	t.failing.Add(1)
	return true
}

// calm is how long a sink must not have failed to work again.
const calm = time.Second

// ended notes that a sink works again, if it does.
func (t *troubles) ended(tr *trouble, written func() uint64, now time.Time) bool {
	if !tr.failing || tr.over || now.Sub(tr.last) < calm || written() <= tr.mark {
		return false
	}
	tr.failing = false
	t.failing.Add(-1)
	return true
}

// take is given a record that some sinks have not taken, or that is logged while a
// buffer cannot be written.
func (t *troubles) take(ctx context.Context, s *swap, g *generation, r slog.Record, err error) {
	now := time.Now()
	var told []slog.Record
	missed := make([]bool, len(g.sinks))
	t.mu.Lock()
	for e := range failures(err) {
		missed[e.Number-1] = true
		to := g.sinks[e.Number-1]
		if t.fail(to.trouble, e.Err, to.written(), now) {
			told = append(told, to.trouble.begins(to.cfg.Name))
		}
	}
	wanted := false
	for i, to := range g.sinks {
		if !to.trouble.failing {
			continue
		}
		missed[i] = missed[i] || to.res.buffer != nil && r.Level >= to.level.Level()
		wanted = wanted || missed[i]
	}
	told = append(told, t.look(g, now)...)
	printed := wanted && t.room(now)
	t.mu.Unlock()

	t.say(g, told)
	if printed && s.on(g, g.spare).Handle(ctx, r) == nil || !wanted {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, to := range g.sinks {
		if missed[i] {
			to.trouble.left++
		}
	}
}

// broke is told by a buffer that it cannot be written.
func (t *troubles) broke(g *generation, name string, tr *trouble, err error, written uint64) {
	t.mu.Lock()
	first := t.fail(tr, err, written, time.Now())
	begins := tr.begins(name)
	t.mu.Unlock()
	if first {
		t.say(g, []slog.Record{begins})
	}
}

// look returns what is to be said of sinks that work again, or still do not.
func (t *troubles) look(g *generation, now time.Time) (told []slog.Record) {
	for _, s := range g.sinks {
		tr := s.trouble
		switch {
		case t.ended(tr, s.written, now):
			told = append(told, tr.says(slog.LevelInfo, "log sink works again", s.cfg.Name, slog.String("after", tr.last.Sub(tr.since).Round(time.Millisecond).String())))
		case tr.failing && now.Sub(tr.told) >= time.Minute:
			tr.told = now
			told = append(told, tr.says(slog.LevelWarn, "log sink still fails", s.cfg.Name, slog.Any("error", tr.err), slog.Time("since", tr.since)))
		}
	}
	return told
}

// check is look for those who want to know while nothing is logged.
func (t *troubles) check(g *generation) {
	if !t.any() {
		return
	}
	t.mu.Lock()
	told := t.look(g, time.Now())
	t.mu.Unlock()
	t.say(g, told)
}

// last says what has not been printed, when the pipeline closes.
func (t *troubles) last(g *generation) {
	t.check(g)
	var told []slog.Record
	t.mu.Lock()
	for _, s := range g.sinks {
		if tr := s.trouble; tr.failing && tr.left > 0 {
			told = append(told, tr.says(slog.LevelWarn, "log sink fails at the end", s.cfg.Name, slog.Any("error", tr.err)))
			tr.left = 0
		}
	}
	t.mu.Unlock()
	t.say(g, told)
}

// room reports whether one more record may be printed.
func (t *troubles) room(now time.Time) bool {
	if s := now.Unix(); s != t.second {
		t.second, t.printed = s, 0
	}
	if t.off || t.printed >= perSecond {
		return false
	}
	t.printed++
	return true
}

func (tr *trouble) begins(name string) slog.Record {
	return note(slog.LevelError, "log sink fails: its records are printed here, at most 10 a second",
		slog.String("sink", name), slog.Any("error", tr.err))
}

func (tr *trouble) says(level slog.Level, msg, name string, attrs ...slog.Attr) slog.Record {
	r := note(level, msg, slog.String("sink", name))
	r.AddAttrs(attrs...)
	r.AddAttrs(slog.Uint64("not_printed", tr.left))
	return r
}

func note(level slog.Level, msg string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Now(), level, msg, 0)
	r.AddAttrs(attrs...)
	return r
}

// say prints records of our own.
func (t *troubles) say(g *generation, told []slog.Record) {
	if g.cfg.NoFallback {
		return
	}
	for i := range told {
		_ = g.spare.Handle(context.Background(), told[i]) // there is nobody left to tell
	}
}

// failures yields the failures of sinks that are in the error of a fan-out.
func failures(err error) func(yield func(*fanout.Error) bool) {
	return func(yield func(*fanout.Error) bool) { eachFailure(err, yield) }
}

func eachFailure(err error, yield func(*fanout.Error) bool) bool {
	switch e := err.(type) { //nolint:errorlint // the branches of the tree
	case nil:
	case *fanout.Error:
		return yield(e)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !eachFailure(err, yield) {
				return false
			}
		}
	case interface{ Unwrap() error }:
		return eachFailure(e.Unwrap(), yield)
	}
	return true
}

// A fallback is where the last resort writes. Who cannot have it soon does without:
// a standard error that nobody reads must not hold up a program.
type fallback struct {
	w     atomic.Pointer[io.Writer]
	turn  chan struct{}
	stuck atomic.Bool
}

var errFallbackBusy = errors.New("the fallback is busy")

// WriteLevel writes a line.
func (f *fallback) WriteLevel(_ slog.Level, line []byte) (int, error) {
	if !f.take() {
		return 0, errFallbackBusy
	}
	defer func() {
		f.stuck.Store(false)
		<-f.turn
	}()
	return (*f.w.Load()).Write(line)
}

// Write writes a line.
func (f *fallback) Write(line []byte) (int, error) { return f.WriteLevel(0, line) }

func (f *fallback) take() bool {
	select {
	case f.turn <- struct{}{}:
		return true
	default:
	}
	if f.stuck.Load() {
		return false
	}
	late := time.NewTimer(100 * time.Millisecond)
	defer late.Stop()
	select {
	case f.turn <- struct{}{}:
		return true
	case <-late.C:
		f.stuck.Store(true)
		return false
	}
}
