package jsonlog

import (
	"bytes"
	"time"
)

// maxPrefix is how much text there may be before the object of a line.
const maxPrefix = 512

// split returns the object of a line, from the brace that opens to that which closes it, and the text before. NULs are in
// front of a line where a file was truncated and its writer went on where it had been.
func (p *Parser) split(text []byte) (prefix, object []byte, err error) {
	text = bytes.TrimPrefix(bytes.TrimLeft(text, "\x00"), []byte("\ufeff"))
	text = text[blank(text, 0):]
	for len(text) > 0 && isBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if len(text) == 0 {
		return nil, nil, ErrNotJSON
	}
	whole := text[len(text)-1] == '}'
	if text[0] == '{' {
		if !whole || len(text) == 1 {
			return nil, nil, ErrBroken
		}
		return nil, text, nil
	}
	at := openingBrace(text)
	if at < 0 || bytes.IndexByte(text[:at], 0) >= 0 {
		return nil, nil, ErrNotJSON
	}
	prefix = bytes.TrimRight(text[:at], " \t")
	if !whole || len(text) == at+1 {
		if p.isKnown(prefix) {
			return nil, nil, ErrBroken
		}
		return nil, nil, ErrNotJSON
	}
	return prefix, text[at:], nil
}

// openingBrace returns where the first brace is behind which a key may be, -1 if there is none.
func openingBrace(text []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(text[i:min(len(text), maxPrefix)], '{')
		if n < 0 {
			return -1
		}
		i += n
		if next := blank(text, i+1); next == len(text) || text[next] == '"' || text[next] == '}' {
			return i
		}
		if i+1 >= min(len(text), maxPrefix) {
			return -1
		}
	}
}

// isKnown reports whether a prefix is such as runtimes of containers, journald and syslog put before each line.
func (p *Parser) isKnown(prefix []byte) bool {
	first, rest, _ := bytes.Cut(prefix, []byte(" "))
	if _, ok := p.clock.moment(first); ok {
		return len(rest) == 0 || isCRI(rest) || bytes.HasSuffix(rest, []byte(":"))
	}
	return bytes.HasSuffix(prefix, []byte("]:")) || // name[pid]:
		len(prefix) > 1 && prefix[0] == '<' && prefix[1]-'0' <= 9 || // syslog's priority
		string(bytes.TrimLeft(rest, " ")) == "|" // docker compose
}

// isCRI reports whether rest is what the log of a container has between the time and the line.
func isCRI(rest []byte) bool {
	switch string(rest) {
	case "stdout F", "stderr F", "stdout P", "stderr P":
		return true
	}
	return false
}

// behindCRI returns where the line of the program begins in that of a container's log, len(text) if it is none.
func (p *Parser) behindCRI(text []byte) int {
	first := bytes.IndexByte(text[:min(len(text), len("2006-01-02T15:04:05.000000000+00:00 "))], ' ')
	if end := first + len(" stdout F"); first > 0 && end < len(text) && text[end] == ' ' && isCRI(text[first+1:end]) {
		if _, ok := p.clock.moment(text[:first]); ok {
			return end + 1
		}
	}
	return len(text)
}

// prefixTime returns the time that a prefix has, as one word or two, zero if it has none.
func (p *Parser) prefixTime(prefix []byte) time.Time {
	const between = " \t[]|"
	for rest := bytes.TrimLeft(prefix, between); len(rest) > 0; {
		end := wordEnd(rest, 0, between)
		for _, to := range [...]int{end, wordEnd(rest, end+1, between)} {
			if t, ok := p.clock.moment(rest[:to]); ok {
				return t
			}
		}
		rest = bytes.TrimLeft(rest[end:], between)
	}
	return time.Time{}
}

// wordEnd returns where the word ends that begins at i.
func wordEnd(s []byte, i int, between string) int {
	if i >= len(s) {
		return len(s)
	}
	if n := bytes.IndexAny(s[i:], between); n >= 0 {
		return i + n
	}
	return len(s)
}
