package replay

import (
	"hash/crc32"

	"github.com/sluicelog/sluice/internal/spool"
)

// A fate is what becomes of a line.
type fate uint8

const (
	isEvent  fate = iota // it is sent
	filtered             // it is not wanted
	isText               // it is no JSON, and --text is not given
	broken               // it can be sent by nobody
)

// A line is a line of a log file, or an event of a spool.
type line struct {
	fate       fate
	number     int64  // from 1, 0 if it is not known
	open       bool   // it is broken and has no newline yet: another run may find the rest
	start, end int    // of the event, or of what is broken, in the unit's text
	next       int64  // where the line behind it begins in the file, -1 if that is not known
	sum        uint32 // of the line in the file
}

// A unit is some lines of one file, or some events of a spool, in their order.
type unit struct {
	from  source
	lines []line
	text  []byte
	done  int // how many lines are done, as the source was told

	file *logFile // nil for a spool
	last bool     // there is no more of the file

	lease *spool.Lease // nil for a file
	more  uint64       // events behind these, in a dry run
}

// sumOf returns the sum by which a line is known.
func sumOf(text []byte) uint32 { return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) }

// data returns the event of a line, or what is broken.
func (u *unit) data(l *line) []byte { return u.text[l.start:l.end] }

// add appends a line.
func (u *unit) add(l line, data []byte) {
	l.start = len(u.text)
	u.text = append(u.text, data...)
	l.end = len(u.text)
	u.lines = append(u.lines, l)
}
