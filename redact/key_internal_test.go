package redact

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

func TestKeyPatterns(t *testing.T) {
	tests := []struct {
		name, pattern string
		has, hasNot   []string // a path and its key, between slashes
	}{
		{
			"letters are an element", "card_number",
			[]string{"card_number", "CardNumber", "CARD-NUMBER", "cardnumber", "card number", "_card_number_", "card_number[]", "cardnumber.", "card_number.-", "user.cardNumber", "user/card_number", "user/x.card number"},
			[]string{"number", "card", "my_card_number", "card_number_2", "card_number2", "card_number[0]", "card.number", "card/number", "card_number.user", "card_number/user"},
		},
		{
			"one letter", "k",
			[]string{"k", "K", "-k-", "user.k", "user-k.k", "ok/k"},
			[]string{"ok", "kk", "k2", "k.x", "user-k", ""},
		},
		{
			"suffix", "*password",
			[]string{"password", "dbpassword", "db_password", "DB_PASSWORD", "PassWord", "password2", "password[0]", "password[0][1]", "Password_2", "password.0", "user.password", "p.a.password", "пароль_password"},
			[]string{"passwords", "password_hint", "password.x", "password/x", "pass.word", "assword", "2"},
		},
		{"suffix of one letter", "*x", []string{"x", "ax", "a.x", "a_X", "x2", "λx"}, []string{"xa", "x.a"}},
		{
			"last word", "*_pass",
			[]string{"pass", "PASS", "db_pass", "dbPass", "DBPass", "db-pass", "DB.PASS", "db2Pass", "pass2", "pass[0]", "дбPass", "db/pass"},
			[]string{"bypass", "BYPASS", "db2pass", "passes", "pass_word"},
		},
		{
			"last words", "*_api_key",
			[]string{"api_key", "apikey", "xApiKey", "X-API-Key", "x_api_keys2_apikey"},
			[]string{"myapikey", "api_keys", "key"},
		},
		{
			"prefix", "secret*",
			[]string{"secret", "secrets", "secret_key", "SecretKey", "secretary", "x.secret1", "secret2"},
			[]string{"my_secret", "secret.x", "sec.ret"},
		},
		{
			"first word", "pass_*",
			[]string{"pass", "pass_hash", "passHash", "PASSHash", "pass-2", "pass2", "pass[1]"},
			[]string{"passenger", "password", "my_pass", "pass2_hash"},
		},
		{
			"anywhere", "*card*",
			[]string{"card", "cards", "my_card", "discarded", "C_A_R_D", "x.acardb", "card/card", "card2"},
			[]string{"car_2_d", "cart", "card.x", "card/x"},
		},
		{
			"word anywhere", "*_card_*",
			[]string{"card", "my_card", "cardNumber", "myCardNumber", "my.card.", "MYCardNO", "card2"},
			[]string{"discard", "cards", "cardigan", "myCARDS"},
		},
		{
			"glob", "x*key",
			[]string{"xkey", "x_key", "X-API-Key", "xkey2", "a.xkeykey", "xxkeykey"},
			[]string{"key", "ax_key", "xkeys", "x.key", "xke"},
		},
		{"glob, overlapping", "aba*aba", []string{"abaaba", "aba_x_aba"}, []string{"aba", "ababa"}},
		{"glob, words", "user_*_key", []string{"user_key", "userKey", "user_x_key", "userXKey"}, []string{"userkey", "users_key", "user_xkey"}},
		{"glob, border between", "user*_*key", []string{"user_key", "userX_Xkey", "userXkey"}, []string{"userkey", "userxkey"}},
		{"glob, many parts", "a*b*a*b", []string{"abab", "a1b2ab_ab"}, []string{"abba", "aab", "ababa"}},
		{"border at the ends is none", "_*pass*_", []string{"pass", "bypass", "passes"}, []string{"pas"}},
		{"stars are one", "secret***", []string{"secret", "secrets"}, []string{"mysecret"}},
		{
			"path", "user.email",
			[]string{"user/email", "user.email", "User/E-Mail", "x/user/email", "x.user/email", "x/user.email", "user..email", "user./.email"},
			[]string{"email", "user", "users/email", "user/email/x", "user/x/email", "user.email.x", "myuser/email", "user/email2"},
		},
		{
			"one element", "user.*",
			[]string{"user/name", "user/x2", "user.name", "x.user.name", "user/", "user/-", "user/."},
			[]string{"user", "name", "user/a/b", "user.a.b", "users/a", "user/a.b"},
		},
		{"any one, then a key", "*.card", []string{"user/card", "user.card", "a/b/card", "-/card"}, []string{"card", "user/cards", "card/x"}},
		{"one between", "a.*.b", []string{"a/x/b", "a.x/b", "a/-/b", "a/a/b"}, []string{"a/b", "a/x/y/b", "a/x"}},
		{"suffix in a path", "*auth.*_id", []string{"oauth/client_id", "oauth.clientId", "auth/id", "auth/id2"}, []string{"id", "oauth/grid", "oauth2/id", "auth/x/id"}},
		{
			"any depth", "user.**",
			[]string{"user/a", "user/a/b", "user.a.b.c", "x/user/a.b", "user/user"},
			[]string{"user", "x/user", "users/a", "a/b"},
		},
		{
			"any depth, then a key", "a.**.b",
			[]string{"a/b", "a/x/b", "a.x.y/z/b", "x/a/b/b", "a/b/x/b"},
			[]string{"b", "x/b", "a", "a/b/x", "b/a"},
		},
		{"any depth, one at least", "a.**.*.b", []string{"a/x/b", "a/x/y/b", "a/b/b"}, []string{"a/b", "b"}},
		{"any depth, twice", "a.**.b.**.c", []string{"a/b/c", "a/x/b/y/z/c", "a/b/a/c"}, []string{"a/c", "b/c", "a/b/x", "b/a/c"}},
		{"any depth first is any path", "**.b", []string{"b", "a/b", "a.b"}, []string{"b/a"}},
		{
			"letters beyond ASCII", "*Straße",
			[]string{"straße", "STRAẞE", "haupt_Straße", "straße2"},
			[]string{"strasse", "straßen"},
		},
		{"letters beyond ASCII at the end", "*_ПАРОЛЬ", []string{"пароль", "Пароль", "db_пАРОЛь", "x/дб-Пароль", "ПАРОЛЬ22", "_ПАРОЛЬ[2]"}, []string{"дбпароль", "пароля"}},
		{"letters beyond ASCII in a path", "ключи.**", []string{"Ключи/a", "КЛЮЧИ.x.y"}, []string{"ключ/a"}},
		{"letters that are ASCII in lower case", "*token_key", []string{"to\u212aen\u212aey", "TO\u212aEN_key"}, []string{"toenkey"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var k keySet
			if err := k.add(tt.pattern, 7); err != nil {
				t.Fatal(err)
			}
			for _, full := range tt.has {
				path := strings.Split(full, "/")
				if rule, ok := k.find(path[:len(path)-1], path[len(path)-1]); !ok || rule != 7 {
					t.Errorf("%q has not %q: got %d, %t", tt.pattern, full, rule, ok)
				}
			}
			for _, full := range tt.hasNot {
				path := strings.Split(full, "/")
				if _, ok := k.find(path[:len(path)-1], path[len(path)-1]); ok {
					t.Errorf("%q has %q", tt.pattern, full)
				}
			}
		})
	}
}

func TestKeyPatternErrors(t *testing.T) {
	const (
		empty = "empty element, want letters, digits and * between dots"
		punct = "is only punctuation, want letters, digits and * between dots"
		every = "it would match every key, want one element at least that is not * or **"
	)
	tests := map[string]string{
		"":       empty,
		".":      empty,
		"a..b":   empty,
		".a":     empty,
		"user.":  empty,
		"-":      `element "-" ` + punct,
		"user.[": `element "[" ` + punct,
		"***":    `element "***" ` + punct,
		"*_*.a":  `element "*_*" ` + punct,
		"*":      every,
		"**":     every,
		"*.*":    every,
		"**.*":   every,
	}
	for pattern, want := range tests {
		var k keySet
		err := k.add(pattern, 0)
		if err == nil {
			t.Errorf("add(%q): no error", pattern)
			continue
		}
		if diff := cmp.Diff(fmt.Sprintf("key %q: %s", pattern, want), err.Error()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if rule, ok := k.find([]string{"a", "b"}, "c"); ok {
			t.Errorf("add(%q): refused, but has a key by rule %d", pattern, rule)
		}
	}
}

func TestLowestRuleHasTheKey(t *testing.T) {
	var k keySet
	for i, pattern := range []string{
		"x.token", "access_token", "*access*", "*_token", "*token", "acc*", "**.user.**", "to*n", "*oken", "*n",
	} {
		if err := k.add(pattern, i); err != nil {
			t.Fatal(err)
		}
	}
	for full, want := range map[string]int{
		"x/token": 0, "access_token": 1, "access_token2": 2, "user/access_token": 1, "db_token": 3, "dbtoken": 4,
		"account": 5, "user/account": 5, "user/x": 6, "user.token": 3, "taken": 9, "token": 3, "broken": 8, "n": 9, "x": -1,
	} {
		path := strings.Split(full, "/")
		rule, ok := k.find(path[:len(path)-1], path[len(path)-1])
		if !ok {
			rule = -1
		}
		if rule != want {
			t.Errorf("%s: rule %d, want %d", full, rule, want)
		}
	}
}

func TestDepthOfKeyPatterns(t *testing.T) {
	for pattern, want := range map[string]int{
		"a": 0, "*a": 0, "**.a": 0, "a.b": 1, "*.b": 1, "a.*.c": 2, "a.**": anyDepth, "a.**.b": anyDepth,
	} {
		var k keySet
		if err := k.add(pattern, 0); err != nil {
			t.Fatal(err)
		}
		if k.depth != want || k.hasPaths() != (want > 0) {
			t.Errorf("%s: depth %d, paths %t, want depth %d", pattern, k.depth, k.hasPaths(), want)
		}
	}
}

// TestLongKeyPatterns would not end in an hour if every way to divide a path were tried.
func TestLongKeyPatterns(t *testing.T) {
	var k keySet
	for i, pattern := range []string{
		"x" + strings.Repeat(".**.a", 30) + ".b.**.a",
		"x" + strings.Repeat("*a", 30) + "*b*a",
	} {
		if err := k.add(pattern, i); err != nil {
			t.Fatal(err)
		}
	}
	path := slices.Repeat([]string{"a"}, 1000)
	for _, key := range []string{"a", strings.Repeat("a", 1000), strings.Repeat("a.", 1000) + "a"} {
		if rule, ok := k.find(path, key); ok {
			t.Errorf("rule %d has %.10q", rule, key)
		}
	}
}

func TestKeyPatternsAreThoseOfTheReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func(most int, texts ...string) string {
		var b strings.Builder
		for range 1 + rnd.IntN(most) {
			b.WriteString(texts[rnd.IntN(len(texts))])
		}
		return b.String()
	}
	sets, hits := 500, 0
	if testlog.Race {
		sets = 100
	}
	for range sets {
		var k keySet
		var patterns []string
		for len(patterns) < 1+rnd.IntN(4) {
			pattern := some(6, "a", "b", "ab", "*", "*", "_", ".", "**.", ".**", "*.", "1", "é")
			if k.add(pattern, len(patterns)) == nil {
				patterns = append(patterns, pattern)
			}
		}
		want := newReference(patterns)
		for range 30 {
			var path []string
			for range rnd.IntN(3) {
				path = append(path, some(3, "a", "b", "A", "B", "_", "."))
			}
			key := some(5, "a", "b", "A", "B", "ab", "_", ".", "1", "]", "é", "É", "11")
			if want.check(t, &k, path, key) {
				hits++
			}
		}
	}
	if hits < 2*sets {
		t.Errorf("%d hits, the keys are too random", hits)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("user.*_pass", "x/user/dbPass2")
	f.Add("a.**.b", "a/x/b")
	f.Add("*x_*y*", "axB.\u212a\xff")
	f.Fuzz(func(t *testing.T, pattern, full string) {
		var k keySet
		if k.add(pattern, 0) != nil {
			return
		}
		path := strings.Split(full, "/")
		newReference([]string{pattern}).check(t, &k, path[:len(path)-1], path[len(path)-1])
	})
}

// A reference is what patterns mean: regular expressions over the elements of a
// path, as in /<db><pass>, with words in brackets.
type reference struct {
	patterns []string
	exprs    []*regexp.Regexp
	numbered []bool           // has a key also without the number at its end
	capitals []*regexp.Regexp // where a word begins without punctuation
	number   *regexp.Regexp
	brackets *regexp.Regexp // the first of a key, and a letter in it
}

func newReference(patterns []string) *reference {
	r := &reference{
		patterns: patterns,
		capitals: []*regexp.Regexp{regexp.MustCompile(`([^A-Z .])([A-Z])`), regexp.MustCompile(`([A-Z])([A-Z][a-z])`), regexp.MustCompile(`(\p{Lo})([0-9A-Za-z])`)},
		brackets: regexp.MustCompile(`\[(?:[A-Za-z]|[^\x00-\x7f])?`),
		number:   regexp.MustCompile(`[0-9][^\pL[:^ascii:]]*$`),
	}
	for _, pattern := range patterns {
		elems := strings.Split(pattern, ".")
		expr := ""
		for i, elem := range elems {
			switch {
			case elem != "**":
				expr += "/" + referenceElem(elem)
			case i < len(elems)-1:
				expr += "(?:/[^/]*)*"
			default:
				expr += "(?:/[^/]*)+"
			}
		}
		last := elems[len(elems)-1]
		r.exprs = append(r.exprs, regexp.MustCompile(expr+"$"))
		r.numbered = append(r.numbered, strings.Contains(last, "*") && strings.Trim(last, "*") != "")
	}
	return r
}

// check compares what k finds, and reports whether it is anything.
func (r *reference) check(t *testing.T, k *keySet, path []string, key string) bool {
	t.Helper()
	name := strings.TrimRight(r.number.ReplaceAllString(key, ""), "0123456789"+punctuation())
	want := slices.IndexFunc(r.exprs, func(re *regexp.Regexp) bool { return re.MatchString(r.path(path, key)) })
	if name != "" && r.number.MatchString(key) {
		for i, re := range r.exprs {
			if r.numbered[i] && (want < 0 || i < want) && re.MatchString(r.path(path, name)) {
				want = i
			}
		}
	}
	got, ok := k.find(path, key)
	if !ok {
		got = -1
	}
	if got != want {
		t.Fatalf("patterns %q, path %q, key %q: rule %d, want %d", r.patterns, path, key, got, want)
	}
	return ok
}

func punctuation() string {
	var b strings.Builder
	for c := range byte(unicode.MaxASCII + 1) {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789", unicode.ToLower(rune(c))) {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// path returns a path as the regular expressions expect it.
func (r *reference) path(path []string, key string) string {
	var b strings.Builder
	if first, ok := strings.CutPrefix(r.brackets.FindString(key), "["); ok && first != "" && strings.IndexByte(key, '[') > 0 {
		key = strings.NewReplacer("[", ".", "]", "").Replace(key)
	}
	for _, s := range append(slices.Clone(path), key) {
		s = strings.Map(func(c rune) rune {
			switch {
			case c > unicode.MaxASCII:
				return unicode.ToLower(c)
			case unicode.IsLetter(c) || unicode.IsDigit(c) || c == '.':
				return c
			default:
				return ' '
			}
		}, s)
		for _, re := range r.capitals {
			s = re.ReplaceAllString(s, "$1 $2")
		}
		if strings.Trim(s, " .") == "" {
			b.WriteString("/")
		}
		for elem := range strings.SplitSeq(strings.ToLower(s), ".") {
			if words := strings.FieldsFunc(elem, func(c rune) bool { return c == ' ' }); len(words) > 0 {
				b.WriteString("/<" + strings.Join(words, "><") + ">")
			}
		}
	}
	return b.String()
}

// referenceElem returns an expression for an element. What a border beside another
// border, or at an end, adds is nothing.
func referenceElem(elem string) string {
	if elem == "*" {
		return "[^/]*"
	}
	elem = regexp.MustCompile(`[^*\pL\pN[:^ascii:]]+`).ReplaceAllString(elem, "_")
	for before := ""; before != elem; {
		before = elem
		for _, part := range []string{`([^*])_([^*])`, `\*()(\*)`, `(\*_)\*_()`, `()_\*(_\*)`, `^()_()`, `^(\*)_(\*)`, `()_()$`, `(\*)_(\*)$`} {
			elem = regexp.MustCompile(part).ReplaceAllString(elem, "$1$2")
		}
	}
	elem = strings.ToLower(elem)
	expr := regexp.MustCompile(`[^*_]`).ReplaceAllStringFunc(elem, func(letter string) string {
		return regexp.QuoteMeta(letter) + "(?:><)?"
	})
	expr = strings.ReplaceAll(expr, "(?:><)?_*", ">*")
	expr = strings.ReplaceAll(expr, "(?:><)?*", "*")
	expr = strings.TrimSuffix(expr, "(?:><)?")
	expr = strings.ReplaceAll(expr, "*_*", "*><*")
	expr = strings.ReplaceAll(expr, "*_", "*<")
	if expr[0] != '*' {
		expr = "<" + expr
	}
	if expr[len(expr)-1] != '*' {
		expr += ">"
	}
	return strings.ReplaceAll(expr, "*", "[^/]*")
}

func TestKeysAreFoundWithoutAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	k := manyKeys(t)
	path := []string{"x", "user"}
	for _, key := range append(cleanKeys(), "db_pass", "dbpassword[0]", "email", "пароль", "cards") {
		if n := testing.AllocsPerRun(10, func() { k.find(path, key) }); n > 0 {
			t.Errorf("%s: %v allocations", key, n)
		}
	}
}

func BenchmarkKeys(b *testing.B) {
	few, many, glob := &keySet{}, manyKeys(b), manyKeys(b)
	addKeys(b, few, "*password", "*_pass", "email")
	addKeys(b, glob, "*card*")
	for _, bb := range []struct {
		name string
		set  *keySet
		keys []string
	}{
		{"clean/few", few, cleanKeys()},
		{"clean/many", many, cleanKeys()},
		{"clean/glob", glob, cleanKeys()},
		{"suffix", many, []string{"db_password"}},
		{"word", many, []string{"dbPass"}},
		{"number", many, []string{"password2"}},
		{"path", many, []string{"email"}},
		{"glob", glob, []string{"cardNumber"}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			path := []string{"x", "user"}
			for i := 0; b.Loop(); i++ {
				bb.set.find(path, bb.keys[i%len(bb.keys)])
			}
		})
	}
}

func cleanKeys() []string {
	return []string{"path", "status", "elapsed", "cached", "since", "request_id", "http.method", "user_agent"}
}

// manyKeys are more than there are default keys.
func manyKeys(tb testing.TB) *keySet {
	tb.Helper()
	k := &keySet{}
	addKeys(tb, k, "*password", "*_pass", "user.email", "*пароль")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			addKeys(tb, k, fmt.Sprintf("*%c%ckey", a, b), fmt.Sprintf("*_%c_%csecret", a, b))
		}
	}
	return k
}

func addKeys(tb testing.TB, k *keySet, patterns ...string) {
	tb.Helper()
	for i, pattern := range patterns {
		if err := k.add(pattern, i); err != nil {
			tb.Fatal(err)
		}
	}
}
