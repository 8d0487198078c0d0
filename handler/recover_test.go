package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

func TestRecoverKeepsPanicsFromTheProgram(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"Enabled", "Handle", "WithAttrs", "WithGroup"} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			log := newRecordLog()
			var got []error
			h := handler.NewRecover(panicHandler{log, in, io.ErrUnexpectedEOF}, &handler.RecoverOptions{
				OnError: func(err error) { got = append(got, err); panic("hook") },
			})
			d := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)}).WithGroup("h")
			if !d.Enabled(t.Context(), slog.LevelInfo) {
				t.Error("not enabled")
			}
			err := d.Handle(t.Context(), plainRecord(slog.Int("c", 3)))
			if (err != nil) != (in == "Handle") {
				t.Errorf("Handle returns %v", err)
			}
			if len(got) != 1 {
				t.Fatalf("OnError was called with %v", got)
			}
			var pe *handler.PanicError
			if !errors.As(got[0], &pe) || pe.Value != io.ErrUnexpectedEOF || !errors.Is(pe, io.ErrUnexpectedEOF) { //nolint:errorlint // the very value
				t.Errorf("OnError was called with %v", got)
			}
			if text := pe.Error(); !strings.HasPrefix(text, "handler: panic in handler_test.panicHandler."+in+": unexpected EOF at ") ||
				!strings.Contains(text, "panicHandler.panics") || strings.Contains(text, "\n") {
				t.Errorf("error %q", text)
			}
			want := handler.Stats{Accepted: 1, Written: 1}
			if in == "Handle" {
				want = handler.Stats{Accepted: 1, Dropped: 1}
				log.want(t)
			} else {
				log.want(t, `{"a":1,"g":{"b":2,"h":{"c":3}}}`)
			}
			if diff := cmp.Diff(want, h.Stats()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecoverResolvesWhatItKeepsOnce(t *testing.T) {
	t.Parallel()
	log, calls := newRecordLog(), 0
	valuer := volumeValuer{func() slog.Value { calls++; return slog.IntValue(calls) }}
	l := slog.New(handler.NewRecover(panicHandler{log, "WithAttrs", io.EOF}, nil)).With("v", valuer)
	l.Info("m")
	l.Info("m")
	log.want(t, `{"v":1}`, `{"v":1}`)
}

func TestPanicErrorHasTheStackOfThePanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"panic":         func() { panic("boom") },
		"nil pointer":   func() { _ = noRecord().Message },
		"out of bounds": func() { s := plainRecord(); _ = []int{}[s.NumAttrs()] },
		"panic again":   func() { defer func() { panic(fmt.Sprint(recover(), 2)) }(); panic("boom") },
	} {
		h := handler.NewFunc(func(context.Context, slog.Record) error { f(); return nil }, nil)
		var pe *handler.PanicError
		if err := h.Handle(t.Context(), plainRecord()); !errors.As(err, &pe) {
			t.Fatalf("%s: %v", name, err)
		}
		frames := runtime.CallersFrames(pe.Callers())
		first, _ := frames.Next()
		if !strings.Contains(first.Function, "TestPanicErrorHasTheStackOfThePanic") || !strings.HasSuffix(first.File, "recover_test.go") {
			t.Errorf("%s: the stack begins with %+v", name, first)
		}
	}
}

func TestPanicErrorPrintsEveryValue(t *testing.T) {
	t.Parallel()
	endless := map[string]any{}
	endless["self"] = endless
	for want, v := range map[string]any{
		": boom at ": "boom", ": 7 at ": 7, ": EOF at ": io.EOF, ": (map[string]interface {}) at ": endless, ": 1m0s at ": time.Minute,
		": (*int) at ": new(int), ": <nil> at ": (*stackNilError)(nil), ": !PANIC: Error at ": stackPanicError{},
	} {
		h := handler.NewFunc(func(context.Context, slog.Record) error { panic(v) }, nil)
		if err := h.Handle(t.Context(), plainRecord()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("panic(%T): %v, want %q in it", v, err, want)
		}
	}
}

func noRecord() *slog.Record { return nil }

func TestRecoverPassesErrorsOn(t *testing.T) {
	t.Parallel()
	var got error
	h := handler.NewRecover(handler.NewFunc(func(context.Context, slog.Record) error { return io.ErrClosedPipe }, nil),
		&handler.RecoverOptions{OnError: func(err error) { got = err }})
	if err := h.Handle(t.Context(), plainRecord()); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(got, io.ErrClosedPipe) {
		t.Errorf("Handle returns %v, OnError got %v", err, got)
	}
	if diff := cmp.Diff(handler.Stats{Accepted: 1, Dropped: 1}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestRecoverLetsGoexitThrough(t *testing.T) {
	t.Parallel()
	h := handler.NewRecover(handler.NewFunc(func(context.Context, slog.Record) error { runtime.Goexit(); return nil }, nil), nil)
	survived, done := false, make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Handle(context.Background(), plainRecord())
		survived = true
	}()
	<-done
	if survived {
		t.Error("the goroutine did not end")
	}
	if s := h.Stats(); s.Accepted != 1 || s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}

// Not parallel: it counts allocations.
func TestRecoverAllocates(t *testing.T) {
	h := handler.NewRecover(handler.NewJSONHandler(io.Discard, nil), nil)
	r := plainRecord(slog.Int("k", 0))
	ctx := t.Context()
	allocsOf(t, "Handle", 0, func() { _ = h.Handle(ctx, r) })
	allocsOf(t, "Enabled", 0, func() { h.Enabled(ctx, slog.LevelInfo) })
}

func BenchmarkRecover(b *testing.B) {
	json := handler.NewJSONHandler(io.Discard, nil)
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	for name, h := range map[string]slog.Handler{"without": json, "with": handler.NewRecover(json, nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(b.Context(), r)
			}
		})
	}
}

func ExampleNewRecover() {
	broken := handler.NewFunc(func(context.Context, slog.Record) error { return errors.New("no connection") }, nil)
	h := handler.NewRecover(broken, &handler.RecoverOptions{
		OnError: func(err error) { fmt.Println("a record is lost:", err) },
	})
	slog.New(h).Info("hello") // slog.Logger throws errors away, and lets panics through
	fmt.Printf("%+v\n", h.Stats())
	// Output:
	// a record is lost: handler: func: no connection
	// {Accepted:1 Written:0 Dropped:1 WrittenBytes:0}
}

// A stack of a panic is printed as that of any error that has one.
func ExamplePanicError() {
	h := handler.NewFunc(func(context.Context, slog.Record) error { panic("no connection") }, nil)
	err := h.Handle(context.Background(), slog.Record{})
	if pe, ok := errors.AsType[*handler.PanicError](err); ok {
		fmt.Println(pe.Value, len(pe.Callers()) > 0)
	}
	// Output:
	// no connection true
}
