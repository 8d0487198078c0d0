package monitor

import (
	"log/slog"
	"sync"
	"time"
)

// Stats is what a [Handler] has counted since some time.
type Stats struct {
	Since   time.Time     `json:"since"` // when NewHandler or Reset was called
	Elapsed time.Duration `json:"elapsed_ns"`

	Total uint64 `json:"total"` // records

	// ByLevel has the levels of which there were records. What is below -64 or
	// above 63 is counted as these.
	ByLevel map[slog.Level]uint64 `json:"by_level"`

	PerSecond float64 `json:"per_second"` // Total by Elapsed
	Failed    uint64  `json:"failed"`     // records for which the next handler had an error

	Bytes   uint64 `json:"bytes"`   // that all sinks have written
	Dropped uint64 `json:"dropped"` // lines or records that the sinks have given up
}

// A reading is what all counters say at a time.
type reading struct {
	at       time.Time
	levels   [levels]uint64
	failures uint64
	sinks    account
}

// resets has the reading at the last Reset.
type resets struct {
	mu   sync.Mutex
	last reading
}

// read reads all counters, those of the sinks first.
func (s *shared) read() *reading {
	sinks, _ := s.sinks()
	return s.readWith(sinks)
}

func (s *shared) readWith(sinks []Sink) *reading {
	r := &reading{at: time.Now()}
	for i := range s.levels {
		r.levels[i] = s.levels[i].Load()
	}
	r.failures = s.failures.Load()
	r.sinks = s.ledger.enter(sinks)
	return r
}

// since returns what was counted after an earlier reading.
func (r *reading) since(base *reading) Stats {
	s := Stats{
		Since:   base.at.Round(0),
		Elapsed: r.at.Sub(base.at),
		ByLevel: make(map[slog.Level]uint64),
		Failed:  r.failures - base.failures,
		Bytes:   r.sinks.bytes - base.sinks.bytes,
		Dropped: r.sinks.dropped - base.sinks.dropped,
	}
	for i := range r.levels {
		if n := r.levels[i] - base.levels[i]; n > 0 {
			s.ByLevel[lowest+slog.Level(i)] = n
			s.Total += n
		}
	}
	if s.Elapsed > 0 {
		s.PerSecond = float64(s.Total) / s.Elapsed.Seconds()
	}
	return s
}

// Stats returns what was counted since NewHandler or the last Reset.
func (h *Handler) Stats() Stats { return h.stats(false) }

// Reset returns the Stats and begins to count anew. Each record is in the Stats of
// one Reset. Rates, and those who log or watch, go on as they were.
func (h *Handler) Reset() Stats { return h.stats(true) }

// Totals returns what was counted since NewHandler, whatever Reset has done.
func (h *Handler) Totals() Stats {
	return h.shared.read().since(&reading{at: h.shared.start})
}

func (h *Handler) stats(reset bool) Stats {
	s := h.shared
	sinks, _ := s.sinks()
	s.resets.mu.Lock()
	defer s.resets.mu.Unlock()
	now := s.readWith(sinks)
	stats := now.since(&s.resets.last)
	if reset {
		s.resets.last = *now
	}
	return stats
}
