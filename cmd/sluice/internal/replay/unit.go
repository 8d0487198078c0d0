package replay

import (
	"bytes"
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
	open                 // it has no newline yet, and may grow: it is left for another run
)

// A line is a line of a log file, or an event of a spool.
type line struct {
	fate       fate
	number     int64  // from 1, 0 if it is not known
	start, end int    // of the event, or of what is broken, in the unit's text
	next       int64  // where the line behind it begins in the file, -1 if that is not known
	sum        uint32 // of the line in the file
	event      uint32 // the sum of its event, which stays when the text is gone
}

// A unit is some lines of one file, or some events of a spool, in their order.
type unit struct {
	from  source
	lines []line
	text  []byte
	done  int // how many lines are done, as the source was told

	file *logFile // nil for a spool
	last bool     // there is no more of the file

	lease *spool.Lease // nil for a file, and for a spool that is only looked at
}

// sumOf returns the sum by which a line is known.
func sumOf(text []byte) uint32 { return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) }

// eventSum returns the sum by which an event is known that the shipper gives back.
func eventSum(event []byte) uint32 { return sumOf(bytes.TrimSpace(event)) }

// data returns the event of a line, or what is broken.
func (u *unit) data(l *line) []byte { return u.text[l.start:l.end] }

// add appends a line.
func (u *unit) add(l line, data []byte) {
	l.start = len(u.text)
	u.text = append(u.text, data...)
	l.end = len(u.text)
	l.event = eventSum(data)
	u.lines = append(u.lines, l)
}
