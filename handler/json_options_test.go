package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// oneLine logs one record with the message "m" and no time under opts, by a handler
// that derive returns if it is not nil, and returns the line without its newline.
func oneLine(t *testing.T, opts handler.JSONOptions, derive func(slog.Handler) slog.Handler, attrs ...slog.Attr) string {
	t.Helper()
	rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	rec.AddAttrs(attrs...)
	return recordLine(t, opts, derive, rec)
}

// recordLine is oneLine for any record.
func recordLine(t *testing.T, opts handler.JSONOptions, derive func(slog.Handler) slog.Handler, rec slog.Record) string {
	t.Helper()
	var buf testlog.Buffer
	var h slog.Handler = opts.NewHandler(&buf)
	if derive != nil {
		h = derive(h)
	}
	if err := h.Handle(t.Context(), rec); err != nil {
		t.Error(err)
	}
	return onlyLine(t, &buf)
}

// onlyLine returns the one valid line in buf without its newline.
func onlyLine(t *testing.T, buf *testlog.Buffer) string {
	t.Helper()
	lines, rest := buf.Lines()
	if len(lines) != 1 || rest != "" || !json.Valid([]byte(lines[0])) || !utf8.ValidString(lines[0]) {
		t.Fatalf("not one valid line: %.2000q %.2000q", lines, rest)
	}
	return lines[0]
}

// with returns a derive that calls With.
func with(attrs ...slog.Attr) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) }
}

type marshaler string

func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(m), nil }

func TestDuplicates(t *testing.T) {
	t.Parallel()
	toUser := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.MessageKey, "login", "name":
			a.Key = "user"
		}
		return a
	}}
	many := make([]slog.Attr, 100)
	var members []string
	for i := range many {
		many[i] = slog.Int("n", i)
		members = append(members, fmt.Sprintf(`"n_%d":%d`, i+1, i))
	}
	members[0] = `"n":0`
	renamed := strings.Join(members, ",")
	tests := []struct {
		name   string
		opts   *slog.HandlerOptions
		at     time.Time
		derive func(slog.Handler) slog.Handler
		attrs  []slog.Attr

		keep, last, first, rename string // keep is not looked at where it is empty
	}{{
		name:   "attrs",
		attrs:  []slog.Attr{slog.Int("a", 1), slog.Int("b", 2), slog.String("a", "3")},
		keep:   `{"level":"INFO","msg":"m","a":1,"b":2,"a":"3"}`,
		last:   `{"level":"INFO","msg":"m","b":2,"a":"3"}`,
		first:  `{"level":"INFO","msg":"m","a":1,"b":2}`,
		rename: `{"level":"INFO","msg":"m","a":1,"b":2,"a_2":"3"}`,
	}, {
		name:   "an empty key",
		attrs:  []slog.Attr{slog.Int("", 1), slog.Int("", 2)},
		keep:   `{"level":"INFO","msg":"m","":1,"":2}`,
		last:   `{"level":"INFO","msg":"m","":2}`,
		first:  `{"level":"INFO","msg":"m","":1}`,
		rename: `{"level":"INFO","msg":"m","":1,"_2":2}`,
	}, {
		name:   "an attr and one of With",
		derive: with(slog.Int("a", 1), slog.Int("b", 2)),
		attrs:  []slog.Attr{slog.Int("a", 3)},
		keep:   `{"level":"INFO","msg":"m","a":1,"b":2,"a":3}`,
		last:   `{"level":"INFO","msg":"m","b":2,"a":3}`,
		first:  `{"level":"INFO","msg":"m","a":1,"b":2}`,
		rename: `{"level":"INFO","msg":"m","a":1,"b":2,"a_2":3}`,
	}, {
		name: "With after With",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithAttrs([]slog.Attr{slog.Int("a", 2)}).
				WithAttrs([]slog.Attr{slog.Int("a", 3)})
		},
		keep:   `{"level":"INFO","msg":"m","a":1,"a":2,"a":3}`,
		last:   `{"level":"INFO","msg":"m","a":3}`,
		first:  `{"level":"INFO","msg":"m","a":1}`,
		rename: `{"level":"INFO","msg":"m","a":1,"a_2":2,"a_3":3}`,
	}, {
		name: "With in an open group",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").
				WithAttrs([]slog.Attr{slog.Int("a", 2)}).WithAttrs([]slog.Attr{slog.Int("b", 3)})
		},
		attrs:  []slog.Attr{slog.Int("a", 4)},
		keep:   `{"level":"INFO","msg":"m","a":1,"g":{"a":2,"b":3,"a":4}}`,
		last:   `{"level":"INFO","msg":"m","a":1,"g":{"b":3,"a":4}}`,
		first:  `{"level":"INFO","msg":"m","a":1,"g":{"a":2,"b":3}}`,
		rename: `{"level":"INFO","msg":"m","a":1,"g":{"a":2,"b":3,"a_2":4}}`,
	}, {
		name: "a group that is open twice",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Group("g", "a", 1, "b", 2)}).WithGroup("g")
		},
		attrs:  []slog.Attr{slog.Int("a", 3), slog.Int("c", 4)},
		keep:   `{"level":"INFO","msg":"m","g":{"a":1,"b":2},"g":{"a":3,"c":4}}`,
		last:   `{"level":"INFO","msg":"m","g":{"b":2,"a":3,"c":4}}`,
		first:  `{"level":"INFO","msg":"m","g":{"a":1,"b":2,"c":4}}`,
		rename: `{"level":"INFO","msg":"m","g":{"a":1,"b":2},"g_2":{"a":3,"c":4}}`,
	}, {
		name: "With in a group that is open twice",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Group("g", "a", 1)}).WithGroup("g").
				WithAttrs([]slog.Attr{slog.Int("a", 2)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 3)})
		},
		attrs:  []slog.Attr{slog.Int("a", 4)},
		keep:   `{"level":"INFO","msg":"m","g":{"a":1},"g":{"a":2,"g":{"a":3,"a":4}}}`,
		last:   `{"level":"INFO","msg":"m","g":{"a":2,"g":{"a":4}}}`,
		first:  `{"level":"INFO","msg":"m","g":{"a":1,"g":{"a":3}}}`,
		rename: `{"level":"INFO","msg":"m","g":{"a":1},"g_2":{"a":2,"g":{"a":3,"a_2":4}}}`,
	}, {
		name: "a value and a group that is open",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("g", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 2)})
		},
		attrs:  []slog.Attr{slog.Int("b", 3)},
		keep:   `{"level":"INFO","msg":"m","g":1,"g":{"a":2,"b":3}}`,
		last:   `{"level":"INFO","msg":"m","g":{"a":2,"b":3}}`,
		first:  `{"level":"INFO","msg":"m","g":1}`,
		rename: `{"level":"INFO","msg":"m","g":1,"g_2":{"a":2,"b":3}}`,
	}, {
		name: "groups, and groups in them",
		attrs: []slog.Attr{
			slog.Group("g", "a", 1, slog.Group("h", "b", 2)), slog.Group("g", slog.Group("h", "b", 3, "c", 4), "a", 5),
		},
		keep:   `{"level":"INFO","msg":"m","g":{"a":1,"h":{"b":2}},"g":{"h":{"b":3,"c":4},"a":5}}`,
		last:   `{"level":"INFO","msg":"m","g":{"h":{"b":3,"c":4},"a":5}}`,
		first:  `{"level":"INFO","msg":"m","g":{"a":1,"h":{"b":2,"c":4}}}`,
		rename: `{"level":"INFO","msg":"m","g":{"a":1,"h":{"b":2}},"g_2":{"h":{"b":3,"c":4},"a":5}}`,
	}, {
		name:   "twice in one group",
		attrs:  []slog.Attr{slog.Group("g", slog.Group("h", "a", 1, "a", 2, "b", 3))},
		keep:   `{"level":"INFO","msg":"m","g":{"h":{"a":1,"a":2,"b":3}}}`,
		last:   `{"level":"INFO","msg":"m","g":{"h":{"a":2,"b":3}}}`,
		first:  `{"level":"INFO","msg":"m","g":{"h":{"a":1,"b":3}}}`,
		rename: `{"level":"INFO","msg":"m","g":{"h":{"a":1,"a_2":2,"b":3}}}`,
	}, {
		name:   "a group without a name",
		attrs:  []slog.Attr{slog.Int("a", 1), slog.Group("", "a", 2), slog.Group("", "a", 3)},
		keep:   `{"level":"INFO","msg":"m","a":1,"a":2,"a":3}`,
		last:   `{"level":"INFO","msg":"m","a":3}`,
		first:  `{"level":"INFO","msg":"m","a":1}`,
		rename: `{"level":"INFO","msg":"m","a":1,"a_2":2,"a_3":3}`,
	}, {
		name:   "a value between two groups",
		attrs:  []slog.Attr{slog.Group("g", "a", 1), slog.Int("g", 2), slog.Group("g", "b", 3)},
		keep:   `{"level":"INFO","msg":"m","g":{"a":1},"g":2,"g":{"b":3}}`,
		last:   `{"level":"INFO","msg":"m","g":{"b":3}}`,
		first:  `{"level":"INFO","msg":"m","g":{"a":1,"b":3}}`,
		rename: `{"level":"INFO","msg":"m","g":{"a":1},"g_2":2,"g_3":{"b":3}}`,
	}, {
		name:   "an empty group is none",
		attrs:  []slog.Attr{slog.Int("g", 1), slog.Group("g"), slog.Group("g", slog.Group("h"))},
		keep:   `{"level":"INFO","msg":"m","g":1}`,
		last:   `{"level":"INFO","msg":"m","g":1}`,
		first:  `{"level":"INFO","msg":"m","g":1}`,
		rename: `{"level":"INFO","msg":"m","g":1}`,
	}, {
		name:   "the same name in different objects is none",
		attrs:  []slog.Attr{slog.Int("a", 1), slog.Group("g", "a", 2), slog.Group("h", "a", 3), slog.Any("i", []any{map[string]int{"a": 4}})},
		keep:   `{"level":"INFO","msg":"m","a":1,"g":{"a":2},"h":{"a":3},"i":[{"a":4}]}`,
		last:   `{"level":"INFO","msg":"m","a":1,"g":{"a":2},"h":{"a":3},"i":[{"a":4}]}`,
		first:  `{"level":"INFO","msg":"m","a":1,"g":{"a":2},"h":{"a":3},"i":[{"a":4}]}`,
		rename: `{"level":"INFO","msg":"m","a":1,"g":{"a":2},"h":{"a":3},"i":[{"a":4}]}`,
	}, {
		name: "built-in keys",
		at:   time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		attrs: []slog.Attr{
			slog.Int(slog.TimeKey, 1), slog.Int(slog.LevelKey, 2), slog.Int(slog.MessageKey, 3), slog.Int(slog.SourceKey, 4),
		},
		keep:   `{"time":"2026-11-21T00:00:00Z","level":"INFO","msg":"m","time":1,"level":2,"msg":3,"source":4}`,
		last:   `{"time":1,"level":2,"msg":3,"source":4}`,
		first:  `{"time":"2026-11-21T00:00:00Z","level":"INFO","msg":"m","source":4}`,
		rename: `{"time":"2026-11-21T00:00:00Z","level":"INFO","msg":"m","time_2":1,"level_2":2,"msg_2":3,"source":4}`,
	}, {
		name:   "built-in keys of With",
		derive: with(slog.Int(slog.TimeKey, 1), slog.Int(slog.LevelKey, 2), slog.Int(slog.MessageKey, 3)),
		keep:   `{"level":"INFO","msg":"m","time":1,"level":2,"msg":3}`,
		last:   `{"time":1,"level":2,"msg":3}`,
		first:  `{"level":"INFO","msg":"m","time":1}`,
		rename: `{"level":"INFO","msg":"m","time":1,"level_2":2,"msg_2":3}`,
	}, {
		name: "built-in keys of With before an open group",
		derive: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int(slog.MessageKey, 1)}).WithGroup("msg").WithAttrs([]slog.Attr{slog.Int("msg", 2)})
		},
		attrs:  []slog.Attr{slog.Int("a", 3)},
		keep:   `{"level":"INFO","msg":"m","msg":1,"msg":{"msg":2,"a":3}}`,
		last:   `{"level":"INFO","msg":{"msg":2,"a":3}}`,
		first:  `{"level":"INFO","msg":"m"}`,
		rename: `{"level":"INFO","msg":"m","msg_2":1,"msg_3":{"msg":2,"a":3}}`,
	}, {
		name:   "built-in keys in a group are none",
		derive: func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
		attrs:  []slog.Attr{slog.Int(slog.MessageKey, 1), slog.Int(slog.LevelKey, 2)},
		keep:   `{"level":"INFO","msg":"m","g":{"msg":1,"level":2}}`,
		last:   `{"level":"INFO","msg":"m","g":{"msg":1,"level":2}}`,
		first:  `{"level":"INFO","msg":"m","g":{"msg":1,"level":2}}`,
		rename: `{"level":"INFO","msg":"m","g":{"msg":1,"level":2}}`,
	}, {
		name:   "ReplaceAttr makes duplicates of attrs",
		opts:   toUser,
		attrs:  []slog.Attr{slog.Int("login", 1), slog.Int("user", 2), slog.Group("g", "login", 3, "name", 4)},
		keep:   `{"level":"INFO","user":"m","user":1,"user":2,"g":{"user":3,"user":4}}`,
		last:   `{"level":"INFO","user":2,"g":{"user":4}}`,
		first:  `{"level":"INFO","user":"m","g":{"user":3}}`,
		rename: `{"level":"INFO","user":"m","user_2":1,"user_3":2,"g":{"user":3,"user_2":4}}`,
	}, {
		name:   "ReplaceAttr makes a duplicate of a built-in key and With",
		opts:   toUser,
		derive: with(slog.Int("user", 1)),
		attrs:  []slog.Attr{slog.Int("a", 2)},
		keep:   `{"level":"INFO","user":"m","user":1,"a":2}`,
		last:   `{"level":"INFO","user":1,"a":2}`,
		first:  `{"level":"INFO","user":"m","a":2}`,
		rename: `{"level":"INFO","user":"m","user_2":1,"a":2}`,
	}, {
		name:   "ReplaceAttr makes a duplicate of a built-in key and With, in which a group is open",
		opts:   toUser,
		derive: func(h slog.Handler) slog.Handler { return with(slog.Int("login", 1))(h).WithGroup("g") },
		attrs:  []slog.Attr{slog.Int("a", 2)},
		keep:   `{"level":"INFO","user":"m","user":1,"g":{"a":2}}`,
		last:   `{"level":"INFO","user":1,"g":{"a":2}}`,
		first:  `{"level":"INFO","user":"m","g":{"a":2}}`,
		rename: `{"level":"INFO","user":"m","user_2":1,"g":{"a":2}}`,
	}, {
		name:   "ReplaceAttr makes a duplicate of a built-in key and a group",
		opts:   toUser,
		derive: func(h slog.Handler) slog.Handler { return h.WithGroup("user") },
		attrs:  []slog.Attr{slog.Int("a", 2)},
		keep:   `{"level":"INFO","user":"m","user":{"a":2}}`,
		last:   `{"level":"INFO","user":{"a":2}}`,
		first:  `{"level":"INFO","user":"m"}`,
		rename: `{"level":"INFO","user":"m","user_2":{"a":2}}`,
	}, {
		name: "ReplaceAttr takes away what would be one",
		opts: &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindString || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}},
		derive: with(slog.Int("msg", 1)),
		attrs:  []slog.Attr{slog.String("msg", "x"), slog.Int("level", 2)},
		keep:   `{"msg":1}`, last: `{"msg":1}`, first: `{"msg":1}`, rename: `{"msg":1}`,
	}, {
		name:   "keys that differ in invalid UTF-8",
		attrs:  []slog.Attr{slog.Int("k\xff", 1), slog.Int("k\xfe", 2), slog.Int("k\ufffd", 3), slog.Int("k", 4)},
		last:   `{"level":"INFO","msg":"m","k` + "\ufffd" + `":3,"k":4}`,
		first:  `{"level":"INFO","msg":"m","k` + "\ufffd" + `":1,"k":4}`,
		rename: `{"level":"INFO","msg":"m","k` + "\ufffd" + `":1,"k` + "\ufffd" + `_2":2,"k` + "\ufffd" + `_3":3,"k":4}`,
	}, {
		name:   "keys of With that differ in invalid UTF-8",
		derive: with(slog.Int("k\xff", 1)),
		attrs:  []slog.Attr{slog.Int("k\xfe", 2)},
		last:   `{"level":"INFO","msg":"m","k` + "\ufffd" + `":2}`,
		first:  `{"level":"INFO","msg":"m","k` + "\ufffd" + `":1}`,
		rename: `{"level":"INFO","msg":"m","k` + "\ufffd" + `":1,"k` + "\ufffd" + `_2":2}`,
	}, {
		name:   "keys with escapes",
		attrs:  []slog.Attr{slog.Int("a\n", 1), slog.Int("a\n", 2), slog.Any("o", json.RawMessage(`{"a\u000a":3,"\u0061\n":4}`))},
		last:   `{"level":"INFO","msg":"m","a\n":2,"o":{"a\n":4}}`,
		first:  `{"level":"INFO","msg":"m","a\n":1,"o":{"a\n":3}}`,
		rename: `{"level":"INFO","msg":"m","a\n":1,"a\n_2":2,"o":{"a\n":3,"a\n_2":4}}`,
	}, {
		name:   "in encoded text, at any depth",
		attrs:  []slog.Attr{slog.Any("o", json.RawMessage(`[1, {"a": 1, "b": [{"c": {"d": 1, "d": 2}}], "a": {}}]`))},
		last:   `{"level":"INFO","msg":"m","o":[1,{"b":[{"c":{"d":2}}],"a":{}}]}`,
		first:  `{"level":"INFO","msg":"m","o":[1,{"a":1,"b":[{"c":{"d":1}}]}]}`,
		rename: `{"level":"INFO","msg":"m","o":[1,{"a":1,"b":[{"c":{"d":1,"d_2":2}}],"a_2":{}}]}`,
	}, {
		name:   "in what a Marshaler makes, in With and in a group",
		derive: with(slog.Any("o", marshaler(`{"a":1,"a":2}`))),
		attrs:  []slog.Attr{slog.Group("g", slog.Any("o", []any{marshaler(`{"a":1,"a":2}`)}))},
		last:   `{"level":"INFO","msg":"m","o":{"a":2},"g":{"o":[{"a":2}]}}`,
		first:  `{"level":"INFO","msg":"m","o":{"a":1},"g":{"o":[{"a":1}]}}`,
		rename: `{"level":"INFO","msg":"m","o":{"a":1,"a_2":2},"g":{"o":[{"a":1,"a_2":2}]}}`,
	}, {
		name:   "a group and an encoded object",
		attrs:  []slog.Attr{slog.Group("o", "a", 1, "b", 2), slog.Any("o", map[string]int{"a": 3, "c": 4})},
		last:   `{"level":"INFO","msg":"m","o":{"b":2,"a":3,"c":4}}`,
		first:  `{"level":"INFO","msg":"m","o":{"a":1,"b":2,"c":4}}`,
		rename: `{"level":"INFO","msg":"m","o":{"a":1,"b":2},"o_2":{"a":3,"c":4}}`,
	}, {
		name:   "a new name that is taken",
		attrs:  []slog.Attr{slog.Int("a_2", 1), slog.Int("a", 2), slog.Int("a", 3), slog.Int("a_4", 4), slog.Int("a", 5), slog.Int("a_2", 6)},
		last:   `{"level":"INFO","msg":"m","a_4":4,"a":5,"a_2":6}`,
		first:  `{"level":"INFO","msg":"m","a_2":1,"a":2,"a_4":4}`,
		rename: `{"level":"INFO","msg":"m","a_2":1,"a":2,"a_3":3,"a_4":4,"a_5":5,"a_2_2":6}`,
	}, {
		name:  "a hundred",
		attrs: many,
		last:  `{"level":"INFO","msg":"m","n":99}`, first: `{"level":"INFO","msg":"m","n":0}`,
		rename: `{"level":"INFO","msg":"m",` + renamed + `}`,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for policy, want := range map[handler.Duplicates]string{
				handler.KeepDuplicates: tt.keep, handler.LastWins: tt.last,
				handler.FirstWins: tt.first, handler.RenameDuplicates: tt.rename,
			} {
				opts := handler.JSONOptions{Duplicates: policy}
				if tt.opts != nil {
					opts.HandlerOptions = *tt.opts
				}
				rec := slog.NewRecord(tt.at, slog.LevelInfo, "m", 0)
				rec.AddAttrs(tt.attrs...)
				got := recordLine(t, opts, tt.derive, rec)
				if want == "" {
					continue
				}
				if diff := cmp.Diff(want, sorted(t, want, got)); diff != "" {
					t.Errorf("policy %d: mismatch (-want +got):\n%s", policy, diff)
				}
			}
		})
	}
}

// sorted returns got, or want if both hold the same: which of two members stands
// first is no promise once they have been put together.
func sorted(t *testing.T, want, got string) string {
	t.Helper()
	a, err := parseMembers(want)
	if err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	b, err := parseMembers(got)
	if err != nil || twice(a) != "" || twice(b) != "" {
		return got
	}
	if cmp.Equal(single(a, handler.LastWins), single(b, handler.LastWins)) {
		return want
	}
	return got
}

func TestDuplicatesOutOfRangeAreKept(t *testing.T) {
	t.Parallel()
	const want = `{"level":"INFO","msg":"m","a":1,"a":2}`
	for _, policy := range []handler.Duplicates{-1, 4, math.MaxInt, math.MinInt} {
		got := oneLine(t, handler.JSONOptions{Duplicates: policy}, nil, slog.Int("a", 1), slog.Int("a", 2))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("policy %d: mismatch (-want +got):\n%s", policy, diff)
		}
	}
}

func TestDuplicatesOfSiblingsAreNone(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	root := handler.JSONOptions{Duplicates: handler.LastWins}.NewHandler(&buf).WithAttrs([]slog.Attr{slog.Int("a", 1)})
	b := root.WithAttrs([]slog.Attr{slog.Int("b", 2)})
	c := root.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 3)})
	d := root.WithAttrs([]slog.Attr{slog.Int("a", 4)})
	for _, h := range []slog.Handler{root, b, c, d, c, b, root} {
		rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		rec.AddAttrs(slog.Int("b", 5))
		if err := h.Handle(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"level":"INFO","msg":"m","a":1,"b":5}`,
		`{"level":"INFO","msg":"m","a":1,"b":5}`,
		`{"level":"INFO","msg":"m","a":1,"g":{"a":3,"b":5}}`,
		`{"level":"INFO","msg":"m","a":4,"b":5}`,
		`{"level":"INFO","msg":"m","a":1,"g":{"a":3,"b":5}}`,
		`{"level":"INFO","msg":"m","a":1,"b":5}`,
		`{"level":"INFO","msg":"m","a":1,"b":5}`,
	}
	got, _ := buf.Lines()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// The source is encoded before anything else that is compared, and only once.
func TestDuplicatesWithSource(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	h := handler.JSONOptions{
		HandlerOptions: slog.HandlerOptions{AddSource: true}, Duplicates: handler.LastWins,
	}.NewHandler(&buf)
	log := func(h slog.Handler, attrs ...slog.Attr) {
		t.Helper()
		buf.Reset()
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:])
		rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", pcs[0])
		rec.AddAttrs(attrs...)
		if err := h.Handle(t.Context(), rec); err != nil {
			t.Error(err)
		}
		object, err := parseMembers(onlyLine(t, &buf))
		if path := twice(object); err != nil || path != "" {
			t.Errorf("error %v, %q twice in %s", err, path, buf.String())
		}
	}
	for range 3 { // the state of a record must not reach into the next one
		log(h.WithGroup("a long name of a group"), slog.Int("source", 1), slog.Int("function", 2), slog.Int("line", 3))
		log(h)
		log(h.WithAttrs([]slog.Attr{slog.Int("source", 1)}))
		log(h, slog.Int("source", 1), slog.Group("source", "line", 1))
		log(h)
	}
}

// What takes quadratic time takes minutes here.
func TestDuplicatesInAHugeRecord(t *testing.T) {
	t.Parallel()
	if testlog.Race {
		t.Skip("the race detector makes it slow and has nothing to find here")
	}
	const n = 50_000
	same := make([]slog.Attr, n)
	different := make([]slog.Attr, n)
	for i := range n {
		same[i] = slog.Int("key", i)
		different[i] = slog.Int("key_"+strconv.Itoa(i), i)
	}
	for policy, want := range map[handler.Duplicates]int{handler.LastWins: 1, handler.FirstWins: 1, handler.RenameDuplicates: n} {
		opts := handler.JSONOptions{Duplicates: policy}
		for _, attrs := range [][]slog.Attr{same, {{Key: "g", Value: slog.GroupValue(same...)}}} {
			got := strings.Count(oneLine(t, opts, nil, attrs...), `"key`)
			if got != want {
				t.Errorf("policy %d: %d members, want %d", policy, got, want)
			}
		}
		if got := strings.Count(oneLine(t, opts, nil, different...), `"key_`); got != n {
			t.Errorf("policy %d: %d members, want %d", policy, got, n)
		}
	}
}

func TestNullNonFinite(t *testing.T) {
	t.Parallel()
	type namedFloat float64
	attrs := []slog.Attr{
		slog.Float64("nan", math.NaN()), slog.Float64("inf", math.Inf(1)), slog.Any("minus", math.Inf(-1)),
		slog.Any("f32", float32(math.Inf(1))), slog.Any("valuer", testValuer{slog.Float64Value(math.NaN())}),
		slog.Group("g", "nan", math.NaN()), slog.Any("in", []float64{1, math.NaN()}), slog.Any("named", namedFloat(math.NaN())),
		slog.Float64("ok", 1.5), slog.Float64("max", math.MaxFloat64),
	}
	const nan, inf = `"!ERROR:json: unsupported value: NaN"`, `"!ERROR:json: unsupported value: +Inf"`
	tests := []struct {
		name string
		opts handler.JSONOptions
		want string
	}{{
		name: "false",
		want: `{"level":"INFO","msg":"m","nan":` + nan + `,"inf":` + inf + `,"minus":"!ERROR:json: unsupported value: -Inf",` +
			`"f32":` + inf + `,"valuer":` + nan + `,"g":{"nan":` + nan + `},"in":` + nan + `,"named":` + nan +
			`,"ok":1.5,"max":1.7976931348623157e+308}`,
	}, {
		name: "true",
		opts: handler.JSONOptions{NullNonFinite: true},
		want: `{"level":"INFO","msg":"m","nan":null,"inf":null,"minus":null,"f32":null,"valuer":null,"g":{"nan":null},` +
			`"in":` + nan + `,"named":` + nan + `,"ok":1.5,"max":1.7976931348623157e+308}`,
	}}
	for _, tt := range tests {
		for name, derive := range map[string]func(slog.Handler) slog.Handler{"attrs": nil, "With": with(attrs...)} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				of := attrs
				if derive != nil {
					of = nil
				}
				if diff := cmp.Diff(tt.want, oneLine(t, tt.opts, derive, of...)); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestMaxFieldBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		limit int
		attr  slog.Attr
		want  string // behind the message
	}{
		{"a string of the limit", 5, slog.String("k", "12345"), `"k":"12345"`},
		{"a longer string", 5, slog.String("k", "123456"), `"k":"12345…(+1 bytes)"`},
		{"an empty string", 1, slog.String("k", ""), `"k":""`},
		{"between runes", 3, slog.String("k", "aéé"), `"k":"aé…(+2 bytes)"`},
		{"not in a rune", 2, slog.String("k", "aéé"), `"k":"a…(+4 bytes)"`},
		{"a first rune that is too long", 1, slog.String("k", "日本"), `"k":"…(+6 bytes)"`},
		{"not in a rune of four bytes", 3, slog.String("k", "😀"), `"k":"…(+4 bytes)"`},
		{"invalid UTF-8", 2, slog.String("k", "\xff\xff\xff"), `"k":"\ufffd\ufffd…(+1 bytes)"`},
		{"continuation bytes only", 6, slog.String("k", strings.Repeat("\x80", 8)), `"k":"\ufffd\ufffd…(+6 bytes)"`},
		{"limit 1", 1, slog.String("k", "ab"), `"k":"a…(+1 bytes)"`},
		{"limit 2", 2, slog.String("k", "abc"), `"k":"ab…(+1 bytes)"`},
		{"limit 3", 3, slog.String("k", "abcd"), `"k":"abc…(+1 bytes)"`},
		{"no limit", 0, slog.String("k", "abcd"), `"k":"abcd"`},
		{"a negative limit", -1, slog.String("k", "abcd"), `"k":"abcd"`},
		{"the smallest limit", math.MinInt, slog.String("k", "abcd"), `"k":"abcd"`},
		{"the largest limit", math.MaxInt, slog.Any("k", []byte("abcd")), `"k":"YWJjZA=="`},
		{"a key", 3, slog.Int("abcd", 1), `"abc…(+1 bytes)":1`},
		{"a group's name", 3, slog.Group("abcd", "k", "12345"), `"abc…(+1 bytes)":{"k":"123…(+2 bytes)"}`},
		{"a group is no value", 3, slog.Group("k", "a", 12345, "b", 67890), `"k":{"a":12345,"b":67890}`},
		{"an error", 3, slog.Any("k", errors.New("refused")), `"k":"ref…(+4 bytes)"`},
		{"a LogValuer", 3, slog.Any("k", testValuer{slog.StringValue("refused")}), `"k":"ref…(+4 bytes)"`},
		{"bytes", 4, slog.Any("k", []byte("abcdef")), `"k":"YWJj…(+4 bytes)"`},
		{"encoded text of the limit", 5, slog.Any("k", json.RawMessage(`"12345"`)), `"k":"12345"`},
		{"longer encoded text", 5, slog.Any("k", json.RawMessage(`"123456"`)), `"k":"12345…(+1 bytes)"`},
		{"encoded text between runes", 3, slog.Any("k", json.RawMessage(`"aéé"`)), `"k":"aé…(+2 bytes)"`},
		{"not in a rune of encoded text", 2, slog.Any("k", json.RawMessage(`"aéé"`)), `"k":"a…(+4 bytes)"`},
		{"an escape is the character", 2, slog.Any("k", json.RawMessage(`"a\nb"`)), `"k":"a\n…(+1 bytes)"`},
		{"escapes up to the limit", 3, slog.Any("k", json.RawMessage(`"a\nb"`)), `"k":"a\nb"`},
		{"a backslash is one", 2, slog.Any("k", json.RawMessage(`"\\\\\\"`)), `"k":"\\\\…(+1 bytes)"`},
		{"an error's quotes are not counted twice", 3, slog.Any("k", errors.New(`"""`)), `"k":"\"\"\""`},
		{"not in a long escape", 2, slog.Any("k", json.RawMessage(`"a\u00e9b"`)), `"k":"a…(+3 bytes)"`},
		{"not in a surrogate pair", 3, slog.Any("k", json.RawMessage(`"\ud83d\ude00b"`)), `"k":"…(+5 bytes)"`},
		{"behind a surrogate pair", 4, slog.Any("k", json.RawMessage(`"\uD83D\uDE00b"`)), `"k":"😀…(+1 bytes)"`},
		{"behind half a pair", 7, slog.Any("k", json.RawMessage(`"\ud83dabcdefg"`)), `"k":"�abcd…(+3 bytes)"`},
		{"a Marshaler", 3, slog.Any("k", marshaler(`"abcd"`)), `"k":"abc…(+1 bytes)"`},
		{"an error text of ours", 7, slog.Any("k", func() {}), `"k":"!ERROR:…(+30 bytes)"`},
		{"an array", 4, slog.Any("k", []int{1, 2, 3}), `"k":"[1,2…(+3 bytes)"`},
		{"an array of the limit", 7, slog.Any("k", []int{1, 2, 3}), `"k":[1,2,3]`},
		{"an object", 3, slog.Any("k", map[string]int{"a": 1}), `"k":"{\"a…(+4 bytes)"`},
		{"encoded objects", 3, slog.Any("k", json.RawMessage(`{"é":1}`)), `"k":"{\"…(+6 bytes)"`},
		{"numbers and words stay", 1, slog.Group("g", "i", 12345, "f", 1.25, "t", true, "d", time.Second, "n", nil), `"g":{"i":12345,"f":1.25,"t":true,"d":1000000000,"n":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := handler.JSONOptions{MaxFieldBytes: tt.limit}
			want := `{"level":"INFO","msg":"m",` + tt.want + `}`
			if diff := cmp.Diff(want, oneLine(t, opts, nil, tt.attr)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, oneLine(t, opts, with(tt.attr))); diff != "" {
				t.Errorf("With: mismatch (-want +got):\n%s", diff)
			}
			// Where names are looked at, other code has the strings.
			opts.Duplicates = handler.LastWins
			if diff := cmp.Diff(want, oneLine(t, opts, nil, tt.attr)); diff != "" {
				t.Errorf("LastWins: mismatch (-want +got):\n%s", diff)
			}
			opts.Duplicates = handler.KeepDuplicates
			opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
				if groups == nil && a.Key == slog.LevelKey {
					return slog.Attr{}
				}
				return a
			}
			if tt.limit <= 0 || tt.limit >= len(slog.MessageKey) {
				want = `{"msg":"m",` + tt.want + `}`
				if diff := cmp.Diff(want, oneLine(t, opts, nil, tt.attr)); diff != "" {
					t.Errorf("ReplaceAttr: mismatch (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestMaxFieldBytesOfMessagesAndGroups(t *testing.T) {
	t.Parallel()
	opts := handler.JSONOptions{MaxFieldBytes: 4, Duplicates: handler.LastWins}
	rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "request done", 0)
	rec.AddAttrs(slog.Int("prefix1", 1), slog.Int("prefix2", 2), slog.Int("pref", 3))
	got := recordLine(t, opts, func(h slog.Handler) slog.Handler { return h.WithGroup("groups") }, rec)
	// The two keys have become one.
	want := `{"level":"INFO","msg":"requ…(+8 bytes)","grou…(+2 bytes)":{"pref…(+3 bytes)":2,"pref":3}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// lineOf returns attrs for which the unbounded line has n bytes with its newline.
func lineOf(t *testing.T, n int) slog.Attr {
	t.Helper()
	empty := oneLine(t, handler.JSONOptions{}, nil, slog.String("s", ""))
	return slog.String("s", strings.Repeat("x", n-len(empty)-len("\n")))
}

func TestMaxLineBytesLeavesWhatFits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		most, has int
		cut       bool
	}{
		{"exactly the limit", 2000, 2000, false},
		{"one less", 2000, 1999, false},
		{"one more", 2000, 2001, true},
		{"no limit", 0, 100_000, false},
		{"a negative limit", -1, 100_000, false},
		{"the floor", 1, 1024, false},
		{"more than the floor", 1, 1025, true},
		{"under the floor", 1023, 1025, true},
		{"just above the floor", 1025, 1025, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			attr := lineOf(t, tt.has)
			got := oneLine(t, handler.JSONOptions{MaxLineBytes: tt.most}, nil, attr)
			whole := oneLine(t, handler.JSONOptions{}, nil, attr)
			if len(whole)+1 != tt.has {
				t.Fatalf("the line has %d bytes, not %d", len(whole)+1, tt.has)
			}
			if cut := got != whole; cut != tt.cut {
				t.Errorf("cut is %t, want %t: %s", cut, tt.cut, got)
			}
			if tt.cut && len(got)+1 > max(tt.most, 1024) {
				t.Errorf("a line of %d bytes", len(got)+1)
			}
		})
	}
}

func TestMaxLineBytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	wide := make([]slog.Attr, 500)
	for i := range wide {
		wide[i] = slog.Int("attr"+strconv.Itoa(i), i)
	}
	deep := slog.String("s", long)
	for range 100 {
		deep = slog.Attr{Key: "g", Value: slog.GroupValue(slog.Int("before", 1), deep, slog.Int("behind", 2))}
	}
	array := make([]int, 10_000)
	sameName := make([]slog.Attr, 200)
	for i := range sameName {
		sameName[i] = slog.String(slog.MessageKey, long[:60])
	}
	pairs := `"` + strings.Repeat(`\ud83d\ude00`, 500) + `"`
	halves := `"` + strings.Repeat(`\ud83d\nabc\u1234é`, 500) + `"`
	id := slog.String("id", "0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f")
	tests := []struct {
		name    string
		message string
		derive  func(slog.Handler) slog.Handler
		attrs   []slog.Attr
		lost    bool // whether id may be left out
	}{
		{name: "a huge message", message: hugeText(), attrs: []slog.Attr{id}},
		{name: "a message of quotes", message: strings.Repeat(`"`, 5000), attrs: []slog.Attr{id}},
		{name: "a message of control characters", message: strings.Repeat("\x00", 5000), attrs: []slog.Attr{id}},
		{name: "a message of runes", message: strings.Repeat("日本語", 5000), attrs: []slog.Attr{id}},
		{name: "a message of invalid UTF-8", message: strings.Repeat("\xff", 5000), attrs: []slog.Attr{id}},
		{name: "a long string", attrs: []slog.Attr{slog.String("s", long), id}},
		{name: "long strings", attrs: []slog.Attr{slog.String("s", long), slog.String("t", long), slog.Any("u", errors.New(long)), id}},
		{name: "bytes", attrs: []slog.Attr{slog.Any("s", []byte(long)), id}},
		{name: "many attrs", attrs: append([]slog.Attr{id}, wide...)},
		{name: "many attrs first", attrs: append(slices.Clip(wide), id), lost: true},
		{name: "a deep group", attrs: []slog.Attr{deep, id}},
		{name: "a wide group", attrs: []slog.Attr{{Key: "g", Value: slog.GroupValue(wide...)}, id}},
		{name: "an array", attrs: []slog.Attr{slog.Any("a", array), id}},
		{name: "arrays", attrs: []slog.Attr{slog.Any("a", array), slog.Any("b", [][]int{array, array}), id}},
		{name: "a wide array of long strings", attrs: []slog.Attr{slog.Any("a", []string{long, long, long}), id}},
		{name: "an object", attrs: []slog.Attr{slog.Any("o", map[string]any{"a": array, "b": long}), id}},
		{name: "surrogate pairs", attrs: []slog.Attr{slog.Any("p", json.RawMessage(pairs)), id}},
		{name: "half pairs", attrs: []slog.Attr{slog.Any("p", json.RawMessage(halves)), id}},
		{name: "a huge With", derive: with(slog.String("s", long), slog.Any("a", array)), attrs: []slog.Attr{id}},
		{name: "a huge With and a group", derive: func(h slog.Handler) slog.Handler {
			return with(id)(h).WithGroup("g").WithAttrs([]slog.Attr{slog.String("s", long), slog.Any("a", array)})
		}, attrs: []slog.Attr{slog.String("s", long)}},
		{name: "a group's long name", derive: func(h slog.Handler) slog.Handler { return with(id)(h).WithGroup(long) }, attrs: wide[:3]},
		{name: "a long key", attrs: []slog.Attr{slog.Int(long, 1), id}},
		{name: "a number", attrs: []slog.Attr{slog.Any("n", json.RawMessage(strings.Repeat("1", 5000))), id}},
		{name: "a big number", attrs: []slog.Attr{slog.Any("n", new(big.Int).Lsh(big.NewInt(1), 20_000)), id}},
		{name: "attrs with the name of the message", attrs: append([]slog.Attr{id}, sameName...)},
		{name: "a number with the name of the message", attrs: []slog.Attr{slog.Any("msg", json.RawMessage(strings.Repeat("1", 5000))), id}},
		{name: "an array with the name of the message", attrs: []slog.Attr{slog.Any("msg", array), id}},
		{name: "an attr with the name of the mark", attrs: []slog.Attr{slog.String("truncated", long), id}},
		{name: "an attr with the name of the mark, and another", attrs: []slog.Attr{slog.Int("truncated", 7), slog.String("s", long), id}},
		{name: "a group with the name of the mark", attrs: []slog.Attr{slog.Group("truncated", "a", 1), slog.String("s", long), id}},
	}
	for _, tt := range tests {
		for _, most := range []int{1024, 1500, 4999} {
			for _, policy := range []handler.Duplicates{handler.KeepDuplicates, handler.LastWins, handler.RenameDuplicates} {
				t.Run(fmt.Sprint(tt.name, "/", most, "/", policy), func(t *testing.T) {
					t.Parallel()
					at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
					rec := slog.NewRecord(at, slog.LevelWarn, tt.message, 0)
					rec.AddAttrs(tt.attrs...)
					opts := handler.JSONOptions{Duplicates: policy}
					whole := recordLine(t, opts, tt.derive, rec)
					opts.MaxLineBytes = most
					line := recordLine(t, opts, tt.derive, rec)
					if len(whole)+1 <= most {
						if diff := cmp.Diff(whole, line); diff != "" {
							t.Errorf("it fits: mismatch (-want +got):\n%s", diff)
						}
						return
					}
					if len(line)+1 > most {
						t.Errorf("a line of %d bytes, want at most %d: %.300s…", len(line)+1, most, line)
					}
					got, err := parseMembers(line)
					if err != nil {
						t.Fatal(err)
					}
					values := map[string]any{}
					for _, m := range got {
						if _, again := values[m.name]; again && m.name != slog.MessageKey {
							t.Errorf("%q comes twice", m.name)
						}
						values[m.name] = m.value
					}
					// What a policy leaves out was there at first.
					if n, ok := values["truncated"].(json.Number); !ok || n.String() != strconv.Itoa(len(whole)) &&
						(policy == handler.KeepDuplicates || len(n) < len(strconv.Itoa(most))) {
						t.Errorf("truncated is %v, want %d", values["truncated"], len(whole))
					}
					if diff := cmp.Diff([]any{"2026-11-21T00:00:00Z", "WARN"}, []any{values["time"], values["level"]}); diff != "" {
						t.Errorf("built-in fields: mismatch (-want +got):\n%s", diff)
					}
					if _, ok := values["msg"]; !ok {
						t.Error("the message is gone")
					}
					if diff := cmp.Diff(id.Value.Any(), values["id"]); diff != "" && !tt.lost {
						t.Errorf("id: mismatch (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

// What is cut is cut to the same length, and only as much as is needed.
func TestMaxLineBytesCutsTheLongestFirst(t *testing.T) {
	t.Parallel()
	opts := handler.JSONOptions{MaxLineBytes: 1024}
	line := oneLine(t, opts, nil, slog.String("short", strings.Repeat("s", 100)),
		slog.String("long", strings.Repeat("l", 900)), slog.String("longer", strings.Repeat("L", 9000)))
	if len(line) < 1024*8/10 {
		t.Errorf("only %d bytes are left of 1024: %s", len(line), line)
	}
	var got struct{ Short, Long, Longer string }
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Repeat("s", 100), got.Short); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if a, b := strings.Count(got.Long, "l"), strings.Count(got.Longer, "L"); a != b || a < 100 {
		t.Errorf("%d and %d bytes are left, want the same number", a, b)
	}
}

func TestTimeFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 23, 30, 5, 123456789, time.UTC)
	tests := []struct {
		name      string
		layout    string
		precision time.Duration
		at        time.Time
		want      string
	}{
		{"none", "", 0, at, "2026-11-21T23:30:05.123456789Z"},
		{"a usual one", time.DateTime, 0, at, "2026-11-21 23:30:05"},
		{"one with digits", "15:04:05.000000", 0, at, "23:30:05.123456"},
		{"quotes and a backslash", `"2006"\`, 0, at, `"2026"\`},
		{"a newline and a control", "2006\n\x00\x1b[m", 0, at, "2026\n\x00\x1b[m"},
		{"other letters", "2006年01月02日", 0, at, "2026年11月21日"},
		{"invalid UTF-8", "2006\xff", 0, at, "2026\ufffd"},
		{"only text", "x", 0, at, "x"},
		{"a zone with quotes", "MST", 0, at.In(time.FixedZone("\"A\"\n", 3600)), "\"A\"\n"},
		{"a zone with invalid UTF-8", "MST", 0, at.In(time.FixedZone("\xff", 3600)), "\ufffd"},
		{"a year beyond 9999", time.DateOnly, 0, at.AddDate(10_000, 0, 0), "12026-11-21"},
		{"a layout and a precision", "15:04:05.000000", time.Millisecond, at, "23:30:05.123000"},
		{"a layout and an hour", time.TimeOnly, time.Hour, at, "23:00:00"},

		{"a nanosecond", "", time.Nanosecond, at, "2026-11-21T23:30:05.123456789Z"},
		{"seven nanoseconds", "", 7, time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC().Truncate(7).Format("2006-01-02T15:04:05.000000000Z")},
		{"a microsecond", "", time.Microsecond, at, "2026-11-21T23:30:05.123456Z"},
		{"a millisecond", "", time.Millisecond, at, "2026-11-21T23:30:05.123Z"},
		{"trailing zeros", "", time.Millisecond, at.Truncate(time.Second), "2026-11-21T23:30:05.000Z"},
		{"ten milliseconds", "", 10 * time.Millisecond, at, "2026-11-21T23:30:05.12Z"},
		{"250 milliseconds", "", 250 * time.Millisecond, at.Add(time.Second / 2), "2026-11-21T23:30:05.50Z"},
		{"1500 milliseconds", "", 1500 * time.Millisecond, at, "2026-11-21T23:30:04.5Z"},
		{"a second", "", time.Second, at, "2026-11-21T23:30:05Z"},
		{"a minute", "", time.Minute, at, "2026-11-21T23:30:00Z"},
		{"a negative one", "", -time.Second, at, "2026-11-21T23:30:05.123456789Z"},
		{"a negative one drops trailing zeros", "", -1, at.Truncate(time.Second), "2026-11-21T23:30:05Z"},
		{"never rounded up", "", time.Second, at.Truncate(time.Second).Add(time.Second - 1), "2026-11-21T23:30:05Z"},
		{"before 1970", "", time.Millisecond, time.Unix(-1, 999_999_999).UTC(), "1969-12-31T23:59:59.999Z"},
		{"a zone", "", time.Millisecond, at.In(time.FixedZone("", -5400)), "2026-11-21T22:00:05.123-01:30"},
		{"a year beyond 9999 without a layout", "", time.Second, at.AddDate(10_000, 0, 0), "!ERROR:time.Time year outside of range [0,9999]"},
		{"a zone of 100 hours", "", 0, at.In(time.FixedZone("", 100*3600)), "2026-11-26T03:30:05.123456789+100:00"},
		{"a zone of 1000 hours", "", 0, at.In(time.FixedZone("", 1000*3600)), "2027-01-02T15:30:05.123456789+1000:00"},
		{"a zone of -1000 hours", "", time.Millisecond, at.In(time.FixedZone("", -1000*3600)), "2026-10-11T07:30:05.123-1000:00"},
	}
	same := func(_ []string, a slog.Attr) slog.Attr { return a }
	for _, tt := range tests {
		for name, replace := range map[string]func([]string, slog.Attr) slog.Attr{"plain": nil, "ReplaceAttr": same} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				opts := handler.JSONOptions{TimeFormat: tt.layout, TimePrecision: tt.precision}
				opts.ReplaceAttr = replace
				rec := slog.NewRecord(tt.at, slog.LevelInfo, "m", 0)
				rec.AddAttrs(slog.Time("attr", tt.at), slog.Group("g", "attr", tt.at), slog.Any("v", testValuer{slog.TimeValue(tt.at)}))
				var got struct {
					Time, Attr, With, V string
					G                   struct{ Attr string }
				}
				line := recordLine(t, opts, with(slog.Time("with", tt.at)), rec)
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Fatal(err)
				}
				want := []string{tt.want, tt.want, tt.want, tt.want, tt.want}
				if diff := cmp.Diff(want, []string{got.Time, got.Attr, got.With, got.V, got.G.Attr}); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestTimeFormatOfTheZeroTime(t *testing.T) {
	t.Parallel()
	opts := handler.JSONOptions{TimeFormat: time.DateOnly, TimePrecision: time.Second}
	want := `{"level":"INFO","msg":"m","t":"0001-01-01"}`
	if diff := cmp.Diff(want, oneLine(t, opts, nil, slog.Time("t", time.Time{}))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// Handlers share what is pooled, also a second that one of them has formatted.
func TestTimesOfHandlersWithDifferentOptions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 23, 30, 5, 123456789, time.UTC)
	kinds := []struct {
		opts handler.JSONOptions
		want string
	}{
		{handler.JSONOptions{}, "2026-11-21T23:30:05.123456789Z"},
		{handler.JSONOptions{TimePrecision: time.Millisecond}, "2026-11-21T23:30:05.123Z"},
		{handler.JSONOptions{TimeFormat: time.TimeOnly}, "23:30:05"},
		{handler.JSONOptions{TimePrecision: time.Second}, "2026-11-21T23:30:05Z"},
		{handler.JSONOptions{TimePrecision: time.Minute}, "2026-11-21T23:30:00Z"},
		{handler.JSONOptions{Duplicates: handler.LastWins, TimePrecision: time.Microsecond}, "2026-11-21T23:30:05.123456Z"},
	}
	var buf testlog.Buffer
	handlers := make([]slog.Handler, len(kinds))
	for i, kind := range kinds {
		handlers[i] = kind.opts.NewHandler(&buf).WithAttrs([]slog.Attr{slog.Time("b", at)})
	}
	for i := range 100 {
		kind := i * 7 % len(kinds)
		if i >= 50 {
			kind = i * i % len(kinds)
		}
		buf.Reset()
		rec := slog.NewRecord(at, slog.LevelInfo, "m", 0)
		rec.AddAttrs(slog.Time("a", at))
		if err := handlers[kind].Handle(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		want := kinds[kind].want
		line := fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"m","b":%q,"a":%q}`, want, want, want)
		if diff := cmp.Diff(line, onlyLine(t, &buf)); diff != "" {
			t.Fatalf("mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestJSONOptionsAreCopied(t *testing.T) {
	t.Parallel()
	opts := &handler.JSONOptions{MaxFieldBytes: 3, TimeFormat: time.DateOnly, Duplicates: handler.LastWins}
	var buf testlog.Buffer
	h := opts.NewHandler(&buf)
	*opts = handler.JSONOptions{
		HandlerOptions: slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: func([]string, slog.Attr) slog.Attr { return slog.Attr{} }},
		MaxFieldBytes:  1, TimeFormat: "x", NullNonFinite: true,
	}
	slogOpts := &slog.HandlerOptions{}
	plain := handler.NewJSONHandler(io.Discard, slogOpts)
	slogOpts.Level = slog.LevelError
	if !h.Enabled(t.Context(), slog.LevelInfo) || !plain.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("the level has changed")
	}
	rec := slog.NewRecord(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), slog.LevelInfo, "message", 0)
	rec.AddAttrs(slog.Int("a", 1), slog.Int("a", 2))
	if err := h.WithAttrs([]slog.Attr{slog.String("w", "with")}).Handle(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-11-21","level":"INFO","msg":"mes…(+4 bytes)","w":"wit…(+1 bytes)","a":2}`
	if diff := cmp.Diff(want, onlyLine(t, &buf)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// nowhere is a handler that only costs what the front end of log/slog does.
type nowhere struct{}

func (nowhere) Enabled(context.Context, slog.Level) bool  { return true }
func (nowhere) Handle(context.Context, slog.Record) error { return nil }
func (n nowhere) WithAttrs([]slog.Attr) slog.Handler      { return n }
func (n nowhere) WithGroup(string) slog.Handler           { return n }

func TestJSONOptionsAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole program
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	group := []slog.Attr{{Key: "http", Value: slog.GroupValue(five()...)}}
	failed := []slog.Attr{slog.Any("err", errors.New("connection refused"))}
	object := []slog.Attr{slog.Any("o", map[string]string{"a": "b", "c": "d"})}
	limits := handler.JSONOptions{
		MaxFieldBytes: 1000, MaxLineBytes: 10_000, TimePrecision: time.Millisecond, NullNonFinite: true,
	}
	limits.AddSource = true
	tests := []struct {
		name  string
		opts  handler.JSONOptions
		bound []slog.Attr
		attrs []slog.Attr
	}{
		{"5 attrs", handler.JSONOptions{}, nil, five()},
		{"an error", handler.JSONOptions{}, nil, failed},
		{"a group of 5", handler.JSONOptions{}, nil, group},
		{"With 10, and 5", handler.JSONOptions{}, ten(), five()},
		{"10 attrs", handler.JSONOptions{}, nil, ten()},
		{"LastWins", handler.JSONOptions{Duplicates: handler.LastWins}, nil, five()},
		{"LastWins, 10 attrs", handler.JSONOptions{Duplicates: handler.LastWins}, nil, ten()},
		{"FirstWins, a group", handler.JSONOptions{Duplicates: handler.FirstWins}, nil, group},
		{"RenameDuplicates, an error", handler.JSONOptions{Duplicates: handler.RenameDuplicates}, nil, failed},
		{"LastWins, With", handler.JSONOptions{Duplicates: handler.LastWins}, []slog.Attr{slog.String("a", "b")}, five()},
		{"LastWins, an object", handler.JSONOptions{Duplicates: handler.LastWins}, nil, object},
		{"limits that nothing reaches", limits, nil, ten()},
		{"a layout", handler.JSONOptions{TimeFormat: time.RFC3339}, nil, ten()},
	}
	ctx := t.Context()
	for _, tt := range tests {
		log := func(h slog.Handler) float64 {
			logger := slog.New(h.WithAttrs(tt.bound))
			return testing.AllocsPerRun(200, func() { logger.LogAttrs(ctx, slog.LevelInfo, "request served", tt.attrs...) })
		}
		frontEnd := log(nowhere{})
		if len(tt.attrs) <= 5 && frontEnd != 0 {
			t.Errorf("%s: the front end itself allocates %v times", tt.name, frontEnd)
		}
		if got := log(tt.opts.NewHandler(io.Discard)); got != frontEnd {
			t.Errorf("%s: %v allocations, want the %v of the front end", tt.name, got, frontEnd)
		}
	}
}
