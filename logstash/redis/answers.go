package redis

import (
	"bytes"
	"fmt"
	"strconv"
)

// maxAnswer is how much memory the answers to what was written last may take. Those to the
// largest transaction there is take less than that, also when each command is refused.
const maxAnswer = 1 << 20

// elementBytes is about what an element of an array takes.
const elementBytes = 16

// answers follows what a server says. The client makes room for whatever length a server
// announces, which may be more than there is memory.
type answers struct {
	room  int    // what is left of maxAnswer
	line  []byte // what there is of a line so far
	body  int    // what is to come of a string
	words string // the last error
}

// hear takes the next piece of what the server says. The error says that it is not Redis
// who speaks.
func (a *answers) hear(p []byte) error {
	for len(p) > 0 {
		if a.body > 0 {
			n := min(a.body, len(p))
			a.body, p = a.body-n, p[n:]
			continue
		}
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		a.line, p = append(a.line, line...), rest
		if a.room -= len(line) + 1; a.room < 0 || len(a.line) > 0 && bytes.IndexByte([]byte("+-:$*"), a.line[0]) < 0 {
			return a.strange()
		}
		if ended {
			if err := a.end(); err != nil {
				return err
			}
			a.line = a.line[:0]
		}
	}
	return nil
}

// end takes a whole line.
func (a *answers) end() error {
	if len(a.line) == 0 {
		return a.strange()
	}
	kind, text := a.line[0], bytes.TrimSuffix(a.line[1:], []byte("\r"))
	switch kind {
	case '-':
		a.words = quotable(text)
	case '$', '*':
		n, err := strconv.Atoi(string(text))
		if err != nil || n < -1 || n > a.room {
			return a.strange()
		}
		n = max(n, 0) // -1 stands for none
		if kind == '*' {
			n *= elementBytes
		} else if text[0] != '-' {
			a.body = n + len("\r\n")
		}
		if a.room -= n; a.room < 0 {
			return a.strange()
		}
	}
	return nil
}

func (a *answers) strange() error {
	return fmt.Errorf("it does not answer as Redis does: %q", quotable(a.line))
}

// quotable returns as much of a line as is worth telling.
func quotable(line []byte) string {
	return string(bytes.ToValidUTF8(line[:min(len(line), maxWords)], []byte("?")))
}
