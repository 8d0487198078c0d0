package pipeline

import (
	"io"
	"os"
	"reflect"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// settings are those of a sink that say what it opens: a Reload that leaves them
// as they are goes on with what is open. The hooks named OnError are not among
// them.
type settings struct {
	kind     Type // File for all that have one
	writer   io.Writer
	path     string
	place    string // of the file or the spool, wherever the program's directory is
	file     rotate.Options
	addr     string
	dial     logstash.DialOptions
	buffered bool
	buffer   asyncbuf.WriterOptions
}

func settingsOf(c *Sink) settings {
	s := settings{kind: c.Type}
	switch c.Type {
	case Console:
		s.writer = c.Writer
		switch {
		case s.writer != nil:
		case c.Stderr:
			s.writer = os.Stderr
		default:
			s.writer = os.Stdout
		}
	case File, Errors, Audit:
		s.kind, s.path, s.place, s.file = File, c.Path, absolute(c.Path), c.fileOptions()
		s.file.OnError = nil
	case Logstash:
		s.addr, s.dial = c.Addr, c.dialOptions()
		s.place, s.dial.OnError = absolute(s.dial.SpoolDir), nil
	default:
	}
	if b := c.bufferOptions(); b != nil {
		s.buffered, s.buffer = true, *b
		s.buffer.OnError = nil
	}
	return s
}

func (s *settings) equal(other *settings) bool {
	return same(reflect.ValueOf(s).Elem(), reflect.ValueOf(other).Elem())
}

// same reports whether two values of one type cannot be told apart by who uses
// them. What is behind a pointer can change, so that it has to be the same one; of
// two funcs nobody can say that.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Func:
		return a.IsNil() && b.IsNil()
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && same(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for each := a.MapRange(); each.Next(); {
			if other := b.MapIndex(each.Key()); !other.IsValid() || !same(each.Value(), other) {
				return false
			}
		}
		return true
	default:
		return a.Comparable() && a.Equal(b)
	}
}
