package snapshot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// FuzzRecord builds a value from bytes, takes a snapshot of it, and changes the
// value through everything that leads into it.
func FuzzRecord(f *testing.F) {
	for kind := range byte(kinds) {
		f.Add([]byte{kind, 1, 'x', 2, 3, 4, 5}, false)
		f.Add([]byte{1, 3, kind, 2, 'a', 'b', kind, kind}, true)
		f.Add([]byte{3, 1, kind, 2, 'a', 'b', 4, kind, 1, 'c', kind}, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, clones bool) {
		if len(data) > 1<<10 {
			t.Skip("larger values are only slower")
		}
		var v [2]any
		for i := range v {
			m := maker{data: data}
			v[i] = m.value(0)
		}
		want := prints(t, record(slog.Any("k", v[0])), false)
		taker := snapshot.Taker{CloneStrings: clones}
		got, _ := taker.Record(record(slog.Any("k", v[1])))
		bound := taker.Attrs([]slog.Attr{slog.Any("k", v[1])})
		spoiler{}.spoil(reflect.ValueOf(v[1]))
		if diff := cmp.Diff(want, prints(t, got, false)); diff != "" {
			t.Errorf("%T became %T: mismatch (-want +got):\n%s", v[1], first(got).Any(), diff)
		}
		if diff := cmp.Diff(want, prints(t, record(bound...), false)); diff != "" {
			t.Errorf("bound %T became %T: mismatch (-want +got):\n%s", v[1], bound[0].Value.Any(), diff)
		}
	})
}

// changer is a value that hides what can change.
type changer interface{ change() }

func (h *hidden) change()       { h.name = "spoiled"; spoilAll(h.tags) }
func (s *stringer) change()     { spoilAll(s.tags) }
func (t *textMarshal) change()  { spoilAll(t.tags) }
func (j *jsonMarshal) change()  { spoilAll(j.tags) }
func (b *bothMarshal) change()  { spoilAll(b.tags) }
func (f *formatter) change()    { spoilAll(f.tags) }
func (f *failsAll) change()     { spoilAll(f.tags) }
func (p *panicAll) change()     { spoilAll(p.tags) }
func (e *mutableError) change() { e.text = []byte("spoiled") }
func (e *codeError) change()    { e.code = -1 }
func (e *jsonError) change()    { e.text = []byte("spoiled") }
func (e *textError) change()    { e.text = []byte("spoiled") }
func (r resolves) change()      { *r.v = []string{"spoiled"} }
func (s *secret) change()       { s.err = io.ErrShortWrite; s.list[0] = "spoiled" }

func spoilAll(list []string) {
	for i := range list {
		list[i] = "spoiled"
	}
}

// secret is an error with all that an error can have.
type secret struct {
	err  error
	list []any
}

func (s *secret) Error() string              { return fmt.Sprint(s.err, s.list) }
func (s *secret) Unwrap() error              { return s.err }
func (s *secret) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "<%v %v>", s.err, f.Flag('+')) }

// A spoiler changes all that it can reach.
type spoiler struct{}

func (s spoiler) spoil(v reflect.Value) {
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	if v.CanInterface() && v.Kind() != reflect.Interface {
		switch v := v.Interface().(type) {
		case slog.Value:
			s.attr(v)
			return
		case slog.LogValuer:
			if inner, ok := v.(valuer); ok {
				s.attr(inner.v)
			}
		case error:
			s.spoil(reflect.ValueOf(errors.Unwrap(v)))
			if several, ok := v.(interface{ Unwrap() []error }); ok {
				for _, err := range several.Unwrap() {
					s.spoil(reflect.ValueOf(err))
				}
			}
		}
		if c, ok := reflect.TypeAssert[changer](v); ok {
			c.change()
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		s.spoil(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanInterface() {
				s.spoil(field)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			s.spoil(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			s.spoil(it.Value())
		}
		v.Clear()
	default:
	}
	if v.CanSet() {
		s.set(v)
	}
}

func (s spoiler) attr(v slog.Value) {
	switch v.Kind() {
	case slog.KindGroup:
		for i, a := range v.Group() {
			s.attr(a.Value)
			v.Group()[i] = slog.String("spoiled", "spoiled")
		}
	case slog.KindAny, slog.KindLogValuer:
		s.spoil(reflect.ValueOf(v.Any()))
	default:
	}
}

func (spoiler) set(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("spoiled")
	case reflect.Int, reflect.Int64:
		v.SetInt(-77)
	case reflect.Uint8:
		v.SetUint('!')
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[any]() {
			v.Set(reflect.ValueOf("spoiled"))
		}
	case reflect.Struct: // its fields are, and who hides them wants nobody to: io.EOF is one
	default:
		v.SetZero()
	}
}

const kinds = 60

// A maker makes a value out of bytes. When they are used up, it reads zeros.
type maker struct{ data []byte }

func (m *maker) byte() byte {
	if len(m.data) == 0 {
		return 0
	}
	b := m.data[0]
	m.data = m.data[1:]
	return b
}

func (m *maker) text() string {
	n := min(int(m.byte())%16, len(m.data))
	s := string(m.data[:n])
	m.data = m.data[n:]
	return s
}

func (m *maker) list() []string { return []string{m.text(), m.text()} }

func (m *maker) error(depth int) error {
	if err, ok := m.value(depth + 1).(error); ok {
		return err
	}
	return &mutableError{[]byte(m.text())}
}

func (m *maker) attrs(depth int) []slog.Attr {
	return []slog.Attr{slog.Any(m.text(), m.value(depth+1)), slog.String(m.text(), m.text())}
}

func (m *maker) value(depth int) any { //nolint:gocyclo // one kind after the other
	kind := m.byte() % kinds
	if depth > 8 { // what is too deep for fmt prints otherwise, on purpose
		kind = kinds - 1
	}
	switch kind {
	case 0:
		return m.text()
	case 1:
		list := make([]any, 0, 4)
		for range m.byte() % 4 {
			list = append(list, m.value(depth+1))
		}
		return list
	case 2:
		return map[string]any{m.text(): m.value(depth + 1), "b": m.value(depth + 1)}
	case 3:
		return &exported{Name: m.text(), Tags: m.list(), Any: m.value(depth + 1), Inner: &exported{Any: m.value(depth + 1)}}
	case 4:
		return exported{Name: m.text(), Any: m.value(depth + 1)}
	case 5:
		return map[int]any{int(m.byte()): m.value(depth + 1)}
	case 6:
		return &hidden{m.text(), m.list()}
	case 7:
		return []*hidden{{m.text(), m.list()}, nil}
	case 8:
		return &stringer{m.list()}
	case 9:
		return &pointStringr{m.text()}
	case 10:
		return &textMarshal{m.list()}
	case 11:
		return &jsonMarshal{m.list()}
	case 12:
		return &bothMarshal{m.list()}
	case 13:
		return &formatter{m.list()}
	case 14:
		return &failsAll{m.list()}
	case 15:
		return &panicAll{m.list()}
	case 16:
		return &mutableError{[]byte(m.text())}
	case 17:
		return &fieldError{m.text(), m.error(depth), m.list()}
	case 18:
		return &codeError{int(m.byte())}
	case 19:
		return &jsonError{[]byte(m.text())}
	case 20:
		return &textError{[]byte(m.text())}
	case 21:
		return fmt.Errorf("%s: %w", m.text(), m.error(depth))
	case 22:
		return errors.Join(m.error(depth), m.error(depth))
	case 23:
		return multiError{m.error(depth), m.error(depth)}
	case 24:
		return []error{m.error(depth)}
	case 25:
		return &fs.PathError{Op: m.text(), Path: m.text(), Err: m.error(depth)}
	case 26:
		return &secret{m.error(depth), []any{m.value(depth + 1)}}
	case 27:
		return slog.GroupValue(m.attrs(depth)...)
	case 28:
		return valuer{slog.AnyValue(m.value(depth + 1))}
	case 29:
		return &attrHolder{slog.AnyValue(m.value(depth + 1)), slog.Any(m.text(), m.value(depth+1)), m.attrs(depth)}
	case 30:
		return []byte(m.text())
	case 31:
		return json.RawMessage(m.text())
	case 32:
		return m.list()
	case 33:
		return http.Header{m.text(): m.list()}
	case 34:
		return net.IP(m.text())
	case 35:
		return &url.URL{Host: m.text(), User: url.UserPassword(m.text(), m.text())}
	case 36:
		return new(m.text())
	case 37:
		return new(m.value(depth + 1))
	case 38:
		return &net.OpError{Op: m.text(), Err: m.error(depth), Addr: &net.TCPAddr{IP: net.IP(m.text())}}
	case 39:
		return &[2]any{m.value(depth + 1), m.value(depth + 1)}
	case 40:
		return map[string]string{m.text(): m.text()}
	case 41:
		return map[any]any{m.text(): m.value(depth + 1), int(m.byte()): nil}
	case 42:
		return []exported{{Tags: m.list()}, {Any: m.value(depth + 1)}}
	case 43:
		return []int{int(m.byte()), 1}
	case 44:
		return new(int(m.byte()))
	case 45:
		return &slog.Source{File: m.text(), Line: int(m.byte())}
	case 46:
		return time.Unix(int64(m.byte()), 0).UTC()
	case 47:
		return []any{nil, true, math.Inf(1), 1i, float32(1), io.EOF, syscall.ENOENT, slog.LevelInfo}[m.byte()%8]
	case 48:
		return []any{(*hidden)(nil), (*stringer)(nil), (*mutableError)(nil), map[string]any(nil), []any(nil), []byte(nil)}[m.byte()%6]
	case 49:
		return &struct {
			hidden
			Any any
		}{hidden{m.text(), m.list()}, m.value(depth + 1)}
	case 50:
		return struct {
			Exported *exported `json:"e,omitempty"`
			Hidden   any       `json:"-"`
		}{&exported{Name: m.text()}, m.value(depth + 1)}
	default:
		return m.byte()
	}
}
