package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// Chapter is a table of handlers that stand before others: its tasks are the
// rows, and the ways to do them the columns.
type Chapter struct {
	Name  string
	Form  Form
	Tasks []*Task
}

// Form says how the time of one way is set against that of another.
type Form int

// The values of Form.
const (
	Ratio      Form = iota // as a multiple of it
	Difference             // as what it takes longer
	Absolute               // not at all
)

// Task is a log call that goes through handlers to sinks.
type Task struct {
	Name string
	Ways []Way // the others are set against the first

	sinks    int
	encodes  bool // the sinks are handlers that write JSON; or else they do nothing
	parallel bool
	bind     func(slog.Handler) slog.Handler // With and WithGroup; nil for neither
	log      logging

	want    event
	arrives func(sink, call int) bool // nil: each call, at each sink
	once    []string                  // keys that are to be in each line once
	texts   []string                  // if not nil, lines are no JSON, but are to have these
}

// A logging makes a log call n times.
type logging func(ctx context.Context, l *slog.Logger, n int)

// Way is one way to do a task.
type Way struct {
	// Name is the package and the handler, as in "slog.MultiHandler".
	Name string
	// Version is that of the module, as that of a [Peer].
	Version string
	// Against is the name of the way that this one is set against, if that is not
	// the first of its task.
	Against string

	new          func(ends []*end) slog.Handler
	ctx          func() context.Context     // what is logged with; nil: nothing special
	log          logging                    // if not nil, in place of that of the task
	layout       func(event) map[string]any // of its lines; nil: that of log/slog
	repeats      bool                       // it writes a key twice, as log/slog does
	all          bool                       // each call arrives
	severalLines bool                       // it writes a record in more than one line
}

// open returns what the task is done with, and what is to be called when it is done.
func (t *Task) open(w Way, ends []*end) (context.Context, *slog.Logger, logging, func()) {
	ctx := context.Background()
	if w.ctx != nil {
		ctx = w.ctx()
	}
	h, done := w.new(ends), func() {}
	switch k := h.(type) {
	case keeper:
		done = func() { k.replay(ends[0].handler()) }
	case watched:
		h, done = k.Handler, k.end
	}
	if t.bind != nil {
		h = t.bind(h)
	}
	log := t.log
	if w.log != nil {
		log = w.log
	}
	return ctx, slog.New(h), log, done
}

// Check does the task a few times and returns an error unless at each sink arrives
// what is to arrive there, and nothing else. A panic is an error, too.
func (t *Task) Check(w Way) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bench: %s, %s: %w", w.Name, t.Name, err)
		}
	}()
	begun := time.Now()
	recorders := make([]recorder, t.sinks)
	ends := make([]*end, t.sinks)
	for i := range ends {
		ends[i] = &end{w: &recorders[i], encodes: true}
	}
	if err := caught(func() {
		ctx, logger, log, done := t.open(w, ends)
		for range calls {
			log(ctx, logger, 1)
		}
		done()
	}); err != nil {
		return err
	}
	for i := range recorders {
		want := t.due(w, i, calls)
		if got := len(recorders[i].lines); got != want {
			return fmt.Errorf("sink %d has %d lines, want %d", i+1, got, want)
		}
		if err := t.verify(w, recorders[i].lines, begun); err != nil {
			return fmt.Errorf("sink %d: %w", i+1, err)
		}
	}
	return nil
}

// due returns how many of n calls arrive at a sink.
func (t *Task) due(w Way, sink, n int) int {
	if t.arrives == nil || w.all {
		return n
	}
	due := 0
	for call := range n {
		if t.arrives(sink, call) {
			due++
		}
	}
	return due
}

func (t *Task) verify(w Way, lines [][]byte, begun time.Time) error {
	if t.texts != nil {
		for _, line := range lines {
			if err := shows(line, t.texts, w.severalLines); err != nil {
				return err
			}
		}
		return nil
	}
	for _, line := range lines {
		for _, key := range t.once {
			if n := bytes.Count(line, []byte(`"`+key+`":`)); n != 1 && !w.repeats {
				return fmt.Errorf("key %s is there %d times in %s", key, n, bytes.TrimSpace(line))
			}
		}
	}
	layout := standardLayout
	if w.layout != nil {
		layout = w.layout
	}
	return (&Case{want: t.want}).verify(Peer{time: "time", layout: layout}, lines, begun)
}

// shows returns an error unless what is written of a record has all texts, in one
// line or in several.
func shows(written []byte, texts []string, several bool) error {
	plain := escapes.ReplaceAll(written, nil)
	for _, text := range texts {
		if !bytes.Contains(plain, []byte(text)) {
			return fmt.Errorf("no %q in %q", text, plain)
		}
	}
	if n := bytes.Count(plain, []byte("\n")); !bytes.HasSuffix(plain, []byte("\n")) || n > 1 && !several {
		return fmt.Errorf("%q is not a line", plain)
	}
	return nil
}

// Run times the task done in one way. An error says that at a sink there arrived
// more or fewer records than there should.
func (t *Task) Run(b *testing.B, w Way) error {
	b.Helper()
	ends := make([]*end, t.sinks)
	for i := range ends {
		ends[i] = &end{w: new(Counter), encodes: t.encodes, shared: t.parallel}
	}
	ctx, logger, log, done := t.open(w, ends)
	b.ReportAllocs()
	b.ResetTimer()
	if t.parallel {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				log(ctx, logger, 1)
			}
		})
	} else {
		log(ctx, logger, b.N)
	}
	b.StopTimer()
	done()
	var errs []error
	for i, s := range ends {
		if got, want := s.arrived(), t.due(w, i, b.N); got != want {
			errs = append(errs, fmt.Errorf("bench: %s, %s: sink %d has %d records of %d, want %d", w.Name, t.Name, i+1, got, b.N, want))
		}
	}
	return errors.Join(errs...)
}
