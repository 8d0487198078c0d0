package jsonenc

import "slices"

// Bound is what With and WithGroup have bound to a handler, encoded once. It is
// immutable: its methods return a new one. The zero Bound holds nothing.
type Bound struct {
	text   []byte   // encoded attrs, each after a comma or an opening brace
	groups []string // the names given to WithGroup
	open   int      // how many of groups text has opened
}

// InGroup reports whether a WithGroup is in force.
func (b Bound) InGroup() bool { return len(b.groups) > 0 }

// WithGroup returns b with a group that is opened when something is in it.
func (b Bound) WithGroup(name string) Bound {
	b.groups = append(slices.Clip(b.groups), name)
	return b
}

// WithAttrs returns b with what attrs appends.
func (b Bound) WithAttrs(rules *Rules, attrs func(l *Line, b []byte) []byte) Bound {
	l := New(rules)
	text := l.open(slices.Clip(b.text), &b)
	text = attrs(l, text)
	b.text, b.open = l.cut(text, &b)
	l.Free()
	return b
}

// Begin appends all that is bound. What the caller appends then stands inside the
// bound groups, until End.
func (l *Line) Begin(b []byte, bound *Bound) []byte {
	if text := bound.text; len(text) > 0 {
		if b[len(b)-1] == '{' {
			text = text[1:] // the line has nothing before the first bound attr
		}
		b = append(b, text...)
	}
	return l.open(b, bound)
}

// End closes the bound groups. One in which there is nothing is taken back.
func (l *Line) End(b []byte, bound *Bound) []byte {
	b, open := l.cut(b, bound)
	for range open {
		b = append(b, '}')
	}
	return b
}

// open opens the groups that bound.text has not opened yet.
func (l *Line) open(b []byte, bound *Bound) []byte {
	if l.rules.Replace != nil {
		// As log/slog does it: built-in attrs are in nil groups, those of the
		// record in none or some, and a group's name is only kept for the latter.
		if l.spare == nil {
			l.spare = make([]string, 0, 8)
		}
		l.groups = append(l.spare[:0], bound.groups[:bound.open]...) //nolint:gocritic // spare is where they go
	}
	l.start = len(b)
	for _, name := range bound.groups[bound.open:] {
		b = l.Open(b, name)
	}
	l.opened = len(b)
	return b
}

// cut takes back what open has opened if nothing was appended since, and returns
// how many groups are open.
func (l *Line) cut(b []byte, bound *Bound) (text []byte, open int) {
	if len(b) == l.opened {
		return b[:l.start], bound.open
	}
	return b, len(bound.groups)
}
