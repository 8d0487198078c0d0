package redact

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// A Rule says what is a secret, and what becomes of it. What any of Keys, Types,
// Tags, Pattern and Match finds is one.
//
// The rules of [Options] come before the default ones. Of several that find the
// same, the first decides.
type Rule struct {
	// Name is what Stats, OnRedact, Options.Disable and the errors call the rule. It
	// must not be empty.
	Name string

	// Group is what the rule can be switched off by, with others: see
	// [DefaultRules]. It may be empty.
	Group string

	// Source says where the form that the rule looks for is published.
	Source string

	// Keys are patterns for keys: of attrs, groups (by WithGroup too), maps, the
	// fields of structs (by all their names: in Go, in JSON and in other tags),
	// and keys in text and in JSON. What stands under one is a secret, whatever it
	// is.
	//
	// Case and punctuation do not count: "card_number" is CardNumber and
	// Card-Number too. A "*" stands for any letters: "*password" is what ends in
	// it, "secret*" what begins with it, "*card*" what holds it. Punctuation
	// beside a "*" is the border of a word: "*_pass" is pass, db_pass and dbPass,
	// not bypass. A number at the end of a key does not count for a pattern with a
	// "*": "*password" is password2 and password[0] too, "bearer" is only bearer.
	//
	// A key with dots is matched against the last elements of the path of groups
	// and keys, "*" being any one element and "**" any number of them:
	// "user.email" is email in user, wherever that is, "*.card" is card in any
	// group, "user.*" is all that is in user, and "user.**" all below it.
	Keys []string

	// Types are the types of values that are secrets wherever they stand, as
	// [reflect.TypeFor] returns them. Of an interface, all types that have its
	// methods; of another type, a pointer to it too.
	Types []reflect.Type

	// Tags are tags of fields that are secrets: `redact` is any field that has
	// this tag, `log:"-"` one of this value, or with it in a list, as `log:"a,-"`.
	Tags []string

	// Pattern finds secrets in text, in the syntax of [regexp], which takes linear
	// time on any text: the first of its groups that takes part in the match, or
	// all of the match if none does. It must not match the empty text. A pattern
	// whose matches all have some literal text in them costs next to nothing where
	// that is missing.
	Pattern string

	// Check, if not nil, says which of the secrets that Pattern finds, or a default
	// rule without one, are secrets. If it panics, they are.
	Check func(secret string) bool

	// Match, if not nil, is asked about each attr, map entry, field of a struct
	// and member of JSON. The path has the groups and keys that lead to it, and
	// must not be kept. It is called by several goroutines at once, and costs
	// clean values their fast way. If it panics, the value is masked.
	Match func(path []string, value slog.Value) bool

	// Action is what becomes of the secret.
	Action Action

	// Optional rules are off unless Options.Enable has their name.
	Optional bool

	query   bool     // it is for keys that are sensitive in the query of a URL only
	matcher *matcher // for Pattern, or of a default rule without one
}

// A matcher finds secrets in text.
type matcher struct {
	pattern  string
	literals []string // in lower case: one of them is in every match; nil: unknown
	find     func(s string) []span
	number   number // that it is for; 0 for none
}

// A span is a part of a text, from start up to but without end.
type span struct{ start, end int }

// compile returns the matcher of the rule, or nil if it looks for nothing in text.
func (r *Rule) compile() (*matcher, error) {
	if r.matcher != nil && r.matcher.pattern == r.Pattern {
		return r.matcher.withCheck(r.Check), nil
	}
	if r.Pattern == "" {
		return nil, nil //nolint:nilnil // most rules have none
	}
	re, err := regexp.Compile(r.Pattern)
	if err != nil {
		return nil, err
	}
	if re.MatchString("") {
		return nil, errors.New("matches the empty text")
	}
	m := &matcher{pattern: r.Pattern, find: finder(re)}
	if tree, err := syntax.Parse(r.Pattern, syntax.Perl); err == nil {
		m.literals = literalsOf(tree)
	}
	return m.withCheck(r.Check), nil
}

// withCheck returns the matcher without what it finds that is no secret, as the
// check says.
func (m *matcher) withCheck(check func(secret string) bool) *matcher {
	if check == nil {
		return m
	}
	checked := *m
	checked.find = func(s string) []span {
		return slices.DeleteFunc(m.find(s), func(f span) bool { return !isSecret(check, s[f.start:f.end]) })
	}
	return &checked
}

// check returns what is wrong with the rule. What its place is called comes before.
func (r *Rule) check(place string) error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("redact: "+place+" %q: "+format, append([]any{r.Name}, args...)...))
	}
	if r.Name == "" {
		fail("empty Name, want one for Stats and errors")
	}
	if len(r.Keys) == 0 && len(r.Types) == 0 && len(r.Tags) == 0 && r.Pattern == "" && r.Match == nil && r.matcher == nil &&
		!r.query {
		fail("it finds nothing, want one of Keys, Types, Tags, Pattern and Match")
	}
	for _, key := range r.Keys {
		if err := new(keySet).add(key, 0); err != nil {
			fail("%w", err)
		}
	}
	for i, t := range r.Types {
		if t == nil {
			fail("Types[%d] is nil, want a type, as of reflect.TypeFor", i)
		}
	}
	for _, tag := range r.Tags {
		if _, _, err := splitTag(tag); err != nil {
			fail("%w", err)
		}
	}
	if _, err := r.compile(); err != nil {
		fail("Pattern %q: %w", r.Pattern, err)
	}
	if r.Check != nil && r.Pattern == "" && r.matcher == nil {
		fail("a Check, but no Pattern")
	}
	if err := r.Action.check(); err != nil {
		fail("%w", err)
	}
	return errors.Join(errs...)
}

// splitTag returns the key of a tag, and its value if the tag has to have it.
func splitTag(tag string) (key, value string, err error) {
	key, value, found := strings.Cut(tag, ":")
	quoted := len(value) > 2 && value[0] == '"' && value[len(value)-1] == '"'
	if key == "" || strings.ContainsAny(key, " \"`") || found && !quoted {
		return "", "", fmt.Errorf("tag %q, want a key, or a key and a value as in log:\"-\"", tag)
	}
	return key, strings.Trim(value, `"`), nil
}

// hasTag reports whether a field has one of the tags.
func (r *Rule) hasTag(f reflect.StructField) bool {
	for _, tag := range r.Tags {
		key, want, err := splitTag(tag)
		if err != nil {
			continue
		}
		if value, ok := f.Tag.Lookup(key); ok && (want == "" || slices.Contains(strings.Split(value, ","), want)) {
			return true
		}
	}
	return false
}

// hasType reports whether values of type t are secrets.
func (r *Rule) hasType(t reflect.Type) bool {
	for _, want := range r.Types {
		switch {
		case want == nil:
		case t == want:
			return true
		case want.Kind() == reflect.Interface && t.Kind() != reflect.Interface &&
			(t.Implements(want) || reflect.PointerTo(t).Implements(want)):
			return true
		}
	}
	return false
}

// finder returns the find function for a pattern.
func finder(re *regexp.Regexp) func(string) []span {
	return func(s string) []span {
		var found []span
		for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
			if f := secretOf(m); f.start < f.end {
				found = append(found, f)
			}
		}
		return found
	}
}

// secretOf returns the first group that took part in a match, or all of it.
func secretOf(match []int) span {
	for g := 2; g < len(match); g += 2 {
		if match[g] >= 0 {
			return span{match[g], match[g+1]}
		}
	}
	return span{match[0], match[1]}
}

// isSecret returns what check says. If it panics, that is a secret.
func isSecret(check func(string) bool, secret string) (is bool) {
	defer func() {
		if p := recover(); p != nil {
			is = true
		}
	}()
	return check(secret)
}

var defaultRules = sync.OnceValue(compileDefaults) //nolint:gochecknoglobals // built once, never changed
