package glob_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/glob"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b", true},
		{"**", "a", true},
		{"a*", "a", true},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"*a*a*", "aba", true},
		{"*ab*b", "ab", false},
		{"github.com/*/db", "github.com/acme/x/db", true},
		{"github.com/*/db", "github.com/acme/db/x", false},
		{"a.b", "axb", false},
		{"a?[b]", "a?[b]", true},
		{"*\xff", "a\xff", true},
	} {
		if got := glob.Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b/c", true},
		{"a/b", "a/b.c", true},
		{"a/b", "a/bc", false},
		{"a/b", "a", false},
		{"a/b/", "a/b/c", false},
		{"a/b/...", "a/b", true},
		{"a/b/...", "a/b/c", true},
		{"a/b/...", "a/bc", false},
		{"a/*", "a/b/c", true},
		{"*/b", "a/b/c", false},
		{"", "", true},
		{"", "a", false},
	} {
		if got := glob.Covers(tt.pattern, tt.name, "/."); got != tt.want {
			t.Errorf("Covers(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	want := []string{"a/b/c", "*/b/c*", "a/b", "*b/c", "a/b*", "b*c/", "x*y*z", "ab", "a", "*", "**"}
	for first := range want { // whatever the order before
		got := slices.Concat(want[first:], want[:first])
		slices.Reverse(got)
		slices.SortFunc(got, glob.Compare)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

// FuzzMatchIsARegexp sets Match and Covers beside regular expressions.
func FuzzMatchIsARegexp(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"*", "a"}, {"a*b*c", "abcbc"}, {"a**b", "ab"}, {"*a*b*", "ba"}, {"a/b", "a/b/c"}, {"*.*", "\n.\xff"}, {"a*a", "a"}, {"a/...", "a/b"}, {"github.com/*/db", "github.com/x/db"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 1000 || len(name) > 1000 {
			t.Skip("a regular expression has limits")
		}
		// A byte that is no UTF-8 is none that a regular expression can have.
		latin := func(s string) string {
			runes := make([]rune, 0, len(s))
			for _, c := range []byte(s) {
				runes = append(runes, rune(c))
			}
			return string(runes)
		}
		expr := strings.ReplaceAll(regexp.QuoteMeta(latin(pattern)), `\*`, "(?s:.*)")
		match := regexp.MustCompile(`\A` + expr + `\z`)
		if got, want := glob.Match(pattern, name), match.MatchString(latin(name)); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, name, got)
		}
		if !strings.Contains(pattern, "*") {
			match = regexp.MustCompile(`\A` + strings.TrimSuffix(expr, `/\.\.\.`) + `(?s:[./].*)?\z`)
		}
		if got, want := glob.Covers(pattern, name, "./"), match.MatchString(latin(name)); got != want {
			t.Errorf("Covers(%q, %q) = %v", pattern, name, got)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for b.Loop() {
		glob.Match("github.com/*/internal/*", "github.com/acme/service/internal/pool")
	}
}
