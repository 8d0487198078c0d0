package redact

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// A rule that runs its expression only around its literals finds all that the
// expression finds in the whole text: in made up matches, cut and side by side.
func TestStartsFindWhatTheWholeTextHas(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(13, 14))}
	for _, r := range defaultRules() {
		if r.Pattern == "" || r.Name == "url_password" { // which looks at what follows, too
			continue
		}
		tree, err := syntax.Parse(r.Pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		whole, found := finder(regexp.MustCompile(r.Pattern)), 0
		for range 100 {
			var b strings.Builder
			for range 1 + m.IntN(4) {
				text := strings.NewReplacer("\u017f", "s", "\u212a", "K").Replace(m.match(tree)) // which are no letters of a literal
				if m.IntN(4) == 0 {
					text = text[m.IntN(len(text)+1):]
				}
				b.WriteString(text + []string{"", " ", "_", "-", "x", "9", "%3D", `\n`, "\n", `"`}[m.IntN(10)])
			}
			s := b.String()
			want, got := whole(s), r.matcher.find(s)
			for _, f := range want { // what ends a match is no border before another one, so that there may be more
				if !slices.Contains(got, f) {
					t.Fatalf("%s: %q: found %v, want %v", r.Name, s, got, want)
				}
			}
			found += len(want)
		}
		if found < 20 {
			t.Errorf("%s: %d matches are too few to show anything", r.Name, found)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		all  []string
		s    string
		from int
		want int
	}{
		{[]string{"ab", "b"}, "xAB", 0, 1},
		{[]string{"ab", "b"}, "xAB", 2, 2},
		{[]string{"ab", "b"}, "xa", 0, -1},
		{[]string{"b"}, "xB", 0, 1},
		{[]string{"ab"}, "aaab", 0, 2},
		{[]string{"ab"}, "a", 0, -1},
		{[]string{"ab"}, "", 0, -1},
		{[]string{"ab"}, "ab", 5, -1},
		{[]string{"@"}, "a@b@", 2, 3},
		{[]string{"@"}, "ab", 0, -1},
		{[]string{" -"}, "a -b", 0, 1},
	} {
		if got := newTexts(tt.all).in(tt.s, tt.from); got != tt.want {
			t.Errorf("%q in %q from %d on: %d, want %d", tt.all, tt.s, tt.from, got, tt.want)
		}
	}
}
