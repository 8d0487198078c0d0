package snapshot

import (
	"log/slog"
	"net/url"
	"reflect"
	"strings"
)

// Limits of what is copied. What is deeper or larger is rendered.
const (
	maxDepth = 64
	maxNodes = 1 << 16
)

// A copier copies one value and all that it holds.
type copier struct {
	taker        *Taker
	depth, nodes int
	faults       int  // errors that may still be frozen
	inError      bool // whether the value that is copied is an error that prints its text only
	size         int
}

// enter reports whether there is room for n more values, one level down. If so,
// the caller calls leave.
func (c *copier) enter(n int) bool {
	if c.nodes += n; c.nodes > maxNodes || c.depth >= maxDepth {
		return false
	}
	c.depth++
	return true
}

func (c *copier) leave() { c.depth-- }

// any returns a copy of a, or a itself if it can be shared. It reports whether
// that was possible.
func (c *copier) any(a any) (out any, ok bool) {
	if out, n, ok := c.taker.flat(a); ok {
		c.size += n
		return out, true
	}
	if n, ok := c.taker.shares(a); ok {
		c.size += n
		return a, true
	}
	return c.copy(a)
}

// copy is any for a value that cannot be shared and that flat does not know.
func (c *copier) copy(a any) (out any, ok bool) {
	switch a := a.(type) {
	case []any:
		return c.list(a)
	case map[string]any:
		return c.object(a)
	}
	typ := reflect.TypeOf(a)
	p := c.taker.plan(typ)
	if p.mode != copied {
		return nil, false
	}
	outer := c.inError
	c.inError = p.text
	defer func() { c.inError = outer }()
	src := reflect.ValueOf(a)
	if typ.Kind() == reflect.Pointer && typ.Name() == "" {
		to, ok := c.pointed(src)
		return to.Interface(), ok
	}
	c.size += p.size
	dst := reflect.New(typ).Elem()
	if !c.into(dst, src, p) {
		return nil, false
	}
	return dst.Interface(), true
}

func (c *copier) list(list []any) (out any, ok bool) {
	if list == nil {
		return []any(nil), true
	}
	if !c.enter(len(list)) {
		return nil, false
	}
	defer c.leave()
	c.size += 16 * len(list)
	into := make([]any, len(list))
	for i, elem := range list {
		if into[i], ok = c.any(elem); !ok {
			return nil, false
		}
	}
	return into, true
}

func (c *copier) object(m map[string]any) (out any, ok bool) {
	if m == nil {
		return map[string]any(nil), true
	}
	if !c.enter(len(m)) {
		return nil, false
	}
	defer c.leave()
	into := make(map[string]any, len(m))
	for key, elem := range m {
		if elem, ok = c.any(elem); !ok {
			return nil, false
		}
		c.size += 32 + len(key)
		into[c.taker.string(key)] = elem
	}
	return into, true
}

// into copies src into dst by their plan.
func (c *copier) into(dst, src reflect.Value, p *plan) bool {
	switch p.mode {
	case shared:
		dst.Set(src)
		if p.hold {
			c.size += c.taker.held(src)
		}
		return true
	case copied:
		if !c.enter(1) {
			return false
		}
		ok := p.into(c, dst, src)
		c.leave()
		return ok
	default:
		return false
	}
}

func copyString(c *copier, dst, src reflect.Value) bool {
	s := src.String()
	c.size += len(s)
	dst.SetString(strings.Clone(s))
	return true
}

func copyInterface(c *copier, dst, src reflect.Value) bool {
	if src.IsNil() {
		return true
	}
	a := src.Interface()
	if err, ok := a.(error); ok && c.inError && dst.Type() == reflect.TypeFor[error]() && c.faults > 0 {
		dst.Set(reflect.ValueOf(c.error(err))) // whose text is all that is printed of it
		return true
	}
	out, ok := c.any(a)
	if ok {
		dst.Set(reflect.ValueOf(out))
	}
	return ok
}

func copyPointer(c *copier, dst, src reflect.Value) bool {
	if src.IsNil() {
		return true
	}
	to, ok := c.pointed(src)
	dst.Set(to.Convert(dst.Type()))
	return ok
}

// pointed returns a pointer to a copy of what src points to.
func (c *copier) pointed(src reflect.Value) (to reflect.Value, ok bool) {
	elem := src.Type().Elem()
	p := c.taker.plan(elem)
	c.size += p.size
	to = reflect.New(elem)
	return to, c.into(to.Elem(), src.Elem(), p)
}

func copySlice(c *copier, dst, src reflect.Value) bool {
	if src.IsNil() {
		return true
	}
	p := c.taker.plan(src.Type().Elem())
	c.size += p.size * src.Len()
	dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
	return c.elements(dst, src, p)
}

func copyArray(c *copier, dst, src reflect.Value) bool {
	return c.elements(dst, src, c.taker.plan(src.Type().Elem()))
}

func (c *copier) elements(dst, src reflect.Value, p *plan) bool {
	if p.mode == shared {
		reflect.Copy(dst, src)
		if p.hold {
			c.size += c.taker.held(src)
		}
		return true
	}
	for i := range src.Len() {
		if !c.into(dst.Index(i), src.Index(i), p) {
			return false
		}
	}
	return true
}

func copyMap(c *copier, dst, src reflect.Value) bool {
	if src.IsNil() {
		return true
	}
	typ := src.Type()
	keys, elems := c.taker.plan(typ.Key()), c.taker.plan(typ.Elem())
	c.size += (keys.size + elems.size) * src.Len()
	dst.Set(reflect.MakeMapWithSize(typ, src.Len()))
	key, elem := reflect.New(typ.Key()).Elem(), reflect.New(typ.Elem()).Elem()
	for it := src.MapRange(); it.Next(); {
		key.SetZero()
		elem.SetZero()
		if !c.key(key, it.Key(), keys) || !c.into(elem, it.Value(), elems) {
			return false
		}
		dst.SetMapIndex(key, elem)
	}
	return true
}

// key copies the key of a map. A pointer is not copied: fmt puts keys in the
// order of their addresses.
func (c *copier) key(dst, src reflect.Value, p *plan) bool {
	key := src
	if src.Kind() == reflect.Interface && !src.IsNil() {
		key = src.Elem()
	}
	changes := c.taker.plan(key.Type()).mode != shared
	if changes && (!c.taker.CloneStrings || key.Kind() == reflect.Pointer) {
		return false
	}
	return c.into(dst, src, p)
}

// copyFields returns a copyFunc for structs of which only these fields have to
// be copied.
func copyFields(fields []int) copyFunc {
	return func(c *copier, dst, src reflect.Value) bool {
		dst.Set(src)
		if !c.taker.CloneStrings {
			for i := range src.NumField() { //nolint:modernize // the iterator allocates
				field := src.Field(i)
				if p := c.taker.plan(field.Type()); p.mode == shared && p.hold {
					c.size += c.taker.held(field)
				}
			}
		}
		for _, i := range fields {
			to, from := dst.Field(i), src.Field(i)
			to.SetZero()
			if !c.into(to, from, c.taker.plan(from.Type())) {
				return false
			}
		}
		return true
	}
}

// copySlogValue copies a slog.Value that is part of another value, where nobody
// resolves it.
func copySlogValue(c *copier, dst, src reflect.Value) bool {
	v, _ := reflect.TypeAssert[slog.Value](src)
	v, ok := c.slogValue(v)
	if ok {
		dst.Set(reflect.ValueOf(v))
	}
	return ok
}

func (c *copier) slogValue(v slog.Value) (slog.Value, bool) {
	switch v.Kind() {
	case slog.KindString:
		c.size += len(v.String())
		return slog.StringValue(c.taker.string(v.String())), true
	case slog.KindGroup:
		members := v.Group()
		if !c.enter(len(members)) {
			return v, false
		}
		defer c.leave()
		out := make([]slog.Attr, len(members))
		for i, m := range members {
			value, ok := c.slogValue(m.Value)
			if !ok {
				return v, false
			}
			out[i] = slog.Attr{Key: c.taker.string(m.Key), Value: value}
		}
		return slog.GroupValue(out...), true
	case slog.KindAny, slog.KindLogValuer:
		out, ok := c.any(v.Any())
		return slog.AnyValue(out), ok
	default:
		return v, true
	}
}

// copyUserinfo copies a url.Userinfo with strings of its own.
func copyUserinfo(_ *copier, dst, src reflect.Value) bool {
	u, _ := reflect.TypeAssert[url.Userinfo](src)
	name := strings.Clone(u.Username())
	to := url.User(name)
	if password, ok := u.Password(); ok {
		to = url.UserPassword(name, strings.Clone(password))
	}
	dst.Set(reflect.ValueOf(to).Elem())
	return true
}
