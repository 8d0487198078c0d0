package logstash_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
)

// bare leaves out all fields of the event's own, so that only attrs are left.
func bare() logstash.FieldNames {
	return logstash.FieldNames{
		Timestamp: "-", Version: "-", Message: "-", Level: "-", LevelValue: "-", Logger: "-", CallerMethod: "-", CallerFile: "-",
		CallerLine: "-", Host: "-", Type: "-", Tags: "-", Sequence: "-", ID: "-", TraceID: "-", SpanID: "-", StackTrace: "-",
		StackHash: "-", ECSVersion: "-", Dataset: "-",
	}
}

func withArgs(args ...any) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler { return h.WithAttrs(slog.Group("", args...).Value.Group()) }
}

func inGroup(name string, args ...any) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler {
		if h = h.WithGroup(name); len(args) > 0 {
			h = withArgs(args...)(h)
		}
		return h
	}
}

func chain(all ...func(slog.Handler) slog.Handler) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler {
		for _, derive := range all {
			h = derive(h)
		}
		return h
	}
}

func TestAttrsInAnObject(t *testing.T) {
	t.Parallel()
	const (
		labels = `{"labels":{`
		object = `{"attrs":{`
	)
	tests := []struct {
		name  string
		attrs string
		with  func(slog.Handler) slog.Handler
		args  []any
		want  string
	}{
		{name: "nothing", attrs: "attrs", want: `{}`},
		{name: "nothing, as labels", attrs: "labels", want: `{}`},
		{name: "groups of nothing", attrs: "attrs", with: inGroup("g"), args: []any{slog.Group("h", slog.Group("i")), slog.Attr{}}, want: `{}`},
		{name: "groups of nothing, as labels", attrs: "labels", with: inGroup("g"), args: []any{slog.Group("h", slog.Group("i")), slog.Attr{}}, want: `{}`},
		{
			name: "With before and after WithGroup", attrs: "attrs", with: chain(withArgs("a", 1), inGroup("g", "b", 2), inGroup("h", "c", 3)), args: []any{"d", 4},
			want: object + `"a":1,"g":{"b":2,"h":{"c":3,"d":4}}}}`,
		},
		{
			name: "With before and after WithGroup, as labels", attrs: "labels", with: chain(withArgs("a", 1), inGroup("g", "b", 2), inGroup("h", "c", 3)), args: []any{"d", 4},
			want: labels + `"a":1,"g_b":2,"g_h_c":3,"g_h_d":4}}`,
		},
		{name: "a name twice", attrs: "attrs", with: withArgs("a", 1), args: []any{"a", 2, "b", 1, "a", 3}, want: object + `"b":1,"a":3}}`},
		{name: "a label twice", attrs: "labels", with: withArgs("a", 1), args: []any{"a", 2, "b", 1, "a", 3}, want: labels + `"b":1,"a":3}}`},
		{
			name: "labels that become the same", attrs: "labels", args: []any{"a.b", 1, "a*b", 2, `a\b`, 3, slog.Group("a", "b", 4)},
			want: labels + `"a_b":4}}`,
		},
		{name: "a label in a bound group and one of the record's", attrs: "labels", with: inGroup("g", "a", 1), args: []any{"a", 2}, want: labels + `"g_a":2}}`},
		{
			name: "names with brackets", attrs: "a[0]", with: inGroup("[g]", "x]", 1), args: []any{"..", 2},
			want: `{"a_0_":{"_g_":{"x_":1,"__":2}}}`,
		},
		{
			name: "labels with brackets and blanks", attrs: "labels", with: inGroup("[g]", "x]", 1), args: []any{"..", 2, " ", 3, "", 4},
			want: labels + `"_g__x_":1,"_g____":2,"_g__ ":3,"_g__":4}}`,
		},
		{name: "blank labels outside of groups", attrs: "labels", args: []any{" ", 3}, want: labels + `"_":3}}`},
		{name: "an inlined group", attrs: "attrs", args: []any{slog.Group("", "host", "x", slog.Group("", "k", 1))}, want: object + `"host":"x","k":1}}`},
		{name: "an inlined group, as labels", attrs: "labels", args: []any{slog.Group("", "host", "x", slog.Group("", "k", 1))}, want: labels + `"host":"x","k":1}}`},
		{
			name: "what is no scalar is text in a label", attrs: "labels", args: []any{
				"m",
				map[string]any{"b": 1, "a": nil},
				"l",
				[]string{"x"},
				"e", errors.New("e"), "n", nil, "v",
				valuer{slog.StringValue("v")},
				"t", time.Unix(0, 0).UTC(), "d", time.Second, "b", true, "f", 0.5, "bytes", []byte("x"), "p",
				point{1, 2},
			},
			want: labels + `"m":"{\"a\":null,\"b\":1}","l":"[\"x\"]","e":"e","n":null,"v":"v","t":"1970-01-01T00:00:00Z","d":1000000000,` +
				`"b":true,"f":0.5,"bytes":"eA==","p":"1/2"}}`,
		},
		{
			name: "a LogValuer that is a group", attrs: "labels", args: []any{"g", valuer{slog.GroupValue(slog.Int("a", 1), slog.Group("h", "b", 2))}},
			want: labels + `"g_a":1,"g_h_b":2}}`,
		},
		{
			name: "names that mean something mean nothing", attrs: "attrs", args: []any{"host", "x", "url", "y", "_id", 1, "@timestamp", 2, "event", nil, "err", errors.New("e")},
			want: object + `"host":"x","url":"y","_id":1,"@timestamp":2,"event":null,"err":{"message":"e","type":"*errors.errorString"}}}`,
		},
		{
			name: "and so in labels", attrs: "labels", args: []any{"host", "x", "url", "y", "_id", 1, "@timestamp", 2, "event", nil, "err", errors.New("e")},
			want: labels + `"host":"x","url":"y","_id":1,"@timestamp":2,"event":null,"err":"e"}}`,
		},
		{
			name: "WithGroup of a name that means something", attrs: "attrs", with: inGroup("host"), args: []any{"name", "x"},
			want: object + `"host":{"name":"x"}}}`,
		},
		{
			name: "@metadata is that of the event", attrs: "attrs", args: []any{slog.Group("@metadata", "index", "x"), "k", 1},
			want: object + `"k":1},"@metadata":{"index":"x"}}`,
		},
		{
			name: "a source", attrs: "labels", args: []any{"source", &slog.Source{Function: "f", File: "a.go", Line: 7}, "none", (*slog.Source)(nil)},
			want: labels + `"source_function":"f","source_file":"a.go","source_line":7}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := &logstash.Options{Attrs: tt.attrs, Names: bare()}
			got := encode(t, opts, tt.with, halfPast, slog.LevelInfo, "m", tt.args...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if err := eventError([]byte(got+"\n"), opts); err != nil && !strings.Contains(tt.name, "mean") {
				t.Error(err)
			}
		})
	}
}

func TestStaticFieldsBesideTheObjectOfAttrs(t *testing.T) {
	t.Parallel()
	for _, attrs := range []string{"", "attrs", "labels"} {
		opts := &logstash.Options{
			Attrs: attrs, Tags: []string{"t"}, Host: "h",
			Names: logstash.FieldNames{LevelValue: "-", Version: "-", Timestamp: "-"},
			Fields: []slog.Attr{
				slog.String("env", "prod"), slog.String("_id", "1"), slog.String("input", "x"), slog.Int("tags", 7), slog.String("level", "x"),
				slog.Group("host", slog.String("name", "x"), slog.String("ip", "::1")), slog.Group("", slog.Int("@version", 2)),
				slog.Group("g", slog.Any("list", []int{1})), slog.String("error", "e"),
			},
		}
		want := `{"level":"INFO","message":"m","env":"prod","attr_id":"1","attr_input":"x","attr_tags":7,"attr_level":"x",` +
			`"host":{"name":"h","attr_name":"x","ip":"::1"},"@version":2,"g":{"list":[1]},"error":{"message":"e"},`
		if attrs == "" {
			want += `"k":1,"tags":["t"]}`
		} else {
			want += `"` + attrs + `":{"k":1},"tags":["t"]}`
		}
		got := encode(t, opts, nil, halfPast, slog.LevelInfo, "m", "k", 1)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Attrs %q: mismatch (-want +got):\n%s", attrs, diff)
		}
	}
}

func TestGroupsThatContainThemselves(t *testing.T) {
	t.Parallel()
	cyclic := make([]slog.Attr, 2)
	cyclic[0] = slog.Attr{Key: "c", Value: slog.GroupValue(cyclic...)}
	cyclic[1] = slog.Int("n", 1)
	for _, attrs := range []string{"", "attrs", "labels"} {
		for _, bound := range []bool{false, true} {
			opts := &logstash.Options{Attrs: attrs, MaxEventBytes: 50_000, Host: "h"}
			var with func(slog.Handler) slog.Handler
			args := []any{"before", 1, cyclic[0], "after", 2}
			if bound {
				with, args = withArgs(args...), nil
			}
			got := encode(t, opts, with, halfPast, slog.LevelInfo, "m", args...)
			if err := eventError([]byte(got+"\n"), opts); err != nil {
				t.Errorf("Attrs %q, bound %t: %v", attrs, bound, err)
			}
			for _, part := range []string{`"before":1`, `"after":2`, `!ERROR:group too deep or too large`} {
				if !strings.Contains(got, part) {
					t.Errorf("Attrs %q, bound %t: no %s in %.300s", attrs, bound, part, got)
				}
			}
		}
	}
}
