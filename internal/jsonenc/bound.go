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
	b.text, b.open = l.inGroups(slices.Clip(b.text), b, func(text []byte) []byte { return attrs(l, text) })
	l.Free()
	return b
}

// Append appends all that is bound and what attrs appends inside the bound
// groups, and closes them. A group in which nothing is left is not opened.
func (l *Line) Append(b []byte, bound Bound, attrs func(b []byte) []byte) []byte {
	text := bound.text
	if len(text) > 0 && b[len(b)-1] == '{' {
		text = text[1:] // the line has nothing before the first bound attr
	}
	b, open := l.inGroups(append(b, text...), bound, attrs)
	for range open {
		b = append(b, '}')
	}
	return b
}

// inGroups appends what attrs appends, inside the groups that bound.text has
// not opened yet, and returns how many are open then.
func (l *Line) inGroups(b []byte, bound Bound, attrs func([]byte) []byte) (text []byte, open int) {
	if l.rules.Replace != nil {
		// As log/slog does it: built-in attrs are in nil groups, those of the
		// record in none or some, and a group's name is only kept for the latter.
		if l.spare == nil {
			l.spare = make([]string, 0, 8)
		}
		l.groups = append(l.spare[:0], bound.groups[:bound.open]...) //nolint:gocritic // spare is where they go
	}
	start := len(b)
	for _, name := range bound.groups[bound.open:] {
		b = l.Open(b, name)
	}
	opened := len(b)
	if b = attrs(b); len(b) == opened {
		return b[:start], bound.open
	}
	return b, len(bound.groups)
}
