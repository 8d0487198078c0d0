package faults_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/sluicelog/sluice/internal/testlog"
)

// A sink is a JSON handler, and what it has written.
type sink struct {
	slog.Handler
	*testlog.Buffer
}

func newSink() sink {
	b := new(testlog.Buffer)
	return sink{slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: timeless}), b}
}

// timeless leaves out the time.
func timeless(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// printed returns the lines that were written, without what all of them have.
func (s sink) printed() string {
	return strings.TrimSpace(strings.ReplaceAll(s.String(), `"level":"INFO","msg":"m"`, "…"))
}

// vandal changes the slice it is given, as a handler may.
type vandal struct{ slog.Handler }

func (v vandal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range attrs {
		attrs[i] = slog.String(attrs[i].Key, "vandalised")
	}
	return vandal{v.Handler.WithAttrs(attrs)}
}

func (v vandal) WithGroup(name string) slog.Handler { return vandal{v.Handler.WithGroup(name)} }

// failing fails to take records, or panics.
type failing struct {
	slog.Handler
	panics bool
}

var errRefused = errors.New("no space left on device")

func (f failing) Handle(context.Context, slog.Record) error {
	if f.panics {
		panic(errRefused)
	}
	return errRefused
}

func (f failing) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f failing) WithGroup(string) slog.Handler      { return f }

// Values that misbehave, or only look as if they did.
type (
	panicker struct{}
	masked   string // a LogValuer that does not show what it holds
	selfish  struct{}
	absent   struct{ name string } // through a nil pointer
	wrong    struct{ code int }    // an error, through a nil pointer
)

func (panicker) LogValue() slog.Value  { panic("no value") }
func (m masked) LogValue() slog.Value  { return slog.StringValue(strings.Repeat("*", len(m))) }
func (s selfish) LogValue() slog.Value { return slog.AnyValue(s) }
func (a *absent) LogValue() slog.Value { return slog.StringValue(a.name) }
func (w *wrong) Error() string         { return "code " + string(rune('0'+w.code)) }
