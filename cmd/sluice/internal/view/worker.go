package view

import (
	"bytes"
	"errors"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// A worker makes blocks of chunks. It is for one goroutine.
type worker struct {
	*settings
	blocks  *blocks
	parser  jsonlog.Parser
	printer *printer
	key     privateKey

	chunkOf *input.Chunk
	made    *block
	spans   []span
}

func newWorker(s *settings, b *blocks) *worker {
	return &worker{settings: s, blocks: b, printer: newPrinter(s)}
}

// A verdict says what a line is, and whether it matches.
type verdict uint8

const (
	object  verdict = 1 << iota // it is JSON
	broken                      // it is broken JSON
	wanted                      // it matches
	withKey                     // it is part of a private key
)

func (v verdict) is(other verdict) bool { return v&other != 0 }

// A span is a line of the chunk.
type span struct {
	start, end int
	verdict    verdict
	anchor     bool // it is printed, or may be
	near       bool // to an anchor
}

// chunk makes a block of a chunk. Lines of context are looked for in a second pass.
func (w *worker) chunk(c *input.Chunk) *block {
	w.chunkOf, w.made = c, w.blocks.get()
	w.made.file = c.File
	if !w.follow {
		w.key.begin(c.Data)
	}
	w.printer.screen.buf = w.made.text
	around := w.before+w.after > 0
	w.spans = w.spans[:0]
	start := 0
	for i, text := range c.Lines() {
		l, v := w.judge(i, text)
		if around {
			w.spans = append(w.spans, span{start: start, end: start + len(text), verdict: v})
			start += len(text) + 1
			continue
		}
		w.line(i, text, l, v, false)
	}
	if around {
		w.around()
	}
	b := w.made
	b.text = w.printer.screen.buf
	w.made, w.chunkOf, w.printer.screen.buf = nil, nil, nil
	return b
}

// judge says what a line is, and returns what the parser has found in it, if it is JSON that matches.
func (w *worker) judge(i int, text []byte) (*jsonlog.Line, verdict) {
	if w.filter.Rejects(&w.parser, text) {
		w.key.json()
		if trimmed := bytes.TrimRight(text, " \t\r"); len(trimmed) == 0 || trimmed[len(trimmed)-1] != '}' {
			w.countBroken(i)
			return nil, object | broken
		}
		return nil, object
	}
	l, err := w.parser.Parse(text)
	switch {
	case errors.Is(err, jsonlog.ErrNotJSON):
		var v verdict
		if w.key.has(text) {
			v |= withKey
		}
		if !w.structured && w.filter.MatchText(text) {
			v |= wanted
		}
		return l, v
	case err != nil:
		w.key.json()
		w.countBroken(i)
		if !w.structured && w.filter.MatchText(text) {
			return nil, broken | wanted
		}
		return nil, broken
	}
	w.key.json()
	if !w.filter.Match(l) {
		return nil, object
	}
	return l, object | wanted
}

// countBroken counts a broken line. One that is only too long is counted by the reader.
func (w *worker) countBroken(i int) {
	if w.chunkOf.Cut > 0 {
		return
	}
	if w.made.broken++; w.made.firstBroken == "" {
		w.made.firstBroken = place(w.chunkOf.File, w.chunkOf, i)
	}
}

// line prints a line, if it is one to be printed, or to be had ready.
func (w *worker) line(i int, text []byte, l *jsonlog.Line, v verdict, near bool) {
	var c class
	switch {
	case v.is(wanted):
		c = matching
	case v.is(object|broken) || w.made.last == no || w.filter.Excepts(text):
		c = skipped
		if near {
			c = nearby
		}
	case w.made.last == yes:
		c = owned
	default:
		c = pending
	}
	if v.is(object | broken) {
		w.made.last = fateOf(v.is(wanted))
	}
	when := int64(noTime)
	if c != skipped && !w.count {
		when = w.print(i, text, l, v, c == nearby)
	}
	if c == skipped && w.before+w.after == 0 {
		return
	}
	w.add(c, when)
}

// print renders a line and returns its time.
func (w *worker) print(i int, text []byte, l *jsonlog.Line, v verdict, dim bool) (when int64) {
	p, name := w.printer, ""
	if w.names.printed {
		name = w.names.of(w.chunkOf, i)
	}
	p.begin(name, dim)
	if l == nil && !v.is(broken) {
		l, _ = w.parser.Parse(text) // it has been said what it is
	}
	when = noTime
	if v.is(object) && l != nil && !l.Time.IsZero() {
		when = l.Time.UnixNano()
	}
	switch {
	case v.is(withKey) && !w.secrets:
		p.text([]byte(mask), 0)
	case w.form == asTheyStand && l != nil:
		p.raw(l.Text) // of a line that a container runtime has wrapped, what is in it
	case w.form == asTheyStand:
		p.raw(text)
	case v.is(broken):
		p.broken(text, w.chunkOf.Cut)
	case v.is(object):
		p.record(text, l)
	default:
		p.text(l.Text, w.chunkOf.Cut)
	}
	p.end()
	return when
}

// add adds what has been rendered since the last entry.
func (w *worker) add(c class, when int64) {
	b := w.made
	end := uint32(len(w.printer.screen.buf)) //nolint:gosec // a chunk has some MiB
	if w.merge {
		b.times = append(b.times, when)
	} else if n := len(b.entries); n > 0 && b.entries[n-1].class == c && (c == skipped || !w.single()) {
		b.entries[n-1].lines++
		b.entries[n-1].end = end
		return
	}
	b.entries = append(b.entries, entry{class: c, lines: 1, end: end})
}

// single reports whether lines are selected one by one.
func (w *worker) single() bool { return w.first+w.last+w.before+w.after > 0 }

// around prints the lines that match and those near to them. The ends of the chunk are near to what is
// behind them, and where logs are merged every line may be near to one of another log.
func (w *worker) around() {
	printed, left := unknown, w.after
	for i := range w.spans {
		s := &w.spans[i]
		if s.verdict.is(object | broken) {
			printed = fateOf(s.verdict.is(wanted))
		}
		// Text may go with the line before, and of a line of JSON that is its own fate.
		if s.anchor = s.verdict.is(wanted) || printed != no; s.anchor {
			left = w.after
		} else {
			s.near = left > 0 || w.merge
			left--
		}
	}
	left = w.before
	for i := len(w.spans) - 1; i >= 0; i-- {
		s := &w.spans[i]
		if s.anchor {
			left = w.before
		} else {
			s.near = s.near || left > 0
			left--
		}
	}
	for i, s := range w.spans {
		w.line(i, w.chunkOf.Data[s.start:s.end], nil, s.verdict, s.near)
	}
}
