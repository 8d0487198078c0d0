package snapshot

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
)

// mode is what is done with the values of a type.
type mode uint8

const (
	rendered mode = iota // none of them can be copied
	shared               // they are passed on
	copied               // they are copied, if what they hold can be
	wraps                // errors that are passed on if those which they wrap are
)

// A plan is what is known of a type.
type plan struct {
	mode mode
	size int  // of a value, in bytes
	nils bool // whether there is a nil of the type
	refs bool // whether the values, which are shared, hold a func or a chan
	text bool // whether it is an error that prints nothing but its text
	lock bool // whether a lock is part of the values
	tell bool // whether it is an error that tells its trace
	hold bool // whether the values, apart from what they point to, hold strings
	into copyFunc
}

// A copyFunc copies src into dst, which is zero, and reports whether it could.
type copyFunc func(c *copier, dst, src reflect.Value) bool

// plan returns the plan for typ.
func (t *Taker) plan(typ reflect.Type) *plan {
	known, ok := t.types.Load(typ)
	if !ok {
		known, _ = t.types.LoadOrStore(typ, t.newPlan(typ))
	}
	p, _ := known.(*plan)
	return p
}

func (t *Taker) newPlan(typ reflect.Type) *plan {
	p := &plan{size: int(typ.Size())}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		p.nils = true
	default:
	}
	if t.known(typ, p) {
		return p
	}
	if zero, ok := reflect.TypeAssert[error](reflect.Zero(typ)); ok {
		p.tell = Tracer(zero) != nil
	}
	t.inspect(typ, p)
	prints := printsItself(typ) || typ.Kind() != reflect.Interface && printsItself(reflect.PointerTo(typ))
	if p.refs && prints {
		// Its methods can print what lies behind the func or the chan.
		p.mode, p.into = rendered, nil
	}
	p.text = isError(typ) && !typ.Implements(reflect.TypeFor[json.Marshaler]()) &&
		!typ.Implements(reflect.TypeFor[fmt.Formatter]())
	return p
}

// known makes the plans for types of the standard library that keep to
// themselves what they are made of, and for our own.
func (t *Taker) known(typ reflect.Type, p *plan) bool {
	switch typ {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location](), reflect.TypeFor[runtime.Frame](),
		reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[netip.Prefix](),
		reflect.TypeOf(reflect.TypeFor[int]()), reflect.TypeFor[*runtime.Func]():
		p.mode = shared
	case reflect.TypeOf(errors.New("")), reflect.TypeOf(fmt.Errorf("%d", 0)):
		p.hold = true // what they point to, too
		if !t.CloneStrings {
			p.mode = shared
		}
	case reflect.TypeOf(fmt.Errorf("%w", errors.ErrUnsupported)), reflect.TypeOf(errors.Join(errors.ErrUnsupported)),
		reflect.TypeOf(fmt.Errorf("%w %w", errors.ErrUnsupported, errors.ErrUnsupported)):
		p.mode = wraps
	case reflect.TypeFor[slog.Value]():
		p.mode, p.into = copied, copySlogValue
	case reflect.TypeFor[url.Userinfo]():
		if t.CloneStrings {
			p.mode, p.into = copied, copyUserinfo
		} else {
			p.mode = shared
		}
	default:
		if isPrivateKey(typ) {
			p.mode = shared
			return true
		}
		if typ.Kind() == reflect.Interface || !typ.Implements(reflect.TypeFor[frozen]()) {
			return false
		}
		p.mode = shared
	}
	return true
}

// isPrivateKey reports whether a type is one of package crypto's. Nobody changes a
// key, and a handler that masks keys knows them by their types.
func isPrivateKey(typ reflect.Type) bool {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.Name() == "PrivateKey" && strings.HasPrefix(typ.PkgPath(), "crypto/")
}

// inspect makes a plan from what a type is made of.
func (t *Taker) inspect(typ reflect.Type, p *plan) {
	switch typ.Kind() {
	case reflect.String:
		p.hold = true
		if p.mode = shared; t.CloneStrings {
			p.mode, p.into = copied, copyString
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		p.mode, p.refs = shared, true
	case reflect.Interface:
		p.mode, p.into = copied, copyInterface
	case reflect.Pointer:
		switch elem := typ.Elem(); {
		case elem.Size() == 0 && !hasLock(elem):
			p.mode = shared
		case isError(typ) && elem.Kind() == reflect.Struct && !hasExported(elem):
			// Such errors are told apart by their identity, which a copy has not.
		default:
			p.mode, p.into = copied, copyPointer
		}
	case reflect.Slice:
		p.mode, p.into = copied, copySlice
	case reflect.Map:
		p.mode, p.into = copied, copyMap
	case reflect.Array:
		elem := t.plan(typ.Elem())
		p.hold = elem.hold
		if p.mode, p.refs, p.lock = elem.mode, elem.refs, elem.lock; p.mode == copied {
			p.into = copyArray
		}
	case reflect.Struct:
		t.inspectStruct(typ, p)
	default:
		p.mode = shared
	}
}

func (t *Taker) inspectStruct(typ reflect.Type, p *plan) {
	if hasLock(typ) {
		p.lock = typ.PkgPath() != "sync/atomic"
		return
	}
	var fields []int // those that have to be copied
	copies := true
	for i := range typ.NumField() {
		field := typ.Field(i)
		fp := t.plan(field.Type)
		p.refs, p.lock, p.hold = p.refs || fp.refs, p.lock || fp.lock, p.hold || fp.hold
		switch {
		case pointsToLock(field.Type):
			p.lock, copies = true, false
		case fp.mode == shared:
		case fp.mode == copied && field.IsExported():
			fields = append(fields, i)
		default:
			copies = false
		}
	}
	switch {
	case !copies:
	case fields == nil:
		p.mode = shared
	default:
		p.mode, p.into = copied, copyFields(fields)
	}
}

// hasLock reports whether the values of a type must not be copied, as go vet has
// it.
func hasLock(typ reflect.Type) bool {
	if path := typ.PkgPath(); path == "sync" || path == "sync/atomic" {
		return true
	}
	_, found := reflect.PointerTo(typ).MethodByName("Lock")
	return found
}

// pointsToLock reports whether a field is likely to be the lock of the others.
func pointsToLock(typ reflect.Type) bool {
	if typ.Kind() == reflect.Pointer {
		return typ.Elem().PkgPath() != "sync/atomic" && hasLock(typ.Elem())
	}
	return typ == reflect.TypeFor[sync.Locker]()
}

func hasExported(typ reflect.Type) bool {
	for field := range typ.Fields() {
		if field.IsExported() {
			return true
		}
	}
	return false
}

func isError(typ reflect.Type) bool { return typ.Implements(reflect.TypeFor[error]()) }

// printsItself reports whether a type has a method by which it is printed.
func printsItself(typ reflect.Type) bool {
	return isError(typ) || typ.Implements(reflect.TypeFor[json.Marshaler]()) ||
		typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		typ.Implements(reflect.TypeFor[fmt.Stringer]()) || typ.Implements(reflect.TypeFor[fmt.Formatter]())
}
