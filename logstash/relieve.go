package logstash

import (
	"slices"
	"time"
)

// relieve takes from receivers that have acked nothing since a time what they have, if there are
// others that are not in trouble: these get it while Shutdown still has time. A connection is
// ended for it, and all those to a receiver of which none has acked anything. What a stream has to
// send again is not left to others.
func (s *Shipper) relieve(since int64) {
	quiet := make(map[*endpoint]bool)
	for _, l := range s.lanes {
		if l.isSilent(since) {
			quiet[l.at.Load()] = true
		}
	}
	for _, l := range s.lanes {
		if l.begun.Load() > since {
			delete(quiet, l.at.Load())
		}
	}
	ends := func(l *lane) bool { return l.isSilent(since) || quiet[l.at.Load()] }
	if !slices.ContainsFunc(s.lanes, func(l *lane) bool { return !ends(l) && s.report.works(l.number) }) {
		return
	}
	over := slices.DeleteFunc(slices.Clone(s.lanes), func(l *lane) bool { return !ends(l) })
	for p := range quiet {
		s.peers.shun(p)
	}
	for _, l := range over {
		l.cancel()
	}
}

// isSilent reports whether nothing that is under way has been acked since a time.
func (l *lane) isSilent(since int64) bool {
	begun := l.begun.Load()
	return l.at.Load() != nil && begun > 0 && begun <= since
}

// endpoint returns the receiver that the lane is connected to, if that acks what it has.
func (l *lane) endpoint() *endpoint {
	var t *turn
	switch to := l.t.(type) {
	case *beats:
		t = to.turn
	case *httpInput:
		t = to.turn
	}
	if t == nil {
		return nil
	}
	return t.to
}

// clock returns the time since s was made, and is never 0.
func (s *Shipper) clock() int64 { return int64(time.Since(s.born)) + 1 }

// shun lets no lane go to p any more while Shutdown lasts.
func (e *endpoints) shun(p *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.heldTo = time.Now().Add(time.Hour)
}
