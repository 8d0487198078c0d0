package replay

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
	open       bool // it is broken and has no newline yet: another run may find the rest
	start, end int  // of the event, or of what is broken, in the unit's text
	next       int64
	sum        uint32
}

// A unit is some lines of one file, or some events of a spool, in their order.
type unit struct {
	from   source
	file   *logFile // nil for a spool
	number int64    // of the first line, 0 if that is not known
	lines  []line
	text   []byte
	bytes  int64 // that were read for it
	last   bool  // there is no more of the file
	done   int   // how many lines are done, as the source was told
	lease  leased
}

// data returns the event of a line, or what is broken.
func (u *unit) data(l *line) []byte { return u.text[l.start:l.end] }

// add appends a line.
func (u *unit) add(l line, data []byte) {
	l.start = len(u.text)
	u.text = append(u.text, data...)
	l.end = len(u.text)
	u.lines = append(u.lines, l)
}
