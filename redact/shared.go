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

// urlQuery is the name of the rule for keys that are sensitive in URLs only.
const urlQuery = "url_query"

// maxHits is how many secrets of one record OnRedact is told of.
const maxHits = 64

// shared is what a handler and all derived from it have in common. Only the
// counters and the caches change.
type shared struct {
	rules       []Rule     // in the order in which they decide
	matchers    []*matcher // of the rules, nil for those that look for nothing in text
	keys, allow keySet
	matching    []int // rules with a Match
	query       int   // the rule for keys that are sensitive in URLs only, or none
	slow        bool  // no attr is clean at first sight
	scalars     bool  // a rule is for a type of which slog has a kind
	filter      prefilter
	onRedact    func(rule, path string)
	onError     func(error)

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
	rules, err := opts.rules()
	s := &shared{onRedact: opts.OnRedact, onError: opts.OnError, mask: opts.Mask, rules: rules, query: none}
	if s.mask == "" {
		s.mask = "[REDACTED]"
	}
	s.deepMask, s.panicMask = explain(s.mask, "too deep"), explain(s.mask, "panic")
	s.masks = []string{s.mask, s.deepMask, s.panicMask}
	if err != nil {
		s.brokenMask = explain(s.mask, "invalid options")
		s.masks = append(s.masks, s.brokenMask)
	}
	s.byRule = make([]atomic.Uint64, len(rules))
	for i, r := range rules {
		for _, key := range r.Keys {
			_ = s.keys.add(key, i) // checked
		}
		m, _ := r.compile()
		s.matchers = append(s.matchers, m)
		if r.Match != nil {
			s.matching = append(s.matching, i)
		}
		if r.Name == urlQuery && s.query == none {
			s.query = i
		}
		if r.Action.kind == byText {
			s.masks = append(s.masks, r.Action.text)
		}
		s.scalars = s.scalars || slices.ContainsFunc(scalarTypes(), r.hasType)
	}
	for _, key := range opts.AllowKeys {
		_ = s.allow.add(key, 0) // an error has been returned
	}
	s.slow = s.scalars || len(s.matching) > 0 || err != nil
	s.filter = newPrefilter(s.matchers)
	s.walks.New = func() any { return &walk{shared: s, inside: none, looked: map[look]struct{}{}} }
	return s, err
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

// maxPooled is how much of what a walk has needed is kept for the next one.
const maxPooled = 1 << 10

// done ends a walk: it counts and reports.
func (s *shared) done(w *walk) {
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

// reset makes the walk what it was, without what the caller may let go of.
func (w *walk) reset() {
	clear(w.path[:cap(w.path)])
	clear(w.secrets)
	clear(w.out)
	clear(w.hits)
	clear(w.looked)
	if cap(w.hits) > maxPooled {
		w.hits = nil
	}
	if cap(w.secrets) > maxPooled {
		w.secrets = nil
	}
	*w = walk{
		shared: w.shared, inside: none, path: w.path[:0], open: w.open[:0], secrets: w.secrets[:0], out: w.out[:0], hits: w.hits[:0],
		looked: w.looked,
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
