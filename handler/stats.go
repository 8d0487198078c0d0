package handler

import "github.com/sluicelog/sluice/internal/sink"

// Stats counts the records of a handler and of all handlers derived from it
// and from the handler it was derived from. At every moment Accepted is
// Written plus Dropped.
type Stats struct {
	Accepted uint64 // records encoded and offered to the writer
	Written  uint64 // records that the writer took
	Dropped  uint64 // records that the writer refused
}

func statsOf(s *sink.Sink) Stats {
	written, dropped := s.Counts()
	return Stats{Accepted: written + dropped, Written: written, Dropped: dropped}
}
