package snapshot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/snapshot"
	"github.com/sluicelog/sluice/logstash"
)

// printer is a handler that does with a value what handlers commonly do.
type printer struct{ w io.Writer }

func (printer) Enabled(context.Context, slog.Level) bool { return true }
func (p printer) WithAttrs([]slog.Attr) slog.Handler     { return p }
func (p printer) WithGroup(string) slog.Handler          { return p }
func (p printer) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		p.value(a.Key, a.Value.Resolve())
		return true
	})
	return nil
}

func (p printer) value(key string, v slog.Value) {
	if v.Kind() == slog.KindGroup {
		for _, a := range v.Group() {
			p.value(key+"."+a.Key, a.Value.Resolve())
		}
		return
	}
	a := v.Any()
	fmt.Fprintf(p.w, "%s: %v|%+v|%s|%s", key, a, a, a, fmt.Sprint(a))
	if e, ok := a.(error); ok {
		fmt.Fprintf(p.w, " error %s", caught(e.Error))
		_, marshals := a.(json.Marshaler)
		fmt.Fprintf(p.w, " marshals %v", marshals)
	}
	if s, ok := a.(fmt.Stringer); ok {
		fmt.Fprintf(p.w, " string %s", caught(s.String))
	}
}

// caught returns the text of a method, with the placeholder of log/slog for one
// that panics.
func caught(method func() string) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint("!PANIC: ", r)
		}
	}()
	return method()
}

var handlers = []struct {
	name    string
	create  func(w io.Writer) slog.Handler
	follows bool // it follows a cyclic value without an end
	forms   snapshot.Forms
}{
	{"slog.JSONHandler", func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }, false, snapshot.JSON},
	{"slog.TextHandler", func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }, true, snapshot.Text},
	{"handler.JSONHandler", func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) }, false, snapshot.JSON},
	{"handler.ConsoleHandler", func(w io.Writer) slog.Handler {
		return handler.NewConsoleHandler(w, &handler.ConsoleOptions{Color: handler.ColorNever})
	}, false, snapshot.Text},
	{"logstash.Handler", func(w io.Writer) slog.Handler { return logstash.NewHandler(w, nil) }, false, snapshot.JSON | snapshot.String},
	{"logstash.Handler in ECS", func(w io.Writer) slog.Handler {
		return logstash.NewHandler(w, &logstash.Options{Profile: logstash.ECS, StackHash: true})
	}, false, snapshot.String},
	{"a handler with fmt", func(w io.Writer) slog.Handler { return printer{w} }, true, snapshot.Unknown},
}

var addresses = regexp.MustCompile(`0x[0-9a-f]{6,}`)

// prints returns what each handler prints of a record.
func prints(tb testing.TB, r slog.Record, cyclic bool) map[string]string {
	tb.Helper()
	out := map[string]string{}
	for _, h := range handlers {
		if cyclic && h.follows {
			continue
		}
		var buf bytes.Buffer
		if err := h.create(&buf).Handle(tb.Context(), r); err != nil {
			tb.Fatal(err)
		}
		out[h.name] = addresses.ReplaceAllString(buf.String(), "ADDRESS")
	}
	return out
}

func TestTakerPrintsWhatWasThere(t *testing.T) {
	t.Parallel()
	for _, clones := range []bool{false, true} {
		for _, tt := range specimens() {
			for _, key := range []string{"k", "error", "tags"} {
				t.Run(fmt.Sprint(tt.name, "/", key, "/CloneStrings ", clones), func(t *testing.T) {
					t.Parallel()
					taker := snapshot.Taker{CloneStrings: clones}
					var v [2]any
					var change func()
					for i := range v { // at the same line, for the errors with a stack
						v[i], change = tt.make()
					}
					want := prints(t, record(slog.Any(key, v[0])), tt.cyclic)
					got, size := taker.Record(record(slog.Any(key, v[1])))
					bound := taker.Attrs([]slog.Attr{slog.Any(key, v[1])})
					again, _ := taker.Record(got)
					restricted := map[string]slog.Record{}
					for _, h := range handlers {
						if h.forms == snapshot.Unknown || tt.cyclic && h.follows {
							continue
						}
						taker := snapshot.Taker{CloneStrings: clones, Forms: h.forms}
						restricted[h.name], _ = taker.Record(record(slog.Any(key, v[1])))
					}
					change()
					if key == "tags" && strings.HasPrefix(fmt.Sprintf("%T", first(got).Any()), "*snapshot.") {
						t.Skip("a list that is rendered is no list of tags any more")
					}
					for name, r := range map[string]slog.Record{
						"the snapshot": got, "a snapshot of the snapshot": again, "bound attrs": record(bound...),
					} {
						if diff := cmp.Diff(want, prints(t, r, tt.cyclic)); diff != "" {
							t.Errorf("%s (%T): mismatch (-want +got):\n%s", name, first(r).Any(), diff)
						}
					}
					for name, r := range restricted {
						if diff := cmp.Diff(want[name], prints(t, r, tt.cyclic)[name]); diff != "" {
							t.Errorf("in the form of %s (%T): mismatch (-want +got):\n%s", name, first(r).Any(), diff)
						}
					}
					if size < int64(len("request done")+len(key)) {
						t.Errorf("size %d", size)
					}
				})
			}
		}
	}
}

func first(r slog.Record) (v slog.Value) {
	r.Attrs(func(a slog.Attr) bool {
		v = a.Value
		return false
	})
	return v
}
