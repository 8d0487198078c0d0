package handler

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// A flattener turns attrs into what tint can be given without harm: no groups,
// since tint's derived handlers share memory for them, and no value but numbers
// and clean text.
type flattener struct {
	replace func(groups []string, a slog.Attr) slog.Attr
	budget  attrs.Budget
	attrs   []slog.Attr
}

func (f *flattener) add(groups []string, prefix string, a slog.Attr) {
	a.Value = a.Value.Resolve()
	if f.replace != nil && a.Value.Kind() != slog.KindGroup {
		a = attrs.Replace(f.replace, groups, a)
	}
	if a.Value.Kind() != slog.KindGroup {
		if a.Key == "" && a.Value.Kind() == slog.KindAny && a.Value.Any() == nil {
			return
		}
		if src, ok := a.Value.Any().(*slog.Source); ok && (src == nil || *src == slog.Source{}) {
			return
		}
		f.append(prefix+a.Key, printableValue(a.Value))
		return
	}
	members := a.Value.Group()
	if !f.budget.Enter(members) {
		f.append(prefix+a.Key, slog.StringValue(attrs.TooLarge))
		return
	}
	defer f.budget.Leave()
	if a.Key != "" {
		groups = append(slices.Clip(groups), a.Key)
		prefix += a.Key + "."
	}
	for _, m := range members {
		f.add(groups, prefix, m)
	}
}

// own marks an attr's value as printable already, for replaceBuiltIn.
type own struct{ slog.Value }

func (f *flattener) append(key string, v slog.Value) {
	if f.replace != nil {
		v = slog.AnyValue(own{v})
	}
	f.attrs = append(f.attrs, slog.Attr{Key: printableText(key), Value: v})
}

// replaceBuiltIn returns the ReplaceAttr for tint: the user's for the built-in
// attrs, nothing for the others, which have been through it.
func (s *consoleShared) replaceBuiltIn() func([]string, slog.Attr) slog.Attr {
	if s.opts.ReplaceAttr == nil {
		return nil
	}
	return func(_ []string, a slog.Attr) slog.Attr {
		if v, ok := a.Value.Any().(own); ok {
			a.Value = v.Value
			return a
		}
		a = attrs.Replace(s.opts.ReplaceAttr, nil, a)
		switch v := a.Value.Any().(type) {
		case slog.Level:
		case time.Time:
			a.Value = slog.TimeValue(s.printableTime(v))
		case *slog.Source:
			if v != nil {
				a.Value = slog.AnyValue(&slog.Source{File: printableMessage(v.File), Line: v.Line})
			} else {
				a.Value = slog.StringValue("")
			}
		case string:
			a.Value = slog.StringValue(printableMessage(v))
		default:
			a.Value = slog.StringValue(printableMessage(printableValue(a.Value).String()))
		}
		return a
	}
}

// printableTime returns t in a zone whose name is printable, if the name is
// printed.
func (s *consoleShared) printableTime(t time.Time) time.Time {
	if !s.zoned {
		return t
	}
	name, offset := t.Zone()
	if clean := printableMessage(name); clean != name {
		return t.In(time.FixedZone(clean, offset))
	}
	return t
}

// printableValue returns a value that tint prints without calling any method.
func printableValue(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(printableText(v.String()))
	case slog.KindTime:
		return slog.StringValue(v.Time().Format(time.RFC3339Nano))
	case slog.KindAny:
		return slog.StringValue(printableText(anyText(v.Any())))
	default:
		return v
	}
}

// anyText renders a value of any type, as [slog.TextHandler] does.
func anyText(a any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(a); v.Kind() == reflect.Pointer && v.IsNil() {
				text = "<nil>"
			} else {
				text = fmt.Sprint("!PANIC: ", r)
			}
		}
	}()
	switch a := a.(type) {
	case *slog.Source:
		return fmt.Sprintf("%s:%d", a.File, a.Line)
	case error:
		return a.Error()
	case encoding.TextMarshaler:
		data, err := a.MarshalText()
		if err != nil {
			return "!ERROR:" + err.Error()
		}
		return string(data)
	case []byte:
		return string(a)
	}
	if !snapshot.Finite(a) {
		return snapshot.TooLarge
	}
	return fmt.Sprintf("%+v", a)
}

// printableText returns s as a key or a value for tint, which quotes what is
// not printable but lets escapes and DEL through, deletes invalid UTF-8, and
// turns a written \x1b in what it quotes into an escape character.
func printableText(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if !strings.ContainsAny(s, "\x1b\x7f\\") {
		return s
	}
	s = strings.ReplaceAll(s, "\x1b", "␛")
	s = strings.ReplaceAll(s, "\x7f", "␡")
	if strings.ContainsFunc(s, isQuoted) {
		s = strings.ReplaceAll(s, `\x1b`, `\x1B`)
	}
	return s
}

// isQuoted reports whether tint quotes a text for having r in it.
func isQuoted(r rune) bool {
	return r <= ' ' || r == '"' || r == '=' || r >= utf8.RuneSelf && (unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError)
}

// printableMessage returns s with nothing in it that acts on a terminal.
func printableMessage(s string) string {
	i := strings.IndexFunc(s, acts)
	if i < 0 {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !acts(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// acts reports whether a terminal obeys r instead of printing it: C0, DEL, C1,
// the separators of lines and paragraphs, and the marks that reverse text.
func acts(r rune) bool {
	return r < ' ' || 0x7f <= r && r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\u061c' ||
		r == '\u200e' || r == '\u200f' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// withoutColor takes tint's color sequences out of line, in place. There are no
// others in it.
func withoutColor(line []byte) []byte {
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] == '\x1b' {
			for i < len(line) && line[i] != 'm' {
				i++
			}
			continue
		}
		out = append(out, line[i])
	}
	return out
}
