package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func openInbox(t *testing.T) *Inbox {
	t.Helper()
	inbox, err := OpenInbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inbox.Close(); err != nil {
			t.Error(err)
		}
	})
	return inbox
}

func TestMeasureWholes(t *testing.T) {
	inbox := openInbox(t)
	for _, s := range Streams() {
		for _, w := range Wholes() {
			toll, err := w.Measure(Load{Bursts: 1, Flood: 200}, s, inbox)
			if err != nil {
				t.Error(err)
			} else if toll.Call <= 0 || toll.Call > time.Second {
				t.Errorf("%s, %s: %v", w.Name, s.Name, toll)
			}
		}
	}
}

func TestOpening(t *testing.T) {
	if open, shut, err := Opening(openInbox(t)); open <= 0 || shut <= 0 || err != nil {
		t.Errorf("%v, %v, %v", open, shut, err)
	}
}

// odd is a handler that does something else with a record.
type odd struct {
	slog.Handler
	handle func(next slog.Handler, r slog.Record) error
}

func (h odd) Handle(_ context.Context, r slog.Record) error { return h.handle(h.Handler, r) }

// number returns the value of the attr number.
func number(r slog.Record) (n int64) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "number" {
			n = a.Value.Int64()
		}
		return true
	})
	return n
}

// tearing is a writer that does not write the end of a certain line.
type tearing struct {
	io.Writer
	lines, at int
}

func (w *tearing) Write(p []byte) (int, error) {
	if w.lines++; w.lines == w.at {
		return w.Writer.Write(p[:len(p)-3])
	}
	return w.Writer.Write(p)
}

// TestMeasureFindsWhatIsWrong has records that are lost, come twice or elsewhere, are
// torn, or tell their secret, in a file and at a Logstash.
func TestMeasureFindsWhatIsWrong(t *testing.T) {
	inbox := openInbox(t)
	ctx := context.Background()
	all := []output{{"app.log", func(slog.Level, bool) bool { return true }}}
	file := func(change func(io.Writer) slog.Handler) func(dir, _ string) (service, error) {
		return func(dir, _ string) (service, error) {
			f, err := openLog(filepath.Join(dir, "app.log"))
			if err != nil {
				return service{}, err
			}
			return service{change(f), f.Sync, f.Close}, nil
		}
	}
	ship := func(change func(slog.Handler) slog.Handler) func(_, addr string) (service, error) {
		return func(_, addr string) (service, error) {
			s, err := logstash.Dial("beats://"+addr, nil)
			if err != nil {
				return service{}, err
			}
			return service{change(logstash.NewHandler(s, nil)), patient(s.Flush), s.Close}, nil
		}
	}
	changed := func(handle func(next slog.Handler, r slog.Record) error) (toFile func(io.Writer) slog.Handler, toBeats func(slog.Handler) slog.Handler) {
		return func(w io.Writer) slog.Handler { return odd{handler.NewJSONHandler(w, nil), handle} },
			func(h slog.Handler) slog.Handler { return odd{h, handle} }
	}
	loses, losesEvent := changed(func(next slog.Handler, r slog.Record) error {
		if number(r) == 25 {
			return nil
		}
		return next.Handle(ctx, r)
	})
	losesLast, losesLastEvent := changed(func(next slog.Handler, r slog.Record) error {
		if number(r) == 30+audits-1 {
			return nil
		}
		return next.Handle(ctx, r)
	})
	repeats, repeatsEvent := changed(func(next slog.Handler, r slog.Record) error {
		if number(r) == 25 {
			_ = next.Handle(ctx, r)
		}
		return next.Handle(ctx, r)
	})
	var kept slog.Record
	swaps, swapsEvents := changed(func(next slog.Handler, r slog.Record) error {
		switch number(r) {
		case 25:
			kept = r.Clone()
			return nil
		case 26:
			return errors.Join(next.Handle(ctx, r), next.Handle(ctx, kept))
		}
		return next.Handle(ctx, r)
	})
	asItIs, eventAsItIs := changed(func(next slog.Handler, r slog.Record) error { return next.Handle(ctx, r) })
	for _, tt := range []struct {
		name string
		w    Whole
		want string
	}{
		{"right", Whole{files: all, open: file(asItIs)}, ""},
		{"lost", Whole{files: all, open: file(loses)}, "app.log: record 26, want 25"},
		{"the last one is lost", Whole{files: all, open: file(losesLast)}, "app.log: record 32 is not there"},
		{"twice", Whole{files: all, open: file(repeats)}, "app.log: record 25, want 26"},
		{"in another order", Whole{files: all, open: file(swaps)}, "app.log: record 26, want 25"},
		{"torn", Whole{files: all, open: file(func(w io.Writer) slog.Handler {
			return slog.NewJSONHandler(&tearing{Writer: w, at: 20}, nil)
		})}, "is not a line of JSON"},
		{"a secret", Whole{files: all, redacts: true, open: file(asItIs)}, "app.log: a secret"},
		{"where it does not belong", Whole{files: []output{{"app.log", func(slog.Level, bool) bool { return false }}}, open: file(asItIs)}, "app.log: record 0, want"},
		{"no file", Whole{files: []output{{"errors.log", all[0].takes}}, open: file(asItIs)}, "errors.log: open"},

		{"right, shipped", Whole{ships: true, open: ship(eventAsItIs)}, ""},
		{"lost, shipped", Whole{ships: true, open: ship(losesEvent)}, "logstash: event 25 has the number 26"},
		{"the last one is lost, shipped", Whole{ships: true, open: ship(losesLastEvent)}, "logstash: lost"},
		{"twice, shipped", Whole{ships: true, open: ship(repeatsEvent)}, "logstash: event 26 has the number 25"},
		{"in another order, shipped", Whole{ships: true, open: ship(swapsEvents)}, "logstash: event 25 has the number 26"},
		{"a secret, shipped", Whole{ships: true, redacts: true, open: ship(eventAsItIs)}, "logstash: a secret"},
		{"shipped, but not to be", Whole{open: ship(eventAsItIs)}, "logstash: 33 lines for 0 records"},
		{"not opened", Whole{open: func(string, string) (service, error) { return service{}, errors.New("no way") }}, "no way"},
	} {
		tt.w.Name = "odd"
		_, err := tt.w.Measure(Load{Bursts: 1, Flood: 10}, Streams()[1], inbox)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestAPipelineAllocatesNothing is about records with five attrs, and all that a
// pipeline does with them until they are at Logstash.
func TestAPipelineAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	inbox := openInbox(t)
	for _, s := range Streams() {
		toll, err := Wholes()[1].Measure(Load{Bursts: 3, Flood: 2000}, s, inbox)
		if err != nil {
			t.Fatal(err)
		}
		// What is left is for each batch and each flush.
		if toll.Allocs > 0.1 {
			t.Errorf("%s: %.3f allocations for a record, want none", s.Name, toll.Allocs)
		}
	}
}
