package asyncbuf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe" // for strings over a buffer, as programs have them

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A recorder is a handler that keeps the messages of the records it handles.
type recorder struct {
	do func(context.Context, slog.Record) error // if not nil, called first; with an error the record is not handled

	mu  sync.Mutex
	got []string
}

func (*recorder) Enabled(context.Context, slog.Level) bool { return true }

func (h *recorder) Handle(ctx context.Context, r slog.Record) error {
	if h.do != nil {
		if err := h.do(ctx, r); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, r.Message)
	return nil
}

func (h *recorder) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *recorder) WithGroup(string) slog.Handler      { return h }

func (h *recorder) messages() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// slowly is something to do for a recorder.
func slowly(d time.Duration) func(context.Context, slog.Record) error {
	return func(context.Context, slog.Record) error {
		time.Sleep(d)
		return nil
	}
}

// record returns a record without a time, which handlers do not print.
func record(level slog.Level, msg string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, level, msg, 0)
	r.AddAttrs(attrs...)
	return r
}

// handle hands each message to h, and fails t on an error.
func handle(t *testing.T, h slog.Handler, level slog.Level, messages ...string) {
	t.Helper()
	for _, msg := range messages {
		if err := h.Handle(t.Context(), record(level, msg)); err != nil {
			t.Fatalf("Handle(%q) = %v", msg, err)
		}
	}
}

func noRecord(asyncbuf.Drop) slog.Record { return slog.Record{} }

func TestHandlerHandsOverInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := new(recorder)
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: time.Second})
		defer closeWriter(t, h)
		want := names(100)
		handle(t, h, slog.LevelInfo, want...)
		time.Sleep(time.Second - 1)
		synctest.Wait()
		diff(t, "before the interval", []string(nil), inner.messages())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		diff(t, "after the interval", want, inner.messages())
		s := checkAccounts(t, h)
		if s.QueuedBytes != 0 || s.HighWater < 100*8 {
			t.Errorf("%d bytes queued, at most %d", s.QueuedBytes, s.HighWater)
		}
		s.HighWater = 0
		diff(t, "stats", asyncbuf.Stats{Accepted: 100, Written: 100, Flushes: 1}, s)
	})
}

func TestHandlerHandsOverEarlyWhenHalfFull(t *testing.T) {
	for name, opts := range map[string]asyncbuf.HandlerOptions{
		"records": {MaxLines: 4, FlushInterval: time.Hour},
		"bytes":   {Size: 2000, FlushInterval: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := new(recorder)
				h := asyncbuf.NewHandler(inner, &opts)
				defer closeWriter(t, h)
				long := strings.Repeat("x", 550)
				handle(t, h, slog.LevelInfo, long)
				synctest.Wait()
				diff(t, "below half", 0, len(inner.messages()))
				handle(t, h, slog.LevelInfo, long)
				synctest.Wait()
				diff(t, "at half", 2, len(inner.messages()))
			})
		})
	}
}

// TestHandlerSyncLevel wants a record at SyncLevel to be handled when Handle
// returns, after those before it, by the goroutine of the caller.
func TestHandlerSyncLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var by []string
		inner := &recorder{do: func(context.Context, slog.Record) error {
			by = append(by, goroutine())
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: time.Hour})
		defer closeWriter(t, h)
		handle(t, h, slog.LevelInfo, "a", "b")
		handle(t, h, slog.LevelError, "c")
		diff(t, "handled", []string{"a", "b", "c"}, inner.messages())
		diff(t, "by", slices.Repeat([]string{goroutine()}, 3), by)
		handle(t, h, slog.LevelError-1, "d")
		synctest.Wait()
		diff(t, "below the level", 3, len(inner.messages()))
		checkAccounts(t, h)
	})
}

// goroutine returns what names the calling goroutine.
func goroutine() string {
	buf := make([]byte, 64)
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
	return name
}

func TestHandlerSyncLevelReturnsTheErrorOfItsOwnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: func(_ context.Context, r slog.Record) error {
			if r.Message == "bad" {
				return testlog.ErrInjected
			}
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: time.Hour, Summary: noRecord})
		defer closeFailing(t, h)
		handle(t, h, slog.LevelInfo, "bad")
		handle(t, h, slog.LevelError, "good")
		handle(t, h, slog.LevelInfo, "good")
		if err := h.Handle(t.Context(), record(slog.LevelError, "bad")); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("Handle() = %v, want %v", err, testlog.ErrInjected)
		}
		s := checkAccounts(t, h)
		diff(t, "by level", map[slog.Level]uint64{slog.LevelInfo: 1, slog.LevelError: 1}, s.DroppedByLevel)
		diff(t, "written", uint64(2), s.Written)
	})
}

// closeFailing closes a buffer whose sink has failed, as the test knows.
func closeFailing(t *testing.T, buf account) {
	t.Helper()
	if err := buf.Close(); err != nil && !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("Close() = %v", err)
	}
}

func TestHandlerGivesUpWaitingAtSyncLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: slowly(time.Hour)}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: -1, BlockTimeout: time.Second})
		handle(t, h, slog.LevelInfo, "a")
		synctest.Wait()
		start := time.Now()
		if err := h.Handle(t.Context(), record(slog.LevelError, "e")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Handle() = %v, want %v", err, os.ErrDeadlineExceeded)
		}
		diff(t, "waited", time.Second, time.Since(start))
		time.Sleep(3 * time.Hour)
		closeWriter(t, h)
		diff(t, "handled", []string{"a", "e"}, inner.messages())
	})
}

// A changing is a LogValuer, an error and a Stringer whose answer changes.
type changing struct{ text *string }

func (c changing) LogValue() slog.Value { return slog.GroupValue(slog.String("text", *c.text)) }

type changingError struct{ text string }

func (c *changingError) Error() string { return c.text }

type changingText struct{ text string }

func (c *changingText) String() string { return c.text }

// mutables returns a value by name, and what changes it.
func mutables() map[string]func() (slog.Value, func()) {
	type point struct{ X, Y int }
	return map[string]func() (slog.Value, func()){
		"pointer": func() (slog.Value, func()) {
			p := &point{1, 2}
			return slog.AnyValue(p), func() { p.X = 9 }
		},
		"pointer in a struct": func() (slog.Value, func()) {
			p := &point{1, 2}
			return slog.AnyValue(struct{ P *point }{p}), func() { p.X = 9 }
		},
		"map": func() (slog.Value, func()) {
			m := map[string]any{"a": 1, "b": []int{2}}
			return slog.AnyValue(m), func() { m["a"] = 9; delete(m, "b") }
		},
		"slice": func() (slog.Value, func()) {
			s := []string{"a", "b"}
			return slog.AnyValue(s), func() { s[0] = "changed" }
		},
		"bytes": func() (slog.Value, func()) {
			b := []byte("before")
			return slog.AnyValue(b), func() { copy(b, "AFTER!") }
		},
		"LogValuer": func() (slog.Value, func()) {
			text := "before"
			return slog.AnyValue(changing{&text}), func() { text = "after" }
		},
		"LogValuer in groups": func() (slog.Value, func()) {
			text := "before"
			return slog.GroupValue(slog.Group("inner", slog.Any("v", changing{&text}))), func() { text = "after" }
		},
		"error": func() (slog.Value, func()) {
			err := &changingError{"before"}
			return slog.AnyValue(fmt.Errorf("outer: %w", err)), func() { err.text = "after" }
		},
		"error itself": func() (slog.Value, func()) {
			err := &changingError{"before"}
			return slog.AnyValue(err), func() { err.text = "after" }
		},
		"Stringer": func() (slog.Value, func()) {
			s := &changingText{"before"}
			return slog.AnyValue(s), func() { s.text = "after" }
		},
		"group slice": func() (slog.Value, func()) {
			attrs := []slog.Attr{slog.Int("a", 1), slog.Group("g", "b", 2)}
			return slog.GroupValue(attrs...), func() {
				attrs[0] = slog.Int("changed", 9)
				attrs[1].Value.Group()[0].Key = "changed"
			}
		},
	}
}

// TestHandlerFreezesValues changes what a record refers to as soon as Handle or
// With has returned, and wants to read what there was before, printed as the
// handler would have printed it itself.
func TestHandlerFreezesValues(t *testing.T) {
	encoders := map[string]func(io.Writer) slog.Handler{
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	}
	for encoder, newHandler := range encoders {
		for name, value := range mutables() {
			if encoder == "text" && name == "pointer in a struct" {
				continue // it prints the address
			}
			t.Run(encoder+"/"+name, func(t *testing.T) {
				var want, got bytes.Buffer
				plain, h := newHandler(&want), asyncbuf.NewHandler(newHandler(&got), nil)
				inRecord, change := value()
				inWith, changeToo := value()
				for _, h := range []slog.Handler{plain, h} {
					bound := []slog.Attr{{Key: "bound", Value: inWith}}
					derived := h.WithAttrs(bound)
					bound[0] = slog.Int("changed", 9)
					attrs := make([]slog.Attr, 7, 8) // more than a record has room for
					for i := range attrs {
						attrs[i] = slog.Attr{Key: fmt.Sprint("k", i), Value: inRecord}
					}
					r := record(slog.LevelInfo, "m", attrs...)
					if err := derived.Handle(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				change()
				changeToo()
				closeWriter(t, h)
				diff(t, "line", want.String(), got.String())
			})
		}
	}
}

func TestHandlerCopiesTheRecord(t *testing.T) {
	var got bytes.Buffer
	h := asyncbuf.NewHandler(slog.NewJSONHandler(&got, nil), nil)
	r := record(slog.LevelInfo, "m", slog.Int("a", 1), slog.Int("b", 2), slog.Int("c", 3),
		slog.Int("d", 4), slog.Int("e", 5), slog.Int("f", 6))
	for range 2 {
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.AddAttrs(slog.Int("g", 7))
	}
	closeWriter(t, h)
	const line = `{"level":"INFO","msg":"m","a":1,"b":2,"c":3,"d":4,"e":5,"f":6`
	diff(t, "lines", line+"}\n"+line+`,"g":7}`+"\n", got.String())
}

func TestCloneStrings(t *testing.T) {
	var got bytes.Buffer
	h := asyncbuf.NewHandler(slog.NewTextHandler(&got, nil), &asyncbuf.HandlerOptions{CloneStrings: true})
	buffer := []byte("before")
	str := func() string { return unsafe.String(&buffer[0], len(buffer)) }
	r := record(slog.LevelInfo, str(), slog.String(str(), str()), slog.Any("list", []string{str()}))
	if err := h.WithAttrs([]slog.Attr{slog.String("bound", str())}).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "AFTER!")
	closeWriter(t, h)
	diff(t, "line", "level=INFO msg=before bound=before before=before list=[before]\n", got.String())
}

func TestHandlerContext(t *testing.T) {
	type key struct{}
	for name, test := range map[string]struct {
		opts asyncbuf.HandlerOptions
		want any
	}{
		"values are kept":    {asyncbuf.HandlerOptions{}, "value"},
		"values are dropped": {asyncbuf.HandlerOptions{DropContext: true}, nil},
	} {
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			for _, closed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/closed %v", name, level, closed), func(t *testing.T) {
					inner := &recorder{do: func(ctx context.Context, _ slog.Record) error {
						diff(t, "value", test.want, ctx.Value(key{}))
						diff(t, "cancelled", nil, ctx.Err())
						if _, ok := ctx.Deadline(); ok {
							t.Error("the context has a deadline")
						}
						return nil
					}}
					h := asyncbuf.NewHandler(inner, &test.opts)
					if closed {
						closeWriter(t, h)
					}
					ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Hour)
					cancel()
					if err := h.Handle(ctx, record(level, "m")); err != nil {
						t.Error(err)
					}
					closeWriter(t, h)
					diff(t, "handled", []string{"m"}, inner.messages())
				})
			}
		}
	}
}

func TestHandlerTakesANilContext(t *testing.T) {
	var got testlog.Buffer
	h := asyncbuf.NewHandler(slog.NewTextHandler(&got, nil), nil)
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		var none context.Context // people do
		if err := h.Handle(none, record(level, "m")); err != nil {
			t.Error(err)
		}
	}
	closeWriter(t, h)
	diff(t, "lines", "level=INFO msg=m\nlevel=ERROR msg=m\n", got.String())
}

func TestHandlerWithNothingReturnsTheReceiver(t *testing.T) {
	h := asyncbuf.NewHandler(slog.DiscardHandler, nil)
	defer closeWriter(t, h)
	derived, ok := h.WithGroup("g").(*asyncbuf.Handler)
	if !ok {
		t.Fatalf("%T", h.WithGroup("g"))
	}
	for _, h := range []*asyncbuf.Handler{h, derived} {
		for name, got := range map[string]slog.Handler{
			`WithGroup("")`:   h.WithGroup(""),
			"WithAttrs(nil)":  h.WithAttrs(nil),
			"WithAttrs empty": h.WithAttrs([]slog.Attr{}),
		} {
			if got != slog.Handler(h) {
				t.Errorf("%s is not the receiver", name)
			}
		}
	}
}

func TestDerivedHandlersShareTheBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		h := asyncbuf.NewHandler(slog.NewTextHandler(&got, nil), &asyncbuf.HandlerOptions{FlushInterval: time.Hour})
		a := h.WithAttrs([]slog.Attr{slog.String("who", "a")})
		b := h.WithGroup("b").WithAttrs([]slog.Attr{slog.Int("n", 1)})
		for range 2 {
			for _, h := range []slog.Handler{h, a, b} {
				if err := h.Handle(t.Context(), record(slog.LevelInfo, "m", slog.Int("k", 2))); err != nil {
					t.Fatal(err)
				}
			}
		}
		derived, ok := a.(*asyncbuf.Handler)
		if !ok {
			t.Fatalf("%T", a)
		}
		diff(t, "stats", checkAccounts(t, h), checkAccounts(t, derived))
		diff(t, "queued", uint64(6), h.Stats().Queued)
		closeWriter(t, derived)
		const lines = "level=INFO msg=m k=2\nlevel=INFO msg=m who=a k=2\nlevel=INFO msg=m b.n=1 b.k=2\n"
		diff(t, "lines", lines+lines, got.String())
	})
}

func TestHandlerEnabledAsksTheHandlerBehind(t *testing.T) {
	h := asyncbuf.NewHandler(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}), nil)
	defer closeWriter(t, h)
	for _, h := range []slog.Handler{h, h.WithGroup("g"), h.WithAttrs([]slog.Attr{slog.Int("a", 1)})} {
		diff(t, "INFO", false, h.Enabled(t.Context(), slog.LevelInfo))
		diff(t, "WARN", true, h.Enabled(t.Context(), slog.LevelWarn))
	}
}

func TestHandlerUnwrap(t *testing.T) {
	inner := new(recorder)
	h := asyncbuf.NewHandler(inner, nil)
	defer closeWriter(t, h)
	if h.Unwrap() != slog.Handler(inner) {
		t.Errorf("Unwrap() = %v", h.Unwrap())
	}
}

func TestNewHandlerPanics(t *testing.T) {
	for name, test := range map[string]struct {
		call func()
		want string
	}{
		"nil handler": {func() { asyncbuf.NewHandler(nil, nil) }, "asyncbuf: NewHandler: nil handler"},
		"unknown policy": {func() {
			asyncbuf.NewHandler(slog.DiscardHandler, &asyncbuf.HandlerOptions{Policy: -1})
		}, "asyncbuf: NewHandler: unknown Policy(-1)"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { diff(t, "panic", any(test.want), recover()) }()
			test.call()
		})
	}
}

func TestNewHandlerLeavesOptionsAlone(t *testing.T) {
	opts := asyncbuf.HandlerOptions{MaxLines: -1, Size: 1 << 40}
	h := asyncbuf.NewHandler(slog.DiscardHandler, &opts)
	defer closeWriter(t, h)
	diff(t, "options", asyncbuf.HandlerOptions{MaxLines: -1, Size: 1 << 40}, opts)
}

func TestHandledAtOnceAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		inner := &recorder{do: func(_ context.Context, r slog.Record) error {
			switch r.Message {
			case "bad":
				return testlog.ErrInjected
			case "panic":
				panic(testlog.ErrInjected)
			}
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{OnError: func(err error) { told = append(told, err) }})
		handle(t, h, slog.LevelInfo, "a")
		for range 3 {
			closeWriter(t, h)
		}
		diff(t, "handled", []string{"a"}, inner.messages())
		handle(t, h, slog.LevelInfo, "b")
		handle(t, h, slog.LevelError, "c")
		diff(t, "handled at once", []string{"a", "b", "c"}, inner.messages())
		for _, msg := range []string{"bad", "panic"} {
			if err := h.Handle(t.Context(), record(slog.LevelWarn, msg)); !errors.Is(err, testlog.ErrInjected) {
				t.Errorf("Handle(%q) = %v, want %v", msg, err, testlog.ErrInjected)
			}
		}
		synctest.Wait()
		s := checkAccounts(t, h)
		diff(t, "accepted", uint64(5), s.Accepted)
		diff(t, "written", uint64(3), s.Written)
		diff(t, "by level", map[slog.Level]uint64{slog.LevelWarn: 2}, s.DroppedByLevel)
		diff(t, "failed", uint64(2), s.DroppedFailed)
		diff(t, "refused", uint64(0), s.Refused)
		diff(t, "failures", uint64(2), s.Failures)
		diff(t, "told", 2, len(told))
		if !errors.Is(s.LastError, testlog.ErrInjected) {
			t.Errorf("last error %v", s.LastError)
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Errorf("Flush() after Close = %v", err)
		}
	})
}

func TestHandlerWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: slowly(time.Second)}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: 10, Reserve: -1, FlushInterval: -1})
		handle(t, h, slog.LevelInfo, "a")
		synctest.Wait()
		handle(t, h, slog.LevelInfo, names(9)...) // being handled one by one: all wait for the first one
		time.Sleep(time.Second + 1)
		synctest.Wait()
		handle(t, h, slog.LevelInfo, "there is room")
		start := time.Now()
		handle(t, h, slog.LevelInfo, "as soon as one record is handled, not at the end of the batch")
		if waited := time.Since(start); waited > time.Second {
			t.Errorf("waited %v, want a second at most", waited)
		}
		time.Sleep(time.Minute)
		closeWriter(t, h)
		diff(t, "handled", 12, len(inner.messages()))
		diff(t, "dropped", uint64(0), checkAccounts(t, h).Dropped)
	})
}

func TestHandlerFlushWaitsForTheRecordsBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: slowly(time.Second)}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: time.Hour})
		handle(t, h, slog.LevelInfo, "a", "b")
		time.AfterFunc(time.Second/2, func() { handle(t, h, slog.LevelInfo, "c", "d") })
		start := time.Now()
		if err := h.Flush(t.Context()); err != nil {
			t.Errorf("Flush() = %v", err)
		}
		diff(t, "waited", 2*time.Second, time.Since(start))
		diff(t, "handled", []string{"a", "b"}, inner.messages())
		closeWriter(t, h)
		diff(t, "handled", []string{"a", "b", "c", "d"}, inner.messages())
	})
}

// TestBatchIsCutShortForWhoeverWaits has a batch of five records, and somebody who waits for
// the first of them only.
func TestBatchIsCutShortForWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: slowly(time.Second)}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{FlushInterval: -1})
		handle(t, h, slog.LevelInfo, "first")
		done := make(chan time.Duration)
		go func() {
			start := time.Now()
			if err := h.Flush(t.Context()); err != nil {
				t.Errorf("Flush() = %v", err)
			}
			done <- time.Since(start)
		}()
		synctest.Wait()
		handle(t, h, slog.LevelInfo, names(5)...)
		diff(t, "waited", time.Second, <-done)
		go func() {
			start := time.Now()
			handle(t, h, slog.LevelError, "last") // after the five
			done <- time.Since(start)
		}()
		diff(t, "waited", 6*time.Second, <-done)
		closeWriter(t, h)
		checkAccounts(t, h)
	})
}

func TestRecordLargerThanSize(t *testing.T) {
	for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := new(recorder)
				h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
					Size: 1000, FlushInterval: time.Hour, Policy: policy,
				})
				large := strings.Repeat("x", 10_000)
				handle(t, h, slog.LevelInfo, "a", large)
				diff(t, "handled by the caller", []string{"a", large}, inner.messages())
				handle(t, h, slog.LevelInfo, "b")
				closeWriter(t, h)
				diff(t, "handled", []string{"a", large, "b"}, inner.messages())
				checkAccounts(t, h)
			})
		})
	}
}

func TestHandlerSummary(t *testing.T) {
	custom := func(d asyncbuf.Drop) slog.Record {
		return record(slog.LevelWarn, "gone", slog.Uint64("n", d.Lines))
	}
	const at = "2000-01-01T00:00:00.000Z"
	for name, test := range map[string]struct {
		summary func(asyncbuf.Drop) slog.Record
		want    string
	}{
		"default": {nil, "time=" + at + ` level=WARN msg="log lines dropped" dropped=2 levels.INFO=2 since=` + at +
			" until=" + at + "\n"},
		"custom": {custom, "level=WARN msg=gone n=2\n"},
		"none":   {noRecord, ""},
		"panics": {func(asyncbuf.Drop) slog.Record { panic("boom") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				sink := &testlog.FaultWriter{W: &got}
				release := sink.Block()
				var told []uint64
				h := asyncbuf.NewHandler(slog.NewTextHandler(sink, nil), &asyncbuf.HandlerOptions{
					MaxLines: 1, Policy: asyncbuf.DropNewest, Summary: test.summary,
					OnDrop: func(d asyncbuf.Drop) { told = append(told, d.Lines) },
				})
				bound := h.WithAttrs([]slog.Attr{slog.Int("k", 1)}) // no attr of the summary
				handle(t, bound, slog.LevelInfo, "a", "x", "x")
				release()
				closeWriter(t, h)
				diff(t, "lines", "level=INFO msg=a k=1\n"+test.want, got.String())
				diff(t, "told", []uint64{2}, told)
				s := checkAccounts(t, h)
				if name == "panics" && !strings.Contains(fmt.Sprint(s.LastError), "Summary panicked: boom") {
					t.Errorf("last error %v", s.LastError)
				}
			})
		})
	}
}

func TestHandlersOfManyGoroutinesConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	inner := new(recorder)
	h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: 20, FlushInterval: -1})
	const producers, records = 8, 300
	var all sync.WaitGroup
	for p := range producers {
		h := h.WithAttrs([]slog.Attr{slog.Int("producer", p)})
		all.Go(func() {
			for i := range records {
				level := slog.LevelInfo
				if i%50 == 0 {
					level = slog.LevelError
				}
				handle(t, h, level, fmt.Sprint(p, " ", i))
			}
		})
	}
	all.Wait()
	closeWriter(t, h)
	next := make([]int, producers)
	for _, msg := range inner.messages() {
		var p, i int
		if _, err := fmt.Sscan(msg, &p, &i); err != nil || i != next[p] {
			t.Fatalf("message %q, want number %d: %v", msg, next[p], err)
		}
		next[p]++
	}
	diff(t, "records", slices.Repeat([]int{records}, producers), next)
	checkAccounts(t, h)
}
