package handler_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// handlerOptions are the options under which the same bytes are expected.
func handlerOptions() map[string]*slog.HandlerOptions {
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	return map[string]*slog.HandlerOptions{
		"nil":       nil,
		"AddSource": {AddSource: true, Level: level},
		"ReplaceAttr": {AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == slog.TimeKey && len(groups) == 0:
				return slog.Attr{}
			case a.Key == slog.MessageKey:
				return slog.String("message", strings.Join(groups, "/")+a.Value.String())
			case a.Key == "user":
				return slog.Group("who", slog.String("name", a.Value.String()), slog.Int("depth", len(groups)))
			case a.Key == "path":
				return slog.Any("path", testValuer{a.Value})
			}
			return a
		}},
		"ReplaceAttr that prints its groups": {AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey && groups == nil {
				return slog.Group("log", slog.Any("name", a.Value), slog.String("text", "x"))
			}
			if a.Value.Kind() != slog.KindString {
				return a
			}
			return slog.String(a.Key, fmt.Sprintf("%q %t %s", groups, groups == nil, a.Value))
		}},
	}
}

type testValuer struct{ v slog.Value }

func (v testValuer) LogValue() slog.Value { return v.v }

func TestJSONHandlerWritesTheBytesOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	records := 100_000
	if testlog.Race {
		records /= 20 // the race detector makes each ten times as slow and has nothing to find here
	}
	for name, opts := range handlerOptions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(records/len(handlerOptions()) + 1) {
				sameBytes(t, testlog.NewRandom(seed), opts)
			}
		})
	}
}

func FuzzJSONHandlerAgainstTheStandardLibrary(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, "message", "key", "value", int64(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, msg, key, value string, n int64) {
		for _, opts := range handlerOptions() {
			sameBytes(t, testlog.NewRandom(seed), opts,
				slog.String(key, value), slog.Int64(value, n), slog.Group("g"+msg, slog.String("k"+key, msg)),
				slog.Float64("f", float64(n)/1e5), slog.Time("t", time.Unix(n%4e9, n%1e9).UTC()))
		}
	})
}

// sameBytes logs one random record through the same chain of With and WithGroup
// to the standard library's handler and to ours.
func sameBytes(t *testing.T, r *testlog.Random, opts *slog.HandlerOptions, attrs ...slog.Attr) {
	t.Helper()
	var std, our bytes.Buffer
	hs := r.Derive(slog.NewJSONHandler(&std, opts), handler.NewJSONHandler(&our, opts))
	rec := r.Record()
	rec.AddAttrs(attrs...)
	if err := testlog.Log(rec, hs...); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(our.Bytes()) {
		t.Fatalf("invalid JSON: %s", our.Bytes())
	}
	if json.Valid(std.Bytes()) && !bytes.Equal(std.Bytes(), our.Bytes()) {
		t.Fatalf("mismatch\nslog: %s\nours: %s", std.Bytes(), our.Bytes())
	}
}

func FuzzJSONHandlerIsAlwaysOneValidLine(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, "m", "\n", "\xff")
	}
	f.Fuzz(func(t *testing.T, seed uint64, msg, key, value string) {
		r := testlog.NewRandom(seed)
		r.Hostile = true
		var buf testlog.Buffer
		h := r.Derive(handler.NewJSONHandler(&buf, nil).WithGroup(key).WithAttrs([]slog.Attr{slog.String(key, value)}))[0]
		rec := r.Record()
		rec.Message = msg
		rec.AddAttrs(slog.Any(value, json.RawMessage(value)), slog.Any(key, []byte(msg)))
		if err := testlog.Log(rec, h); err != nil {
			t.Fatal(err)
		}
		lines, rest := buf.Lines()
		if len(lines) != 1 || rest != "" || !json.Valid([]byte(lines[0])) {
			t.Fatalf("not one valid line: %q %q", lines, rest)
		}
	})
}

// TestJSONHandlerDiffers lists every case in which the bytes are not those of
// the standard library, with both outputs.
func TestJSONHandlerDiffers(t *testing.T) {
	t.Parallel()
	drop := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "secret" {
			return slog.Attr{}
		}
		if a.Key == "where" {
			return slog.String("where", fmt.Sprint(groups))
		}
		return a
	}}
	cyclic := make([]slog.Attr, 1)
	cyclic[0] = slog.Attr{Key: "c", Value: slog.GroupValue(cyclic...)}

	tests := []struct {
		name     string
		opts     *slog.HandlerOptions
		with     func(slog.Handler) slog.Handler
		attrs    []slog.Attr
		std, our string // std is empty where the standard library would crash
	}{{
		name:  "a group emptied by ReplaceAttr loses the comma after it",
		opts:  drop,
		attrs: []slog.Attr{slog.Group("login", slog.String("secret", "x")), slog.String("k", "v")},
		std:   `{"level":"INFO","msg":"m""k":"v"}`,
		our:   `{"level":"INFO","msg":"m","k":"v"}`,
	}, {
		name:  "a group of an empty attr loses the comma after it",
		attrs: []slog.Attr{slog.Group("login", slog.Attr{}), slog.String("k", "v")},
		std:   `{"level":"INFO","msg":"m""k":"v"}`,
		our:   `{"level":"INFO","msg":"m","k":"v"}`,
	}, {
		name:  "ReplaceAttr is told of a group that is already closed",
		opts:  drop,
		attrs: []slog.Attr{slog.Group("login", slog.String("secret", "x")), slog.String("where", "")},
		std:   `{"level":"INFO","msg":"m""where":"[login]"}`,
		our:   `{"level":"INFO","msg":"m","where":"[]"}`,
	}, {
		name:  "WithGroup with an empty name opens a group",
		with:  func(h slog.Handler) slog.Handler { return h.WithGroup("") },
		attrs: []slog.Attr{slog.String("k", "v")},
		std:   `{"level":"INFO","msg":"m","":{"k":"v"}}`,
		our:   `{"level":"INFO","msg":"m","k":"v"}`,
	}, {
		name: "a group in a group, both empty, prints the outer one",
		attrs: []slog.Attr{{Key: "outer", Value: slog.GroupValue(
			slog.Attr{Key: "inner", Value: slog.AnyValue(testValuer{slog.GroupValue()})})}},
		std: `{"level":"INFO","msg":"m","outer":{}}`,
		our: `{"level":"INFO","msg":"m"}`,
	}, {
		name:  "a year beyond 9999 prints an error and the time",
		attrs: []slog.Attr{slog.Time("t", time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))},
		std:   `{"level":"INFO","msg":"m","t":"!ERROR:time.Time year outside of range [0,9999]""12000-01-01T00:00:00Z"}`,
		our:   `{"level":"INFO","msg":"m","t":"!ERROR:time.Time year outside of range [0,9999]"}`,
	}, {
		name:  "invalid UTF-8 from a Marshaler is copied",
		attrs: []slog.Attr{slog.Any("raw", json.RawMessage("\"a\xffb\""))},
		std:   "{\"level\":\"INFO\",\"msg\":\"m\",\"raw\":\"a\xffb\"}",
		our:   `{"level":"INFO","msg":"m","raw":"a\ufffdb"}`,
	}, {
		name: "a ReplaceAttr that panics takes the program with it",
		opts: &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "k" {
				panic("no")
			}
			return a
		}},
		attrs: []slog.Attr{slog.String("k", "v"), slog.String("l", "w")},
		our:   `{"level":"INFO","msg":"m","k":"!PANIC: no","l":"w"}`,
	}, {
		name:  "a group that contains itself overflows the stack",
		attrs: []slog.Attr{cyclic[0]},
		our: `{"level":"INFO","msg":"m",` + strings.Repeat(`"c":{`, 128) +
			`"c":"!ERROR:group too deep or too large"` + strings.Repeat("}", 129),
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := func(h slog.Handler) {
				if tt.with != nil {
					h = tt.with(h)
				}
				rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
				rec.AddAttrs(tt.attrs...)
				if err := h.Handle(t.Context(), rec); err != nil {
					t.Error(err)
				}
			}
			var std, our bytes.Buffer
			log(handler.NewJSONHandler(&our, tt.opts))
			if tt.std != "" {
				log(slog.NewJSONHandler(&std, tt.opts))
				if diff := cmp.Diff(tt.std+"\n", std.String()); diff != "" {
					t.Errorf("the standard library has changed: mismatch (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(tt.our+"\n", our.String()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONHandlerCountsAndReportsAFailingWriter(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	w := &testlog.FaultWriter{W: &buf}
	var reported []error
	h := handler.JSONOptions{OnError: func(err error) {
		reported = append(reported, err)
		panic("a hook that panics")
	}}.NewHandler(w)
	handle := func() error {
		return h.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0))
	}

	w.Fail(testlog.ErrInjected)
	if err := handle(); !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("failing writer: got %v", err)
	}
	w.Short(5, nil)
	if err := handle(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short writer: got %v", err)
	}
	w.Short(-1, nil)
	w.Panic("boom")
	if err := handle(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("panicking writer: got %v", err)
	}
	w.Panic(nil)
	if err := handle(); err != nil {
		t.Errorf("after the faults: %v", err)
	}
	if len(reported) != 3 {
		t.Errorf("OnError got %d errors, want 3: %v", len(reported), reported)
	}
	want := handler.Stats{Accepted: 4, Written: 1, Dropped: 3, WrittenBytes: uint64(len(buf.String()) - 5)} // a short write took 5
	if diff := cmp.Diff(want, h.WithGroup("g").(*handler.JSONHandler).Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestJSONHandlerKeepsTimesApart(t *testing.T) {
	t.Parallel()
	// The second is cached, with the zone: the next time may be in another.
	utc := time.Date(2026, 11, 21, 23, 30, 0, 5000, time.UTC)
	times := []time.Time{
		utc, utc.In(time.FixedZone("", 3600)), utc, utc.In(time.FixedZone("", -1800)), utc.Add(time.Second),
		time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), utc, time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	want := []string{
		"2026-11-21T23:30:00.000005Z", "2026-11-22T00:30:00.000005+01:00", "2026-11-21T23:30:00.000005Z",
		"2026-11-21T23:00:00.000005-00:30", "2026-11-21T23:30:01.000005Z",
		"!ERROR:time.Time year outside of range [0,9999]", "2026-11-21T23:30:00.000005Z",
		"!ERROR:time.Time year outside of range [0,9999]",
	}
	var buf bytes.Buffer
	h := handler.NewJSONHandler(&buf, nil)
	var got []string
	for _, at := range times {
		buf.Reset()
		if err := h.Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, "m", 0)); err != nil {
			t.Fatal(err)
		}
		var line struct{ Time string }
		if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Time)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// panickyFlush panics when it is flushed.
type panickyFlush struct{ bytes.Buffer }

func (*panickyFlush) Flush() error { panic("flush") }

func TestFlushReachesTheWriter(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	buffered := bufio.NewWriter(&buf)
	h := handler.NewJSONHandler(buffered, nil)
	slog.New(h).Info("m")
	if buf.Len() > 0 {
		t.Fatal("nothing is buffered")
	}
	if err := handler.Flush(t.Context(), h); err != nil || buf.Len() == 0 {
		t.Errorf("got %v and %q", err, buf.String())
	}
	if err := handler.Flush(t.Context(), handler.NewConsoleHandler(&panickyFlush{}, nil)); err == nil {
		t.Error("a panic is no error")
	}
}

// queue is a writer like asyncbuf.Writer: an ERROR waits, and is late.
type queue struct {
	waits   chan struct{}
	release chan struct{}
	bytes   atomic.Uint64
}

func (q *queue) Write(p []byte) (int, error) { return q.WriteLevel(slog.LevelInfo, p) }

func (q *queue) WriteLevel(level slog.Level, line []byte) (int, error) {
	defer q.bytes.Add(uint64(len(line)))
	if level < slog.LevelError {
		return len(line), nil
	}
	close(q.waits)
	<-q.release
	return len(line), testlog.ErrInjected
}

func TestACallerThatWaitsInALevelWriterHoldsUpNobody(t *testing.T) {
	t.Parallel()
	q := &queue{waits: make(chan struct{}), release: make(chan struct{})}
	h := handler.NewJSONHandler(q, nil)
	late := make(chan error)
	go func() { late <- h.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelError, "m", 0)) }()
	<-q.waits
	slog.New(h).Info("not held up")
	if diff := cmp.Diff(handler.Stats{Accepted: 1, Written: 1, WrittenBytes: q.bytes.Load()}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	close(q.release)
	if err := <-late; !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("got %v", err)
	}
	// The line was taken, late as it is.
	if diff := cmp.Diff(handler.Stats{Accepted: 2, Written: 2, WrittenBytes: q.bytes.Load()}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// levelBuffer keeps the level of each line.
type levelBuffer struct {
	bytes.Buffer
	levels  []slog.Level
	flushed int
}

func (b *levelBuffer) WriteLevel(level slog.Level, line []byte) (int, error) {
	b.levels = append(b.levels, level)
	return b.Write(line)
}

func (b *levelBuffer) Flush(context.Context) error {
	b.flushed++
	return nil
}

func TestJSONHandlerTellsTheWriterEachLevel(t *testing.T) {
	t.Parallel()
	var buf levelBuffer
	logger := slog.New(handler.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	logger.Debug("a")
	logger.With("k", "v").WithGroup("g").Error("b")
	if diff := cmp.Diff([]slog.Level{slog.LevelDebug, slog.LevelError}, buf.levels); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestNewJSONHandlerPanicsOnANilWriter(t *testing.T) {
	t.Parallel()
	defer func() {
		if r := recover(); r != "handler: NewJSONHandler: nil writer" {
			t.Errorf("got %v", r)
		}
	}()
	handler.NewJSONHandler(nil, nil)
}
