package redact

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLiteralsOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pattern string
		want          []string // nil: none
	}{
		{"all of it", `abc-def`, []string{"abc-def"}},
		{"upper case", `\bAKIA[A-Z2-7]{16}\b`, []string{"akia"}},
		{"class", `\bgh[opr]_[A-Za-z0-9]{36}`, []string{"gho_", "ghp_", "ghr_"}},
		{"alternation", `(?:glpat|dop_v1)[-_]?[a-z]{20}`, []string{"dop_v1", "glpat"}},
		{"factored alternation", `(?:token|total)\d+x`, []string{"token", "total"}},
		{"group that is the secret", `hooks\.slack\.com/(?P<x>[A-Z]+)`, []string{"hooks.slack.com/"}},
		{"in the middle", `[a-z]+@tcp\(\w+`, []string{"@tcp("}},
		{"optional part", `secret(?:_key)?=\w`, []string{"secret=", "secret_key="}},
		{"optional end", `^v1secret[a-z]?`, []string{"v1secret"}},
		{"any number of", `x(?:secret)*\d\d\d`, nil},
		{"at least one", `\d*(?:secret)+\d*`, []string{"secret"}},
		{"twice", `(?:zq){2,}\w`, []string{"zqzq"}},
		{"often", `(?:zq){20}`, []string{strings.Repeat("zq", maxCopies)}},
		{"more often", `(?: ){9}@`, []string{strings.Repeat(" ", maxCopies)}},
		{"bounds from zero", `(?:zq){0,3}1`, nil},
		{"the rarer part", `the .*qzx`, []string{"qzx"}},
		{"what has another in it", `xbearer|bearer`, []string{"bearer"}},
		{"one rare byte", `\w+@\w+`, []string{"@"}},
		{"one frequent byte", `\w+e\w+`, nil},
		{"nothing at all", `\w+\s\d+`, nil},
		{"alternation with nothing", `secret|\d+`, nil},
		{"empty alternative", `(?:secret|)x\d`, []string{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9"}},
		{"case does not count", `(?i)bearer \w+`, []string{"bearer "}},
		{"case of K and S", `(?i)ask`, []string{"ask", "as\u212a", "a\u017fk", "a\u017f\u212a"}},
		{"K and S if case counts", `task-SK-\d`, []string{"task-sk-0", "task-sk-1", "task-sk-2", "task-sk-3", "task-sk-4", "task-sk-5", "task-sk-6", "task-sk-7", "task-sk-8", "task-sk-9"}},
		{"many of K and S", `(?i)sksksksk-abcdef-sksksksk`, []string{"-abcdef-"}},
		{"beyond ASCII", `clé_secrète`, []string{"clé_secrète"}},
		{"case beyond ASCII", `(?i)zé1`, []string{"zÉ1", "zé1"}},
		{"what is no UTF-8 is U+FFFD", "ab\uFFFDcd(qx)?", nil},
		{"and a class with it", "[\uFFFDa]zq", []string{"zq"}},
		{"too many", `(?:[a-e][0-9]|[f-k]x|[l-z]y|[a-z]q|[a-z]j)`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			re, err := syntax.Parse(tt.pattern, syntax.Perl)
			if err != nil {
				t.Fatal(err)
			}
			got := literalsOf(re)
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: mismatch (-want +got):\n%s", tt.pattern, diff)
			}
		})
	}
}

// A maker makes patterns, and texts that they are likely to match.
type maker struct{ *rand.Rand }

func (m maker) pattern(depth int) string {
	kinds := 12
	if depth == 0 {
		kinds = 4
	}
	switch m.IntN(kinds) {
	case 0, 1:
		const letters = "abkKsSxyz_-=:@é\u017f\u212a\uFFFD 01"
		runes := []rune(letters)
		var b strings.Builder
		for range 1 + m.IntN(6) {
			b.WriteString(regexp.QuoteMeta(string(runes[m.IntN(len(runes))])))
		}
		return b.String()
	case 2:
		return []string{`[abk]`, `[A-Z]`, `[^a]`, `.`, `\d`, `\w`, `[sé]`, `[x-z]`, `(?s:.)`, `\S`}[m.IntN(10)]
	case 3:
		return []string{`\b`, `^`, `$`, `(?m:^)`, `\B`, ``}[m.IntN(6)]
	case 4, 5:
		return m.pattern(depth-1) + m.pattern(depth-1)
	case 6, 7:
		return "(?:" + m.pattern(depth-1) + "|" + m.pattern(depth-1) + ")"
	case 8:
		return "(" + m.pattern(depth-1) + ")"
	case 9:
		return "(?i:" + m.pattern(depth-1) + ")"
	default:
		repeat := []string{"*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "+?", "??", "{9}"}[m.IntN(10)]
		return "(?:" + m.pattern(depth-1) + ")" + repeat
	}
}

// match returns a text that re matches, if its empty-width parts let it.
func (m maker) match(re *syntax.Regexp) string {
	var b strings.Builder
	write := func(sub *syntax.Regexp, from, to int) {
		for range from + m.IntN(to-from+1) {
			b.WriteString(m.match(sub))
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				same := orbit(r)
				r = same[m.IntN(len(same))]
			}
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		if i := m.IntN(len(re.Rune)/2) * 2; m.IntN(200) > 0 { // hardly ever, there is none
			r := re.Rune[i] + rune(m.IntN(int(min(re.Rune[i+1]-re.Rune[i], 200)+1)))
			if r == 0xFFFD {
				return "\xff"
			}
			b.WriteRune(r)
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString([]string{"a", "k", "é", "\xff", " "}[m.IntN(5)])
	case syntax.OpCapture:
		write(re.Sub[0], 1, 1)
	case syntax.OpStar:
		write(re.Sub[0], 0, 2)
	case syntax.OpPlus:
		write(re.Sub[0], 1, 3)
	case syntax.OpQuest:
		write(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 {
			most = re.Min + 2
		}
		write(re.Sub[0], re.Min, most)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			write(sub, 1, 1)
		}
	case syntax.OpAlternate:
		write(re.Sub[m.IntN(len(re.Sub))], 1, 1)
	default:
	}
	return b.String()
}

func TestEveryMatchHasALiteral(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(1, 2))}
	matches, useful := 0, 0
	for range 4000 {
		pattern := m.pattern(4)
		re, err := regexp.Compile(pattern)
		if err != nil {
			continue // repeated too often
		}
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		literals := literalsOf(tree)
		if literals == nil {
			continue
		}
		useful++
		for range 5 {
			text := m.match(tree)
			for _, found := range re.FindAllString(" "+text+"\n"+m.match(tree)+text, -1) {
				matches++
				low := asciiLower(found)
				if !slices.ContainsFunc(literals, func(l string) bool { return strings.Contains(low, l) }) {
					t.Fatalf("%q matches %q, which has none of %q", pattern, found, literals)
				}
			}
		}
	}
	if useful < 400 || matches < 5*useful {
		t.Errorf("%d patterns with literals and %d matches of them are too few to show anything", useful, matches)
	}
}
