package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

type (
	volumeUser struct {
		Name string
		Tags []string
		Next *volumeUser
	}
	volumeSecretive struct{ list []int }
	volumePoint     struct{ x, y int }
	volumeLocked    struct {
		sync.Mutex

		N int
	}
	volumeText struct {
		p    *int
		text string
	}
	volumeOneError   string
	volumeOtherError string
)

func (v volumeText) MarshalText() ([]byte, error) {
	if v.text == "panic" {
		panic(v.text)
	}
	return []byte(v.text), nil
}
func (e volumeOneError) Error() string   { return string(e) }
func (e volumeOtherError) Error() string { return string(e) }

type volumeValuer struct{ f func() slog.Value }

func (v volumeValuer) LogValue() slog.Value { return v.f() }

// TestDedupIdentity logs two records and looks whether the second one collapses.
func TestDedupIdentity(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC)
	one, uno := 1, 1
	loop := &volumeUser{Name: "a"}
	loop.Next = loop
	cyclic := []any{0}
	cyclic[0] = cyclic
	group := []slog.Attr{{}}
	group[0] = slog.Attr{Key: "g", Value: slog.GroupValue(group...)}
	f := func() {}
	ch := make(chan int)
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	valuer := func(s string) slog.LogValuer {
		return volumeValuer{func() slog.Value { return slog.GroupValue(slog.String("s", s)) }}
	}
	tests := []struct {
		name string
		a, b []any // args of two log calls
		same bool
	}{
		{"no attrs", nil, nil, true},
		{"equal attrs", []any{"a", 1, "b", "x"}, []any{"a", 1, "b", "x"}, true},
		{"another order", []any{"a", 1, "b", "x"}, []any{"b", "x", "a", 1}, false},
		{"one more", []any{"a", 1}, []any{"a", 1, "b", 2}, false},
		{"another value", []any{"a", 1}, []any{"a", 2}, false},
		{"another key", []any{"a", 1}, []any{"b", 1}, false},
		{"another kind", []any{"a", 1}, []any{"a", "1"}, false},
		{"signed and unsigned", []any{"a", 1}, []any{"a", uint(1)}, false},
		{"a bound in a text", []any{"a", "x", "b", "y"}, []any{"a", "x\x02\x01b\x04\x01y"}, false},
		{"times", []any{"a", at}, []any{"a", at.Add(0)}, true},
		{"times of other zones", []any{"a", at}, []any{"a", at.In(time.FixedZone("", 60))}, false},
		{"other times", []any{"a", at}, []any{"a", at.Add(1)}, false},
		{"durations", []any{"a", time.Second}, []any{"a", time.Second}, true},
		{"a duration and its number", []any{"a", time.Second}, []any{"a", int64(time.Second)}, false},
		{"bools", []any{"a", true}, []any{"a", false}, false},
		{"floats", []any{"a", 0.5}, []any{"a", 0.5}, true},
		{"nil", []any{"a", nil}, []any{"a", nil}, true},
		{"groups", []any{slog.Group("g", "a", 1)}, []any{slog.Group("g", "a", 1)}, true},
		{"groups of other names", []any{slog.Group("g", "a", 1)}, []any{slog.Group("h", "a", 1)}, false},
		{"in a group and beside it", []any{slog.Group("g", "a", 1, "b", 2)}, []any{slog.Group("g", "a", 1), "b", 2}, false},
		{"a group that is inlined", []any{slog.Group("", "a", 1)}, []any{"a", 1}, true},
		{"a group in itself", group2(group), group2(group), false},
		{"errors", []any{"e", errors.New("x")}, []any{"e", errors.New("x")}, true},
		{"errors of other texts", []any{"e", errors.New("x")}, []any{"e", errors.New("y")}, false},
		{"errors of other types", []any{"e", volumeOneError("x")}, []any{"e", volumeOtherError("x")}, false},
		{"wrapped errors", []any{"e", fmt.Errorf("x: %w", io.EOF)}, []any{"e", fmt.Errorf("x: %w", io.EOF)}, true},
		{"a nil error that panics", []any{"e", (*os.PathError)(nil)}, []any{"e", (*os.PathError)(nil)}, false},
		{
			"structs",
			[]any{"u", volumeUser{Name: "a", Tags: []string{"x"}}},
			[]any{"u", volumeUser{Name: "a", Tags: []string{"x"}}},
			true,
		},
		{"pointers to structs", []any{"u", &volumeUser{Name: "a"}}, []any{"u", &volumeUser{Name: "a"}}, true},
		{"other structs", []any{"u", volumeUser{Tags: []string{"x"}}}, []any{"u", volumeUser{Tags: []string{"y"}}}, false},
		{"nil and empty", []any{"u", volumeUser{Tags: []string{}}}, []any{"u", volumeUser{}}, false},
		{"a struct and a pointer to it", []any{"u", volumeUser{}}, []any{"u", &volumeUser{}}, false},
		{"a nil pointer", []any{"u", (*volumeUser)(nil)}, []any{"u", (*volumeUser)(nil)}, true},
		{"pointers to numbers", []any{"p", &one}, []any{"p", &uno}, true},
		{"unexported numbers", []any{"p", volumePoint{1, 2}}, []any{"p", volumePoint{1, 2}}, true},
		{"other unexported numbers", []any{"p", volumePoint{1, 2}}, []any{"p", volumePoint{2, 1}}, false},
		{"what others may change under a lock", []any{"p", &volumePoint{1, 2}}, []any{"p", &volumePoint{1, 2}}, false},
		{
			"an unexported slice",
			[]any{"p", volumeSecretive{list: []int{1}}},
			[]any{"p", volumeSecretive{list: []int{1}}},
			false,
		},
		{"a lock", []any{"p", &volumeLocked{}}, []any{"p", &volumeLocked{}}, false},
		{"a counter", []any{"p", new(atomic.Int64)}, []any{"p", new(atomic.Int64)}, false},
		{"the text of a marshaler", []any{"p", volumeText{&one, "x"}}, []any{"p", volumeText{&uno, "x"}}, true},
		{"other texts of a marshaler", []any{"p", volumeText{nil, "x"}}, []any{"p", volumeText{nil, "y"}}, false},
		{"a marshaler that panics", []any{"p", volumeText{nil, "panic"}}, []any{"p", volumeText{nil, "panic"}}, false},
		{"maps", []any{"m", map[string]any{"a": 1, "b": "x"}}, []any{"m", map[string]any{"b": "x", "a": 1}}, true},
		{"other maps", []any{"m", map[string]int{"a": 1, "b": 2}}, []any{"m", map[string]int{"a": 2, "b": 1}}, false},
		{
			"nested",
			[]any{"m", []any{map[string][]int{"a": {1}}, nil}},
			[]any{"m", []any{map[string][]int{"a": {1}}, nil}},
			true,
		},
		{"types of elements", []any{"m", []any{1}}, []any{"m", []any{int8(1)}}, false},
		{"bytes", []any{"b", []byte("x")}, []any{"b", []byte("x")}, true},
		{"raw JSON and bytes", []any{"b", []byte("1")}, []any{"b", json.RawMessage("1")}, false},
		{"addresses", []any{"a", netip.MustParseAddr("::1")}, []any{"a", netip.MustParseAddr("::1")}, true},
		{"other addresses", []any{"a", netip.MustParseAddr("::1")}, []any{"a", netip.MustParseAddr("::2")}, false},
		{"IPs", []any{"a", net.IPv4(1, 2, 3, 4)}, []any{"a", net.IPv4(1, 2, 3, 4)}, true},
		{"big numbers", []any{"a", big.NewInt(7)}, []any{"a", big.NewInt(7)}, true},
		{"URLs", []any{"a", parse("http://u:p@h/p")}, []any{"a", parse("http://u:p@h/p")}, true},
		{"URLs of other users", []any{"a", parse("http://u:p@h/p")}, []any{"a", parse("http://u:q@h/p")}, false},
		{"time in a struct", []any{"a", struct{ T time.Time }{at}}, []any{"a", struct{ T time.Time }{at}}, true},
		{"a func", []any{"f", f}, []any{"f", f}, false},
		{"a nil func", []any{"f", (func())(nil)}, []any{"f", (func())(nil)}, false},
		{"a channel", []any{"f", []any{ch}}, []any{"f", []any{ch}}, false},
		{"a circle", []any{"u", loop}, []any{"u", loop}, false},
		{"a circle of interfaces", []any{"u", cyclic}, []any{"u", cyclic}, false},
		{"huge", []any{"s", strings.Repeat("x", 1<<20)}, []any{"s", strings.Repeat("x", 1<<20)}, false},
		{"a huge key", []any{strings.Repeat("x", 1<<20), 1}, []any{strings.Repeat("x", 1<<20), 1}, false},
		{"many", []any{"s", make([]int, 1<<14)}, []any{"s", make([]int, 1<<14)}, false},
		{"LogValuers", []any{"v", valuer("x")}, []any{"v", valuer("x")}, true},
		{"other LogValuers", []any{"v", valuer("x")}, []any{"v", valuer("y")}, false},
		{"a LogValuer and what it resolves to", []any{"v", valuer("x")}, []any{slog.Group("v", "s", "x")}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// The attrs are those of the record, or bound, or some of each.
			for bound := range 3 {
				sink := newVolumeSink()
				h := handler.NewDedup(sink, nil)
				for _, args := range [][]any{tt.a, tt.b} {
					logger := slog.New(h)
					switch {
					case bound == 1:
						logger, args = logger.With(args...), nil
					case bound == 2 && len(args) > 2:
						logger, args = logger.With(args[:2]...), args[2:]
					case bound == 2:
						logger = logger.With("k", 1).WithGroup("g")
					}
					logger.Info("m", args...)
				}
				if got := h.Stats().Queued == 1; got != tt.same || h.Stats().Written != 2-h.Stats().Queued {
					t.Errorf("bound %d: identical %v, want %v: %+v", bound, got, tt.same, h.Stats())
				}
				if h.Stats().Dropped > 0 {
					t.Errorf("%+v", h.Stats())
				}
			}
		})
	}
}

func group2(members []slog.Attr) []any {
	return []any{slog.Attr{Key: "g", Value: slog.GroupValue(members...)}}
}

func TestDedupIdentityOfWhatIsBound(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a, b func(*slog.Logger)
		same bool
	}{
		{
			"levels",
			func(l *slog.Logger) { l.Info("m") },
			func(l *slog.Logger) { l.Warn("m") }, false,
		},
		{
			"messages",
			func(l *slog.Logger) { l.Info("m") },
			func(l *slog.Logger) { l.Info("n") }, false,
		},
		{
			"bound or not",
			func(l *slog.Logger) { l.With("a", 1).Info("m", "b", 2) },
			func(l *slog.Logger) { l.Info("m", "a", 1, "b", 2) }, true,
		},
		{
			"an open group and a group",
			func(l *slog.Logger) { l.WithGroup("g").With("a", 1).Info("m", "b", 2) },
			func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, "b", 2)) }, true,
		},
		{
			"before the group and in it",
			func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2) },
			func(l *slog.Logger) { l.WithGroup("g").With("a", 1).Info("m", "b", 2) }, false,
		},
		{
			"siblings",
			func(l *slog.Logger) {
				l = l.With("a", 1).With("b", 2)
				_ = l.With("c", 3)
				l.With("c", 4).Info("m")
			},
			func(l *slog.Logger) { l.Info("m", "a", 1, "b", 2, "c", 4) }, true,
		},
		{
			"what cannot be compared",
			func(l *slog.Logger) { l.With("f", func() {}).With("a", 1).Info("m") },
			func(l *slog.Logger) { l.With("f", func() {}).With("a", 1).Info("m") }, false,
		},
		{
			"ignored",
			func(l *slog.Logger) { l.With("id", 1).WithGroup("http").Info("m", "trace", 1, slog.Group("g", "x", 1)) },
			func(l *slog.Logger) { l.With("id", 2).WithGroup("http").Info("m", "trace", 2, slog.Group("g", "x", 2)) }, true,
		},
		{
			"a whole group ignored",
			func(l *slog.Logger) { l.Info("m", slog.Group("all", "x", 1)) },
			func(l *slog.Logger) { l.Info("m", slog.Group("all", "x", 2)) }, true,
		},
		{
			"ignored elsewhere",
			func(l *slog.Logger) { l.WithGroup("http").Info("m", "id", 1) },
			func(l *slog.Logger) { l.WithGroup("http").Info("m", "id", 2) }, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ignore := []string{"id", "http.trace", "http.g.x", "all"}
			h := handler.NewDedup(newVolumeSink(), &handler.DedupOptions{Ignore: ignore})
			tt.a(slog.New(h))
			tt.b(slog.New(h))
			if got := h.Stats().Queued == 1; got != tt.same {
				t.Errorf("identical %v, want %v: %+v", got, tt.same, h.Stats())
			}
		})
	}
}

func TestDedupIgnoresAGroupHoweverItIsMade(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]func(l *slog.Logger, id int){
		"Group":     func(l *slog.Logger, id int) { l.Info("m", slog.Group("http", "id", id)) },
		"WithGroup": func(l *slog.Logger, id int) { l.WithGroup("http").Info("m", "id", id) },
		"bound":     func(l *slog.Logger, id int) { l.WithGroup("http").With("id", id).Info("m", "n", id) },
		"deeper":    func(l *slog.Logger, id int) { l.WithGroup("http").WithGroup("req").With("id", id).Info("m") },
		"below":     func(l *slog.Logger, id int) { l.WithGroup("a").WithGroup("b").Info("m", "id", id) },
	} {
		h := handler.NewDedup(newVolumeSink(), &handler.DedupOptions{Ignore: []string{"http", "a.b"}})
		log(slog.New(h), 1)
		log(slog.New(h), 2)
		slog.New(h).WithGroup("other").Info("m", "id", 1)
		slog.New(h).WithGroup("other").Info("m", "id", 2)
		if s := h.Stats(); s.Queued != 1 || s.Written != 3 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestDedupTellsOfRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf testlog.Buffer
		h := handler.NewDedup(handler.NewJSONHandler(&buf, nil), &handler.DedupOptions{Window: time.Minute})
		logger := slog.New(h).With("service", "api").WithGroup("http")
		lines := func() []string {
			lines, _ := buf.Lines()
			buf.Reset()
			return lines
		}
		for range 4 {
			logger.Warn("slow", "path", "/x")
			time.Sleep(10 * time.Second)
		}
		want := []string{
			`{"time":"2000-01-01T00:00:00Z","level":"WARN","msg":"slow","service":"api","http":{"path":"/x"}}`,
		}
		if diff := cmp.Diff(want, lines()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if s := h.Stats(); s.Queued != 3 || s.Written != 1 || s.Accepted != 4 {
			t.Errorf("%+v", s)
		}
		time.Sleep(20*time.Second - 1)
		synctest.Wait()
		if got := lines(); len(got) > 0 {
			t.Errorf("told too early: %q", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		want = []string{
			`{"time":"2000-01-01T00:00:30Z","level":"WARN","msg":"slow","service":"api","http":{"path":"/x",` +
				`"repeated":{"count":3,"since":"2000-01-01T00:00:10Z","until":"2000-01-01T00:00:30Z"}}}`,
		}
		if diff := cmp.Diff(want, lines()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if s := h.Stats(); s.Queued != 0 || s.Collapsed != 3 || s.Written != 1 || s.Accepted != 4 {
			t.Errorf("%+v", s)
		}
		// It begins again, and the second window is told of as well.
		for range 2 {
			logger.Warn("slow", "path", "/x")
		}
		if got := lines(); len(got) != 1 {
			t.Errorf("%d lines, want 1", len(got))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], `"count":1`) {
			t.Errorf("%q, want one line that tells of a repeat", got)
		}
	})
}

func TestDedupKeepsTheContextOfTheFirstRepeat(t *testing.T) {
	t.Parallel()
	for _, drop := range []bool{false, true} {
		sink := newVolumeSink()
		h := handler.NewDedup(sink, &handler.DedupOptions{DropContext: drop})
		for i := range 3 {
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), volumeNumber{}, i))
			_ = h.Handle(ctx, volumeRecord(slog.LevelInfo, "m"))
			cancel()
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := any(1)
		if drop {
			want = nil
		}
		if ctx := sink.ctxs[1]; ctx.Err() != nil || ctx.Value(volumeNumber{}) != want {
			t.Errorf("DropContext %v: context of %v, %v", drop, ctx.Value(volumeNumber{}), ctx.Err())
		}
	}
	// A direct call may have no context.
	sink := newVolumeSink()
	h := handler.NewDedup(sink, nil)
	var none context.Context
	for range 2 {
		_ = h.Handle(none, volumeRecord(slog.LevelInfo, "m"))
	}
	if err := h.Close(); err != nil || len(sink.take()) != 2 {
		t.Error(err)
	}
}

func TestDedupKeepsNothingOfTheCallers(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	h := handler.NewDedup(sink, nil)
	list, group := []string{"a"}, []slog.Attr{slog.Int("n", 1)}
	text := []byte("message")
	for range 2 {
		r := volumeRecord(slog.LevelInfo, string(text))
		r.AddAttrs(slog.Any("list", list), slog.Attr{Key: "g", Value: slog.GroupValue(group...)})
		_ = h.Handle(t.Context(), r)
	}
	list[0], group[0] = "changed", slog.Int("changed", 2)
	sink.take()
	_ = h.Flush(t.Context())
	got := sink.take()
	if len(got) != 1 || !strings.HasPrefix(got[0], "INFO message list=[a] g=[n=1] repeated=[count=1 since=") {
		t.Errorf("got %q", got)
	}
}

func TestDedupResolvesOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	valuer := volumeValuer{func() slog.Value { calls++; return slog.IntValue(calls) }}
	var buf bytes.Buffer
	h := handler.NewDedup(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: noTime}), nil)
	slog.New(h).Info("m", "v", valuer, slog.Group("g", "v", valuer), "six", 6, "seven", 7, "eight", 8, "nine", 9)
	slog.New(h).With("b", valuer).Info("m")
	want := "level=INFO msg=m v=1 g.v=2 six=6 seven=7 eight=8 nine=9\nlevel=INFO msg=m b=3\n"
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestDedupKey(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	var errs volumeErrors
	h := handler.NewDedup(sink, &handler.DedupOptions{
		OnError: errs.add,
		Key: func(_ context.Context, r slog.Record) string {
			if r.Message == "panic" {
				panic("no key")
			}
			key := ""
			r.Attrs(func(a slog.Attr) bool {
				if a.Key == "job" {
					key = a.Value.String()
				}
				return true
			})
			return key
		},
	})
	logger := slog.New(h)
	for i := range 3 {
		logger.With("job", "a").Info(fmt.Sprint("text ", i))
		logger.Warn("no job")
		logger.Info("panic")
	}
	want := []string{
		"INFO text 0 job=a", "WARN no job", "INFO panic", "WARN no job", "INFO panic", "WARN no job", "INFO panic",
	}
	if diff := cmp.Diff(want, sink.take()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	_ = h.Flush(t.Context())
	if got := sink.take(); len(got) != 1 || !strings.HasPrefix(got[0], "INFO text 1 job=a repeated=[count=2") {
		t.Errorf("got %q", got)
	}
	if s := h.Stats(); s.Incomparable != 6 || !strings.Contains(errs.text(), "panic in Key: no key") {
		t.Errorf("%+v, %s", s, errs.text())
	}
}

func TestDedupLetsTheOldestGo(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	h := handler.NewDedup(sink, &handler.DedupOptions{MaxKeys: 2})
	var got []string
	for _, msg := range []string{"a", "b", "a", "a", "b", "c", "b", "a"} {
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, msg))
		for _, line := range sink.take() {
			line, _, _ = strings.Cut(line, " since=")
			got = append(got, strings.TrimPrefix(line, "INFO "))
		}
	}
	// At c, a is let go. At the last a, b is, of which two repeats came.
	want := []string{"a", "b", "a repeated=[count=2", "c", "b repeated=[count=2", "a"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if s := h.Stats(); s.Evicted != 2 || s.Collapsed != 4 || s.Queued != 0 || s.Written != 4 {
		t.Errorf("%+v", s)
	}
}

func TestDedupPassesEverythingWhenClosed(t *testing.T) {
	testlog.CheckGoroutines(t)
	sink := newVolumeSink()
	h := handler.NewDedup(sink, nil)
	derived := h.WithGroup("g")
	for range 3 {
		_ = derived.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := sink.take(); len(got) != 2 || !strings.Contains(got[1], "count=2") {
		t.Errorf("got %q", got)
	}
	for range 3 {
		_ = derived.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
	}
	if got := sink.take(); len(got) != 3 {
		t.Errorf("%d passed, want 3", len(got))
	}
}

func TestDedupTellsLaterWhatShutdownCouldNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		h := handler.NewDedup(sink, &handler.DedupOptions{Window: time.Second})
		for i := range 9 {
			_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, strconv.Itoa(i%3)))
		}
		sink.take()
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		err := h.Shutdown(canceled)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "6 repeats") {
			t.Errorf("Shutdown() = %v, want how many repeats are left", err)
		}
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "0"))
		if got := sink.take(); len(got) != 1 {
			t.Errorf("%d records pass, want the one after Shutdown", len(got))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := h.Stats(); len(sink.take()) != 3 || s.Collapsed != 6 || s.Queued != 0 {
			t.Errorf("not told when the Window was over: %+v", s)
		}
	})
}

func TestDedupKeepsNoHugeRecord(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	h := handler.NewDedup(sink, &handler.DedupOptions{Ignore: []string{"body"}})
	for _, size := range []int{10, 10, 1 << 20, 10} {
		slog.New(h).Info("m", "body", strings.Repeat("x", size))
	}
	if s := h.Stats(); s.Queued != 3 || s.Written != 1 {
		t.Errorf("%+v", s) // of three repeats the first one is kept
	}
	_ = h.Flush(t.Context())
	sink.take()
	slog.New(h).Info("m", "body", strings.Repeat("x", 1<<20))
	if s := h.Stats(); s.Incomparable != 1 || s.Queued != 0 || s.Written != 2 || len(sink.take()) != 1 {
		t.Errorf("%+v", s)
	}
}
