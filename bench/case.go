package bench

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// Case is a record and the way it is logged.
type Case struct {
	Name string

	opts     *slog.HandlerOptions
	bind     func(slog.Handler) slog.Handler // With and WithGroup; nil for neither
	log      func(context.Context, *slog.Logger)
	record   []slog.Attr // if not nil, Handle is called with these, and log is not
	parallel bool
	want     event  // without what has the secret in it
	secret   string // in what is logged; not to be in the line of a peer that redacts
}

// An event is what a line is to say, in the words of no library.
type event struct {
	level   slog.Level
	message string
	attrs   map[string]any
	err     error // the attr "error"
	source  bool
}

// call returns a function that logs the record once, on a handler of its own.
func (c *Case) call(h slog.Handler) func() {
	ctx := context.Background()
	if c.record != nil {
		r := slog.NewRecord(time.Now(), c.want.level, c.want.message, 0)
		r.AddAttrs(c.record...)
		return func() { _ = h.Handle(ctx, r) }
	}
	if c.bind != nil {
		h = c.bind(h)
	}
	logger := slog.New(h)
	return func() { c.log(ctx, logger) }
}

// Run times the case with the peer's handler, which must have what the case
// needs. What the handler has left to goroutines is waited for and counts. An
// error says that there were more or fewer lines than records.
func (c *Case) Run(b *testing.B, p Peer) (err error) {
	b.Helper()
	defer func() {
		if err != nil {
			err = fmt.Errorf("bench: %s, %s: %w", p.Name, c.Name, err)
		}
	}()
	w := new(Counter)
	call := c.call(p.new(w, c.opts))
	b.ReportAllocs()
	if c.parallel {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call()
			}
		})
		return w.Wait(b.N)
	}
	for b.Loop() {
		call()
	}
	b.StartTimer() // Loop has stopped it
	defer b.StopTimer()
	return w.Wait(b.N)
}
