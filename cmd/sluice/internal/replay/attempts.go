package replay

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicelog/sluice/logstash"
)

// attempts is what a broker was given, and what it has refused. Stats.Resent has only events that it may have twice, and it
// has nothing of what it refuses.
type attempts struct {
	mu      sync.Mutex
	given   uint64          // events, each time that one is
	refused map[uint32]bool // the sums of those that were refused alone, since the last clear
}

// watch returns a scheme whose Transports are watched.
func (a *attempts) watch(s logstash.Scheme) logstash.Scheme {
	open := s.Open
	s.Open = func(to logstash.Remote) (logstash.Transport, error) {
		t, err := open(to)
		if err != nil {
			return nil, err
		}
		if p, ok := t.(logstash.Pipeliner); ok {
			return &watchedPipeliner{Pipeliner: p, attempts: a}, nil
		}
		return &watchedTransport{t, a}, nil
	}
	return s
}

func (a *attempts) give(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given += uint64(n) //nolint:gosec // a number of events
}

func (a *attempts) refuse(sum uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = make(map[uint32]bool)
	}
	a.refused[sum] = true
}

// clear begins to count anew.
func (a *attempts) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given = 0
	clear(a.refused)
}

// all reports whether each of the last so many events was refused alone, as far as it can tell.
func (a *attempts) all(left uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return uint64(len(a.refused)) >= left || a.given >= refusals(left)+left // of which the first time counts
}

type watchedTransport struct {
	logstash.Transport

	attempts *attempts
}

// Send is that of the Transport.
func (t *watchedTransport) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	t.attempts.give(len(events))
	acked, err = t.Transport.Send(ctx, events)
	if errors.Is(err, logstash.ErrRejected) && len(events) == 1 {
		t.attempts.refuse(eventSum(events[0]))
	}
	return acked, err
}

// watchedPipeliner is a Pipeliner that says of a single event when it is refused: the first one that is not acked.
type watchedPipeliner struct {
	logstash.Pipeliner

	attempts *attempts
	sums     []uint32 // of the events under way
	over     bool     // nothing is under way any more
}

// Start is that of the Pipeliner.
func (t *watchedPipeliner) Start(ctx context.Context, events [][]byte) error {
	t.attempts.give(len(events))
	err := t.Pipeliner.Start(ctx, events)
	if t.over = err != nil; t.over {
		return err
	}
	for _, e := range events {
		t.sums = append(t.sums, eventSum(e))
	}
	return nil
}

// Progress is that of the Pipeliner.
func (t *watchedPipeliner) Progress() (acked int, err error) {
	acked, err = t.Pipeliner.Progress()
	t.sums = t.sums[min(acked, len(t.sums)):]
	if errors.Is(err, logstash.ErrRejected) && len(t.sums) > 0 {
		t.attempts.refuse(t.sums[0])
	}
	var trouble interface{ UnderWay() bool }
	if t.over || err != nil && (!errors.As(err, &trouble) || !trouble.UnderWay()) {
		t.sums, t.over = nil, false
	}
	return acked, err
}
