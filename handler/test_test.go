package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

// A fakeTB is a test that can end.
type fakeTB struct {
	mu       sync.Mutex
	logs     []string
	errors   []string
	cleanups []func()
	over     bool
}

func (t *fakeTB) add(list *[]string, format string, args []any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		panic("Log in goroutine after the test has completed")
	}
	*list = append(*list, fmt.Sprintf(format, args...))
}

func (t *fakeTB) Logf(format string, args ...any)   { t.add(&t.logs, format, args) }
func (t *fakeTB) Errorf(format string, args ...any) { t.add(&t.errors, format, args) }
func (t *fakeTB) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *fakeTB) end() {
	for _, f := range t.cleanups {
		f()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

func TestTestIsForTests(t *testing.T) {
	t.Parallel()
	var _ handler.TB = t
	var _ handler.TB = (*testing.B)(nil)
	var _ handler.TB = (*testing.F)(nil)
	logs := handler.NewTest(t, nil)
	slog.New(logs).Info("this line is in the log of the test")
	if logs.Len() != 1 {
		t.Errorf("%d records", logs.Len())
	}
}

func TestTestPrintsAndFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts         *handler.TestOptions
		logs, errors string
	}{
		"default":          {nil, "debug info warn error", ""},
		"quiet":            {&handler.TestOptions{Quiet: true}, "", ""},
		"level":            {&handler.TestOptions{Level: slog.LevelWarn}, "warn error", ""},
		"fail":             {&handler.TestOptions{FailLevel: slog.LevelWarn}, "debug info", "warn error"},
		"fail and quiet":   {&handler.TestOptions{FailLevel: slog.LevelError, Quiet: true}, "", "error"},
		"all are expected": {&handler.TestOptions{UntakenLevel: slog.LevelInfo, Quiet: true}, "", "info warn"},
	} {
		fake := &fakeTB{}
		logs := handler.NewTest(fake, tt.opts)
		logger := slog.New(logs).With("k", "v")
		logger.Debug("debug")
		logger.Info("info")
		logger.Warn("warn")
		logger.Error("error")
		logs.TakeFunc(func(r slog.Record) bool { return r.Message == "error" })
		fake.end()
		logger.Error("after the end") // must not panic
		for what, pair := range map[string][2]string{"logs": {tt.logs, words(fake.logs)}, "errors": {tt.errors, words(fake.errors)}} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s: %s: mismatch (-want +got):\n%s", name, what, diff)
			}
		}
		if logs.Records().Message("after the end") == nil {
			t.Errorf("%s: what came after the end is not kept", name)
		}
		for _, line := range append(fake.logs, fake.errors...) {
			if !strings.Contains(line, "test_test.go:") || !strings.Contains(line, "k=v") || strings.HasSuffix(line, "\n") {
				t.Errorf("%s: line %q", name, line)
			}
		}
	}
}

// words returns the messages of lines.
func words(lines []string) string {
	var found []string
	for _, line := range lines {
		for word := range strings.FieldsSeq(line) {
			switch word {
			case "debug", "info", "warn", "error":
				found = append(found, word)
			}
		}
	}
	return strings.Join(found, " ")
}

func TestTestKeepsWhatWasLogged(t *testing.T) {
	t.Parallel()
	type user struct{ Name string }
	list, u, m := []string{"a"}, &user{"alice"}, map[string]int{"n": 1}
	group := []slog.Attr{slog.String("k", "v")}
	logs := handler.NewTest(nil, nil)
	logger := slog.New(logs.WithAttrs([]slog.Attr{slog.Any("bound", list)}).WithGroup("g"))
	logger.Info("m", "list", list, "user", u, "map", m, "group", slog.GroupValue(group...), "err", fmt.Errorf("w: %w", io.EOF))
	list[0], u.Name, m["n"], group[0] = "b", "bob", 2, slog.String("k", "w")
	for path, want := range map[string]any{
		"bound": []string{"a"}, "g.list": []string{"a"}, "g.user": &user{"alice"}, "g.map": map[string]int{"n": 1},
		"g.group": slog.GroupValue(slog.String("k", "v")), "g.err": io.EOF,
	} {
		if logs.Records().Attr(path, want) == nil {
			v, ok := handler.Lookup(logs.Records()[0], path)
			t.Errorf("%s is %v, %v, want %v", path, v, ok, want)
		}
	}
	r := logs.Records()[0]
	r.AddAttrs(slog.Int("mine", 1))
	if logs.Records().Has("mine") != nil {
		t.Error("what was returned can be added to")
	}
}

type opaque struct{ p *int }

func (o opaque) String() string { return fmt.Sprint("opaque ", *o.p) }

func TestRecordsFilters(t *testing.T) {
	t.Parallel()
	logs := handler.NewTest(nil, nil)
	logger := slog.New(logs)
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	n := 7
	logger.Info("one", "n", 1, "u", uint8(2), "http.status", 200, slog.Group("http", "method", "GET"), slog.Group("", "inline", true))
	logger.Warn("two", "n", -1, "at", at, "err", io.EOF, "x", nil, "o", opaque{&n}, "s", []int(nil))
	logger.With("n", 0).WithGroup("http").Log(t.Context(), 2, "one and two", "n", 3, "status", 404)
	all := logs.Records()
	for name, tt := range map[string]struct {
		got  handler.Records
		want string
	}{
		"all":                    {all, "one,two,one and two"},
		"Level":                  {all.Level(2), "one and two"},
		"Message":                {all.Message("one"), "one"},
		"Contains":               {all.Contains("two"), "two,one and two"},
		"Has":                    {all.Has("http.status"), "one,one and two"},
		"Has a group":            {all.Has("http"), "one,one and two"},
		"Has inline":             {all.Has("inline"), "one"},
		"Has nothing":            {all.Has("htt"), ""},
		"Attr int":               {all.Attr("n", 1), "one"},
		"Attr int as uint":       {all.Attr("n", uint64(1)), "one"},
		"Attr uint as int":       {all.Attr("u", 2), "one"},
		"Attr negative":          {all.Attr("n", uint64(1<<64-1)), ""},
		"Attr in an open group":  {all.Attr("http.status", 404), "one and two"},
		"Attr of another type":   {all.Attr("n", "1"), ""},
		"Attr time":              {all.Attr("at", at.In(time.FixedZone("", 3600))), "two"},
		"Attr error":             {all.Attr("err", io.EOF), "two"},
		"Attr error, wrapped":    {all.Attr("err", io.ErrClosedPipe), ""},
		"Attr nil":               {all.Attr("x", nil), "two"},
		"Attr that was rendered": {all.Attr("o", opaque{&n}), "two"},
		"Attr nil slice":         {all.Attr("s", []int(nil)), "two"},
		"chained":                {all.Contains("one").Has("http.method").Level(slog.LevelInfo), "one"},
		"Func":                   {all.Func(func(r slog.Record) bool { return r.NumAttrs() == 2 }), "one and two"},
	} {
		var messages []string
		for _, r := range tt.got {
			messages = append(messages, r.Message)
		}
		if diff := cmp.Diff(tt.want, strings.Join(messages, ",")); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	if s := all.String(); strings.Count(s, "\n") != 3 || !strings.Contains(s, "one and two") {
		t.Errorf("String is %q", s)
	}
}

func TestTestTakes(t *testing.T) {
	t.Parallel()
	logs := handler.NewTest(nil, nil)
	logger := slog.New(logs)
	for i := range 4 {
		logger.Info("m", "i", i)
	}
	odd := logs.TakeFunc(func(r slog.Record) bool {
		v, _ := handler.Lookup(r, "i")
		logger.Info("while looking") // nobody holds a lock
		return v.Int64()%2 == 1
	})
	if len(odd) != 2 || odd.Attr("i", 3) == nil || logs.Len() != 6 {
		t.Errorf("took %v, left %d", odd, logs.Len())
	}
	if rest := logs.Take(); len(rest) != 6 || logs.Len() != 0 || logs.Records() != nil {
		t.Errorf("took %v, left %d", rest, logs.Len())
	}
}

func TestTestConcurrentSafe(t *testing.T) {
	t.Parallel()
	fake := &fakeTB{}
	logs := handler.NewTest(fake, nil)
	var wg sync.WaitGroup
	taken := make([]int, 4)
	for g := range 4 {
		wg.Go(func() {
			logger := slog.New(logs).With("g", g)
			for i := range 100 {
				logger.Info("m", "i", i)
				taken[g] += len(logs.TakeFunc(func(r slog.Record) bool { return i%3 == 0 }))
			}
		})
	}
	wg.Go(fake.end)
	wg.Wait()
	sum := logs.Len()
	for _, n := range taken {
		sum += n
	}
	if sum != 400 {
		t.Errorf("%d records, want 400", sum)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	members := make([]slog.Attr, 2)
	endless := slog.GroupValue(members...)
	members[0], members[1] = slog.Attr{Key: "", Value: endless}, slog.Attr{Key: "", Value: endless}
	r := plainRecord(slog.Int("a", 1), slog.Int("a", 2), slog.Any("v", valuerOf{slog.GroupValue(slog.Int("x", 3))}),
		slog.Group("g", slog.Int("b.c", 4)), slog.Int("g.d", 5), slog.Attr{Key: "", Value: endless}, slog.Any("loop", loopingValuer{}))
	for path, want := range map[string]string{"a": "2", "v.x": "3", "g.b.c": "4", "g.d": "5", "none": "", "g.none": "", "a.b": "", "": "", "g.": "", ".": ""} {
		got := ""
		if v, ok := handler.Lookup(r, path); ok {
			got = v.String()
		}
		if got != want {
			t.Errorf("Lookup(%q) = %q, want %q", path, got, want)
		}
	}
}

func BenchmarkTest(b *testing.B) {
	logs := handler.NewTest(nil, nil)
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	b.ReportAllocs()
	for b.Loop() {
		_ = logs.Handle(context.Background(), r)
		if logs.Len() == 1000 {
			logs.Take()
		}
	}
}

func ExampleNewTest() {
	charge := func(logger *slog.Logger) { // what is tested
		logger.With("customer", 7).Error("card refused", "err", errors.New("expired"))
	}
	logs := handler.NewTest(nil, nil) // in a test: NewTest(t, …)
	charge(slog.New(logs))
	refused := logs.Records().Message("card refused").Attr("customer", 7)
	fmt.Println(len(refused))
	if v, ok := handler.Lookup(refused[0], "err"); ok {
		fmt.Println(v)
	}
	// Output:
	// 1
	// expired
}

// A test that has to expect every warning takes those that it does, and fails for
// the rest when it ends.
func ExampleTest_TakeFunc() {
	logs := handler.NewTest(nil, &handler.TestOptions{UntakenLevel: slog.LevelWarn}) // in a test: NewTest(t, …)
	slog.New(logs).Warn("retrying", "n", 1)
	expected := logs.TakeFunc(func(r slog.Record) bool { return r.Message == "retrying" })
	fmt.Println(len(expected), logs.Len())
	// Output:
	// 1 0
}

func ExampleLookup() {
	r := slog.Record{}
	r.AddAttrs(slog.Group("http", slog.Int("status", 200)))
	v, ok := handler.Lookup(r, "http.status")
	fmt.Println(v, ok)
	// Output:
	// 200 true
}
