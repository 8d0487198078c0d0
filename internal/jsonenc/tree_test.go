package jsonenc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATreeIsAppendedAsItWasParsed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-1.5e+10`, `true`, `null`, `{"a":{}}`, `[[],[{}]]`, `"\"\\"`, `"]},{["`,
		`{"":"","a":[1,-2,"x",null,{"b":false}],"c\n":"\u00e9"}`, `{"a":1,"a":2}`, `{"{":"}","[":"]",",":":"}`,
		strings.Repeat(`{"a":[`, 200) + strings.Repeat(`]}`, 200),
	} {
		p := parser{most: math.MaxInt}
		n, rest := p.value([]byte(text+`,"rest"}`), 0)
		if diff := cmp.Diff(text, string(n.append(nil))); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(`,"rest"}`, string(rest)); diff != "" {
			t.Errorf("%s: rest: mismatch (-want +got):\n%s", text, diff)
		}
		if got := n.size(0); got != len(text) {
			t.Errorf("%s: size %d, want %d", text, got, len(text))
		}
	}
}

// A name has many encodings and is the same.
func TestNamesAreComparedByWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{
		{`"a"`, `"\u0061"`},
		{`"\n"`, `"\u000a"`, `"\u000A"`},
		{`"/"`, `"\/"`, `"\u002f"`},
		{`"é"`, `"\u00e9"`, `"\u00E9"`},
		{`"😀"`, `"\ud83d\ude00"`, `"\uD83D\uDE00"`},
		{`"\ufffd"`, "\"\ufffd\"", `"\ud800"`, `"\udc00"`},
		{`"\""`, `"\u0022"`},
		{`"\u2028"`, "\"\u2028\""},
		{`"\b"`, `"\u0008"`},
	} {
		for _, a := range names {
			for _, b := range names {
				rules := Rules{Duplicates: LastWins}
				got := string(rules.rework([]byte(`{`+a+`:1,`+b+`:2}`), -1))
				if !strings.HasSuffix(got, `:2}`) || strings.Contains(got, `:1`) {
					t.Errorf("%s and %s: got %s", a, b, got)
				}
			}
		}
	}
}

// The text of one value, which inspect looks at without a tree, is never taken for
// clean when a tree finds a name twice.
func TestInspectMissesNoDuplicate(t *testing.T) {
	t.Parallel()
	rules := Rules{Duplicates: FirstWins}
	for _, text := range []string{
		`{"a":1,"a":2}`, `{"a":{"b":1},"a":2}`, `[{"x":1},{"x":1,"y":{},"x":[]}]`, `{"a":"\"","a":1}`, `{"\u0061":1,"a":2}`,
		`{"a":1,"\u0061":2}`, `{"a":{"a":{"a":1,"a":2}}}`, `{"":1,"":2}`, `{"a":":","b":"{","a":1}`, `{"a":[{}],"a":[]}`,
		`{"long name of a member":1,"b":2,"long name of a member":3}`, `[[[[{"k":[],"k":{}}]]]]`, `{"\\":1,"\\":2}`,
	} {
		line := []byte(`{"v":` + text + `}`)
		reworked := rules.rework(bytes.Clone(line), -1)
		if bytes.Equal(reworked, line) {
			t.Fatalf("%s has no duplicate", text)
		}
		e := New(rules)
		l := e.Line()
		bound := e.Bound()
		b := l.Begin([]byte(`{`), &bound)
		b = l.any(append(b, `"v":`...), rawText(text))
		got := l.Finish(append(l.End(b, &bound), '}'))
		if diff := cmp.Diff(string(reworked)+"\n", string(got)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", text, diff)
		}
	}
}

type rawText string

func (r rawText) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// Twice as many duplicates are twice the work, which is counted in allocations.
func TestDuplicatesTakeLinearTime(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole program
	line := func(n int) []byte {
		b := []byte(`{"x":0`)
		for i := range n {
			b = fmt.Appendf(b, `,"name":%d`, i)
		}
		return append(b, '}')
	}
	for _, policy := range []Duplicates{LastWins, FirstWins, RenameDuplicates} {
		allocs := func(n int) float64 {
			rules, text := Rules{Duplicates: policy}, line(n)
			return testing.AllocsPerRun(2, func() { rules.rework(bytes.Clone(text), -1) })
		}
		if few, many := allocs(500), allocs(2000); many > 6*few {
			t.Errorf("policy %d: %v allocations for 500 and %v for 2000", policy, few, many)
		}
	}
}

// A line that is too long is not made into many more nodes than have room in what is
// left of it.
func TestATreeHasNoMoreNodesThanHaveRoom(t *testing.T) {
	t.Parallel()
	line := []byte(`{"a":[` + strings.Repeat(`1,`, 100_000) + `1],"b":{"c":[[` + strings.Repeat(`[],`, 1000) + `1]]},"d":"x"}`)
	got := string((&Rules{Keep: []string{"d"}}).rework(slices.Clone(line), 1000))
	if len(got) > 1000 || len(got) < 900 || !json.Valid([]byte(got)) || !strings.HasSuffix(got, `"d":"x","truncated":203033}`) {
		t.Errorf("%d bytes: %.40s … %s", len(got), got, got[max(0, len(got)-60):])
	}
	p := parser{most: 1000}
	if n, _ := p.value(line, 0); len(n.kids[0].kids) > 1000 {
		t.Errorf("%d nodes", len(n.kids[0].kids))
	}
}
