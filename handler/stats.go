package handler

import "github.com/sluicelog/sluice/internal/sink"

// Stats counts the records of a handler and of all handlers derived from it
// and from the handler it was derived from. At every moment Accepted is
// Written plus Dropped.
type Stats struct {
	Accepted uint64 // records offered to the writer, or to what else is behind the handler
	Written  uint64 // records that it took
	Dropped  uint64 // records that it refused

	// WrittenBytes counts the bytes of the lines that the writer of an encoder took.
	// What is no encoder counts none.
	WrittenBytes uint64
}

func statsOf(s *sink.Sink) Stats {
	c := s.Counts()
	return Stats{Accepted: c.Written + c.Dropped, Written: c.Written, Dropped: c.Dropped, WrittenBytes: c.WrittenBytes}
}
