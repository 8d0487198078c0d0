package jsonlog

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// Lookup returns the value of the member with a path, keys with dots between and indexes of arrays, as JSON. A key that has
// the dots itself counts first.
func (l *Line) Lookup(path string) (value []byte, ok bool) {
	for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '.') {
		for i := range l.Members {
			if m := &l.Members[i]; string(m.Key) == path[:end] {
				if value, ok = inside(m.Value, path, end); ok {
					return value, true
				}
				break
			}
		}
	}
	return nil, false
}

// inside returns the value whose path below v is what path has behind end.
func inside(v []byte, path string, end int) (value []byte, ok bool) {
	if end == len(path) {
		return v, true
	}
	path = path[end+1:]
	switch v[0] {
	case '{':
		for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '.') {
			for key, member := range membersOf(v) {
				if isKey(key, path[:end]) {
					if value, ok = inside(member, path, end); ok {
						return value, true
					}
					break
				}
			}
		}
	case '[':
		end := strings.IndexByte(path, '.')
		if end < 0 {
			end = len(path)
		}
		n, err := strconv.ParseUint(path[:end], 10, 32)
		if err != nil {
			return nil, false
		}
		for element := range elementsOf(v) {
			if n == 0 {
				return inside(element, path, end)
			}
			n--
		}
	}
	return nil, false
}

// isKey reports whether a key, as it stands between its quotes, is that of a path.
func isKey(key []byte, wanted string) bool {
	if string(key) == wanted {
		return true
	}
	return !isPlain(key) && string(appendUnquoted(nil, key)) == wanted
}

// Number returns the number at a path, which may also stand in a string. A duration with a unit, as in "1.5s", is in seconds.
func (l *Line) Number(path string) (float64, bool) {
	v, ok := l.Lookup(path)
	if !ok {
		return 0, false
	}
	if v[0] == '"' {
		v = bytes.TrimSpace(Unquote(v))
	}
	if len(v) == 0 || len(v) > maxNumber || v[0] > '9' {
		return 0, false
	}
	if c := v[len(v)-1]; c != 's' && c != 'm' && c != 'h' {
		f, err := strconv.ParseFloat(string(v), 64)
		return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	}
	d, err := time.ParseDuration(string(v))
	return d.Seconds(), err == nil
}

// maxNumber is the length of the longest number that is read.
const maxNumber = 400

// HasTag reports whether a tag is among the tags.
func (l *Line) HasTag(tag string) bool {
	switch {
	case l.tags == nil:
		return false
	case l.tags[0] == '[':
		for element := range elementsOf(l.tags) {
			if element[0] == '"' && isKey(element[1:len(element)-1], tag) {
				return true
			}
		}
		return false
	}
	for one := range bytes.SplitSeq(Unquote(l.tags), []byte(",")) {
		if string(bytes.TrimSpace(one)) == tag {
			return true
		}
	}
	return false
}

// Logger returns the name of the logger, nil if there is none.
func (l *Line) Logger() []byte {
	if l.logger == nil {
		return nil
	}
	return Unquote(l.logger)
}
