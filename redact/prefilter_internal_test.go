package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
)

// textsOf returns random texts of pieces that matter to a prefilter.
func textsOf(r *rand.Rand, n int, pieces []string) []string {
	texts := make([]string, n)
	for i := range texts {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		texts[i] = b.String()
	}
	return texts
}

func pieces() []string {
	return []string{
		"password", "PASSWORD", "db_pass", "api key", "token", "user", "name", "value", "Value", "sig", "code", "x", "é", "\xff", "7",
		"=", ":", "::", " = ", ": ", "%3D", "%3a", "%20", "%", `"`, `\"`, `\\"`, "'", "`", "?", "&", "#", ".", "-", "_", "[0]", "]", " ",
		"\t", "\n", "{", "[", `\`, "(", ")", "\x1b[0m", "：", "4111 1111", "1111-", "11", strings.Repeat("long", 40), "bearer", "eyJ",
	}
}

// fewer returns n, or less of it with the race detector.
func fewer(n int) int {
	if testlog.Race {
		return n / 20
	}
	return n
}

func TestSuspectSeesTheKeysThatPairsSees(t *testing.T) {
	t.Parallel()
	w := defaults().shared.walk()
	seen := 0
	for _, s := range textsOf(rand.New(rand.NewPCG(3, 4)), fewer(100_000), pieces()) {
		want := false
		for i := range len(s) {
			if strings.IndexByte(markBytes, s[i]) < 0 || separatorAt(s, i) == 0 {
				continue
			}
			k := w.keyBefore(s, i)
			named, _ := namesSecret(w, s, k.name, i+separatorAt(s, i))
			want = want || k.rule != none || named != none || k.quote != "" && isValue(k.name)
		}
		got := w.suspect(s).keys
		if want && !got {
			t.Fatalf("%q: a key is not suspected", s)
		}
		if got && !want && !strings.Contains(s, "%") {
			t.Fatalf("%q: suspected, but there is no key", s)
		}
		if want {
			seen++
		}
	}
	if seen < fewer(1000) {
		t.Errorf("%d texts with keys are too few to show anything", seen)
	}
}

func TestSuspectOfBytesIsThatOfTheText(t *testing.T) {
	t.Parallel()
	w := defaults().shared.walk()
	for _, s := range textsOf(rand.New(rand.NewPCG(5, 6)), fewer(20_000), pieces()) {
		if text, raw := w.suspect(s), w.suspectBytes([]byte(s)); text != raw {
			t.Fatalf("%q: %+v, and as bytes %+v", s, text, raw)
		}
	}
}

func TestSuspectOfBytesAllocatesNothing(t *testing.T) {
	w := defaults().shared.walk()
	line := []byte(`{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"GET /a?b=1 took 12ms","user_agent":"x","n":12}` + "\n")
	if n := testing.AllocsPerRun(100, func() { w.suspectBytes(line) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestSuspectSeesBracketsAndBackslashes(t *testing.T) {
	t.Parallel()
	w := defaults().shared.walk()
	for size := range 12 {
		for at := range size {
			for _, c := range []string{"{", "[", `\`} {
				s := strings.Repeat("a", at) + c + strings.Repeat("b", size-at-1)
				if got, want := w.suspect(s), (suspicion{opening: c != `\`, escape: c == `\`}); got != want {
					t.Errorf("%q: got %+v, want %+v", s, got, want)
				}
			}
		}
	}
}

// suspects returns what a prefilter for literals suspects.
func suspects(literals [][]string) func(s string) suspicion {
	rules := make([]*matcher, 0, len(literals))
	for _, l := range literals {
		rules = append(rules, &matcher{literals: l})
	}
	w := &walk{shared: &shared{book: &book{filter: newPrefilter(rules)}}, inside: none}
	return w.suspect
}

// The rules are as many as to share kinds of windows, and more than a set holds.
func TestSuspectSeesExactlyTheLiterals(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, 10, 60, maxRules, 200} {
		var literals [][]string
		for range n {
			var list []string
			for range 1 + r.IntN(3) {
				var b strings.Builder
				for range 1 + r.IntN(7) {
					b.WriteByte("abcdefghijklmnopqrstuvwxyz0123456789_-@\xc3"[r.IntN(40)])
				}
				list = append(list, b.String())
			}
			literals = append(literals, list)
		}
		suspect := suspects(literals)
		for range 3000 {
			var b strings.Builder
			for range r.IntN(4) {
				list := literals[r.IntN(n)]
				text := list[r.IntN(len(list))]
				if r.IntN(2) == 0 {
					text = strings.ToUpper(text)
				}
				if r.IntN(4) == 0 {
					text = text[:len(text)-1]
				}
				b.WriteString(text + strings.Repeat(" ", r.IntN(3)))
			}
			s := b.String()
			found, low := suspect(s), asciiLower(s)
			want := ruleSet{}
			for i, list := range literals {
				for _, l := range list {
					if strings.Contains(low, l) {
						want.add(i)
					}
				}
			}
			if found.rules != want {
				t.Fatalf("%d rules, %q: got %x, want %x", n, s, found.rules, want)
			}
		}
	}
}

func TestRulesBeyondTheSet(t *testing.T) {
	t.Parallel()
	rules := make([]*matcher, maxRules+20)
	rules[maxRules+10] = &matcher{literals: []string{"abc"}, find: func(string) []span { return []span{{0, 1}} }}
	w := &walk{shared: &shared{book: &book{filter: newPrefilter(rules)}}, inside: none}
	found := w.suspect("xabcx")
	for i := range rules {
		if want := i >= maxRules-1; found.has(i) != want {
			t.Errorf("rule %d: got %v, want %v", i, !want, want)
		}
		if got := len(w.shared.filter.find(i, "xabcx")); (got > 0) != (i == maxRules+10) {
			t.Errorf("rule %d finds %d", i, got)
		}
	}
}

func TestRunsOfDigits(t *testing.T) {
	t.Parallel()
	rules := []*matcher{cardNumber.matcher(), accountNumber.matcher()}
	suspect := (&walk{shared: &shared{book: &book{filter: newPrefilter(rules)}}, inside: none}).suspect
	for text, want := range map[string]ruleSet{
		"4111111111111111": {low: 1}, "4111 1111 1111 1111": {low: 1}, "4111-1111-1111-1111": {low: 1}, "4222222222222": {low: 1},
		"4111111111111112": {}, "411111111111x1111": {}, "2026-01-02 03:04:05": {}, "1767323045678901234": {}, "": {}, " - - ": {},
		"0f8fad5b-d9cb-469f-a165-70867728950e": {}, strings.Repeat("41111111111x", 9): {}, "NL91 ABNA 0417 1643 00": {low: 2}, "NL92ABNA0417164300": {},
		"2026-01-02 03 4111111111111111 DE89370400440532013000": {low: 3}, "165-70867728950 " + strings.Repeat("x", 400) + " 4111111111111111": {low: 1},
	} {
		for before := range 30 {
			for _, after := range []string{"", ".", " x", strings.Repeat(" y", 300)} {
				s := strings.Repeat("x", before) + "." + text + after
				if got := suspect(s).rules; got != want {
					t.Errorf("%q: got %b, want %b", s, got, want)
				}
			}
		}
	}
}

// TestMayHaveNumber compares it with all runs of random texts, of digits, of what may
// be between them, and of what only looks like that to eight bytes at once.
func TestMayHaveNumber(t *testing.T) {
	t.Parallel()
	p := &defaults().shared.filter
	found := 0
	r := rand.New(rand.NewPCG(9, 1))
	pieces := []string{"0123456789", "12345", "12345", "1234", "7", "-", " ", ".", "/", "?", "x", "x", "abc", "é"}
	for _, s := range textsOf(r, fewer(100_000), pieces) {
		want, digits := false, 0
		for i := range len(s) {
			switch {
			case isDigit(s[i]):
				digits++
			case !inRun(s[i]):
				digits = 0
			}
			want = want || digits >= p.minRun
		}
		if got := mayHaveNumber(p, s); got != want {
			t.Fatalf("%q: got %v, want %v", s, got, want)
		}
		if want {
			found++
		}
	}
	if found < fewer(100_000)/10 {
		t.Errorf("only %d texts with enough digits", found)
	}
}

func BenchmarkSuspect(b *testing.B) {
	w := defaults().shared.walk()
	for _, tt := range []struct{ name, s string }{
		{"key", "status"},
		{"longer key", "request_id"},
		{"message", cleanMessage()},
		{"prose", strings.Repeat("the quick brown fox jumps over the lazy dog and so on ", 20)},
	} {
		b.Run(fmt.Sprintf("%s/%dB", tt.name, len(tt.s)), func(b *testing.B) {
			b.SetBytes(int64(len(tt.s)))
			for b.Loop() {
				w.suspect(tt.s)
			}
		})
	}
}

// The rules' patterns one by one over the message that suspect takes in one pass.
func BenchmarkRulesOneByOne(b *testing.B) {
	d := defaults().shared
	s := cleanMessage()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		for _, m := range d.matchers {
			if m != nil {
				m.find(s)
			}
		}
	}
}

// What each NewHandler does.
func BenchmarkNewPrefilter(b *testing.B) {
	rules := defaults().shared.matchers
	for b.Loop() {
		newPrefilter(rules)
	}
}

// cleanMessage is about 1 KiB of a log: fields, a header, prose.
func cleanMessage() string {
	const fields = `2026-01-02T03:04:05.678Z INFO request completed method=GET path=/api/v1/users/42/orders status=200 ` +
		`duration=12.5ms user_agent="Mozilla/5.0 (X11; Linux x86_64)" `
	const prose = "the connection to the upstream server was closed by the peer before the response headers were read, " +
		"retrying with backoff in a moment; "
	return strings.Repeat(fields, 2) + strings.Repeat(prose, 5)
}
