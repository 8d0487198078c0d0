package pipeline

import (
	"maps"
	"slices"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Stats is what a pipeline has done so far, over every Reload.
type Stats struct {
	Redact redact.Stats // zero with Redaction.Off

	// Sinks are those of the Config in the order of Config.Sinks, and behind them
	// those that a Reload has closed, by name.
	Sinks []SinkStats
}

// SinkStats is what the sink of one name has done so far, stage by stage. A stage
// that the sink has never had is nil. What a Reload has replaced counts on: what
// was accepted, written and dropped before is in the numbers, and so are calls and
// failures. What can go up and down, such as Queued and Size, is that of what is
// open now and of what is still being closed; the last error is the last one.
type SinkStats struct {
	Name   string
	Closed bool // a Reload has closed it

	Records handler.Stats // the records that the sink's encoder, function or handler was given
	Buffer  *asyncbuf.Stats
	File    *rotate.Stats
	Shipper *logstash.Stats
}

// Stats returns the accounts of all stages. Each stage's add up; as they are
// asked one after the other, one stage's may be a moment ahead of another's.
func (p *Pipeline) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settleLocked()
	now := past{sinks: maps.Clone(p.past.sinks), redact: p.past.redact}
	for _, g := range p.retired {
		now.add(g, g.leaving)
	}
	g := p.current.Load()
	now.add(g, g.resources())
	all := Stats{Redact: now.redact}
	for _, s := range g.sinks {
		all.Sinks = append(all.Sinks, now.sinks[s.cfg.Name])
		delete(now.sinks, s.cfg.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(now.sinks)) {
		s := now.sinks[name]
		s.Closed = true
		all.Sinks = append(all.Sinks, s)
	}
	return all
}

// past is what generations have done.
type past struct {
	redact redact.Stats
	sinks  map[string]SinkStats
	spools []spooled
}

// spooled is what a sink that is gone has left in a spool.
type spooled struct {
	spool
	sink   string
	events uint64
	bytes  int64
}

// add adds what a generation has counted, and what some of its resources have.
func (p *past) add(g *generation, resources []*resource) {
	for _, h := range g.redact {
		p.redact = addRedact(p.redact, h.Stats())
	}
	if r := g.frozen.redactor; r != nil {
		p.redact = addRedact(p.redact, r.Stats())
	}
	for _, s := range g.sinks {
		sum := p.sinks[s.cfg.Name]
		sum.Name = s.cfg.Name
		sum.Records = addRecords(sum.Records, s.records())
		p.sinks[sum.Name] = sum
	}
	for _, r := range resources {
		sum := p.sinks[r.title()]
		sum.addStages(r)
		p.sinks[sum.Name] = sum
	}
}

// settle puts aside the accounts of generations that nobody is in any more.
func (p *Pipeline) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settleLocked()
}

func (p *Pipeline) settleLocked() {
	p.retired = slices.DeleteFunc(p.retired, func(g *generation) bool {
		if !g.over() {
			return false
		}
		p.past.add(g, g.leaving)
		for _, r := range g.leaving {
			if r.spool.place != "" {
				p.past.leave(r)
			}
		}
		return true
	})
	for _, r := range p.current.Load().resources() {
		p.past.handOver(r.spool)
	}
}

// leave notes what a shipper has left in its spool.
func (p *past) leave(r *resource) {
	p.handOver(r.spool) // which has found what others had left
	if left := r.shipper.Stats(); left.Spooled > 0 {
		p.spools = append(p.spools, spooled{r.spool, r.title(), left.Spooled, left.SpoolBytes})
	}
}

// handOver takes out what was left in a spool for the next shipper there, which has
// accepted it anew.
func (p *past) handOver(next spool) {
	p.spools = slices.DeleteFunc(p.spools, func(left spooled) bool {
		if !left.is(next) {
			return false
		}
		sum := p.sinks[left.sink]
		s := *sum.Shipper
		s.Accepted -= left.events
		s.Spooled -= left.events
		s.SpoolBytes -= left.bytes
		sum.Shipper = &s
		p.sinks[left.sink] = sum
		return true
	})
}

// over reports whether nobody is in g, and all that left with it is closed.
func (g *generation) over() bool {
	if g.inside.Load() != -held {
		return false
	}
	for _, r := range g.leaving {
		select {
		case <-r.gone:
		default:
			return false
		}
	}
	return true
}

func (g *generation) resources() []*resource {
	all := make([]*resource, len(g.sinks))
	for i, s := range g.sinks {
		all[i] = s.res
	}
	return all
}

// leavingNow returns what a Reload is closing.
func (p *Pipeline) leavingNow() (all []*resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.retired {
		for _, r := range g.leaving {
			if r.leaving.Load() {
				all = append(all, r)
			}
		}
	}
	return all
}

// addStages adds what the stages of r have counted. What s points to stays as it
// is.
func (s *SinkStats) addStages(r *resource) {
	if r.buffer != nil {
		s.Buffer = addBuffer(s.Buffer, r.buffer.Stats())
	}
	if r.file != nil {
		s.File = addFile(s.File, r.file.Stats())
	}
	if r.shipper != nil {
		s.Shipper = addShipper(s.Shipper, r.shipper.Stats())
	}
}
