package redact

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Finding is a secret that [Scan] has found.
type Finding struct {
	File    string // what the reader's Name method returns, as that of [os.File] does; empty if it has none
	Line    int    // from 1; of a private key over many lines, the first
	Rule    string // the name of the rule; empty for what is nested too deep to look at, which counts as a secret
	Path    string // of keys in a line of JSON, as user.password; empty in other text
	Excerpt string // the line around the secret, masked and printable, of at most 120 characters before escaping
}

// Scan looks for secrets in a log, line by line, with the default rules. It is a
// check on what has been written already: that a [Handler] is where it has to be,
// and that archives may be given away.
//
// What r holds is text in any format, or such text compressed with gzip or zstd,
// also in several members or frames. Each secret is one Finding, in the order of
// the lines. What has been masked is none. An excerpt never shows a secret that the
// rules find: all of them are masked in it, with Options.Mask, whatever their
// Action is.
//
// A private key in PEM is found over many lines, of up to 256 KiB, also if there is
// a prefix before each; without its end, only as far as its lines are bare. Of
// other secrets, only what is in one line is seen. A line of more than 1 MiB is
// looked at in windows that overlap, as text without paths; a secret of up to
// 64 KiB is found in it, and found once. Memory does not grow with what is read: it
// takes some windows of 1 to 4 MiB, and for zstd as much as the archive asks for, up
// to 128 MiB.
//
// If r fails, or an archive is cut off or corrupt, all that could be read is looked
// at; the last pair then has the error, beside a Finding with nothing but the File
// and the Line. The sequence can be ranged over once. There is no goroutine, r is
// not closed, and to leave the loop early releases all that was taken.
func Scan(r io.Reader) iter.Seq2[Finding, error] { return defaults().Scan(r) }

// Scan looks for secrets as the function of this name does, with the rules of the
// Redactor. It does not count in Stats and does not call the hooks.
func (r *Redactor) Scan(text io.Reader) iter.Seq2[Finding, error] { return r.scan(text, scanWindow) }

// scanWindow is how much of a line is looked at at once.
const scanWindow = 1 << 20

func (r *Redactor) scan(text io.Reader, window int) iter.Seq2[Finding, error] {
	if text == nil {
		panic("redact: Scan: nil reader")
	}
	rules := r.shared.plain()
	return func(yield func(Finding, error) bool) {
		s := scanner{w: rules.walk(), window: window, yield: yield}
		s.w.traced = true
		s.blocks = len(s.mask([]byte("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----")).hits) > 0
		if named, ok := text.(interface{ Name() string }); ok {
			s.file = named.Name()
		}
		unpacked, release, err := unpack(text, s.overlap())
		defer release()
		if err != nil {
			s.line = 1
		} else {
			s.in = bufio.NewReaderSize(unpacked, s.overlap())
			err = s.run()
		}
		if err != nil {
			place := "redact: scan"
			if s.file != "" {
				place += " " + s.file
			}
			yield(Finding{File: s.file, Line: s.line}, fmt.Errorf("%s: line %d: %w", place, s.line, err))
		}
	}
}

// plain returns the same rules with the mask for all that they find, and without
// hooks. What these have masked, or the default ones, is masked already.
func (s *shared) plain() *shared {
	b := *s.book
	b.rules = slices.Clone(s.rules)
	for i := range b.rules {
		b.rules[i].Action = Action{}
	}
	b.texts = slices.Concat(s.masks, defaults().shared.masks)
	p := &shared{book: &b}
	p.setMask(s.mask)
	return p
}

// A scanner looks for the secrets in the lines of one reader.
type scanner struct {
	w      *walk
	file   string
	yield  func(Finding, error) bool
	window int
	blocks bool // private keys are looked for

	in    *bufio.Reader
	line  int    // the number of the one that was read last
	again []byte // lines to read before others
	part  []byte // of a long line, to read before others
	buf   []byte // for a window
	err   error  // to return when these have been read
}

// overlap is what two windows have in common, and what is read at once.
func (s *scanner) overlap() int { return s.window / 16 }

// maxWindow is what a window grows to for a secret that takes all of the overlap.
func (s *scanner) maxWindow() int { return s.window * 4 }

// maxBlock is how much there may be of a private key over many lines.
func (s *scanner) maxBlock() int { return s.window / 4 }

// run looks at all lines, until there are no more, or no more are wanted. The
// error is that of the reader.
func (s *scanner) run() error {
	for goOn := true; goOn; {
		line, more, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			s.line++
			return err
		case more:
			goOn = s.long(line)
		case s.blocks && beginsKey(line):
			goOn = s.block(line)
		default:
			goOn = s.look(line, s.line)
		}
	}
	return nil
}

// next returns the next line without its end. If it is too long for the buffer,
// more of it follows, see rest. It is valid until the next call.
func (s *scanner) next() (line []byte, more bool, err error) {
	if len(s.again) > 0 {
		line, s.again, _ = bytes.Cut(s.again, []byte{'\n'})
		s.line++
		return line, false, nil
	}
	if line, s.part = s.part, nil; line != nil {
		s.line++
		return line, true, nil
	}
	if line, more = s.rest(); len(line) == 0 && !more && s.err != nil {
		return nil, false, s.err
	}
	s.line++
	if !more {
		line = withoutEnd(line)
	}
	return line, more, nil
}

// rest returns the rest of the line, with its end, or more of it.
func (s *scanner) rest() (part []byte, more bool) {
	if s.err != nil {
		return nil, false
	}
	part, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return part, true
	}
	s.err = err
	return part, false
}

func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
}

// look reports the secrets in a text that begins in a line. As all methods that
// report, it returns whether more are wanted.
func (s *scanner) look(text []byte, line int) bool {
	return s.report(s.mask(text), place{line: line})
}

// A maskedText is a text, and what becomes of it if there are secrets in it.
type maskedText struct {
	text []byte
	out  string
	hits []hit
}

func (s *scanner) mask(text []byte) maskedText {
	m := maskedText{text: text}
	if out, changed := s.w.textOf(text); changed {
		m.out, m.hits = out, slices.Clone(s.w.hits)
	}
	s.w.hits, s.w.failed = s.w.hits[:0], nil
	return m
}

// String returns the text without its secrets.
func (m maskedText) String() string {
	if len(m.hits) == 0 {
		return string(m.text)
	}
	return m.out
}

// long looks at a line that begins with part, and that the buffer does not hold.
func (s *scanner) long(part []byte) bool {
	at := place{line: s.line, goesOn: true}
	s.buf = append(s.buf[:0], part...)
	for size := s.window; ; {
		for at.goesOn && len(s.buf) < size {
			part, at.goesOn = s.rest()
			s.buf = append(s.buf, part...)
		}
		if !at.goesOn {
			return s.report(s.mask(withoutEnd(s.buf)), at)
		}
		m, hidden := s.mask(s.buf), at.hidden
		end := s.gap(s.buf, len(s.buf)-s.overlap())
		if len(m.hits) > 0 {
			left, ok := s.split(m)
			switch {
			case ok:
				m, end = left, len(left.text)
			case size < s.maxWindow():
				size *= 2
				continue
			default: // a secret that goes on, who knows how far
				end, hidden = len(s.buf)-min(s.tail(m), s.overlap()), true
			}
		}
		if !s.report(m, at) {
			return false
		}
		s.buf = append(s.buf[:0], s.buf[end:]...)
		size, at.began, at.hidden = s.window, true, hidden
	}
}

// split finds a place in the last part of a text to cut it at, where that makes
// no difference to what is found, and returns what is before it.
func (s *scanner) split(m maskedText) (left maskedText, ok bool) {
	const tries = 8
	for i := range tries {
		at := s.gap(m.text, len(m.text)-s.overlap()+i*s.overlap()/(2*tries))
		right := s.mask(m.text[at:])
		if !strings.HasSuffix(m.out, right.String()) {
			continue
		}
		left = s.mask(m.text[:at])
		if len(left.hits)+len(right.hits) == len(m.hits) && left.String()+right.String() == m.out {
			return left, true
		}
	}
	return maskedText{}, false
}

// gap returns where the next word begins in text from at on, if that is near, and
// at if not.
func (s *scanner) gap(text []byte, at int) int {
	near := s.overlap() / 64
	if i := bytes.IndexAny(text[at:min(len(text), at+near)], " \t,;|"); i >= 0 {
		return at + i + 1
	}
	return at
}

// tail returns the length of what is behind the last mask, and is not masked.
func (s *scanner) tail(m maskedText) int {
	masks := s.masksIn(m.out)
	if len(masks) == 0 {
		return 0
	}
	n, most := 0, min(len(m.out)-masks[len(masks)-1].end, len(m.text))
	for n < most && m.out[len(m.out)-1-n] == m.text[len(m.text)-1-n] {
		n++
	}
	return n
}

const (
	beginLabel = "-----BEGIN "
	endLabel   = "-----END "
	dashes     = "-----"
)

// beginsKey reports whether a private key in PEM begins in a line and does not end
// in it.
func beginsKey(line []byte) bool {
	at := bytes.Index(line, []byte(beginLabel))
	if at < 0 {
		return false
	}
	line = line[bytes.LastIndex(line, []byte(beginLabel))+len(beginLabel):]
	label, line, ok := bytes.Cut(line, []byte(dashes))
	return ok && bytes.Contains(label, []byte("PRIVATE KEY")) && !bytes.Contains(line, []byte(endLabel))
}

// block looks at a private key that begins in a line, as one text. If it has no
// end, the lines below of nothing but base64 belong to it, and others are read
// again.
func (s *scanner) block(first []byte) bool {
	begin := s.line
	block := append(append(make([]byte, 0, 8<<10), first...), '\n')
	for len(block) < s.maxBlock() {
		line, more, err := s.next()
		if err != nil {
			break
		}
		if more {
			s.part = line
			break
		}
		if at := bytes.Index(line, []byte(endLabel)); at >= 0 && !beginsKey(line) {
			end := at + len(endLabel)
			if n := bytes.Index(line[end:], []byte(dashes)); n >= 0 {
				end += n + len(dashes)
			}
			return s.look(append(block, line[:end]...), begin) && s.look(line[end:], s.line)
		}
		block = append(append(block, line...), '\n')
		if beginsKey(line) {
			break
		}
	}
	size := len(first)
	for s.line = begin; size+1 < len(block); s.line++ {
		line, _, _ := bytes.Cut(block[size+1:], []byte{'\n'})
		if !isBase64(line) {
			break
		}
		size += 1 + len(line)
	}
	s.again = block[size+1:]
	return s.look(block[:size], begin)
}

// isBase64 reports whether a line is one of base64, as in the body of PEM.
func isBase64(line []byte) bool {
	line = bytes.TrimRight(bytes.TrimSpace(line), "=")
	for _, c := range line {
		if c >= utf8.RuneSelf || !isAlnum(c) && c != '+' && c != '/' {
			return false
		}
	}
	return len(line) > 0
}

// A place is where a text stands that is looked at.
type place struct {
	line   int
	began  bool // the line has begun before it
	goesOn bool // the line goes on behind it
	hidden bool // it may begin in the middle of a secret
}

// report yields what has been found in a text.
func (s *scanner) report(m maskedText, at place) bool {
	if len(m.hits) == 0 {
		return true
	}
	masks := s.masksIn(m.out)
	if len(masks) != len(m.hits) { // some have been there before
		masks = []span{firstChange(m, masks)}
	}
	for i, h := range m.hits {
		f := Finding{File: s.file, Line: at.line, Path: printablePath(h.path)}
		if h.rule != none {
			f.Rule = s.w.shared.rules[h.rule].Name
		}
		f.Excerpt = excerpt(m.out, masks[min(i, len(masks)-1)], at)
		if !s.yield(f, nil) {
			return false
		}
	}
	return true
}

// masksIn returns where there are masks in a text.
func (s *scanner) masksIn(out string) []span {
	var masks []span
	begin := strings.TrimSuffix(s.w.shared.mask, "]") // of those with a reason too
	for from := 0; ; {
		i := strings.Index(out[from:], begin)
		if i < 0 {
			break
		}
		end := from + i + max(len(begin), s.w.maskAt(out[from+i:]))
		masks = append(masks, span{from + i, end})
		from = end
	}
	return masks
}

// firstChange returns the first of the masks that was not in the text before.
func firstChange(m maskedText, masks []span) span {
	same := 0
	for same < len(m.text) && same < len(m.out) && m.text[same] == m.out[same] {
		same++
	}
	for _, mask := range masks {
		if same < mask.end {
			return mask
		}
	}
	return span{same, same}
}

// What a Finding has of a line and of a path, in characters, and how many there
// are before the mask in an excerpt.
const (
	excerptSize   = 120
	excerptBefore = 40
	pathSize      = 120
)

// excerpt returns what there is of a masked text around one of its masks.
func excerpt(out string, mask span, at place) string {
	start, end := mask.start, mask.end
	if !at.hidden {
		for range excerptBefore {
			_, size := utf8.DecodeLastRuneInString(out[:start])
			start -= size
		}
		size := excerptSize
		end = start + runes(out[start:], size)
		for size -= utf8.RuneCountInString(out[start:end]); size > 0 && start > 0; size-- {
			_, n := utf8.DecodeLastRuneInString(out[:start])
			start -= n
		}
	}
	text := printable(out[start:end])
	if start > 0 || at.began {
		text = "…" + text
	}
	if end < len(out) || at.goesOn {
		text += "…"
	}
	return text
}

// printable returns s with what does not print, or not as what it is, escaped as
// in Go.
func printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		c, size := utf8.DecodeRuneInString(s)
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strconv.IsPrint(c):
			b.WriteRune(c)
		default:
			quoted := strconv.QuoteRune(c)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// printablePath returns the end of a path.
func printablePath(path string) string {
	start := len(path)
	for range pathSize {
		_, size := utf8.DecodeLastRuneInString(path[:start])
		start -= size
	}
	if start > 0 {
		return "…" + printable(path[start:])
	}
	return printable(path)
}
