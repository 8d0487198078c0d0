package stat

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/filter"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// makeCount is how many forms of lines there are.
const makeCount = jsonlog.ECS + 1

// Sums are what is counted without names.
type sums struct {
	json, text, broken, cut int64 // lines that the filter lets through, and of these all that cannot be parsed
	filtered                int64 // lines that it does not
	unjudged                int64 // broken lines of which it cannot say
	bytes, longest          int64
	timeless                int64 // JSON without a time
	classes                 [classCount]int64
	makes                   [makeCount]int64
	disordered              int64 // lines whose time is before that of the line before
	span                    span
	wrongFile               string // of the first line that is broken
	wrongLine               int64  // 0 if its number is not known
}

func (s *sums) lines() int64 { return s.json + s.text + s.broken + s.cut }

// wrong returns how many lines are broken.
func (s *sums) wrong() int64 { return s.broken + s.unjudged }

func (s *sums) add(o *sums) {
	if s.wrong() == 0 {
		s.wrongFile, s.wrongLine = o.wrongFile, o.wrongLine
	}
	s.json += o.json
	s.text += o.text
	s.broken += o.broken
	s.cut += o.cut
	s.filtered += o.filtered
	s.unjudged += o.unjudged
	s.bytes += o.bytes
	s.longest = max(s.longest, o.longest)
	s.timeless += o.timeless
	for i, n := range o.classes {
		s.classes[i] += n
	}
	for i, n := range o.makes {
		s.makes[i] += n
	}
	s.disordered += o.disordered
	s.span.add(o.span)
}

// A value is a number that a line has at one of the paths that are asked for.
type value struct {
	attr  int
	group uint64
	at    int64 // in seconds since 1970
	v     float64
}

// noTime is the second of a line without a time.
const noTime = math.MinInt64

// maxYear is the last year of a time that counts: that of any zone, and the next one, are written with four digits.
const maxYear = 9998

// A part is what the lines of one chunk add up to.
type part struct {
	file string
	sums
	firstTime, lastTime int64 // of the lines in their order, in microseconds; noTime if there is none
	moments             []moment
	errors, messages    *table // by message
	sources, packages   *table
	loggers, groups     *table
	values              []value
}

// The sizes of tables.
const (
	partSize  = 1024 // of those of a part
	nameSize  = 4096 // of those of names
	groupSize = 100  // of that of groups, which have distributions
	maxName   = 512  // bytes of a name
)

func newPart() *part {
	return &part{
		errors: newTable(partSize), messages: newTable(partSize), sources: newTable(partSize), packages: newTable(partSize),
		loggers: newTable(partSize), groups: newTable(partSize),
	}
}

func (p *part) reset(file string) {
	p.file = file
	p.sums = sums{span: noSpan()}
	p.firstTime, p.lastTime = noTime, noTime
	p.moments = p.moments[:0]
	for _, t := range []*table{p.errors, p.messages, p.sources, p.packages, p.loggers, p.groups} {
		t.reset()
	}
	p.values = p.values[:0]
}

// A plan says what is counted.
type plan struct {
	filter  *filter.Filter
	attrs   []string // paths of numbers
	shown   int      // so many of these have percentiles in the output; the others are those of thresholds
	groupBy string   // path, or message, source, logger, level, package; empty for none

	// All lines from since to until are asked for, so there are no others. Zero is not known.
	since, until time.Time

	seed  maphash.Seed
	parts sync.Pool
}

// A worker counts one chunk after another, in one goroutine.
type worker struct {
	*plan
	parser jsonlog.Parser
	folded []byte
}

// chunk returns what a chunk adds up to.
func (w *worker) chunk(c *input.Chunk) *part {
	p, _ := w.parts.Get().(*part)
	if p == nil {
		p = newPart()
	}
	p.reset(c.File)
	if c.Cut > 0 {
		w.cutLine(p, c)
		return p
	}
	for i, text := range c.Lines() {
		before := p.wrong()
		w.line(p, text)
		if before == 0 && p.wrong() > 0 {
			p.wrongFile = c.File
			if c.Number > 0 {
				p.wrongLine = c.Number + int64(i)
			}
		}
	}
	return p
}

// cutLine counts a line of which only the beginning is there.
func (w *worker) cutLine(p *part, c *input.Chunk) {
	if w.filter.Structured() || !w.filter.MatchText(c.Data) {
		p.filtered++
		return
	}
	p.cut++
	size := int64(len(c.Data)) + c.Cut
	p.bytes += size + 1
	p.longest = max(p.longest, size)
}

func (w *worker) line(p *part, text []byte) {
	if w.filter.Rejects(&w.parser, text) {
		p.filtered++
		return
	}
	l, err := w.parser.Parse(text)
	switch {
	case err == nil:
		if !w.filter.Match(l) {
			p.filtered++
			return
		}
		w.event(p, l)
	case errors.Is(err, jsonlog.ErrBroken):
		if !w.filter.MatchText(text) {
			p.filtered++
			return
		}
		if w.filter.Structured() {
			p.unjudged++
			return
		}
		p.broken++
	case w.filter.Structured() || !w.filter.MatchText(text):
		p.filtered++
		return
	default:
		p.text++
	}
	p.bytes += int64(len(text)) + 1
	p.longest = max(p.longest, int64(len(text)))
}

// event counts a line of JSON.
func (w *worker) event(p *part, l *jsonlog.Line) {
	cl := unleveled
	if l.HasLevel {
		cl = classOf(l.Level)
	}
	p.json++
	p.classes[cl]++
	p.makes[l.Make]++

	second, times := int64(noTime), noSpan()
	if y := l.Time.Year(); l.Time.IsZero() || y < 1 || y > maxYear {
		p.timeless++
	} else {
		second = l.Time.Unix()
		at := l.Time.UnixMicro()
		times = span{at, at}
		p.moment(cl, second, at)
	}
	n := cl.of(1)

	w.folded = append(fold(w.folded[:0], l.Message), byte(cl))
	messages := p.messages
	if cl.isError() {
		messages = p.errors
	}
	key := maphash.Bytes(w.seed, w.folded)
	e := messages.find(key)
	if e == nil {
		e = messages.insert(key, string(l.Message[:min(len(l.Message), maxName)]), cl)
	}
	e.tally(n, times)

	if src := l.Source(); src.File != "" || src.Function != "" {
		w.folded = appendSource(w.folded[:0], &src)
		w.nameBytes(p.sources, w.folded).tally(n, times)
		if pkg := packageOf(src.Function); pkg != "" {
			w.name(p.packages, pkg).tally(n, times)
		}
	}
	if logger := l.Logger(); len(logger) > 0 {
		w.nameBytes(p.loggers, logger).tally(n, times)
	}
	var group uint64
	if w.groupBy != "" {
		e := w.nameBytes(p.groups, w.group(l))
		e.tally(n, times)
		group = e.key
	}
	for i, path := range w.attrs {
		if v, ok := l.Number(path); ok {
			p.values = append(p.values, value{attr: i, group: group, at: second, v: v})
		}
	}
}

// moment counts the time of a line.
func (p *part) moment(cl class, second, at int64) {
	if n := len(p.moments); n > 0 && p.moments[n-1].at == second && p.moments[n-1].cl == cl {
		p.moments[n-1].lines++
	} else {
		p.moments = append(p.moments, moment{at: second, cl: cl, lines: 1})
	}
	if p.firstTime == noTime {
		p.firstTime = at
	} else if at < p.lastTime {
		p.disordered++
	}
	p.lastTime = at
	p.span.add(span{at, at})
}

func (e *entry) tally(n counts, times span) {
	e.counts.add(n)
	e.span.add(times)
}

// name returns the entry of a name.
func (w *worker) name(t *table, name string) *entry {
	key := maphash.String(w.seed, name)
	if e := t.find(key); e != nil {
		return e
	}
	return t.insert(key, strings.Clone(name[:min(len(name), maxName)]), 0)
}

// nameBytes returns the entry of a name, with no allocation if it is there.
func (w *worker) nameBytes(t *table, name []byte) *entry {
	key := maphash.Bytes(w.seed, name)
	if e := t.find(key); e != nil {
		return e
	}
	return t.insert(key, string(name[:min(len(name), maxName)]), 0)
}

// group returns what a line is grouped by; "-" if it does not have that.
func (w *worker) group(l *jsonlog.Line) []byte {
	b := w.folded[:0]
	switch w.groupBy {
	case "message":
		b = fold(b, l.Message)
	case "level":
		if l.HasLevel {
			b = append(b, classOf(l.Level).String()...)
		}
	case "logger":
		b = append(b, l.Logger()...)
	case "source":
		src := l.Source()
		b = appendSource(b, &src)
	case "package":
		b = append(b, packageOf(l.Source().Function)...)
	default:
		if v, ok := l.Lookup(w.groupBy); ok {
			b = foldPath(b, jsonlog.Unquote(v))
		}
	}
	if len(b) == 0 {
		b = append(b, '-')
	}
	w.folded = b
	return b
}

// appendSource appends what a place in a program is called.
func appendSource(b []byte, src *slog.Source) []byte {
	if src.File == "" {
		return append(b, src.Function...)
	}
	b = append(b, src.File...)
	if src.Line == 0 {
		return b
	}
	return strconv.AppendInt(append(b, ':'), int64(src.Line), 10)
}

// packageOf returns the package of a function, as the runtime writes both.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot <= 0 {
		return ""
	}
	return function[:slash+dot]
}

// micros returns a time in a zone.
func micros(at int64, zone *time.Location) time.Time { return time.UnixMicro(at).In(zone) }
