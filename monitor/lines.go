package monitor

import (
	"bytes"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

const (
	maxLine  = 8 << 10 // bytes of a line
	maxField = 4 << 10 // bytes of a value in it
)

// lines makes text of the records that somebody wants to see: the last errors, and
// what is watched.
type lines struct {
	encoder *jsonenc.Encoder
	shown   *atomic.Int64 // the lowest level that anybody wants to see
	errors  lastErrors

	mu       sync.Mutex // for changes of watchers
	watchers atomic.Pointer[[]*watcher]
}

// A line is what is shown of a record. It is never written again.
type line struct {
	level slog.Level // the record's, whatever ReplaceAttr makes of it
	text  []byte     // JSON and a newline
}

const nobody = math.MaxInt64 // wants to see anything

func (l *lines) init(o *Options, shown *atomic.Int64) {
	l.shown = shown
	own := []string{slog.TimeKey, slog.LevelKey, slog.SourceKey, slog.MessageKey}
	l.encoder = jsonenc.New(jsonenc.Rules{
		Replace: o.ReplaceAttr, Own: own, Keep: own, MaxField: maxField, MaxLine: maxLine,
	})
	l.errors.kept = make([]line, o.Errors)
	l.watchers.Store(new([]*watcher))
	l.setShown()
}

func (l *lines) setShown() {
	lowest := int64(nobody)
	if len(l.errors.kept) > 0 {
		lowest = int64(slog.LevelError)
	}
	for _, w := range *l.watchers.Load() {
		lowest = min(lowest, int64(w.min))
	}
	l.shown.Store(lowest)
}

func (l *lines) withAttrs(bound jsonenc.Bound, attrs []slog.Attr) jsonenc.Bound {
	return bound.WithAttrs(l.encoder, func(line *jsonenc.Line, b []byte) []byte {
		for _, a := range attrs {
			b = line.Attr(b, a)
		}
		return b
	})
}

// show makes a line of a record, once and only if somebody wants it and has room.
func (l *lines) show(h *Handler, r *slog.Record) {
	shown := line{level: r.Level}
	if r.Level >= slog.LevelError && l.errors.room(h.shared.second.Load()) {
		shown.text = l.encode(h, r)
		l.errors.add(shown)
	}
	for _, w := range *l.watchers.Load() {
		if r.Level < w.min {
			continue
		}
		if shown.text == nil && len(w.lines) < cap(w.lines) {
			shown.text = l.encode(h, r)
		}
		w.send(shown)
	}
}

// encode returns the record as slog.JSONHandler writes it with AddSource. A record
// without a time gets one.
func (l *lines) encode(h *Handler, r *slog.Record) []byte {
	line := l.encoder.Line()
	defer line.Free()
	b := append(line.Buf, '{') //nolint:gocritic // back in line.Buf below
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	b = line.Attr(b, slog.Time(slog.TimeKey, at.Round(0))) // without the monotonic clock
	b = line.Attr(b, slog.Any(slog.LevelKey, r.Level))
	if source := r.Source(); source != nil {
		b = line.Attr(b, slog.Any(slog.SourceKey, source))
	}
	b = line.Attr(b, slog.String(slog.MessageKey, r.Message))
	b = line.Begin(b, &h.bound)
	r.Attrs(func(a slog.Attr) bool {
		b = line.Attr(b, a)
		return true
	})
	b = line.End(b, &h.bound)
	line.Buf = line.Finish(append(b, '}'))
	return bytes.Clone(line.Buf)
}

// lastErrors are the last lines at ERROR and above.
type lastErrors struct {
	mu     sync.Mutex
	kept   []line // a ring
	n      uint64 // how many were kept so far
	second int64  // in which
	taken  int    // so many were
}

// room reports whether another line may be kept in this second: however many
// errors there are, looking at them costs so much and no more.
func (e *lastErrors) room(second int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if second != e.second {
		e.second, e.taken = second, 0
	}
	e.taken = min(e.taken+1, len(e.kept)+1)
	return e.taken <= len(e.kept)
}

func (e *lastErrors) add(l line) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept[e.n%uint64(len(e.kept))] = l
	e.n++
}

// lastErrors returns the lines of the last records at ERROR and above, the oldest
// first, and how many have been kept so far.
func (h *Handler) lastErrors() (lines []line, n uint64) {
	e := &h.shared.lines.errors
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n > uint64(len(e.kept)) {
		i := e.n % uint64(len(e.kept))
		return slices.Concat(e.kept[i:], e.kept[:i]), e.n
	}
	return slices.Clone(e.kept[:e.n]), e.n
}

// A watcher is given the lines from a level on. What it has no room for is
// counted.
type watcher struct {
	lines chan line // never closed

	from *lines
	min  slog.Level
	lost atomic.Uint64
}

// watch begins to make lines of the records at level and above, and keeps so many
// of them for a reader who is slow. The caller calls stop.
func (h *Handler) watch(level slog.Level, size int) *watcher {
	l := &h.shared.lines
	w := &watcher{lines: make(chan line, size), from: l, min: level}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers.Store(new(append(slices.Clone(*l.watchers.Load()), w)))
	l.setShown()
	return w
}

func (w *watcher) stop() {
	l := w.from
	l.mu.Lock()
	defer l.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(*l.watchers.Load()), func(o *watcher) bool { return o == w })
	l.watchers.Store(&others)
	l.setShown()
}

// send never waits. A line has no text if there was no room for it.
func (w *watcher) send(l line) {
	if l.text != nil {
		select {
		case w.lines <- l:
			return
		default:
		}
	}
	w.lost.Add(1)
}

// dropped returns how many lines there was no room for.
func (w *watcher) dropped() uint64 { return w.lost.Load() }
