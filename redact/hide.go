package redact

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// A hit is a mask, and the rule for it: none for what could not be looked at.
type hit struct {
	rule int
	path string
}

// removed stands for what is left out.
type removed struct{}

func isRemoved(v any) bool {
	_, ok := v.(removed)
	return ok
}

// sensitive returns the rule by which what has this key is to be masked, or none.
func (w *walk) sensitive(key string) int {
	rule, ok := w.shared.keys.find(w.path, key)
	if !ok {
		return none
	}
	if _, ok := w.shared.allow.find(w.path, key); ok {
		return none
	}
	return rule
}

// sensitiveValue is sensitive for a value that is at hand: a Match may know it.
func (w *walk) sensitiveValue(key string, v slog.Value) int {
	return w.matching(w.sensitive(key), key, v)
}

// matching returns the rule for a value: that for its key, or the first with a
// Match for it.
func (w *walk) matching(rule int, key string, v slog.Value) int {
	for _, i := range w.shared.matching {
		if rule != none && rule < i {
			break
		}
		if w.matches(i, key, v) {
			return i
		}
	}
	return rule
}

func (w *walk) matches(rule int, key string, v slog.Value) (is bool) {
	defer func() {
		if p := recover(); p != nil {
			is = true
		}
	}()
	return w.shared.rules[rule].Match(append(slices.Clip(w.path), key), v)
}

// ofType returns the rule for values of this type, or none.
func (s *shared) ofType(t reflect.Type) int {
	return slices.IndexFunc(s.rules, func(r Rule) bool { return r.hasType(t) })
}

// hit counts a mask.
func (w *walk) hit(rule int) {
	h := hit{rule: rule}
	if w.traced || rule != none && w.shared.onRedact != nil && len(w.hits) < maxHits {
		h.path = strings.Join(w.path, ".")
	}
	w.hits = append(w.hits, h)
}

// hide masks what has this text, or what has none, by a rule. What removed says is
// to be left out.
func (w *walk) hide(rule int, text string, hasText bool) (out string, removed bool) {
	w.hit(rule)
	a := &w.shared.rules[rule].Action
	return a.replace(w.shared.mask, text, hasText), a.kind == byRemoval
}

// hides reports whether a text is what hide makes of a secret, or stands for one.
func (w *walk) hides(rule int, text string) bool {
	return w.masked(text) || w.isPlaceholder(text) ||
		rule != none && text != "" && w.shared.rules[rule].Action.replace(w.shared.mask, text, true) == text
}

// hideIn is hide for a part of a text.
func (w *walk) hideIn(rule int, text string) string {
	a := &w.shared.rules[rule].Action
	out := a.replace(w.shared.mask, text, true)
	if out != text && (a.kind == byFirst || a.kind == byLast) && !isPlain(strings.Replace(out, w.shared.mask, "", 1)) {
		return w.shared.mask
	}
	return out
}

// fail masks what could not be looked at.
func (w *walk) fail(mask, format string, args ...any) string {
	w.hit(none)
	if len(w.failed) < maxReports {
		w.failed = append(w.failed, fmt.Errorf("redact: value at %q: "+format+", masked", append([]any{slices.Clone(w.path)}, args...)...))
	}
	return mask
}

func (w *walk) tooDeep() string {
	w.blind = w.blind || w.hidden > 0
	return w.fail(w.shared.deepMask, "too deep or too large")
}

// panicked says nothing of what the method panics with but the type: it may be
// the secret.
func (w *walk) panicked(t reflect.Type, p any) string {
	return w.fail(w.shared.panicMask, "a method of %v panics with a %T", t, p)
}

// listRule returns the rule for the elements of a list in what the path leads to:
// user.** has them, too.
func (w *walk) listRule() int {
	if w.shared.anywhere {
		return none
	}
	return w.sensitive("")
}
