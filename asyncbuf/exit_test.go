package asyncbuf_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// flushSink is a sink whose Flush does something the first time.
type flushSink struct {
	testlog.Buffer

	flush func(context.Context) error
	first sync.Once
}

func (s *flushSink) Flush(ctx context.Context) (err error) {
	s.first.Do(func() { err = s.flush(ctx) })
	return err
}

// panics calls f and returns what it panics with.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestFlushOnPanicPanicsAgainWhateverTheFlushDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flush func(context.Context) error
		takes time.Duration
	}{
		{"succeeds", func(context.Context) error { return nil }, 0},
		{"fails", func(context.Context) error { return errors.New("broken") }, 0},
		{"panics", func(context.Context) error { panic("broken") }, 0},
		{"ends its goroutine", func(context.Context) error { runtime.Goexit(); return nil }, 0},
		{"waits for ctx", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 5 * time.Second},
		{"hangs", func(context.Context) error { <-time.After(time.Minute); return nil }, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sink := &flushSink{flush: tt.flush}
				buf := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
				defer buf.Close()
				boom, start := errors.New("boom"), time.Now()
				got := panics(func() {
					defer buf.FlushOnPanic()
					_, _ = buf.Write([]byte("last words\n"))
					panic(boom)
				})
				if got != any(boom) {
					t.Errorf("panicked with %v, want %v", got, boom)
				}
				if took := time.Since(start); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				if sink.String() != "last words\n" {
					t.Errorf("the sink has %q", sink.String())
				}
				<-time.After(time.Minute) // for the flush that hangs
			})
		})
	}
}

func TestFlushOnPanicDoesNothingWithoutAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &flushSink{flush: func(context.Context) error { return nil }}
		buf := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
		defer buf.Close()
		for name, end := range map[string]func(){"return": func() {}, "Goexit": runtime.Goexit} {
			var ended sync.WaitGroup
			ended.Go(func() {
				defer buf.FlushOnPanic()
				_, _ = buf.Write([]byte("line\n"))
				end()
			})
			ended.Wait()
			if sink.String() != "" {
				t.Errorf("%s: flushed", name)
			}
		}
	})
}

func TestSecondSignal(t *testing.T) {
	t.Parallel()
	type signals map[time.Duration]os.Signal
	for _, tt := range []struct {
		name   string
		flush  time.Duration // what it takes
		second signals       // after the first one, SIGTERM
		want   os.Signal
		after  time.Duration
	}{
		{"none", time.Second, nil, syscall.SIGTERM, time.Second},
		{"none, and the flush hangs", time.Minute, nil, syscall.SIGTERM, 5 * time.Second},
		{"an echo", time.Second, signals{99 * time.Millisecond: syscall.SIGTERM}, syscall.SIGTERM, time.Second},
		{
			"the same one, later", time.Second,
			signals{101 * time.Millisecond: syscall.SIGTERM},
			syscall.SIGTERM, 101 * time.Millisecond,
		},
		{
			"an echo and another one", time.Second,
			signals{1: syscall.SIGTERM, 200 * time.Millisecond: syscall.SIGTERM},
			syscall.SIGTERM, 200 * time.Millisecond,
		},
		{"a different one", time.Second, signals{1: os.Interrupt}, os.Interrupt, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				caught, start := make(chan os.Signal, 1), time.Now()
				for after, sig := range tt.second {
					time.AfterFunc(after, func() { caught <- sig })
				}
				got := asyncbuf.FlushUnless(caught, syscall.SIGTERM, func(context.Context) error {
					<-time.After(tt.flush)
					return nil
				})
				if took := time.Since(start); got != tt.want || took != tt.after {
					t.Errorf("ends by %v after %v, want %v after %v", got, took, tt.want, tt.after)
				}
				<-time.After(time.Minute) // for the flush that hangs
			})
		})
	}
}

func TestStopEndsTheGoroutine(t *testing.T) {
	testlog.CheckGoroutines(t, "os/signal.loop", "os/signal.signal_recv")
	stop := asyncbuf.FlushOnSignal(func(context.Context) error { return nil })
	var all sync.WaitGroup
	for range 3 {
		all.Go(stop)
	}
	all.Wait()
	stop()
}

func TestFlushOnSignalPanicsWithoutAFlush(t *testing.T) {
	t.Parallel()
	want := "asyncbuf: FlushOnSignal: nil flush"
	if got := panics(func() { asyncbuf.FlushOnSignal(nil) }); got != any(want) {
		t.Errorf("got %v, want %q", got, want)
	}
}

func ExampleWriter_FlushOnPanic() {
	buf := asyncbuf.NewWriter(os.Stdout, nil)
	defer buf.Close()
	defer func() { _ = recover() }() // a program that does not recover ends here

	defer buf.FlushOnPanic()
	logger := slog.New(slog.NewTextHandler(buf, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("about to divide", "by", 0)
	panic("division by zero")
	// Output:
	// level=INFO msg="about to divide" by=0
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func ExampleFlushOnSignal() {
	buf := asyncbuf.NewWriter(os.Stdout, nil)
	defer buf.Close()
	stop := asyncbuf.FlushOnSignal(buf.Flush)
	defer stop()
	_, _ = buf.Write([]byte("on its way\n"))
	// Output: on its way
}
