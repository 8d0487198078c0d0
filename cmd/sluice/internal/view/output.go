package view

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/dustin/go-humanize"
)

// errEnough ends what is going on, because no more lines are wanted.
var errEnough = errors.New("enough")

// writeAhead is how many bytes are collected for a Write where logs are merged.
const writeAhead = 256 << 10

// An output prints blocks: it says what of their context, and how many of their lines, are printed. It is for one goroutine.
type output struct {
	*settings
	w       io.Writer
	account *account
	blocks  *blocks
	leader  *worker // renders pending lines, once there are such

	matched int64
	logs    map[string]string // the first file of the log that a file is of
	fates   map[string]fate   // of the last line of JSON of each log
	buf     []byte            // what is printed next
	begun   bool              // something has been printed

	earlier queue // the lines before the next one that matches
	left    int   // how many lines are printed though they do not match
	gap     bool  // lines were left out since the last one that was printed
	kept    queue // what --last keeps: the lines that match, each with its context
}

func newOutput(w io.Writer, s *settings, a *account, logs map[string]string) *output {
	return &output{
		settings: s, w: w, logs: logs, account: a, blocks: &blocks{}, fates: make(map[string]fate),
		earlier: queue{limit: s.before, most: maxAhead}, kept: queue{limit: s.last, most: maxKept, spare: s.before},
	}
}

// block prints what is to be printed of a block, in one Write.
func (o *output) block(b *block) error {
	if err := o.entries(b); err != nil {
		return cmp.Or(o.write(), err)
	}
	// Behind the last line that is wanted, its text may go on in the next block; for which who follows need not wait.
	ended := o.first > 0 && o.matched >= int64(o.first) && o.left == 0 && (o.follow || b.last == no)
	o.leave(b)
	if err := o.write(); err != nil || !ended {
		return err
	}
	return errEnough
}

func (o *output) entries(b *block) error {
	start := uint32(0)
	for _, e := range b.entries {
		if err := o.entry(b, e, b.text[start:e.end]); err != nil {
			return err
		}
		start = e.end
	}
	return nil
}

// leave remembers how a block has ended, and gives it back.
func (o *output) leave(b *block) {
	o.account.add(b)
	if b.last != unknown {
		o.fates[o.log(b)] = b.last
	}
	o.blocks.put(b)
}

// log returns the name of a block's log, that of its first file.
func (o *output) log(b *block) string { return cmp.Or(o.logs[b.file], b.file) }

// entry prints an entry of a block, if it is to be printed.
func (o *output) entry(b *block, e entry, text []byte) error {
	switch e.class {
	case matching:
		if o.first > 0 && o.matched >= int64(o.first) {
			return errEnough
		}
		if o.matched += int64(e.lines); !o.count {
			o.match(text)
		}
	case owned:
		o.with(text)
	case pending:
		return o.lead(b, e)
	case nearby:
		o.context(text)
	case passed:
		o.matched += int64(e.lines)
		o.skip()
	case skipped:
		o.skip()
	}
	return nil
}

// skip goes on behind lines that are neither printed nor kept.
func (o *output) skip() {
	o.earlier.clear()
	o.left, o.gap = 0, true
}

// lead prints the text at the beginning of a block, which goes with the last line of JSON before it.
func (o *output) lead(b *block, e entry) error {
	if o.count {
		return nil
	}
	if o.fates[o.log(b)] == yes {
		return o.render(b, e, yes)
	}
	// It may be context, at both ends.
	if all := int(e.lines); all > o.before+o.after {
		begin, end := e, e
		begin.lines = uint32(o.after)                                   //nolint:gosec // at most maxContext
		end.lines, end.at = uint32(o.before), e.at+uint32(all-o.before) //nolint:gosec // as is this
		if err := o.render(b, begin, no); err != nil {
			return err
		}
		o.skip()
		return o.render(b, end, no)
	}
	return o.render(b, e, no)
}

// render prints pending lines, now that their fate is known.
func (o *output) render(b *block, e entry, printed fate) error {
	if e.lines == 0 {
		return nil
	}
	if o.leader == nil {
		o.leader = newWorker(o.settings, o.blocks)
	}
	r := o.leader.lead(b, e, printed)
	defer o.blocks.put(r)
	return o.entries(r)
}

// match prints a line that matches, behind those that are kept for it.
func (o *output) match(text []byte) {
	if o.last > 0 {
		o.kept.push(nil, o.gap)
		o.gap = false
	}
	for _, it := range o.earlier.items() {
		o.print(it.text)
	}
	if o.last > 0 {
		o.kept.mark(len(o.earlier.items()))
	}
	o.earlier.clear()
	o.with(text)
}

// with prints a line that matches, or that goes with one.
func (o *output) with(text []byte) {
	o.print(text)
	o.left = o.after
}

// context prints a line near to one that matches, or keeps it for the next one.
func (o *output) context(text []byte) {
	switch {
	case o.left > 0:
		o.left--
		o.print(text)
	case o.before == 0 || o.earlier.push(text, false):
		o.gap = true
	}
}

// print prints a line, or keeps it.
func (o *output) print(text []byte) {
	if o.last > 0 {
		o.kept.extend(text)
		return
	}
	o.separate(o.gap)
	o.buf = append(o.buf, text...)
	o.gap, o.begun = false, true
}

// separate prints what stands between lines that have others between them, if context is asked for. What is
// printed for programs has nothing there.
func (o *output) separate(gap bool) {
	if gap && o.begun && o.before+o.after > 0 && o.form == people {
		o.buf = append(o.buf, "--\n"...)
	}
}

// write writes what is to be printed.
func (o *output) write() error {
	if len(o.buf) == 0 {
		return nil
	}
	_, err := o.w.Write(o.buf)
	if o.buf = o.buf[:0]; cap(o.buf) > 8<<20 {
		o.buf = nil
	}
	return err
}

// end prints what is printed at the end.
func (o *output) end() error {
	if o.count {
		o.buf = fmt.Appendln(o.buf, min(o.matched, o.most()))
	}
	for _, text := range o.kept.context() {
		o.buf = append(o.buf, text...)
	}
	for _, it := range o.kept.items() {
		o.separate(it.gap)
		o.begun = true
		if o.buf = append(o.buf, it.text...); len(o.buf) >= writeAhead {
			if err := o.write(); err != nil {
				return err
			}
		}
	}
	if o.kept.overfull {
		o.account.note(fmt.Sprintf("--last %d took more than %s: these are the last %s", o.last, humanize.IBytes(maxKept), lines(int64(len(o.kept.items())), "line")))
	}
	if o.earlier.overfull {
		o.account.note("context of more than " + humanize.IBytes(maxAhead) + " left out")
	}
	return o.write()
}

// most returns how many lines are wanted at most.
func (o *output) most() int64 {
	if o.first > 0 {
		return int64(o.first)
	}
	return math.MaxInt64
}
