package bench

import (
	"context"
	"flag"
	"log/slog"
	"strings"
	"testing"
)

// clumsy is a handler that does with a record what it is told to.
type clumsy struct {
	slog.Handler
	handle func(ctx context.Context, next slog.Handler, r slog.Record) error
}

func (c clumsy) Handle(ctx context.Context, r slog.Record) error { return c.handle(ctx, c.Handler, r) }

// clumsily returns a way that does so with what is for the first sink.
func clumsily(handle func(ctx context.Context, next slog.Handler, r slog.Record) error) Way {
	return Way{Name: "clumsy", new: func(ends []*end) slog.Handler {
		all := handlers(ends)
		all[0] = clumsy{all[0], handle}
		return slog.NewMultiHandler(all...)
	}}
}

func TestTaskCheckFindsWhatIsWrong(t *testing.T) {
	rewritten := func(rewrite func(slog.Attr) slog.Attr) Way {
		return clumsily(func(ctx context.Context, next slog.Handler, r slog.Record) error {
			other := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
			r.Attrs(func(a slog.Attr) bool {
				other.AddAttrs(rewrite(a))
				return true
			})
			return next.Handle(ctx, other)
		})
	}
	calls := 0
	tests := []struct {
		name string
		way  Way
		want string
	}{
		{"nothing", Way{Name: "right", new: multiHandler}, ""},
		{"a lost record", clumsily(func(context.Context, slog.Handler, slog.Record) error { return nil }), "sink 1 has 0 lines, want 3"},
		{"a lost second record", clumsily(func(ctx context.Context, next slog.Handler, r slog.Record) error {
			if calls++; calls == 2 {
				return nil
			}
			return next.Handle(ctx, r)
		}), "sink 1 has 2 lines, want 3"},
		{"a record too many", clumsily(func(ctx context.Context, next slog.Handler, r slog.Record) error {
			_ = next.Handle(ctx, r)
			return next.Handle(ctx, r)
		}), "sink 1 has 6 lines, want 3"},
		{"another value", rewritten(func(a slog.Attr) slog.Attr {
			if a.Key == "status" {
				a.Value = slog.IntValue(500)
			}
			return a
		}), "sink 1: /status: 500, want 200"},
		{"a missing attr", rewritten(func(a slog.Attr) slog.Attr {
			if a.Key == "status" {
				return slog.Attr{}
			}
			return a
		}), "key status is there 0 times"},
		{"a key twice", clumsily(func(ctx context.Context, next slog.Handler, r slog.Record) error {
			r = r.Clone()
			r.AddAttrs(slog.Int("status", 200))
			return next.Handle(ctx, r)
		}), "key status is there 2 times"},
		{"a panic", clumsily(func(context.Context, slog.Handler, slog.Record) error { panic("spoiled") }), "panic: spoiled"},
		{"a panic when it is made", Way{Name: "unmade", new: func([]*end) slog.Handler { panic("unmade") }}, "panic: unmade"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task := &Task{Name: "t", sinks: 2, log: logServed, want: served(nil), once: []string{"status"}}
			err := task.Check(tt.way)
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTaskCheckFindsWhatIsNotToArrive(t *testing.T) {
	task := &Task{Name: "t", sinks: 2, log: logServed, want: served(nil), arrives: func(sink, call int) bool {
		return sink == 0 && call == 0
	}}
	if err := task.Check(Way{Name: "all", new: multiHandler}); err == nil || !strings.Contains(err.Error(), "sink 1 has 3 lines, want 1") {
		t.Errorf("got %v", err)
	}
	if err := task.Check(Way{Name: "all", new: multiHandler, all: true}); err != nil {
		t.Error(err)
	}
}

func TestTaskCheckReadsTexts(t *testing.T) {
	tests := []struct {
		name, written string
		several       bool
		want          string
	}{
		{"all is there", "served method=GET\n", false, ""},
		{"colors do not count", "served \x1b[2mmethod=\x1b[0m\x1b]8;;x\x1b\\GET\x1b]8;;\x1b\\\n", false, ""},
		{"a text is missing", "served method=PUT\n", false, `no "method=GET"`},
		{"two lines", "served\nmethod=GET\n", false, "is not a line"},
		{"two lines that may be", "served\nmethod=GET\n", true, ""},
		{"no newline", "served method=GET", true, "is not a line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task := &Task{Name: "t", sinks: 1, texts: []string{"served", "method=GET"}, log: func(ctx context.Context, l *slog.Logger, n int) {
				for range n {
					l.InfoContext(ctx, "m")
				}
			}}
			err := task.Check(Way{Name: "w", severalLines: tt.several, new: func(ends []*end) slog.Handler {
				return clumsy{ends[0].handler(), func(context.Context, slog.Handler, slog.Record) error {
					_, err := ends[0].w.Write([]byte(tt.written))
					return err
				}}
			}})
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTaskRunCountsRecords(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value
	asked := benchtime.String()
	t.Cleanup(func() { _ = benchtime.Set(asked) })
	if err := benchtime.Set("1ms"); err != nil {
		t.Fatal(err)
	}
	twice := clumsily(func(ctx context.Context, next slog.Handler, r slog.Record) error {
		_ = next.Handle(ctx, r)
		return next.Handle(ctx, r)
	})
	for _, task := range []*Task{
		{Name: "JSON", sinks: 2, encodes: true, log: logServed},
		{Name: "nothing", sinks: 2, log: logServed},
		{Name: "parallel", sinks: 2, log: logServed, parallel: true},
	} {
		for _, w := range []Way{twice, {Name: "right", new: multiHandler}} {
			var err error
			testing.Benchmark(func(b *testing.B) {
				if e := task.Run(b, w); e != nil {
					err = e
				}
			})
			if (err != nil) != (w.Name == "clumsy") || err != nil && !strings.Contains(err.Error(), "sink 1 has ") {
				t.Errorf("%s, %s: got %v", task.Name, w.Name, err)
			}
		}
	}
}
