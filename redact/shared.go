package redact

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what a handler and all handlers derived from it, and from the
// handler it was derived from, have seen. Every record that is accepted is
// passed on: a Handler drops none and keeps none.
type Stats struct {
	Accepted uint64            // records that were looked at
	Redacted uint64            // masks put in place of something, in records and in calls of WithAttrs
	Failures uint64            // of these, masks of what could not be looked at
	ByRule   map[string]uint64 // the others, by the name of the rule that found the secret; without those that found none
}

// none is the index of no rule.
const none = -1

// cookies is the name of the rule for the values of http.Cookie, which have no key.
const cookies = "cookie"

// maxHits is how many secrets of one record OnRedact is told of.
const maxHits = 64

// A book is the rules in force, and what is made of them. It never changes.
type book struct {
	rules       []Rule     // in the order in which they decide
	matchers    []*matcher // of the rules, nil for those that look for nothing in text
	keys, allow keySet
	matching    []int // rules with a Match
	query       int   // the rule for keys that are sensitive in URLs only, or none
	cookie      int   // the rule for the values of cookies, or none
	scalars     bool  // a rule is for a type of which slog has a kind
	slow        bool  // no attr is clean at first sight
	keeps       bool  // an action keeps a part of a secret
	anywhere    bool  // it does not matter for a key where it stands
	filter      prefilter
	texts       []string // that actions put in the place of secrets
}

// defaultBook is the book of most handlers.
//
//nolint:gochecknoglobals // built once, never changed
var defaultBook = sync.OnceValues(func() (*book, error) { return newBook(&Options{}) })

// bookOf returns the book for the options, also beside an error.
func bookOf(opts *Options) (*book, error) {
	if len(opts.Rules)+len(opts.Keys)+len(opts.AllowKeys)+len(opts.Enable)+len(opts.Disable) == 0 && !opts.NoDefaults && checkMask(opts.Mask) == nil {
		return defaultBook()
	}
	return newBook(opts)
}

func newBook(opts *Options) (*book, error) {
	rules, err := opts.rules()
	b := &book{rules: rules, query: none, cookie: none}
	for i := range rules {
		r := &rules[i]
		for _, key := range r.Keys {
			_ = b.keys.add(key, i) // checked
		}
		m, _ := r.compile()
		b.matchers = append(b.matchers, m)
		if r.Match != nil {
			b.matching = append(b.matching, i)
		}
		switch {
		case r.query && b.query == none:
			b.query = i
		case r.Name == cookies && b.cookie == none:
			b.cookie = i
		}
		if r.Action.kind == byText {
			b.texts = append(b.texts, r.Action.text)
		}
		b.keeps = b.keeps || r.Action.kind == byLast || r.Action.kind == byFirst
		b.scalars = b.scalars || slices.ContainsFunc(scalarTypes(), r.hasType)
	}
	for _, key := range opts.AllowKeys {
		_ = b.allow.add(key, 0) // an error has been returned
	}
	b.slow = b.scalars || len(b.matching) > 0
	b.anywhere = !b.keys.hasPaths() && !b.allow.hasPaths()
	b.filter = newPrefilter(b.matchers)
	return b, err
}

// shared is what a handler and all derived from it have in common. Only the
// counters and the caches change.
type shared struct {
	*book

	onRedact func(rule, path string)
	onError  func(error)

	mask, deepMask, panicMask string
	brokenMask                string   // what everything becomes if the options are wrong
	masks                     []string // all that a secret may have become, other than a part or a hash of it

	types sync.Map  // from a reflect.Type to its *typeInfo; as many as the program logs
	walks sync.Pool // of *walk

	accepted, redacted, failures atomic.Uint64
	byRule                       []atomic.Uint64
}

// newShared returns what can be made of the options, also beside an error: then
// all is masked.
func newShared(opts *Options) (*shared, error) {
	if opts == nil {
		opts = &Options{}
	}
	b, err := bookOf(opts)
	s := &shared{book: b, onRedact: opts.OnRedact, onError: opts.OnError, byRule: make([]atomic.Uint64, len(b.rules))}
	s.setMask(opts.Mask)
	if err != nil {
		s.brokenMask = explain(s.mask, "invalid options")
		s.masks = append(s.masks, s.brokenMask)
	}
	return s, err
}

// setMask makes the masks.
func (s *shared) setMask(mask string) {
	if s.mask = mask; mask == "" || checkMask(mask) != nil {
		s.mask = "[REDACTED]"
	}
	s.deepMask, s.panicMask = explain(s.mask, "too deep"), explain(s.mask, "panic")
	s.masks = append([]string{s.mask, s.deepMask, s.panicMask}, s.texts...)
	s.walks.New = func() any { return newWalk(s) }
}

// scalarTypes are the types of which slog has a kind.
func scalarTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[int64](), reflect.TypeFor[uint64](), reflect.TypeFor[float64](),
		reflect.TypeFor[bool](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Time](),
	}
}

// explain returns the mask with the reason for it.
func explain(mask, why string) string {
	if inner, ok := strings.CutSuffix(mask, "]"); ok {
		return inner + ": " + why + "]"
	}
	return mask + " (" + why + ")"
}

func (s *shared) walk() *walk {
	return s.walks.Get().(*walk) //nolint:forcetypeassert // nothing else is put
}

// done ends a walk: it counts and reports.
func (s *shared) done(w *walk) {
	if !w.deep && len(w.hits) == 0 {
		w.path, w.inside, w.last = w.path[:0], none, ""
		s.walks.Put(w)
		return
	}
	var told []hit
	for _, h := range w.hits {
		if h.rule == none {
			s.failures.Add(1)
			continue
		}
		s.byRule[h.rule].Add(1)
		if s.onRedact != nil && len(told) < maxHits {
			told = append(told, h)
		}
	}
	if n := len(w.hits); n > 0 {
		s.redacted.Add(uint64(n))
	}
	failed := w.failed
	w.reset()
	s.walks.Put(w)
	for _, h := range told {
		s.tell(h)
	}
	for _, err := range failed {
		s.report(err)
	}
}

// tell calls the user's hook for a secret.
func (s *shared) tell(h hit) {
	defer func() { _ = recover() }() // the hook's panic is not the caller's
	s.onRedact(s.rules[h.rule].Name, h.path)
}

// report hands an error, if it is one, to the user's hook.
func (s *shared) report(err error) {
	if err == nil || s.onError == nil {
		return
	}
	defer func() { _ = recover() }() // the hook's panic is not the caller's
	s.onError(err)
}

func (s *shared) stats() Stats {
	all := Stats{Failures: s.failures.Load(), Redacted: s.redacted.Load(), Accepted: s.accepted.Load()}
	for i := range s.byRule {
		if n := s.byRule[i].Load(); n > 0 {
			if all.ByRule == nil {
				all.ByRule = map[string]uint64{}
			}
			all.ByRule[s.rules[i].Name] += n
		}
	}
	return all
}
