package bench

import (
	"log/slog"

	"github.com/sluicelog/sluice/pipeline"
)

// account is what became of a sink's records.
type account struct {
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Expected  *int64            `json:"expected,omitempty"` // logged at the sink's level and above; of a sink that gets all of these
	Accepted  uint64            `json:"accepted"`
	Written   uint64            `json:"written"`
	Dropped   uint64            `json:"dropped"`
	Left      uint64            `json:"left"` // in memory or the spool when it was closed
	Reasons   map[string]uint64 `json:"dropped_by,omitempty"`
	Bytes     uint64            `json:"bytes"`
	Rotations uint64            `json:"rotations,omitempty"`
	Writes    uint64            `json:"writes,omitempty"` // of a buffer
	Synced    bool              `json:"synced,omitempty"` // each line
	Holds     bool              `json:"holds"`            // accepted = written + dropped + left, in the sink and in each of its stages
}

// account adds the accounts of the sinks.
func (p *part) account(plan *plan, stats pipeline.Stats, d *driven) {
	for i := range stats.Sinks {
		s := &stats.Sinks[i]
		a := newAccount(s)
		if i < len(plan.sinks) {
			a.Type = plan.cfg.Sinks[i].Type.String()
			a.Synced = plan.cfg.Sinks[i].Type == pipeline.Audit
			if plan.sinks[i].plain {
				expected := above(d.levels, plan.sinks[i].level)
				a.Expected = &expected
				a.Holds = a.Holds && uint64(expected) == s.Records.Accepted //nolint:gosec // a count
			}
		}
		p.Bytes += a.Bytes
		p.Sinks = append(p.Sinks, a)
	}
	p.PerSecBy = float64(p.Bytes) / p.Elapsed.Seconds()
}

func above(levels map[slog.Level]int64, least slog.Level) (sum int64) {
	for level, n := range levels {
		if level >= least {
			sum += n
		}
	}
	return sum
}

// newAccount adds up the stages of a sink: what one has taken and the next one has lost is not written.
func newAccount(s *pipeline.SinkStats) account {
	a := account{
		Name: s.Name, Accepted: s.Records.Accepted, Dropped: s.Records.Dropped, Bytes: s.Records.WrittenBytes,
		Reasons: make(map[string]uint64),
		Holds:   s.Records.Accepted == s.Records.Written+s.Records.Dropped,
	}
	reason := func(name string, n uint64) {
		if n > 0 {
			a.Reasons[name] += n
		}
	}
	reason("refused", s.Records.Dropped)
	if b := s.Buffer; b != nil {
		a.Holds = a.Holds && b.Accepted == b.Written+b.Dropped+b.Queued
		a.Dropped += b.Dropped
		a.Left += b.Queued
		a.Writes = b.Flushes
		reason("no room in the buffer", b.DroppedFull)
		reason("the write failed", b.DroppedFailed)
		reason("no time to write at the end", b.DroppedShutdown)
		// A line that says how many were dropped is the buffer's own.
		a.Accepted += b.Accepted - min(b.Accepted, s.Records.Written)
	}
	if f := s.File; f != nil {
		a.Holds = a.Holds && f.Accepted == f.Written+f.Dropped
		a.Rotations = f.Rotations
	}
	if sh := s.Shipper; sh != nil {
		a.Holds = a.Holds && sh.Accepted == sh.Written+sh.Dropped+sh.Queued+sh.Spooled
		a.Dropped += sh.Dropped
		a.Left += sh.Queued + sh.Spooled
		reason("no room in the queue", sh.DroppedFull)
		reason("too large", sh.DroppedTooLarge)
		reason("invalid", sh.DroppedInvalid)
		reason("rejected", sh.DroppedRejected)
		reason("given up by the spool", sh.DroppedSpool)
		reason("no time to ship at the end", sh.DroppedShutdown)
	}
	if gone := a.Dropped + a.Left; gone <= a.Accepted {
		a.Written = a.Accepted - gone
	} else {
		a.Holds = false
	}
	a.Holds = a.Holds && a.Written == end(s)
	return a
}

// end returns what the last stage of a sink has written.
func end(s *pipeline.SinkStats) uint64 {
	switch {
	case s.Shipper != nil:
		return s.Shipper.Written
	case s.File != nil:
		return s.File.Written
	case s.Buffer != nil:
		return s.Buffer.Written
	}
	return s.Records.Written
}
