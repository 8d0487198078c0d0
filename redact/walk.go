package redact

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// Limits on one attr, which only what contains itself passes, or what nobody
// would read. They are those of the encoders of sluice.
const (
	maxDepth = 100
	maxNodes = 1 << 16
)

// maxReports is how many failures of one record are reported. All are counted.
const maxReports = 8

// A walk goes through the attrs of one record, or of one call of WithAttrs. What
// has no secret in it is left as it is; of the rest a masked copy is made.
type walk struct {
	shared *shared
	path   []string // the groups and keys, masked, around what is looked at
	inside int      // the rule that a group around is sensitive by, or none
	hits   []hit    // what has been masked
	failed []error  // the first reasons for what could not be looked at
	memo   *memo
	deep   bool        // more than the texts of a record has been looked at
	traced bool        // hits have paths, whether there is a hook or not
	last   string      // the last text that was clean: what an error prints is often its field
	out    []slog.Attr // of a record with a secret

	// For the attr that is looked at.
	depth   int
	unseen  bool              // fmt prints none of this, but a method of what is around
	nodes   int               // values that are printed
	behind  int               // values that are behind a method that prints
	guarded bool              // in a struct with a lock: what is not exported is not read
	hidden  int               // how many such methods the walk is behind
	blind   bool              // not all behind a method has been looked at
	secrets []secret          // texts under sensitive keys behind such a method
	looked  map[look]struct{} // what has been looked at behind the first such method
	over    bool              // too many nodes
	open    []ref             // pointers, maps and slices that the walk is in
}

func newWalk(s *shared) *walk {
	return &walk{shared: s, inside: none, looked: map[look]struct{}{}, memo: new(memo)}
}

// maxPooled is how much of what a walk has needed is kept for the next one.
const maxPooled = 1 << 10

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
		looked: w.looked, memo: w.memo,
	}
}

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

// A secret is a text that a method may print.
type secret struct {
	text string
	rule int
}

// A ref is a value that may contain itself.
type ref struct {
	p   uintptr
	len int
	t   reflect.Type
}

// A look is a value that has been looked at, and what was known of it by then.
type look struct {
	v      any
	path   string // as much of it as a sensitive key may have
	unseen bool
}

// look says how v is looked at now; ok is false if it cannot be told from others.
func (w *walk) look(v reflect.Value) (l look, ok bool) {
	if v.Kind() != reflect.Pointer && !v.Comparable() {
		return look{}, false
	}
	l = look{v: v.Interface(), unseen: w.unseen}
	if n := max(w.shared.keys.depth, w.shared.allow.depth); n > 0 {
		l.path = strings.Join(w.path[max(0, len(w.path)-n):], ".")
	}
	return l, true
}

// unhide leaves what is behind a method.
func (w *walk) unhide() {
	if w.hidden--; w.hidden == 0 {
		clear(w.looked)
	}
}

func (w *walk) push(key string) { w.path = append(w.path, key) }

func (w *walk) pop() { w.path = w.path[:len(w.path)-1] }

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

// hides reports whether a text is what hide makes of a secret.
func (w *walk) hides(rule int, text string) bool {
	return w.masked(text) ||
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

// message masks the secrets in the message of a record.
func (w *walk) message(msg string) string {
	w.path = append(w.path[:0], slog.MessageKey)
	if w.shared.brokenMask != "" && msg != "" {
		return w.fail(w.shared.brokenMask, "the options are wrong")
	}
	msg, _ = w.text(msg)
	return msg
}

// record masks the secrets in the attrs of r. If there are none, it returns
// nothing.
func (w *walk) record(r *slog.Record) (masked slog.Record, changed bool) {
	i := 0
	r.Attrs(func(a slog.Attr) bool {
		if w.clean(&a) {
			if changed {
				w.out = append(w.out, a)
			}
			i++
			return true
		}
		a, dirty, keep := w.top(a)
		if (dirty || !keep) && !changed {
			changed = true
			r.Attrs(func(before slog.Attr) bool {
				if len(w.out) < i {
					w.out = append(w.out, before)
				}
				return len(w.out) < i
			})
		}
		if changed && keep {
			w.out = append(w.out, a)
		}
		i++
		return true
	})
	if !changed {
		return slog.Record{}, false
	}
	masked = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	masked.AddAttrs(w.out...)
	return masked, true
}

// maxResolve is how often a LogValuer may stand for another one, as in log/slog.
const maxResolve = 100

// resolve returns what a LogValuer stands for. What panics or goes on for ever is
// masked.
func (w *walk) resolve(v slog.Value) (out slog.Value) {
	defer func() {
		if p := recover(); p != nil {
			out = slog.StringValue(w.panicked(reflect.TypeOf(v.LogValuer()), p))
		}
	}()
	for range maxResolve {
		if v.Kind() != slog.KindLogValuer {
			return v
		}
		v = v.LogValuer().LogValue()
	}
	return slog.StringValue(w.tooDeep())
}

// top masks the secrets in an attr of a record.
func (w *walk) top(a slog.Attr) (out slog.Attr, changed, keep bool) {
	w.deep = true
	w.nodes, w.behind, w.over = 0, 0, false
	out, changed, keep = w.attr(a)
	if w.over {
		w.push(out.Key)
		out.Value, changed, keep = slog.StringValue(w.tooDeep()), true, true
		w.pop()
	}
	return out, changed, keep
}

// clean reports, at little cost, whether an attr is clean for certain.
func (w *walk) clean(a *slog.Attr) bool {
	if w.inside != none || w.shared.slow || w.shared.brokenMask != "" {
		return false
	}
	switch a.Value.Kind() {
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
		return false
	case slog.KindString:
		if s := a.Value.String(); !w.knownText(s) {
			if !w.cleanText(s, w.suspect(s)) {
				return false
			}
			w.knowText(s)
		}
	default:
	}
	return w.cleanKey(a.Key)
}

// cleanKey reports whether a key is clean for certain, and no rule is for it.
func (w *walk) cleanKey(key string) bool {
	rule, known := w.knownKey(key)
	if known {
		return rule == none
	}
	if w.sensitive(key) != none || !w.cleanText(key, w.suspect(key)) {
		return false
	}
	w.knowKey(key, none)
	return true
}

// key returns a key without its secrets, and the rule by which what has it is
// sensitive, or none.
func (w *walk) key(key string) (text string, dirty bool, rule int) {
	if rule, known := w.knownKey(key); known {
		return key, false, rule
	}
	rule = w.sensitive(key)
	if text, dirty = w.name(key); !dirty {
		w.knowKey(key, rule)
	}
	return text, dirty, rule
}

// name returns a key or the name of a group without its secrets. It is not empty,
// even if they are all of it and removed.
func (w *walk) name(key string) (text string, dirty bool) {
	if text, dirty = w.text(key); text == "" && dirty {
		text = w.shared.mask
	}
	return text, dirty
}

// listRule returns the rule for the elements of a list in what the path leads to:
// user.** has them, too.
func (w *walk) listRule() int {
	if w.shared.anywhere {
		return none
	}
	return w.sensitive("")
}

// attr masks the secrets in an attr. It is not to be kept if it prints nothing.
func (w *walk) attr(a slog.Attr) (out slog.Attr, changed, keep bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		w.push(a.Key)
		a.Value, changed = w.resolve(a.Value), true
		w.pop()
	}
	kind := a.Value.Kind()
	if a.Key == "" && kind == slog.KindAny && a.Value.Any() == nil {
		return a, changed, false
	}
	key := a.Key
	text, dirty, rule := w.key(key)
	if dirty {
		a.Key, changed = text, true
	}
	if w.inside != none {
		rule = w.inside
	} else if len(w.shared.matching) > 0 {
		rule = w.matching(rule, key, a.Value)
	}
	if rule == none && w.shared.scalars && kind != slog.KindGroup && kind != slog.KindAny {
		rule = w.shared.ofType(reflect.TypeOf(a.Value.Any()))
	}
	if rule != none || w.shared.brokenMask != "" {
		return w.secret(a, rule, changed)
	}
	if key != "" {
		w.push(a.Key)
		defer w.pop()
	}
	switch kind {
	case slog.KindString:
		if text, dirty := w.text(a.Value.String()); dirty {
			a.Value, changed = slog.StringValue(text), true
		}
	case slog.KindAny:
		if v, dirty := w.any(a.Value.Any()); dirty {
			if isRemoved(v) {
				return a, true, false
			}
			a.Value, changed = slog.AnyValue(v), true
		}
	case slog.KindGroup:
		return w.group(a, changed)
	default:
	}
	return a, changed, true
}

// secret masks all of an attr by a rule. What is empty shows nothing and stays.
func (w *walk) secret(a slog.Attr, rule int, changed bool) (slog.Attr, bool, bool) {
	switch a.Value.Kind() {
	case slog.KindGroup:
		if a.Key == "" { // only ever in a sensitive group
			return w.group(a, changed)
		}
		if !w.prints(a.Value, maxDepth) {
			return a, changed, false
		}
	case slog.KindString:
		if s := a.Value.String(); s == "" || w.hides(rule, s) {
			return a, changed, true
		}
	case slog.KindBool, slog.KindDuration:
		if w.shared.brokenMask == "" && len(w.shared.rules[rule].Keys) > 0 {
			return a, changed, true // whether there is one, or how long it is good for
		}
	case slog.KindInt64, slog.KindUint64:
		if w.shared.brokenMask == "" && isCount(a.Key, reflect.ValueOf(a.Value.Any())) && len(w.shared.rules[rule].Keys) > 0 {
			return a, changed, true
		}
	case slog.KindAny:
		if blank(reflect.ValueOf(a.Value.Any())) {
			return a, changed, true
		}
	default:
	}
	if a.Key != "" {
		w.push(a.Key)
		defer w.pop()
	}
	if w.shared.brokenMask != "" {
		a.Value = slog.StringValue(w.fail(w.shared.brokenMask, "the options are wrong"))
		return a, true, true
	}
	text, ok := "", false
	if w.shared.rules[rule].Action.needsText() {
		text, ok = w.plainText(a.Value)
	}
	out, gone := w.hide(rule, text, ok)
	a.Value = slog.StringValue(out)
	return a, true, !gone
}

// plainText returns the text that a value is, or that it prints by a method.
func (w *walk) plainText(v slog.Value) (text string, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			text, ok = "", false
		}
	}()
	switch v.Kind() {
	case slog.KindGroup, slog.KindLogValuer:
		return "", false
	case slog.KindAny:
	default:
		return v.String(), true
	}
	switch x := v.Any().(type) {
	case []byte:
		return string(x), true
	case error:
		return x.Error(), true
	case fmt.Stringer:
		return x.String(), true
	}
	x := reflect.ValueOf(v.Any())
	for x.Kind() == reflect.Pointer && !x.IsNil() {
		x = x.Elem()
	}
	if x.Kind() == reflect.String || isScalar(x.Kind()) {
		return fmt.Sprint(x), true
	}
	return "", false
}

// group masks the secrets in the members of a group.
func (w *walk) group(a slog.Attr, changed bool) (slog.Attr, bool, bool) {
	if !w.enter() {
		a.Value = slog.StringValue(w.tooDeep())
		return a, true, true
	}
	defer w.leave()
	members, dirty := w.attrs(a.Value.Group())
	if dirty {
		a.Value, changed = slog.GroupValue(members...), true
	}
	return a, changed, len(members) > 0
}

// attrs masks the secrets in members, of which it makes a copy if need be.
func (w *walk) attrs(members []slog.Attr) (out []slog.Attr, changed bool) {
	for i, m := range members {
		m, dirty, keep := w.attr(m)
		if (dirty || !keep) && !changed {
			out, changed = append(make([]slog.Attr, 0, len(members)), members[:i]...), true
		}
		if changed && keep {
			out = append(out, m)
		}
	}
	if !changed {
		return members, false
	}
	return out, true
}

// prints reports whether a group prints anything.
func (w *walk) prints(v slog.Value, depth int) bool {
	if v = v.Resolve(); v.Kind() != slog.KindGroup || depth == 0 || !w.count() {
		return true
	}
	for _, m := range v.Group() {
		if (m.Key != "" || m.Value.Kind() != slog.KindAny || m.Value.Any() != nil) && w.prints(m.Value, depth-1) {
			return true
		}
	}
	return false
}

// enter begins a value that holds others. If it returns false there are too
// many, or they are too deep.
func (w *walk) enter() bool {
	if !w.count() || w.depth >= maxDepth {
		return false
	}
	w.depth++
	return true
}

func (w *walk) leave() { w.depth-- }

// count counts a value. If it returns false there are too many.
func (w *walk) count() bool {
	n := &w.nodes
	if w.hidden > 0 {
		n = &w.behind
	}
	*n++
	if *n > maxNodes {
		w.over = true
		w.blind = w.blind || w.hidden > 0
	}
	return !w.over
}
