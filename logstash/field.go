package logstash

import (
	"bytes"
	"strings"
)

// Field returns a Key for [DialOptions]: the value of a field of the event, which is
// given by the names on the way to it. Field("trace", "id") and Field("trace.id") are the
// same, and find both {"trace":{"id":"x"}} and {"trace.id":"x"}; the first that is
// there counts.
//
// The text of a string comes without its quotes, and with its escapes as they are
// written, as are numbers, objects and all else. Null is nothing, and so is what follows a
// name that is written with an escape. The function does not allocate, is safe for concurrent
// use, and returns a part of the event, nil if there is no such field or the event is no
// JSON object.
func Field(path ...string) func(event []byte) []byte {
	names := strings.Split(strings.Join(path, "."), ".")
	return func(event []byte) []byte {
		text := jsonText(event)
		i, c := text.next(0)
		if c != '{' {
			return nil
		}
		value, _ := text.find(i, names)
		return value
	}
}

// find returns the value that the names lead to in the object that begins at i. Without one
// it returns where the object ends, or, if it is none, the end of the text.
func (b jsonText) find(i int, names []string) (value []byte, end int) {
	i, c := b.next(i + 1)
	if c == '}' {
		return nil, i + 1
	}
	for ; ; i++ { // over each comma
		start, _ := b.next(i)
		var ok bool
		if i, ok = b.key(start); !ok {
			return nil, len(b)
		}
		n := named(b[start+1:i], names)
		i, c = b.next(i)
		if n > 0 && n < len(names) && c == '{' {
			if value, i = b.find(i, names[n:]); value != nil {
				return value, i
			}
		} else {
			start = i
			if i, ok = b.value(i, 1); !ok {
				return nil, len(b)
			}
			switch {
			case n < len(names), c == 'n':
			case c == '"':
				return b[start+1 : i-1 : i-1], i
			default:
				return b[start:i:i], i
			}
		}
		if i, c = b.next(i); c != ',' {
			return nil, i + 1
		}
	}
}

// named returns how many of the names a member of an object has, joined by dots. What it
// is given begins with the name and goes on with a quote.
func named(member []byte, names []string) int {
	for n, name := range names {
		rest, ok := bytes.CutPrefix(member, []byte(name))
		switch {
		case !ok:
			return 0
		case rest[0] == '"':
			return n + 1
		case rest[0] != '.':
			return 0
		}
		member = rest[1:]
	}
	return 0
}
