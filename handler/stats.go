package handler

import "github.com/sluicelog/sluice/internal/sink"

// Stats counts the records of a handler and of all handlers derived from it
// and from the handler it was derived from. At every moment Accepted is
// Written plus Dropped.
type Stats struct {
	Accepted uint64 // records offered to the writer, or to what else is behind the handler
	Written  uint64 // records that it took
	Dropped  uint64 // records that it refused
}

func statsOf(s *sink.Sink) Stats {
	written, dropped := s.Counts()
	return Stats{Accepted: written + dropped, Written: written, Dropped: dropped}
}
