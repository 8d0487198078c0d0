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
	"math"
	"strconv"
	"sync"

	"github.com/sluicelog/sluice/internal/attrs"
)

// An Encoder is what all lines of a handler have in common. It is safe for concurrent
// use.
type Encoder struct {
	rules  Rules
	limit  int  // rules.MaxField, or no limit
	strict bool // whether names are looked at
	plain  bool // whether no rule looks at keys, strings and integers
	lines  sync.Pool
}

// New returns an Encoder with the given rules.
func New(rules Rules) *Encoder {
	e := &Encoder{rules: rules, limit: math.MaxInt}
	if rules.MaxField > 0 {
		e.limit = rules.MaxField
	}
	e.strict = rules.Names || rules.Duplicates != KeepDuplicates
	e.plain = !e.strict && e.limit == math.MaxInt && rules.Replace == nil && rules.Integers == AllIntegers
	return e
}

// A Line is the state of one record's encoding. It is used by one goroutine at
// a time.
type Line struct {
	// Buf is where the caller starts: an empty slice that keeps its capacity
	// from line to line. Store the finished line in it before Free.
	Buf []byte

	attrs.Budget

	encoder *Encoder
	rules   *Rules // the encoder's, as are the next three
	limit   int
	strict  bool
	plain   bool
	groups  []string // the open groups, for Replace; nil while built-in attrs are written
	spare   []string // the memory of groups

	second, attrSecond second // of the record, and of the last attr that was a time

	start, opened int // where the bound groups begin that no With has opened, and where what is in them

	hash   Hash // of the name that Inspect was called with
	clean  bool
	names  names
	rework bool // whether the finished line breaks a rule
}

// Line returns a Line. Give it back with Free.
func (e *Encoder) Line() *Line {
	if l, ok := e.lines.Get().(*Line); ok {
		if l.strict {
			l.names = names{at: 1} // for what is written before Begin
		}
		return l
	}
	return &Line{
		Buf: make([]byte, 0, 1024), encoder: e, rules: &e.rules, limit: e.limit, strict: e.strict, plain: e.plain,
		names: names{at: 1},
	}
}

// Value returns the text of a resolved value that is not a group.
func (e *Encoder) Value(v slog.Value) []byte {
	l := e.Line()
	defer l.Free()
	return l.Value(nil, v)
}

// Free gives the Line back. Neither it nor its Buf may be used afterwards.
func (l *Line) Free() {
	if l.Reset() {
		l.encoder.lines.Put(l)
	}
}

// Reset makes the Line ready for another record, for a caller who keeps it. It
// reports whether it is not too large to be kept.
func (l *Line) Reset() bool {
	if cap(l.Buf) > maxPooled {
		return false
	}
	l.Buf, l.Budget = l.Buf[:0], attrs.Budget{}
	if l.groups != nil {
		clear(l.spare[:cap(l.spare)])
		l.groups = nil
	}
	l.rework = false
	return true
}

// Finish returns the line, which lacks only its newline, as the rules want it.
func (l *Line) Finish(b []byte) []byte {
	if most := l.rules.MaxLine; l.rework || most > 0 && len(b) >= most {
		b = l.rules.rework(b, most-1)
	}
	return append(b, '\n')
}

// Rework says that the line may have a name twice that was not written by the
// Line's methods.
func (l *Line) Rework() { l.rework = true }

// AppendKey appends a comma where one is needed, the key and a colon.
func AppendKey(b []byte, key string) []byte {
	if n := len(b); n == 0 || b[n-1] != '{' {
		b = append(b, ',')
	}
	b = AppendString(b, key)
	return append(b, ':')
}

// Key is AppendKey under the rules.
func (l *Line) Key(b []byte, key string) []byte {
	if l.strict {
		l.Inspect(key)
	}
	return l.key(b, key)
}

// Inspect looks at the key of an attr, for Inspected, and returns its hash.
func (l *Line) Inspect(key string) Hash {
	l.hash, l.clean = Inspect(key)
	return l.hash
}

func (l *Line) key(b []byte, key string) []byte {
	if !l.strict && len(key) <= l.limit {
		return AppendKey(b, key)
	}
	if len(key) > l.limit {
		key = Cut(key, l.limit)
		l.Inspect(key)
	}
	from := len(b)
	b = AppendKey(b, key)
	if l.strict {
		l.note(b, from, key)
	}
	return b
}

// Attr appends an attr, or nothing when it is empty, is replaced by an empty
// one, or is a group in which nothing is left.
func (l *Line) Attr(b []byte, a slog.Attr) []byte {
	switch {
	case l.plain: // which needs none of what Inspected does for these
		switch a.Value.Kind() {
		case slog.KindString:
			return AppendString(AppendKey(b, a.Key), a.Value.String())
		case slog.KindInt64:
			return AppendInt(AppendKey(b, a.Key), a.Value.Int64())
		case slog.KindDuration:
			return AppendInt(AppendKey(b, a.Key), int64(a.Value.Duration()))
		default:
		}
	case l.strict:
		if text, ok := l.Scalar(b, a); ok {
			return text
		}
		l.Inspect(a.Key)
	}
	return l.Inspected(b, a)
}

// Scalar appends an attr under strict rules and reports true, if its value is of a
// basic kind and its name raises no question.
func (l *Line) Scalar(b []byte, a slog.Attr) (text []byte, ok bool) {
	kind := a.Value.Kind()
	if kind < slog.KindBool || kind > slog.KindUint64 || l.rules.Replace != nil {
		return b, false
	}
	if text, ok = l.newKey(b, a.Key); !ok {
		return b, false
	}
	switch kind {
	case slog.KindString:
		if s := a.Value.String(); len(s) <= l.limit {
			return AppendString(text, s), true
		}
	case slog.KindInt64:
		return l.int(text, a.Value.Int64()), true
	case slog.KindDuration:
		return l.int(text, int64(a.Value.Duration())), true
	default:
	}
	return l.Value(text, a.Value), true
}

// Inspected is Attr for a caller who has called Inspect under strict rules.
func (l *Line) Inspected(b []byte, a slog.Attr) []byte {
	kind := a.Value.Kind()
	if kind == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
		kind = a.Value.Kind()
	}
	if l.rules.Replace != nil && kind != slog.KindGroup {
		a = attrs.Replace(l.rules.Replace, l.groups, a)
		kind = a.Value.Kind()
		l.Inspect(a.Key)
	}
	switch kind {
	case slog.KindString:
		return l.Text(l.key(b, a.Key), a.Value.String())
	case slog.KindInt64:
		return l.int(l.key(b, a.Key), a.Value.Int64())
	case slog.KindDuration:
		return l.int(l.key(b, a.Key), int64(a.Value.Duration()))
	case slog.KindGroup:
		return l.group(b, a.Key, a.Value.Group())
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil:
			if a.Key == "" {
				return b
			}
		case *slog.Source:
			return l.group(b, a.Key, SourceAttrs(v))
		}
	default:
	}
	return l.Value(l.key(b, a.Key), a.Value)
}

// Value appends a resolved value that is not a group.
func (l *Line) Value(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return l.Text(b, v.String())
	case slog.KindInt64:
		return l.int(b, v.Int64())
	case slog.KindUint64:
		return l.uint(b, v.Uint64())
	case slog.KindDuration:
		return l.int(b, int64(v.Duration()))
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindFloat64:
		return l.float(b, v.Float64())
	case slog.KindTime:
		return l.Time(b, v.Time())
	default:
		return l.any(b, v.Any())
	}
}

// Encoded is a value that Value has encoded already, under the same rules.
type Encoded []byte

// Text appends a string.
func (l *Line) Text(b []byte, s string) []byte {
	if len(s) > l.limit {
		s = Cut(s, l.limit)
	}
	return AppendString(b, s)
}

func (l *Line) int(b []byte, n int64) []byte {
	if l.rules.Integers == SafeIntegers && l.rules.Integers.quotes(n) {
		return append(AppendInt(append(b, '"'), n), '"')
	}
	return AppendInt(b, n)
}

func (l *Line) uint(b []byte, n uint64) []byte {
	if l.rules.Integers.quotesUnsigned(n) {
		return append(AppendUint(append(b, '"'), n), '"')
	}
	return AppendUint(b, n)
}

func (l *Line) float(b []byte, f float64) []byte {
	if l.rules.NullNonFinite && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return append(b, "null"...)
	}
	return AppendFloat(b, f)
}

func (l *Line) any(b []byte, a any) []byte {
	if text, ok := a.(Encoded); ok {
		return append(b, text...)
	}
	start, made := len(b), false
	if l.rules.Any != nil {
		b, made = l.rules.Any(b, a)
	} else {
		b = AppendAny(b, a)
	}
	switch text := b[start:]; {
	case text[0] != '{' && text[0] != '[':
		if len(text) > l.limit && text[0] < 'a' { // a string or a number
			if s := decoded(string(asString(text))); len(s) > l.limit {
				return l.Text(b[:start], s)
			}
		}
		return append(b[:start], l.rules.scalar(text)...)
	case made:
	case len(text) > l.limit:
		return AppendString(b[:start], Cut(string(text), l.limit))
	case l.strict:
		rework, tooDeep := l.rules.inspect(text)
		if tooDeep {
			return AppendString(b[:start], "!ERROR:nested more than "+strconv.Itoa(l.rules.MaxNesting)+" deep")
		}
		l.rework = l.rework || rework
	}
	return b
}

func (l *Line) group(b []byte, key string, members []slog.Attr) []byte {
	if len(members) == 0 {
		return b
	}
	if !l.Enter(members) {
		return AppendString(l.Key(b, key), attrs.TooLarge)
	}
	defer l.Leave()
	if key == "" {
		for _, a := range members {
			b = l.Attr(b, a)
		}
		return b
	}
	start := len(b)
	b = l.Open(b, key)
	outer := l.enter(b)
	opened := len(b)
	for _, a := range members {
		b = l.Attr(b, a)
	}
	if len(b) > opened {
		b = append(b, '}')
	} else {
		b = b[:start]
	}
	if l.strict {
		l.names = outer
	}
	if l.groups != nil {
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
	return append(l.Key(b, name), '{')
}

// enter begins the names of the object that b has just opened, and returns those of
// the one around it.
func (l *Line) enter(b []byte) (outer names) {
	if l.strict {
		outer, l.names = l.names, names{at: len(b)}
	}
	return outer
}

// SourceAttrs returns what log/slog prints of a Source, which is a group.
func SourceAttrs(s *slog.Source) []slog.Attr {
	if s == nil {
		return nil
	}
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
