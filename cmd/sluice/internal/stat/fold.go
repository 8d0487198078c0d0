package stat

import (
	"bytes"
	"unicode/utf8"
)

// maxFolded is how much of a message tells it from others.
const maxFolded = 256

// fold appends a message to dst with a * for each of its parts that change from one time to the next: numbers, times, durations,
// addresses, IDs, what is quoted, what stands behind a "=". It is the first line that counts, and of that the beginning.
func fold(dst, message []byte) []byte {
	for len(message) > 0 && message[0] <= ' ' {
		message = message[1:]
	}
	if i := bytes.IndexByte(message, '\n'); i >= 0 {
		message = message[:i]
	}
	f := folder{out: dst, start: len(dst), word: len(dst), text: message}
	for f.at < len(f.text) && len(f.out)-f.start < maxFolded {
		f.next()
	}
	if end := f.start + maxFolded; len(f.out) > end {
		for !utf8.RuneStart(f.out[end]) {
			end--
		}
		f.out = f.out[:end]
	}
	return bytes.TrimRight(f.out, " ")
}

type folder struct {
	out   []byte
	start int // of the folded message in out
	word  int // where the word begins in out, as far as spaces and brackets tell words apart
	text  []byte
	at    int
}

// The classes of bytes.
const (
	other = iota
	letter
	foreign // all that is not ASCII: letters that no ID has, of words that may have no spaces between them
	digit
	space
)

func kind(c byte) int {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return letter
	case c >= utf8.RuneSelf:
		return foreign
	case '0' <= c && c <= '9':
		return digit
	case c <= ' ':
		return space
	}
	return other
}

func isLetter(c byte) bool { return kind(c) == letter || kind(c) == foreign }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// next folds the next segment: letters and digits, a space, or one other character.
func (f *folder) next() {
	c := f.text[f.at]
	switch kind(c) {
	case letter, digit:
		f.segment()
		return
	case foreign:
		_, n := utf8.DecodeRune(f.text[f.at:])
		f.out = append(f.out, f.text[f.at:f.at+n]...)
		f.at += n
		f.word = len(f.out)
		return
	case space:
		f.at++
		if n := len(f.out); n > f.start && f.out[n-1] != ' ' {
			f.out = append(f.out, ' ')
		}
		f.word = len(f.out)
		return
	}
	switch c {
	case '"', '\'', '`':
		if end := f.quoted(c); end > 0 {
			f.out = append(f.out, c)
			f.star()
			f.out = append(f.out, c)
			f.at = end
			return
		}
	case '=':
		if f.assigned() {
			return
		}
	case '@':
		if f.address() {
			return
		}
	case '-', '+', '.':
		if f.sign() {
			f.at++
			return
		}
	}
	f.out = append(f.out, c)
	f.at++
	if c == '(' || c == '[' || c == '{' || c == '<' || c == ',' || c == ';' || c == '"' {
		f.word = len(f.out)
	}
}

// segment folds letters and digits without anything between.
func (f *folder) segment() {
	if n := uuid(f.text[f.at:]); n > 0 {
		f.at += n
		f.star()
		return
	}
	end, hex, digits, turns := f.at, true, 0, 0
	firstDigit := -1
	for last := -1; end < len(f.text); end++ {
		k := kind(f.text[end])
		if k != letter && k != digit {
			break
		}
		if k == digit {
			digits++
			if firstDigit < 0 {
				firstDigit = end
			}
		}
		if last >= 0 && k != last {
			turns++
		}
		last = k
		hex = hex && isHex(f.text[end])
	}
	length := end - f.at
	switch {
	case firstDigit == f.at, // a number, with or without a unit
		hex && (digits > 0 && length > 1 || length >= 8),
		turns >= 2 && length >= 8: // an ID of letters and digits
		f.at = end
		f.joined()
		f.star()
	case digits > 0: // a name with a number, as worker7
		f.out = append(f.out, f.text[f.at:firstDigit]...)
		f.at = end
		f.out = append(f.out, '*')
	default:
		f.out = append(f.out, f.text[f.at:min(end, f.at+maxFolded)]...)
		f.at = end
	}
}

// joined goes on over what belongs to a value: the rest of a time, an address, a number with a point.
func (f *folder) joined() {
	for f.at < len(f.text) {
		i := f.at
		for i < len(f.text) && i < f.at+2 && isJoint(f.text[i]) {
			i++
		}
		if rest := f.text[f.at:]; bytes.HasPrefix(rest, []byte("µs")) || bytes.HasPrefix(rest, []byte("μs")) {
			f.at += len("µs")
			return
		}
		if i == f.at || i == len(f.text) {
			return
		}
		end, hex, digits := i, true, 0
		for end < len(f.text) {
			k := kind(f.text[end])
			if k != letter && k != digit {
				break
			}
			if k == digit {
				digits++
			}
			hex = hex && isHex(f.text[end])
			end++
		}
		whole := end > i && (kind(f.text[i]) == digit || hex && (digits > 0 || f.text[f.at] == ':' && end-i <= 4))
		if !whole {
			return
		}
		f.at = end
	}
}

func isJoint(c byte) bool { return c == '.' || c == ':' || c == '-' || c == ',' || c == '+' }

// sign reports whether the character is part of the number behind it.
func (f *folder) sign() bool {
	if f.at+1 == len(f.text) || kind(f.text[f.at+1]) != digit {
		return false
	}
	return f.at == 0 || kind(f.text[f.at-1]) == space || bytes.IndexByte([]byte("=([{<,:"), f.text[f.at-1]) >= 0
}

// star appends the mark of a value. A list of values has one for all.
func (f *folder) star() {
	b := bytes.TrimRight(f.out[f.start:], " ,;")
	if n := len(b); n > 0 && b[n-1] == '*' && (n == 1 || !isLetter(b[n-2])) && f.start+n < len(f.out) {
		f.out = f.out[:f.start+n]
		f.word = min(f.word, len(f.out))
		return
	}
	f.out = append(f.out, '*')
}

// quoted returns where what is quoted ends, 0 if it does not. An apostrophe begins nothing.
func (f *folder) quoted(quote byte) int {
	if quote == '\'' && f.at > 0 && kind(f.text[f.at-1]) != space && kind(f.text[f.at-1]) != other {
		return 0
	}
	for i := f.at + 1; i < len(f.text); i++ {
		switch {
		case f.text[i] == '\\':
			i++
		case f.text[i] != quote:
		case quote == '\'' && i+1 < len(f.text) && isLetter(f.text[i+1]):
		default:
			return i + 1
		}
	}
	return 0
}

// assigned folds the value behind a "=".
func (f *folder) assigned() bool {
	if f.at == 0 || f.at+1 == len(f.text) || f.text[f.at+1] == '=' || f.text[f.at+1] == '[' || !isLetter(f.text[f.at-1]) && kind(f.text[f.at-1]) != digit {
		return false
	}
	end := f.at + 1
	for end < len(f.text) && bytes.IndexByte([]byte(" \t,;)]}&\"'`"), f.text[end]) < 0 {
		end++
	}
	if end == f.at+1 {
		return false
	}
	f.out = append(f.out, '=', '*')
	f.at = end
	return true
}

// address folds the address of a mail, of which it has seen the "@".
func (f *folder) address() bool {
	end := f.at + 1
	for end < len(f.text) && (kind(f.text[end]) == letter || kind(f.text[end]) == digit || f.text[end] == '.' || f.text[end] == '-') {
		end++
	}
	if f.word == len(f.out) || end < f.at+2 || kind(f.text[f.at-1]) != letter && kind(f.text[f.at-1]) != digit {
		return false
	}
	f.out = f.out[:f.word]
	f.at = end
	f.star()
	return true
}

// uuid returns the length of the UUID at the beginning, 0 if there is none.
func uuid(b []byte) int {
	const length = 36
	if len(b) < length || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return 0
	}
	for i := range length {
		if i != 8 && i != 13 && i != 18 && i != 23 && !isHex(b[i]) {
			return 0
		}
	}
	return length
}

// foldPath appends a path or URL to dst with a * for each ID, and without its query. All else it appends as it is: the values
// of other attrs are what people want to tell apart.
func foldPath(dst, value []byte) []byte {
	if len(value) == 0 || value[0] != '/' && !bytes.Contains(value, []byte("://")) {
		return append(dst, value...)
	}
	if i := bytes.IndexAny(value, "?#"); i >= 0 {
		value = value[:i]
	}
	return fold(dst, value)
}
