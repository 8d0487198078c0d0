package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/handler"
)

// TestRecordsAsTheConsolePrintsThem prints the lines of all makes in both layouts.
func TestRecordsAsTheConsolePrintsThem(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	var p jsonlog.Parser
	for _, layout := range []handler.Layout{handler.LayoutWide, handler.LayoutCompact} {
		console := handler.NewConsoleHandler(&got, &handler.ConsoleOptions{Layout: layout, Width: 120, Color: handler.ColorNever, Level: handler.LevelTrace})
		for _, text := range makes(t) {
			l, err := p.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := console.Handle(t.Context(), l.Record()); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "testdata/console.golden", got.Bytes())
}

// TestRecordHasCopies writes over the line that a record is of.
func TestRecordHasCopies(t *testing.T) {
	t.Parallel()
	for _, text := range makes(t) {
		var p jsonlog.Parser
		l, err := p.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		want, r := asJSON(t, l.Record()), l.Record()
		wantMap, m := mapAsJSON(t, l.Map()), l.Map()
		wantSource, src := l.Source().File+":", l.Source()
		clear(text)
		if _, err := p.Parse([]byte(`{"level":"WARN","msg":"\u00e9\u00e9\u00e9\u00e9\u00e9","source":"other.go:1"}`)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, asJSON(t, r)); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantMap, mapAsJSON(t, m)); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if got := src.File + ":"; got != wantSource {
			t.Errorf("got the source %q, want %q", got, wantSource)
		}
	}
}

// cloned returns a map as JSON, which shares nothing with it.
func mapAsJSON(t *testing.T, m map[string]any) string {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func asJSON(t *testing.T, r slog.Record) string {
	t.Helper()
	var b bytes.Buffer
	if err := slog.NewJSONHandler(&b, nil).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMapInExpressions says how numbers compare.
func TestMapInExpressions(t *testing.T) {
	t.Parallel()
	l := parsed(t, `{"status":503,"duration":1.5,"whole":2.0,"id":9007199254740993,"max":9223372036854775807,"more":9223372036854775808,"user":{"id":"7","n":null},"tags":["a","b"],
		"status":200}`)
	m := l.Map()
	for _, text := range []string{
		`status >= 500`, `status == 503`, `status != 504`, `status in [200, 503]`, `status in 500..599`, `duration > 1`, `duration == 1.5`, `duration < 2`, `whole == 2`, `status > 502.5`,
		`id == 9007199254740993`, `id != 9007199254740992`, `max == 9223372036854775807`, `more >= max`, `user.id == "7"`, `user.n == nil`, `"a" in tags`, `len(tags) == 2`, `status % 100 == 3`,
		`int(user.id) == 7`,
	} {
		got, err := expr.Eval(text, m)
		if err != nil || got != true {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	if got := m["more"]; got != float64(math.MaxInt64) {
		t.Errorf("got %v (%T)", got, got)
	}
}

// TestNothingIsLost finds each member of a line in its record, or its role in the Line.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, text := range makes(t) {
		var p jsonlog.Parser
		l, err := p.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		attrs := map[string]bool{}
		l.Record().Attrs(func(a slog.Attr) bool {
			attrs[a.Key] = true
			return true
		})
		for _, m := range l.Members {
			known := true
			switch m.Role {
			case jsonlog.Time:
				known = !l.Time.IsZero()
			case jsonlog.Level:
				known = l.HasLevel
			case jsonlog.Message:
				known = l.Message != nil
			case jsonlog.Logger:
				known = attrs["logger"]
			case jsonlog.Source:
				known = attrs["source"]
			case jsonlog.Tags:
				known = attrs["tags"]
			case jsonlog.Stack:
				known = attrs["stack"]
			case jsonlog.Meta:
			case jsonlog.Attr:
				known = attrs[string(m.Key)] || string(m.Key) == "log"
			}
			if !known {
				t.Errorf("%s: %s is lost", text, m.Key)
			}
		}
	}
}

// TestRecordHasTheRestOfObjectsWithRoles is about objects that have roles inside.
func TestRecordHasTheRestOfObjectsWithRoles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"log":{"level":"error","logger":"pay","a":1}}`:                                              `"log":{"a":1},"logger":"pay"`,
		`{"log":{"level":"error"},"a":1}`:                                                             `"a":1`,
		`{"log":{"level":"gold","a":1},"level":"error"}`:                                              `"log":{"level":"gold","a":1}`,
		`{"level":"error","log":{"level":"info","logger":"pay"}}`:                                     `"log":{"level":"info"},"logger":"pay"`,
		`{"log":{"level":"gold"},"log":{"level":"error","a":1},"log":{"level":"info"}}`:               `"log":{"level":"gold"},"log":{"a":1},"log":{"level":"info"}`,
		`{"log":{"level":"error","origin":{"file":{"name":"a.go","line":8}}}}`:                        `"source":"a.go:8"`,
		`{"log":{"level":"error","origin":{"file":{"name":"a.go","line":8},"x":1}}}`:                  `"log":{"origin":{"file":{"name":"a.go","line":8},"x":1}}`,
		`{"log":[{"level":"error"}],"level":"error"}`:                                                 `"log":[{"level":"error"}]`,
		`{"level":"error","fields":{"message":"","message_id":1,"level":"info"},"target":"web"}`:      `"fields":{"message_id":1,"level":"info"},"logger":"web"`,
		`{"level":"error","fields":{"message":"x"},"target":"web","event":"y"}`:                       `"fields":{"message":"x"},"target":"web"`,
		`{"level":"error","source":{"file":"a.go","function":"f","column":9},"stack":[{"at":"x"},7]}`: `"source":{"file":"a.go","function":"f","column":9},"stack":[{"at":"x"},7]`,
	} {
		l := parsed(t, text)
		r := slog.NewRecord(l.Time, l.Level, "", 0)
		l.Record().Attrs(func(a slog.Attr) bool {
			r.AddAttrs(a)
			return true
		})
		want := `{"level":"ERROR","msg":"",` + want + "}\n"
		if diff := cmp.Diff(want, asJSON(t, r)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", text, diff)
		}
	}
}
