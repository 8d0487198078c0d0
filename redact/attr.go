package redact

import (
	"fmt"
	"log/slog"
	"reflect"
)

// message masks the secrets in the message of a record.
func (w *walk) message(msg string) string {
	w.path = append(w.path[:0], slog.MessageKey)
	if w.shared.brokenMask != "" && msg != "" {
		return w.fail(w.shared.brokenMask, "the options are wrong")
	}
	msg, _ = w.text(msg)
	return msg
}

// record masks the secrets in the attrs of r, which are not those of the caller's
// record then.
func (w *walk) record(r *slog.Record) {
	i, changed, plain := 0, false, w.inside == none && !w.shared.slow && w.shared.brokenMask == ""
	r.Attrs(func(a slog.Attr) bool {
		if plain && w.clean(&a) {
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
	if changed {
		masked := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		masked.AddAttrs(w.out...)
		*r = masked
	}
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

// clean reports, at little cost, whether an attr is clean for certain. It is not for
// one in a sensitive group, nor where rules look at more than keys and texts.
func (w *walk) clean(a *slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
		return false
	case slog.KindString:
		s := a.Value.String()
		if place, known := w.knownText(s); !known {
			if !w.cleanText(s, w.suspect(s)) {
				return false
			}
			w.knowText(place, s)
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

// attr masks the secrets in an attr. It is not to be kept if it prints nothing.
func (w *walk) attr(a slog.Attr) (out slog.Attr, changed, keep bool) {
	key := a.Key
	text, dirty, rule := w.key(key)
	if dirty {
		a.Key, changed = text, true
	}
	if a.Value.Kind() == slog.KindLogValuer {
		w.push(a.Key)
		a.Value, changed = w.resolve(a.Value), true
		w.pop()
	}
	kind := a.Value.Kind()
	if key == "" && kind == slog.KindAny && a.Value.Any() == nil {
		return a, changed, false
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
