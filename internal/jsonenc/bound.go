package jsonenc

import (
	"bytes"
	"slices"
)

// Bound is what With and WithGroup have bound to a handler, encoded once. It is
// immutable: its methods return a new one. The zero Bound holds nothing.
type Bound struct {
	text   []byte   // encoded attrs, each after a comma or an opening brace
	groups []string // the names given to WithGroup
	open   int      // how many of groups text has opened

	seen   Set  // of the names in the innermost object that text has opened
	at     int  // where that object begins in text, if it is not the line
	rework bool // text breaks a rule for the whole line
}

// Bound returns a Bound that holds nothing.
func (e *Encoder) Bound() Bound {
	var b Bound
	for _, name := range e.rules.Own {
		h, _ := Inspect(name)
		b.seen.Add(h)
	}
	return b
}

// Text returns the encoded attrs, each after a comma or an opening brace.
func (b Bound) Text() []byte { return b.text }

// Rework reports whether the text breaks a rule for the whole line.
func (b Bound) Rework() bool { return b.rework }

// Names returns the names that are bound outside of groups.
func (b Bound) Names() (names []string) {
	if len(b.text) == 0 {
		return nil
	}
	root := parse(b.object())
	for _, member := range root.kids {
		names = append(names, decoded(member.name))
	}
	return names
}

// WithGroup returns b with a group that is opened when something is in it.
func (b Bound) WithGroup(name string) Bound {
	b.groups = append(slices.Clip(b.groups), name)
	return b
}

// WithAttrs returns b with what attrs appends.
func (b Bound) WithAttrs(e *Encoder, attrs func(l *Line, b []byte) []byte) Bound {
	l := e.Line()
	defer l.Free()
	text := l.open(slices.Clip(b.text), &b)
	text = attrs(l, text)
	text, open := l.cut(text, &b)
	b.text, b.open = text, open
	if l.strict && len(text) > 0 {
		b.inspect(e, l.rework)
	}
	return b
}

// inspect takes the names out of the text, and repairs it where that is possible
// without the rest of the line.
func (b *Bound) inspect(e *Encoder, rework bool) {
	rules := &e.rules
	root := parse(b.object())
	if b.rework = rework; rework && rules.Duplicates != FirstWins && rules.Duplicates != RenameDuplicates {
		root.obey(rules)
		b.setObject(root.append(nil))
		b.rework = false
	}
	for _, member := range root.kids {
		b.rework = b.rework || slices.Contains(rules.Own, decoded(member.name))
	}
	innermost := &root
	if b.seen, b.at = (Set{}), lastOpen(b.text); b.open == 0 {
		b.seen = e.Bound().seen
	}
	for range b.open {
		innermost = &innermost.kids[len(innermost.kids)-1]
	}
	for _, member := range innermost.kids {
		h, _ := Inspect(decoded(member.name))
		b.seen.Add(h)
	}
}

// object returns what is bound as an object, with the open groups closed.
func (b *Bound) object() []byte {
	text := slices.Concat(b.text, bytes.Repeat([]byte{'}'}, b.open+1))
	text[0] = '{' // in place of a comma
	return text
}

// setObject is the reverse: the open groups are the last members still.
func (b *Bound) setObject(text []byte) {
	text[0] = ','
	b.text = text[:len(text)-b.open-1]
}

// lastOpen returns where the last object begins that text opens and does not close.
func lastOpen(text []byte) int {
	var open []int
	for rest := text; len(rest) > 0; {
		switch rest[0] {
		case '"':
			_, rest = token(rest)
			continue
		case '{':
			open = append(open, len(text)-len(rest)+1)
		case '}':
			open = open[:len(open)-1]
		}
		rest = rest[1:]
	}
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
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
	if l.strict {
		l.names.root, l.names.at, l.names.alike = bound.open == 0, 1, 0
		if bound.open > 0 {
			l.names.at = len(b) - len(bound.text) + bound.at
		}
		l.rework = l.rework || bound.rework
		if l.rules.Replace == nil {
			l.names.seen = bound.seen
		} else {
			// What ReplaceAttr has made of the built-in attrs is there already. It was
			// not compared to what is bound.
			for i := range bound.seen {
				l.names.seen[i] |= bound.seen[i]
			}
			l.rework = l.rework || len(bound.text) > 0
		}
	}
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
		l.enter(b)
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
