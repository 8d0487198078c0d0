package redact_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

var update = flag.Bool("update", false, "write the tables of docs/redaction-rules.md anew")

// alone returns a Redactor with only one of the default rules on.
func alone(t *testing.T, name string) *redact.Redactor {
	t.Helper()
	opts := &redact.Options{Mask: "«»", Enable: []string{name}}
	rules := redact.DefaultRules()
	for i := range rules {
		if rules[i].Name != name {
			opts.Disable = append(opts.Disable, rules[i].Name)
		}
	}
	return redactor(t, opts)
}

func redactor(t *testing.T, opts *redact.Options) *redact.Redactor {
	t.Helper()
	r, err := redact.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// parts returns the text around the secret of an example, and the secret.
func parts(text string) (before, secret, after string) {
	before, rest, _ := strings.Cut(text, "«")
	secret, after, _ = strings.Cut(rest, "»")
	return before, secret, after
}

// Each default rule finds what its examples say it does, by itself and with all
// others, and leaves alone what looks like it.
func TestDefaultRules(t *testing.T) {
	t.Parallel()
	all := examples()
	rules := redact.DefaultRules()
	every := redactor(t, &redact.Options{Enable: []string{"email", "ip_address"}})
	for i, r := range rules {
		if i >= len(all) || all[i].rule != r.Name {
			t.Fatalf("rule %d is %s, where the examples are for others", i, r.Name)
		}
	}
	for i, r := range rules {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			ex := all[i]
			if r.Source == "" || r.Group == "" || !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(r.Name) {
				t.Errorf("name %q, group %q, source %q", r.Name, r.Group, r.Source)
			}
			if len(ex.text)+len(ex.values) == 0 || len(ex.none)+len(ex.noValues) == 0 || ex.what == "" {
				t.Error("no examples")
			}
			only := alone(t, r.Name)
			for _, text := range ex.text {
				before, secret, after := parts(plain(text))
				if secret == "" {
					t.Fatalf("no secret in %s", text)
				}
				if diff := cmp.Diff(before+"«»"+after, only.String(before+secret+after)); diff != "" {
					t.Errorf("%s: mismatch (-want +got):\n%s", text, diff)
				}
				if got := every.String(before + secret + after); strings.Contains(got, secret) {
					t.Errorf("%s: all rules together leave %s", text, got)
				}
				if got := redact.String(before + secret + after); !r.Optional && strings.Contains(got, secret) {
					t.Errorf("%s: the default rules leave %s", text, got)
				}
			}
			for _, text := range append(slices.Clone(ex.none), ex.only...) {
				text = plain(text)
				if got := only.String(text); got != text {
					t.Errorf("%q has become %q", text, got)
				}
			}
			for _, text := range ex.none {
				text = plain(text)
				if got := redact.String(text); got != text {
					t.Errorf("with all rules, %q has become %q", text, got)
				}
			}
			for _, v := range ex.values {
				if got := fmt.Sprint(only.ReplaceAttr(nil, slog.Any("v", v)).Value); !strings.Contains(got, "«»") {
					t.Errorf("%T is printed as %s", v, got)
				}
			}
			for _, v := range ex.noValues {
				if got := only.ReplaceAttr(nil, slog.Any("v", v)).Value.Any(); fmt.Sprintf("%T", got) != fmt.Sprintf("%T", v) {
					t.Errorf("%T has become %v", v, got)
				}
			}
		})
	}
}

// times returns how often something random is tried.
func times(n int) int {
	if testlog.Race {
		return n / 10
	}
	return n
}

// However well-formed tokens are made up, and whatever is before and after them,
// they are found.
func TestDefaultRulesFindMadeUpTokens(t *testing.T) {
	t.Parallel()
	before := []string{"", " ", "x ", `"`, "'", "=", "x=", ":", "(", "[", "/", "_", "-", "é", "x%3D", "x%20", `x\n`, `x\t`, `x\u003d`, `x\x3d`, "\x00", "\n", ">", "\xff"}
	after := []string{"", " ", " x", `"`, "'", ",", ")", "]", "\n", "\x00", "&x=1", "<", `\n`, ";"}
	random := testlog.NewRandom(6)
	for i, r := range redact.DefaultRules() {
		if r.Group != "tokens" && r.Group != "keys" {
			continue
		}
		for _, text := range examples()[i].text {
			prefix, form, _ := parts(text)
			if prefix != "" || !strings.Contains(form, "{") {
				continue // it has to have something else before it
			}
			for range times(200) {
				secret := made(form, random.IntN)
				text := before[random.IntN(len(before))] + secret + after[random.IntN(len(after))]
				if got := redact.String(text); strings.Contains(got, secret) {
					t.Fatalf("%s: %q has become %q", r.Name, text, got)
				}
			}
		}
	}
}

// A rule with a search of its own, or with literals of its own for the search,
// finds what its Pattern says.
func TestDefaultRulesFindWhatTheirPatternDoes(t *testing.T) {
	t.Parallel()
	random := testlog.NewRandom(7)
	all := examples()
	for i, r := range redact.DefaultRules() {
		if r.Pattern == "" || r.Name == "url_password" { // which looks at what follows, too
			continue
		}
		only, pattern := alone(t, r.Name), redactor(t, &redact.Options{
			NoDefaults: true, Mask: "«»", Rules: []redact.Rule{{Name: r.Name, Pattern: r.Pattern, Check: r.Check}},
		})
		for range times(30) {
			var text strings.Builder
			for range random.IntN(4) + 1 {
				near := all[min(len(all)-1, i+random.IntN(3))]
				forms := append(slices.Clone(near.text), near.none...)
				form := made(forms[random.IntN(len(forms))], random.IntN)
				form = strings.NewReplacer("«", "", "»", "").Replace(form)
				if cut := random.IntN(len(form) + 1); random.IntN(3) == 0 {
					form = form[cut:]
				} else if random.IntN(3) == 0 {
					form = form[:cut]
				}
				text.WriteString(form + []string{"", " ", "_", "-", ".", "%3D", `\n`, "x"}[random.IntN(8)])
			}
			if diff := cmp.Diff(pattern.String(text.String()), only.String(text.String())); diff != "" {
				t.Fatalf("%s: %q: mismatch (-pattern +rule):\n%s", r.Name, text.String(), diff)
			}
		}
	}
}

// Hashes and IDs have no form of a secret.
func TestDefaultRulesLeaveHashesAlone(t *testing.T) {
	t.Parallel()
	random := testlog.NewRandom(8)
	for _, form := range []string{
		"{h8}-{h4}-{h4}-{h4}-{h12}", "{h16}", "{h24}", "{h32}", "{h40}", "{h64}", "{h128}", "sha256:{h64}", "sha512-{B86}==", "h1:{B43}=", "{B43}", "{B22}==", "{b21}", "{b43}",
		"{u26}", "{w27}", "{o52}", "W/\"{h32}\"", "00-{h32}-{h16}-01", "{l10}-{l5}", "{B400}", "{w12}.{w12}.{w12}", "{h32}-{d2}", "key-{h32}", "{s34}", "{h12}:{h12}", "/{b40}/{b40}", "x_{w40}",
	} {
		for range times(200) {
			text := made(form, random.IntN)
			if got := redact.String(text); got != text {
				t.Errorf("%s: %q has become %q", form, text, got)
			}
		}
	}
}

// Each key of a rule is found however it is written.
func TestDefaultRulesFindTheirKeys(t *testing.T) {
	t.Parallel()
	for _, r := range redact.DefaultRules() {
		if len(r.Keys) == 0 {
			continue
		}
		only := alone(t, r.Name)
		for _, pattern := range r.Keys {
			name := strings.Trim(pattern, "*_")
			written := []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name[:2] + "-" + name[2:]}
			if strings.HasPrefix(pattern, "*") {
				written = append(written, "db_"+name, "db."+name, "DB-"+strings.ToUpper(name), "db"+strings.ToUpper(name[:1])+name[1:], name+"2", name+"[0]")
			}
			for _, key := range written {
				if got := only.ReplaceAttr(nil, slog.String(key, "hunter2")).Value.String(); got != "«»" {
					t.Errorf("%s: %s: the value of %q is %s", r.Name, pattern, key, got)
				}
				if got := redact.ReplaceAttr(nil, slog.Int(key, 12345)).Value.String(); got != m {
					t.Errorf("%s: %s: with all rules, the value of %q is %s", r.Name, pattern, key, got)
				}
			}
		}
	}
}

// Each key pattern is needed, and it is its own rule that has what it finds.
func TestDefaultKeysAreNoneTwice(t *testing.T) {
	t.Parallel()
	var all []string
	for _, r := range redact.DefaultRules() {
		all = append(all, r.Keys...)
	}
	for _, r := range redact.DefaultRules() {
		for _, pattern := range r.Keys {
			key := strings.Trim(pattern, "*_")
			var rule string
			told := redactor(t, &redact.Options{OnRedact: func(name, _ string) { rule = name }})
			told.ReplaceAttr(nil, slog.String(key, "hunter2"))
			if rule != r.Name {
				t.Errorf("%s: %s is found by %s", r.Name, key, rule)
			}
			others := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == pattern })
			if len(others) != len(all)-1 {
				t.Errorf("%s: %s is there twice", r.Name, pattern)
			}
			without := redactor(t, &redact.Options{NoDefaults: true, Keys: others})
			if got := without.ReplaceAttr(nil, slog.String(key, "hunter2")).Value.String(); got == m {
				t.Errorf("%s: %s is superfluous", r.Name, pattern)
			}
		}
	}
}

// What DefaultRules returns is the caller's.
func TestDefaultRulesAreCopies(t *testing.T) {
	t.Parallel()
	rules := redact.DefaultRules()
	for i := range rules {
		for j := range rules[i].Keys {
			rules[i].Keys[j] = "x"
		}
		for j := range rules[i].Types {
			rules[i].Types[j] = nil
		}
		for j := range rules[i].Tags {
			rules[i].Tags[j] = "x"
		}
	}
	for _, r := range redact.DefaultRules() {
		if slices.Contains(r.Keys, "x") || slices.Contains(r.Types, nil) || slices.Contains(r.Tags, "x") {
			t.Errorf("%s has changed", r.Name)
		}
	}
}

// The page has the rules and the examples of this package.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "docs", "redaction-rules.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(text), "\r\n", "\n")
	const mark = "<!-- From here on: go test ./redact -run TestRulesPage -update -->\n"
	intro, _, found := strings.Cut(got, mark)
	if !found {
		t.Fatalf("%s has no line %s", page, mark)
	}
	want := intro + mark + rulesTables()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got), see the mark in the page:\n%s", diff)
	}
}

// rulesTables returns a table of the default rules for each group.
func rulesTables() string {
	var b strings.Builder
	rules, all := redact.DefaultRules(), examples()
	for _, group := range []string{"credentials", "tokens", "keys", "payment", "personal"} {
		fmt.Fprintf(&b, "\n## %s\n\n| rule | finds | for example | becomes | stays | source |\n| --- | --- | --- | --- | --- | --- |\n", group)
		for i := range rules {
			r, ex := &rules[i], &all[i]
			if r.Group != group {
				continue
			}
			what := ex.what
			if len(r.Keys) > 0 {
				what += ": `" + strings.Join(r.Keys, "` `") + "`"
			}
			if r.Optional {
				what += " (off unless enabled)"
			}
			in, out, stays := ex.show[0], m, ex.show[1]
			if len(ex.text) > 0 {
				before, secret, after := parts(plain(ex.text[0]))
				in, out, stays = before+short(secret)+after, before+m+after, short(plain(ex.none[0]))
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Name, what, code(in), code(out), code(stays), r.Source)
		}
	}
	return b.String()
}

// short cuts what could be taken for a secret.
func short(s string) string {
	return regexp.MustCompile(`[A-Za-z0-9+/_.~$-]{21,}`).ReplaceAllStringFunc(s, func(long string) string { return long[:12] + "…" })
}

// code returns a text as code in a table.
func code(s string) string {
	s = strings.NewReplacer("\n", " ", "|", `\|`).Replace(strings.TrimSpace(s))
	quote := "`"
	if strings.Contains(s, "`") {
		quote = "``"
	}
	return quote + s + quote
}
