package redact

import (
	"fmt"
	"log/slog"
	"reflect"
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
	inside bool     // in a group that is sensitive
	masks  uint64   // how much has been masked
	fails  uint64   // of these, how much could not be looked at
	failed []error  // the first reasons for that

	// For the attr that is looked at.
	depth   int
	unseen  bool              // fmt prints none of this, but a method of what is around
	nodes   int               // values that are printed
	behind  int               // values that are behind a method that prints
	guarded bool              // in a struct with a lock: what is not exported is not read
	hidden  int               // how many such methods the walk is behind
	secrets []string          // texts under sensitive keys behind such a method
	looked  map[look]struct{} // what has been looked at behind the first such method
	over    bool              // too many nodes
	open    []ref             // pointers, maps and slices that the walk is in
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

// sensitive reports whether what has this key is to be masked.
func (w *walk) sensitive(key string) bool {
	return w.shared.keys.has(w.path, key) && !w.shared.allow.has(w.path, key)
}

func (w *walk) mask() string {
	w.masks++
	return w.shared.mask
}

// fail masks what could not be looked at.
func (w *walk) fail(mask, format string, args ...any) string {
	w.masks++
	w.fails++
	if len(w.failed) < maxReports {
		w.failed = append(w.failed, fmt.Errorf("redact: value at %q: "+format+", masked", append([]any{w.path}, args...)...))
	}
	return mask
}

func (w *walk) tooDeep() string { return w.fail(w.shared.deepMask, "too deep or too large") }

// panicked says nothing of what the method panics with but the type: it may be
// the secret.
func (w *walk) panicked(t reflect.Type, p any) string {
	return w.fail(w.shared.panicMask, "a method of %v panics with a %T", t, p)
}

// top masks the secrets in an attr of a record.
func (w *walk) top(a slog.Attr) (out slog.Attr, changed, keep bool) {
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
	switch a.Value.Kind() {
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
		return false
	case slog.KindString:
		if s := a.Value.String(); !w.cleanText(s, w.suspect(s)) {
			return false
		}
	default:
	}
	return !w.inside && !w.sensitive(a.Key) && w.cleanText(a.Key, w.suspect(a.Key))
}

// attr masks the secrets in an attr. It is not to be kept if it prints nothing.
func (w *walk) attr(a slog.Attr) (out slog.Attr, changed, keep bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
		changed = true
	}
	kind := a.Value.Kind()
	if a.Key == "" && kind == slog.KindAny && a.Value.Any() == nil {
		return a, changed, false
	}
	key := a.Key
	if text, dirty := w.text(key); dirty {
		a.Key, changed = text, true
	}
	if w.inside || w.sensitive(key) {
		return w.secret(a, changed)
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
			a.Value, changed = slog.AnyValue(v), true
		}
	case slog.KindGroup:
		return w.group(a, changed)
	default:
	}
	return a, changed, true
}

// secret masks all of an attr. What is empty shows nothing and stays.
func (w *walk) secret(a slog.Attr, changed bool) (slog.Attr, bool, bool) {
	switch a.Value.Kind() {
	case slog.KindGroup:
		if a.Key == "" { // only ever in a sensitive group
			return w.group(a, changed)
		}
		if !w.prints(a.Value, maxDepth) {
			return a, changed, false
		}
	case slog.KindString:
		if s := a.Value.String(); s == "" || w.masked(s) {
			return a, changed, true
		}
	case slog.KindBool, slog.KindDuration:
		return a, changed, true // whether there is one, or how long it is good for
	case slog.KindAny:
		if blank(reflect.ValueOf(a.Value.Any())) {
			return a, changed, true
		}
	default:
	}
	a.Value = slog.StringValue(w.mask())
	return a, true, true
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
	}
	return !w.over
}
