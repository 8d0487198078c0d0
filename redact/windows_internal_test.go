package redact

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/internal/testlog"
)

// secretsOfRules are texts that one of the default rules finds something in.
func secretsOfRules() []string {
	a36 := strings.Repeat("aB3dE6", 6)
	key := strings.Repeat("MIIEvQIBADANBgkqhkiG9w0B\n", 20)
	return []string{
		"postgres://u:hunter2@h/db", "https://:p@h", "bob:hunter2@tcp(h:3306)/db", "Bearer " + a36, "basic dXNlcjpwYXNz", "mysql --password hunter2 db",
		`x --api-key "two words" y`, "<password>hunter2</password>", "<wsse:Token a=\"b\">\nx\n</wsse:Token>", "CREATE USER x IDENTIFIED BY 'hunter2'",
		"token 'abc123def456'", "curl -s -u bob:hunter2 https://h", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
		"-----BEGIN RSA PRIVATE KEY-----\n" + key + "-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + key,
		"AKIA" + strings.Repeat("ABCD", 4), "ghp_" + a36, "glpat-" + a36, "AIza" + a36[:35], "npm_" + a36, "xoxb-" + a36,
		"DE89370400440532013000", "CONFIG SET requirepass hunter2",
		"https://hooks.slack.com/services/T000/B000/" + a36, "sk_live_" + a36, "/bot123456789:" + a36, "https://h/api/webhooks/1234/" + a36,
		"sk-ant-" + a36, "SG." + a36 + "." + a36, "ya29." + a36, "hvs." + a36, "dop_v1_" + a36 + a36, "$2b$10$" + strings.Repeat("a", 53),
		"4111 1111 1111 1111", "4111111111111111", "registry.example.com/a@sha256:" + strings.Repeat("0a", 32), "https://u:p@sha256:0a/x",
	}
}

// secretOf returns a text in which the rule finds something.
func (m maker) secretOf(t *testing.T, rule *Rule) string {
	t.Helper()
	tree, err := syntax.Parse(rule.Pattern, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	find, err := rule.compile()
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if text := " " + m.match(tree) + " "; len(find.find(text)) > 0 {
			return text
		}
	}
	return "" // a Check that hardly anything passes
}

// longText returns a text with the secrets at random places, each one as often as
// the others, between words that hold parts of them and bytes that matter to a
// pattern.
func longText(r *rand.Rand, size int, secrets []string) string {
	words := []string{
		"the ", "request ", "\n", " ", `"`, "'", "user=5 ", "://", "@", "<a>", "</a>", "token ", "bearer ", "--", "é", "\xff", "eyJ", "AKIA", "basic ",
		"curl ", strings.Repeat("x", 300), strings.Repeat("of words that are clean, ", 40), "ghp", "_v1_", "-----BEGIN ", "12:30:45 ", "4111 ", "password ",
	}
	var b strings.Builder
	order := r.Perm(len(secrets))
	for n := 0; b.Len() < size; {
		if r.IntN(8) == 0 {
			b.WriteString(secrets[order[n%len(order)]])
			n++
		} else {
			b.WriteString(words[r.IntN(len(words))])
		}
	}
	return b.String()
}

func TestWindowsFindWhatTheWholeTextHas(t *testing.T) {
	t.Parallel()
	if testlog.Race {
		t.Skip("no goroutine but its own is in it, and the race detector is slow")
	}
	r := rand.New(rand.NewPCG(9, 10))
	d := defaults().shared
	secrets := secretsOfRules()
	for i := range d.rules {
		if d.rules[i].Pattern != "" {
			secrets = append(secrets, maker{r}.secretOf(t, &d.rules[i]))
		}
	}
	texts := []string{
		longText(r, 110<<10, secrets),
		strings.ReplaceAll(longText(r, 70<<10, secrets), "\n", " "),
		strings.Repeat("a ", 40<<10) + "eyJ" + strings.Repeat("aB3-", 10<<10) + "." + strings.Repeat("_Zz", 9) + ` "x` + strings.Repeat(" b", 10<<10),
		strings.Repeat("a ", 40<<10) + "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG9w0B\n", 2<<10) + "-----END PRIVATE KEY-----\nx",
		"<secret>" + strings.Repeat("x\ny ", 20<<10) + "</secret>",
		strings.Repeat("x", 30<<10) + " https://u:" + strings.Repeat("p", 30<<10) + "@h " + strings.Repeat("x", 30<<10),
	}
	for i, m := range d.matchers {
		if m == nil {
			continue
		}
		found := 0
		for j, s := range texts {
			want, got := m.find(s), d.filter.find(i, s)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("rule %s, text %d: mismatch (-want +got):\n%.2000s", d.rules[i].Name, j, diff)
			}
			found += len(want)
		}
		if found == 0 {
			t.Errorf("rule %s has nothing to find", d.rules[i].Name)
		}
	}
}

func TestWindowsOfAnyPattern(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(11, 12))}
	patterns := []string{
		`(?i)(?:ab)+`, `(?i:KK)`, `\bxyz\b`, `(?m)^xyz$`, `^a`, `x\z`, `\Ax`, `\Bxyz`, `[^x]@:`, `a.*@`, `(?s)a.*@`, `"[^"]*"`, `[kK]+|sS=`, `1 0.?`,
	}
	for len(patterns) < 100 {
		if pattern := m.pattern(3); len(pattern) < 60 {
			patterns = append(patterns, pattern)
		}
	}
	found := 0
	for _, pattern := range patterns {
		re, err := regexp.Compile(pattern)
		if err != nil || re.MatchString("") {
			continue
		}
		rule := &matcher{pattern: pattern, find: finder(re)}
		s := longText(m.Rand, 6<<10, []string{"abba", strings.Repeat("aB", minWindow), "kK", "sS=", "xyz", "a b", "@:", "1 0", "\u017f\u212a"})
		want, got := rule.find(s), rule.lazyWindows()().find(rule, s)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
			t.Errorf("%q: mismatch (-want +got):\n%.1000s", pattern, diff)
		}
		if len(want) > 0 {
			found++
		}
	}
	if found < 20 {
		t.Errorf("%d patterns that found something are too few to show anything", found)
	}
}
