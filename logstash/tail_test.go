package logstash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kept returns what a tail holds as one text.
func kept(t *tail) string {
	first, second := t.parts()
	return string(first) + string(second)
}

// asEvents makes an event of each string.
func asEvents(texts ...string) [][]byte {
	events := make([][]byte, 0, len(texts))
	for _, text := range texts {
		events = append(events, []byte(text))
	}
	return events
}

// Lines are kept whole, newlines count, and a line that does not fit leaves
// nothing of those before it, as what is kept is what was written last.
func TestTailBorders(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		add   [][][]byte
		want  string
	}{
		{"nothing may be kept", 0, [][][]byte{asEvents("a", "b")}, ""},
		{"exact fit", 6, [][][]byte{asEvents("aa", "bb")}, "aa\nbb\n"},
		{"one byte short", 5, [][][]byte{asEvents("aa", "bb")}, "bb\n"},
		{"one byte spare", 7, [][][]byte{asEvents("aa", "bb")}, "aa\nbb\n"},
		{"one line alone", 3, [][][]byte{asEvents("aa"), asEvents("bb"), asEvents("cc")}, "cc\n"},
		{"newline does not fit", 2, [][][]byte{asEvents("aa")}, ""},
		{"too long at the end", 4, [][][]byte{asEvents("a"), asEvents("b", "cccc")}, ""},
		{"too long in between", 4, [][][]byte{asEvents("a"), asEvents("cccc", "d")}, "d\n"},
		{"a short one after long ones", 9, [][][]byte{asEvents("aaa", "bbb"), asEvents("c")}, "bbb\nc\n"},
		{"no events", 4, [][][]byte{asEvents("a"), nil}, "a\n"},
		{"around the end", 8, [][][]byte{asEvents("aaaa"), asEvents("bb"), asEvents("ccc")}, "bb\nccc\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept := &tail{limit: tt.limit}
			for _, events := range tt.add {
				kept.add(events)
			}
			first, second := kept.parts()
			if diff := cmp.Diff(tt.want, string(first)+string(second)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if want := strings.Count(tt.want, "\n"); kept.lines != want {
				t.Errorf("lines %d, want %d", kept.lines, want)
			}
		})
	}
}

// Whatever is added, what is kept are the last lines that fit.
func TestTailKeepsTheLongestEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for limit := range 40 {
		var (
			got = &tail{limit: limit}
			all strings.Builder
		)
		for range 300 {
			events := make([][]byte, rnd.IntN(6))
			for i := range events {
				events[i] = []byte(strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(15)))
				all.Write(append(events[i], '\n'))
			}
			got.add(events)
			want := all.String()
			for len(want) > limit {
				_, want, _ = strings.Cut(want, "\n")
			}
			if diff := cmp.Diff(want, kept(got)); diff != "" {
				t.Fatalf("limit %d: mismatch (-want +got):\n%s", limit, diff)
			}
			if n := strings.Count(want, "\n"); got.lines != n {
				t.Fatalf("limit %d: lines %d, want %d", limit, got.lines, n)
			}
		}
	}
}

func TestTailAllocs(t *testing.T) {
	kept := &tail{limit: 1000}
	events := asEvents(strings.Repeat("a", 300), strings.Repeat("b", 77), "c")
	kept.add(events)
	if n := testing.AllocsPerRun(100, func() { kept.add(events) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkTail(b *testing.B) {
	events := make([][]byte, 2048)
	for i := range events {
		events[i] = fmt.Appendf(nil, `{"id":%d,"message":%q}`, i, strings.Repeat("m", 300))
	}
	kept := &tail{limit: 1 << 20}
	b.ReportAllocs()
	for b.Loop() {
		kept.add(events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
