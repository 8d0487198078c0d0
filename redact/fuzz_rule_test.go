package redact_test

import (
	"fmt"
	"math/big"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode"

	"github.com/sluicelog/sluice/redact"
)

// A ruleForm is a default rule with a pattern.
type ruleForm struct {
	name string
	re   *regexp.Regexp
	tree *syntax.Regexp
	only *redact.Redactor // knows no other rule
}

// ruleForms are all default rules with a pattern that are on.
var ruleForms = sync.OnceValue(func() []ruleForm {
	var forms []ruleForm
	for _, r := range redact.DefaultRules() {
		if r.Pattern == "" || r.Optional {
			continue
		}
		tree, err := syntax.Parse(r.Pattern, syntax.Perl)
		if err != nil {
			panic(err)
		}
		only, err := redact.New(&redact.Options{NoDefaults: true, Rules: []redact.Rule{r}})
		if err != nil {
			panic(err)
		}
		forms = append(forms, ruleForm{r.Name, regexp.MustCompile(r.Pattern), tree, only})
	}
	return forms
})

// issued returns what a default rule finds: a text that its pattern matches, with
// a secret in it that the rule, alone, masks.
func (p *planter) issued() string {
	f := oneOf(p, ruleForms()...)
	for range 8 {
		s := p.matching(f.tree)
		m := f.re.FindStringSubmatchIndex(s)
		if m == nil {
			continue
		}
		start, end := m[0], m[1]
		for g := 2; g < len(m); g += 2 {
			if m[g] >= 0 {
				start, end = m[g], m[g+1]
				break
			}
		}
		secret := s[start:end]
		if len(secret) < 12 || strings.Contains(f.only.String(s), secret) || strings.ContainsAny(s, " \t\r\n\"'`\\%") {
			continue // too short to look for, no secret by the rule's check, or what may end within another form
		}
		p.plant(secret[min(12, len(secret)/3):]) // what it begins with may be the name of a rule
		return s
	}
	return p.iban() // no luck
}

// matching returns a text that a pattern may match.
func (p *planter) matching(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 {
			s = oneOf(p, strings.ToLower(s), strings.ToUpper(s), s)
		}
		return s
	case syntax.OpCharClass:
		return string(p.inClass(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return p.from(alnum, 1)
	case syntax.OpCapture, syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(p.matching(sub))
		}
		return b.String()
	case syntax.OpAlternate:
		return p.matching(oneOf(p, re.Sub...))
	case syntax.OpQuest:
		return p.repeated(re.Sub[0], p.IntN(2))
	case syntax.OpStar:
		return p.repeated(re.Sub[0], p.IntN(4))
	case syntax.OpPlus:
		return p.repeated(re.Sub[0], 1+p.IntN(16))
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 {
			most = re.Min + 16
		}
		return p.repeated(re.Sub[0], re.Min+p.IntN(min(most-re.Min, 16)+1))
	default:
		return "" // a border, which is there at the ends
	}
}

func (p *planter) repeated(re *syntax.Regexp, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(p.matching(re))
	}
	return b.String()
}

// inClass returns a letter or digit of a class, or, if it has none, any of its runes.
func (p *planter) inClass(class []rune) rune {
	has := func(c rune) bool {
		for i := 0; i < len(class); i += 2 {
			if class[i] <= c && c <= class[i+1] {
				return true
			}
		}
		return false
	}
	for range 100 {
		if c := rune(alnum[p.IntN(len(alnum))]); has(c) {
			return c
		}
	}
	for c := range unicode.MaxASCII {
		if has(c) {
			return c
		}
	}
	return class[0]
}

// iban plants the number of a bank account, whose check is that of ISO 7064.
func (p *planter) iban() string {
	account := p.from("123456789", 18)
	n, _ := new(big.Int).SetString(account+"131400", 10) // DE00
	check := 98 - new(big.Int).Mod(n, big.NewInt(97)).Int64()
	return p.plant(fmt.Sprintf("DE%02d%s", check, account))
}

// rulePatterns are the patterns of the keys of all default rules.
var rulePatterns = sync.OnceValue(func() []string {
	var patterns []string
	for _, r := range redact.DefaultRules() {
		if !r.Optional {
			patterns = append(patterns, r.Keys...)
		}
	}
	return patterns
})

// ruleKey returns a key that a default rule is for.
func (p *planter) ruleKey() string {
	pattern := oneOf(p, rulePatterns()...)
	name := strings.Trim(pattern, "*_-")
	switch {
	case strings.HasPrefix(pattern, "*_"):
		name = oneOf(p, name, "db_"+name, "x-"+name, "db"+strings.ToUpper(name[:1])+name[1:], strings.ToUpper(name), "X_"+strings.ToUpper(name))
	case strings.HasPrefix(pattern, "*"):
		name = oneOf(p, name, "db"+name, "x_"+name, strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:], "App."+name)
	default:
		name = oneOf(p, name, strings.ToUpper(name))
	}
	return name
}
