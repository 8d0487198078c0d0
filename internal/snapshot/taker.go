package snapshot

import (
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"github.com/sluicelog/sluice/internal/attrs"
)

// A Taker takes snapshots of records and attrs. It remembers what it learned of
// types. The zero Taker is ready to use. It is safe for concurrent use, and must
// not be copied once it is used.
type Taker struct {
	// CloneStrings copies every string that is kept: messages, keys, and the
	// strings in values. It is for programs whose strings share memory with
	// buffers that are used again. False shares them.
	CloneStrings bool

	// Forms are the forms that values are rendered in.
	Forms Forms

	types sync.Map // of *plan, by reflect.Type
}

// attrSize is what an attr takes that is not within a slog.Record itself.
const attrSize = 40

// inlineAttrs is how many attrs a slog.Record has room for within itself.
const inlineAttrs = 5

// Freeze makes r share nothing that can change, and returns an estimate of the
// bytes that it keeps alive beyond the slog.Record struct.
func (t *Taker) Freeze(r *slog.Record) int64 {
	if t.CloneStrings {
		return t.remake(r)
	}
	// The usual record: this is as much as the compiler puts in line.
	size, n, plain := len(r.Message), 0, true
	r.Attrs(func(a slog.Attr) bool {
		n++
		size += len(a.Key)
		switch k := a.Value.Kind(); {
		case k == slog.KindString:
			size += len(a.Value.String())
		case k == slog.KindAny, k >= slog.KindGroup:
			plain = false
		}
		return plain
	})
	if !plain {
		return t.freezeAny(r)
	}
	return int64(size) + clone(r, n)
}

// clone makes the attrs beyond those within r its own, and returns their size.
func clone(r *slog.Record, attrs int) int64 {
	if attrs <= inlineAttrs {
		return 0
	}
	*r = r.Clone()
	return int64((attrs - inlineAttrs) * attrSize)
}

// freezeAny is Freeze for a record with a value of no basic kind.
func (t *Taker) freezeAny(r *slog.Record) int64 {
	size := len(r.Message)
	for a := range r.Attrs {
		size += len(a.Key)
		switch a.Value.Kind() {
		case slog.KindString:
			size += len(a.Value.String())
		case slog.KindAny:
			held, ok := t.shares(a.Value.Any())
			if !ok {
				return t.remake(r)
			}
			size += held
		case slog.KindGroup, slog.KindLogValuer:
			return t.remake(r)
		default:
		}
	}
	return int64(size) + clone(r, r.NumAttrs())
}

// Attrs returns a copy of attrs that shares nothing that can change.
func (t *Taker) Attrs(attrs []slog.Attr) []slog.Attr {
	f := freezer{taker: t}
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = f.attr(a)
	}
	return out
}

// remake is Freeze for a record in which something has to be replaced.
func (t *Taker) remake(r *slog.Record) int64 {
	f := freezer{taker: t}
	out := slog.NewRecord(r.Time, r.Level, f.text(r.Message), r.PC)
	var room [8]slog.Attr
	list := room[:0]
	r.Attrs(func(a slog.Attr) bool {
		list = append(list, f.member(a))
		return true
	})
	out.AddAttrs(list...)
	if n := out.NumAttrs(); n > inlineAttrs {
		f.size += (n - inlineAttrs) * attrSize
	}
	*r = out
	return int64(f.size)
}

// shares reports whether a can be passed on as it is, and what it keeps alive.
func (t *Taker) shares(a any) (size int, ok bool) {
	if a == nil {
		return 0, true
	}
	p := t.plan(reflect.TypeOf(a))
	switch p.mode {
	case shared:
		if !p.hold {
			return p.size, true
		}
		if err, ok := a.(error); ok && p.nils { // one of the standard library's
			return p.size + len(err.Error()), true
		}
		return p.size + t.held(reflect.ValueOf(a)), true
	case wraps:
		err, _ := a.(error)
		if !t.fixed(err) {
			return 0, false
		}
		return p.size + t.heldBy(err), true
	default:
		return 0, p.nils && reflect.ValueOf(a).IsNil()
	}
}

// heldBy returns about the length of the strings in one of the standard library's
// errors that wrap others.
func (t *Taker) heldBy(err error) (size int) {
	if e, ok := err.(interface{ Unwrap() []error }); ok {
		for _, cause := range e.Unwrap() {
			n, _ := t.shares(cause)
			size += n
		}
		return size
	}
	return len(err.Error())
}

// held returns the length of the strings in a value, apart from what it points
// to.
func (t *Taker) held(v reflect.Value) (size int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Array, reflect.Slice:
		if t.plan(v.Type().Elem()).hold {
			for i := range v.Len() {
				size += t.held(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() { //nolint:modernize // the iterator allocates
			field := v.Field(i)
			if t.plan(field.Type()).hold {
				size += t.held(field)
			}
		}
	default:
	}
	return size
}

// A freezer freezes the attrs of one record, or of one call of WithAttrs.
type freezer struct {
	taker  *Taker
	size   int
	budget attrs.Budget
}

func (f *freezer) text(s string) string {
	f.size += len(s)
	if f.taker.CloneStrings {
		return strings.Clone(s)
	}
	return s
}

func (f *freezer) attr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: f.text(a.Key), Value: f.value(a.Value)}
}

// member is attr for a record or a group, from which log/slog takes out empty
// groups. What would have been one only later stays: the handler decides.
func (f *freezer) member(a slog.Attr) slog.Attr {
	a.Key = f.text(a.Key)
	switch a.Value.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
	case slog.KindGroup, slog.KindLogValuer:
		a.Value = f.value(a.Value)
		if a.Value.Kind() == slog.KindGroup && len(a.Value.Group()) == 0 {
			a.Value = slog.AnyValue(emptyGroup{})
		}
	default:
		a.Value = f.value(a.Value)
	}
	return a
}

// emptyGroup resolves to a group of nothing.
type emptyGroup struct{}

func (emptyGroup) LogValue() slog.Value { return slog.GroupValue() }

func (f *freezer) value(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		s := v.String()
		f.size += len(s)
		if f.taker.CloneStrings {
			return slog.StringValue(strings.Clone(s))
		}
		return v
	case slog.KindGroup:
		return f.group(v)
	case slog.KindLogValuer:
		return f.value(v.Resolve())
	case slog.KindAny:
		return f.any(v)
	default:
		return v
	}
}

func (f *freezer) group(v slog.Value) slog.Value {
	members := v.Group()
	if len(members) == 0 {
		return v
	}
	if !f.budget.Enter(members) {
		return slog.StringValue(attrs.TooLarge)
	}
	defer f.budget.Leave()
	f.size += attrSize * len(members)
	out := make([]slog.Attr, len(members))
	for i, a := range members {
		out[i] = f.member(a)
	}
	return slog.GroupValue(out...)
}

func (f *freezer) any(v slog.Value) slog.Value {
	a := v.Any()
	if out, n, ok := f.taker.flat(a); ok {
		f.size += n
		return slog.AnyValue(out)
	}
	if n, ok := f.taker.shares(a); ok {
		f.size += n
		return v
	}
	out, n := f.taker.freeze(a)
	f.size += n
	return slog.AnyValue(out)
}

// freeze returns what stands for a value that can neither be shared nor copied
// by flat, and its size.
func (t *Taker) freeze(a any) (out any, size int) {
	c := copier{taker: t, faults: maxFaults}
	out, ok := c.copy(a)
	if ok {
		return out, c.size
	}
	if err, ok := a.(error); ok {
		out = c.fault(err)
		return out, c.size
	}
	return t.render(a)
}
