package redact

import (
	"fmt"
	"slices"
	"strings"
)

// An object is the masked copy of a struct. It prints as JSON, and by fmt, like
// the struct did, in the order of its fields.
type object []objectMember

type objectMember struct {
	name  string
	value any
	level int // how deep it is embedded
}

// unique leaves out the members that others of the same name, embedded less
// deep, hide.
func (o object) unique() object {
	return slices.DeleteFunc(o, func(m objectMember) bool {
		return slices.ContainsFunc(o, func(other objectMember) bool {
			return other.name == m.name && other.level < m.level
		})
	})
}

// MarshalJSON returns the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quoteJSON(m.name)...), ':')
		var err error
		if b, err = appendJSON(b, m.value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// String returns the members as fmt prints a struct with %+v.
func (o object) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s:%+v", m.name, m.value)
	}
	b.WriteByte('}')
	return b.String()
}
