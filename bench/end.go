package bench

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"sync/atomic"
)

// An end is where records arrive: at a handler that writes JSON to w, or at one
// that does nothing but count.
type end struct {
	w       io.Writer
	encodes bool
	shared  bool  // more than one goroutine logs
	idle    int64 // records that a handler that does nothing got
}

// handler returns the handler of the sink, for all levels from INFO on.
func (s *end) handler() slog.Handler { return s.at(slog.LevelInfo) }

// at returns the handler of the sink for the levels from level on.
func (s *end) at(level slog.Level) slog.Handler {
	if s.encodes {
		return slog.NewJSONHandler(s.w, &slog.HandlerOptions{Level: level})
	}
	return &idler{end: s, level: level}
}

// arrived returns how many records have arrived.
func (s *end) arrived() int {
	n := atomic.LoadInt64(&s.idle)
	if c, ok := s.w.(*Counter); ok {
		n += c.writes.Load()
	}
	return int(n)
}

// idler is a handler that does nothing with a record.
type idler struct {
	*end
	level slog.Level
}

func (h *idler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *idler) Handle(context.Context, slog.Record) error {
	if h.shared {
		atomic.AddInt64(&h.idle, 1)
	} else {
		h.idle++
	}
	return nil
}

func (h *idler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *idler) WithGroup(string) slog.Handler      { return h }

// handlers returns the handlers of sinks.
func handlers(ends []*end) []slog.Handler {
	all := make([]slog.Handler, len(ends))
	for i, s := range ends {
		all[i] = s.handler()
	}
	return all
}

// escapes are what sets colors, and links, in a terminal.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m|\x1b\\]8;[^\x1b\a]*(\x1b\\\\|\a)")
