// Package jsonenc writes slog records as JSON: values, attrs and groups, and
// what With and WithGroup have bound, appended to one byte slice.
//
// It is shared by the encoders of this module. Two rules keep it simple. A
// comma is written before an element unless the text so far ends in an opening
// brace, so no separator has to be remembered. A group is opened before it is
// known whether anything is in it, and taken back by cutting the text when
// nothing was.
package jsonenc

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/attrs"
)

// Rules are what an encoder may want otherwise. A nil *Rules changes nothing.
type Rules struct {
	// Replace is slog.HandlerOptions.ReplaceAttr.
	Replace func(groups []string, a slog.Attr) slog.Attr

	// Any appends a value of no basic kind in place of AppendAny. It must not
	// panic.
	Any func(b []byte, a any) []byte
}

// A Line is the state of one record's encoding. It is used by one goroutine at
// a time: take one with New, give it back with Free.
type Line struct {
	// Buf is where the caller starts: an empty slice that keeps its capacity
	// from line to line. Store the finished line in it before Free.
	Buf []byte

	attrs.Budget

	rules  *Rules
	groups []string // the open groups, for Replace; nil while built-in attrs are written
	spare  []string // the memory of groups
	second second

	start, opened int // where the bound groups begin that no With has opened, and where what is in them
}

var lines = sync.Pool{New: func() any { //nolint:gochecknoglobals // a pool holds no state of the program
	return &Line{Buf: make([]byte, 0, 1024)}
}}

var noRules = new(Rules) //nolint:gochecknoglobals // never written

// New returns a Line for an encoder with the given rules.
func New(rules *Rules) *Line {
	l, _ := lines.Get().(*Line)
	if l.rules = rules; rules == nil {
		l.rules = noRules
	}
	return l
}

// Free gives the Line back. Neither it nor its Buf may be used afterwards.
func (l *Line) Free() {
	if cap(l.Buf) > maxPooled {
		return
	}
	clear(l.spare[:cap(l.spare)])
	l.Buf, l.groups, l.rules, l.Budget = l.Buf[:0], nil, nil, attrs.Budget{}
	lines.Put(l)
}

// AppendKey appends a comma where one is needed, the key and a colon.
func AppendKey(b []byte, key string) []byte {
	if n := len(b); n == 0 || b[n-1] != '{' {
		b = append(b, ',')
	}
	b = AppendString(b, key)
	return append(b, ':')
}

// Attr appends an attr, or nothing when it is empty, is replaced by an empty
// one, or is a group in which nothing is left.
func (l *Line) Attr(b []byte, a slog.Attr) []byte {
	kind := a.Value.Kind()
	if kind == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
		kind = a.Value.Kind()
	}
	if l.rules.Replace != nil && kind != slog.KindGroup {
		a = attrs.Replace(l.rules.Replace, l.groups, a)
		kind = a.Value.Kind()
	}
	switch kind {
	case slog.KindString:
		return AppendString(AppendKey(b, a.Key), a.Value.String())
	case slog.KindGroup:
		return l.group(b, a.Key, a.Value.Group())
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil:
			if a.Key == "" {
				return b
			}
		case *slog.Source:
			if v == nil {
				return b
			}
			return l.group(b, a.Key, sourceAttrs(v))
		}
	default:
	}
	return l.Value(AppendKey(b, a.Key), a.Value)
}

// Value appends a resolved value that is not a group.
func (l *Line) Value(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindTime:
		return l.Time(b, v.Time())
	case slog.KindAny:
		if l.rules.Any != nil {
			return l.rules.Any(b, v.Any())
		}
	default:
	}
	return AppendValue(b, v)
}

func (l *Line) group(b []byte, key string, members []slog.Attr) []byte {
	if len(members) == 0 {
		return b
	}
	if !l.Enter(members) {
		return AppendString(AppendKey(b, key), attrs.TooLarge)
	}
	defer l.Leave()
	start := len(b)
	if key != "" {
		b = l.Open(b, key)
	}
	opened := len(b)
	for _, a := range members {
		b = l.Attr(b, a)
	}
	if len(b) == opened {
		b = b[:start]
	} else if key != "" {
		b = append(b, '}')
	}
	if key != "" && l.groups != nil {
		l.groups = l.groups[:len(l.groups)-1]
	}
	return b
}

// Open opens a group; the caller appends the closing brace.
func (l *Line) Open(b []byte, name string) []byte {
	if l.groups != nil {
		l.groups = append(l.groups, name)
		l.spare = l.groups
	}
	return append(AppendKey(b, name), '{')
}

// sourceAttrs returns what log/slog prints of a Source, which is a group.
func sourceAttrs(s *slog.Source) []slog.Attr {
	members := make([]slog.Attr, 0, 3)
	if s.Function != "" {
		members = append(members, slog.String("function", s.Function))
	}
	if s.File != "" {
		members = append(members, slog.String("file", s.File))
	}
	if s.Line != 0 {
		members = append(members, slog.Int("line", s.Line))
	}
	return members
}

// second is a cached second: what RFC 3339 has before the fraction and after it,
// quotes included.
type second struct {
	unix   int64
	loc    *time.Location
	before []byte
	after  []byte
}

// Time appends t like AppendTime, but formats only the fraction when the last
// time was in the same second, as it mostly is.
func (l *Line) Time(b []byte, t time.Time) []byte {
	c := &l.second
	if unix, loc := t.Unix(), t.Location(); c.unix != unix || c.loc != loc {
		if y := t.Year(); y < 0 || y > 9999 {
			return AppendTime(b, t)
		}
		c.unix, c.loc = unix, loc
		c.before = t.AppendFormat(c.before[:0], `"2006-01-02T15:04:05`)
		c.after = t.AppendFormat(c.after[:0], `Z07:00"`)
	}
	b = append(b, c.before...)
	b = appendFraction(b, t.Nanosecond())
	return append(b, c.after...)
}

// AppendLevel appends a level as log/slog names it.
func AppendLevel(b []byte, level slog.Level) []byte {
	switch level {
	case slog.LevelDebug:
		return append(b, `"DEBUG"`...)
	case slog.LevelInfo:
		return append(b, `"INFO"`...)
	case slog.LevelWarn:
		return append(b, `"WARN"`...)
	case slog.LevelError:
		return append(b, `"ERROR"`...)
	}
	name, base := "ERROR", slog.LevelError
	switch {
	case level < slog.LevelInfo:
		name, base = "DEBUG", slog.LevelDebug
	case level < slog.LevelWarn:
		name, base = "INFO", slog.LevelInfo
	case level < slog.LevelError:
		name, base = "WARN", slog.LevelWarn
	}
	offset := int64(level - base)
	b = append(b, '"')
	b = append(b, name...)
	if offset >= 0 {
		b = append(b, '+')
	}
	b = strconv.AppendInt(b, offset, 10)
	return append(b, '"')
}
