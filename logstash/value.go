package logstash

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"

	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// appendAny appends a value of no basic kind, and reports whether it is an object that
// is made here.
func (s *encoder) appendAny(b []byte, a any) (text []byte, made bool) {
	switch v := a.(type) {
	case traceless:
		return s.appendError(b, v.error, "", ""), true
	case error:
		trace, sum := s.stackOf(v)
		return s.appendError(b, v, trace, sum), true
	case *url.URL:
		if v != nil {
			return jsonenc.AppendString(b, v.Redacted()), false
		}
	case url.URL:
		return jsonenc.AppendString(b, v.Redacted()), false
	case *snapshot.Stringer:
		return jsonenc.AppendString(b, v.String()), false
	case json.Marshaler, encoding.TextMarshaler:
	case fmt.Stringer:
		return appendStringer(b, v), false
	}
	return jsonenc.AppendAny(b, a), false
}

func appendStringer(b []byte, v fmt.Stringer) (out []byte) {
	mark := len(b)
	defer func() {
		if r := recover(); r != nil {
			if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
				out = b[:mark]
				out = append(out, "null"...)
				return
			}
			out = jsonenc.AppendString(b[:mark], "!PANIC: "+panics.Text(r))
		}
	}()
	return jsonenc.AppendString(b, v.String())
}

// appendError appends an error as an object. It has its bounds here, since it has to
// stay an object.
func (s *encoder) appendError(b []byte, err error, trace, sum string) []byte {
	limit := s.opts.MaxFieldBytes
	b = append(b, `{"message":`...)
	b = jsonenc.AppendString(b, jsonenc.Cut(errtrace.Message(err), limit))
	b = append(b, `,"type":`...)
	b = jsonenc.AppendString(b, errtrace.TypeName(err))
	if trace != "" {
		b = append(b, `,"stack_trace":`...)
		b = jsonenc.AppendString(b, jsonenc.Cut(trace, limit))
	}
	if sum != "" {
		b = append(b, `,"stack_hash":`...)
		b = jsonenc.AppendString(b, sum)
	}
	return append(b, '}')
}

func (s *encoder) stackOf(err error) (trace, sum string) {
	if s.opts.StackDepth < 0 {
		return "", ""
	}
	return s.stacks.OfError(err)
}

// traceless is an error whose stack trace stands elsewhere.
type traceless struct{ error }
