package monitor

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestPageLine(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"g":`, 20) + "1" + strings.Repeat("}", 20)
	many := `{"msg":"m"` + strings.Repeat(`,"k":1`, 500) + "}"
	tests := []struct {
		name, raw string
		level     slog.Level
		want      pageLine
	}{
		{
			"all parts", `{"time":"2026-11-22T10:00:00Z","level":"WARN+1","source":{"function":"main.f","file":"a.go","line":7},"msg":"m","k":"v"}`, slog.LevelWarn + 1,
			pageLine{Time: "2026-11-22T10:00:00Z", Level: "WARN+1", Class: "warn", Msg: "m", Source: "a.go:7 main.f", Attrs: [][2]string{{"k", "v"}}},
		},
		{
			"attrs with the names of parts", `{"level":"ERROR","msg":"true","msg":"forged","level":"DEBUG","time":1,"source":"mine"}`, slog.LevelError,
			pageLine{Level: "ERROR", Class: "error", Msg: "true", Attrs: [][2]string{{"msg", "forged"}, {"level", "DEBUG"}, {"time", "1"}, {"source", "mine"}}},
		},
		{
			"groups and other values", `{"level":"DEBUG-3","msg":"","a":{"b":{"c":"<i>"},"d":[1,{"e":2}]},"n":null,"e":{},"t":true}`, slog.LevelDebug - 3,
			pageLine{Level: "DEBUG-3", Class: "debug", Attrs: [][2]string{
				{"a.b.c", "<i>"}, {"a.d", `[1,{"e":2}]`}, {"n", "null"}, {"e", "{}"}, {"t", "true"},
			}},
		},
		{"a level with another name", `{"level":"LOUD","msg":"m"}`, 100_000, pageLine{Level: "LOUD", Class: "error", Msg: "m", Attrs: [][2]string{}}},
		{"parts of other types", `{"time":1,"level":8,"source":7,"msg":["m"]}`, 0, pageLine{Time: "1", Level: "8", Class: "info", Source: "7", Msg: `["m"]`, Attrs: [][2]string{}}},
		{"no JSON", `{"msg":"m"`, 0, pageLine{Class: "info", Msg: `{"msg":"m"`, Attrs: [][2]string{}}},
		{"no object", `["m"]`, 0, pageLine{Class: "info", Msg: `["m"]`, Attrs: [][2]string{}}},
		{"nothing", "", 0, pageLine{Class: "info", Attrs: [][2]string{}}},
		{
			"too deep", `{"msg":"m","a":` + deep + `}`, 0,
			pageLine{Class: "info", Msg: "m", Attrs: [][2]string{{"a" + strings.Repeat(".g", maxLineDepth), deep[5*maxLineDepth : len(deep)-maxLineDepth]}}},
		},
		{
			"too many", many, 0,
			pageLine{Class: "info", Msg: "m", Attrs: append(slicesRepeat([2]string{"k", "1"}, maxLineAttrs-1), [2]string{"…", "and more"})},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.Raw = test.raw
			if got := newPageLine(line{test.level, []byte(test.raw + "\n")}); !cmp.Equal(test.want, got) {
				t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(test.want, got))
			}
		})
	}
}

func slicesRepeat(a [2]string, n int) (list [][2]string) {
	for range n {
		list = append(list, a)
	}
	return list
}

func TestPageLevelNames(t *testing.T) {
	t.Parallel()
	levels := []slog.Level{math.MinInt32, math.MinInt32 + 1, -100_000, 100_000, math.MaxInt32 - 1, math.MaxInt}
	for level := slog.Level(-100); level < 100; level++ {
		levels = append(levels, level)
	}
	for _, level := range levels {
		names := []string{levelName(level), strings.ToLower(levelName(level))}
		if level > math.MinInt32+8 && level < math.MaxInt32 {
			names = append(names, level.String())
		}
		for _, name := range names {
			got, err := parseLevel(name)
			if err != nil || got != level {
				t.Errorf("parseLevel(%q) = %v, %v, want %v", name, got, err, level)
			}
		}
	}
	for _, name := range []string{"", "+1", "INFO+", "INFO+1+1", "INFO 1", "4", "ALL+1", "INFO+9999999999", "FATAL+2147483647", "\x00"} {
		if got, err := parseLevel(name); err == nil {
			t.Errorf("parseLevel(%q) = %v", name, got)
		}
	}
}

// Whatever a line holds, it is taken apart to what JSON can carry to the page.
func FuzzPageLine(f *testing.F) {
	f.Add([]byte(`{"time":"2026-11-22T10:00:00Z","level":"INFO","source":{"file":"a"},"msg":"m","g":{"k":[1,"\u2028"]}}`))
	f.Add([]byte(`{"msg":"m","g":{"g":{"g":{"g":{"g":{"g":{"g":{"g":{"g":{"g":1}}}}}}}}}}`))
	f.Add([]byte("{\"\xff\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		line := newPageLine(line{text: raw})
		if len(line.Attrs) > maxLineAttrs {
			t.Errorf("%d attrs", len(line.Attrs))
		}
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(text, "\n\r") { // would end an event
			t.Errorf("%q", text)
		}
		var back pageLine
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if utf8.Valid(raw) && !cmp.Equal(line, back) {
			t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(line, back))
		}
	})
}
