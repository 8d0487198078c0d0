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
	keys    map[string]privateKey // at the end of the last chunk of each file, where it sees them all

	chunkOf *input.Chunk
	made    *block
	spans   []span
}

func newWorker(s *settings, b *blocks) *worker {
	return &worker{settings: s, blocks: b, printer: newPrinter(s), keys: make(map[string]privateKey)}
}

// A verdict says what a line is, and whether it matches.
type verdict uint8

const (
	object  verdict = 1 << iota // it is JSON
	broken                      // it is broken JSON
	wanted                      // it matches
	withKey                     // it is part of a private key
	early                       // it is left out anyway, because enough others match behind it
)

func (v verdict) is(other verdict) bool { return v&other != 0 }

// A span is a line of the chunk.
type span struct {
	start, end uint32
	verdict    verdict
	anchor     bool // it is printed, or may be
	near       bool // to an anchor
}

// chunk makes a block of a chunk. With context, what is near to what is found out in a first pass, and which lines
// come last with --last.
func (w *worker) chunk(c *input.Chunk) *block {
	w.begin(c)
	w.key = w.keys[c.File]
	w.key.begin(c.Data)
	w.made.key = w.key
	w.lines(c)
	if w.follow || w.merge { // otherwise other workers see the chunks in between
		w.keys[c.File] = w.key
	}
	return w.end()
}

func (w *worker) lines(c *input.Chunk) {
	if w.last+w.before+w.after == 0 {
		for i, text := range c.Lines() {
			l, v := w.judge(i, text)
			w.line(i, text, l, v, false)
		}
		return
	}
	w.spans = w.spans[:0]
	start := 0
	for i, text := range c.Lines() {
		_, v := w.judge(i, text)
		w.spans = append(w.spans, span{start: uint32(start), end: uint32(start + len(text)), verdict: v}) //nolint:gosec // a chunk has some MiB
		start += len(text) + 1
	}
	w.around()
	w.dropEarly()
	for i, s := range w.spans {
		w.line(i, c.Data[s.start:s.end], nil, s.verdict, s.near)
	}
}

// lead makes a block of the pending lines of another: a fate of yes prints them.
func (w *worker) lead(b *block, pending entry, printed fate) *block {
	w.begin(b.chunk)
	w.made.last, w.key = printed, b.key
	for i, text := range b.chunk.Lines() {
		if i == int(pending.at+pending.lines) {
			break
		}
		l, v := w.judge(i, text)
		if i >= int(pending.at) {
			w.line(i, text, l, v, w.before+w.after > 0)
		}
	}
	return w.end()
}

func (w *worker) begin(c *input.Chunk) {
	w.chunkOf, w.made = c, w.blocks.get()
	w.made.file, w.made.chunk = c.File, c
	w.printer.screen.buf = w.made.text
}

func (w *worker) end() *block {
	b := w.made
	b.text = w.printer.screen.buf
	w.made, w.chunkOf, w.printer.screen.buf = nil, nil, nil
	return b
}

// judge says what a line is, and returns what the parser has found in it, if it is JSON that matches.
func (w *worker) judge(i int, text []byte) (*jsonlog.Line, verdict) {
	if w.filter.Rejects(&w.parser, text) {
		w.key.leave()
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
		if w.key.has(l.Text) {
			v |= withKey
		}
		if !w.structured && w.filter.MatchText(text) {
			v |= wanted
		}
		return l, v
	case err != nil:
		w.key.leave()
		w.countBroken(i)
		if !w.structured && w.filter.MatchText(text) {
			return nil, broken | wanted
		}
		return nil, broken
	}
	w.key.leave()
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

// line adds a line, and renders it if it may be printed.
func (w *worker) line(i int, line []byte, l *jsonlog.Line, v verdict, near bool) {
	c := skipped
	switch text := !v.is(object | broken); {
	case text && !v.is(wanted) && w.made.last == unknown:
		c = pending
	case v.is(early):
		if v.is(wanted) {
			c = passed
		}
	case v.is(wanted):
		c = matching
	case text && w.made.last == yes && !w.filter.Excepts(line):
		c = owned
	case near:
		c = nearby
	}
	if v.is(object | broken) {
		w.made.last = fateOf(v.is(wanted))
	}
	when := int64(noTime)
	if (c == matching || c == owned || c == nearby) && !w.count {
		when = w.print(i, line, l, v, c == nearby)
	}
	if c == skipped && w.before+w.after == 0 {
		return
	}
	w.add(i, c, when)
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
	case v.is(withKey) && !w.secrets && w.form == asTheyStand:
		p.raw([]byte(mask))
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
func (w *worker) add(i int, c class, when int64) {
	b := w.made
	end := uint32(len(w.printer.screen.buf)) //nolint:gosec // a chunk has some MiB
	single := w.merge || w.first+w.last+w.before+w.after > 0
	if n := len(b.entries); n > 0 && b.entries[n-1].class == c && (c == skipped || c == passed || c == pending || !single) {
		b.entries[n-1].lines++
		b.entries[n-1].end = end
		return
	}
	b.entries = append(b.entries, entry{class: c, at: uint32(i), lines: 1, end: end}) //nolint:gosec // a chunk has some MiB
	if w.merge {
		b.times = append(b.times, when)
	}
}

// around says which lines are near to those that may be printed. The ends of the chunk are near to what is
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
			s.near = left > 0 || w.merge && w.before+w.after > 0
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
}

// dropEarly says which lines need not be rendered, because as many that match as --last wants come behind them. Where
// logs are merged, they may be context of a line of another log.
func (w *worker) dropEarly() {
	if w.last == 0 || w.merge && w.before+w.after > 0 {
		return
	}
	behind, i := 0, len(w.spans)-1
	for ; i >= 0 && behind < w.last; i-- {
		if w.spans[i].verdict.is(wanted) {
			behind++
		}
	}
	i -= w.before
	for i >= 0 && w.spans[i+1].verdict&(object|broken|wanted) == 0 { // it may go with the line before
		i--
	}
	for ; i >= 0; i-- {
		w.spans[i].verdict |= early
	}
}
