package logstash

import (
	"fmt"
	"sync"
	"time"
)

// reporter tells the hooks of what goes wrong, and tells it once: the first failure
// of a run as it happens, the others as a number when the run ends.
type reporter struct {
	*hooks

	mu       sync.Mutex
	lanes    []laneState
	state    State
	since    time.Time
	full     run // events that were dropped because the queue was full
	refusals run // events that were invalid or too large
	spooling run // events that could not be written to the spool
	spoolErr error
	lastErr  error
}

// laneState is what one connection is doing.
type laneState struct {
	failing run // attempts that failed since the last ack
	up      bool
}

// run is failures of one kind without a success in between.
type run struct {
	n     uint64
	since time.Time
}

// refusalSpan is how long a run of refused events lasts, as no success ends it.
const refusalSpan = time.Minute

// add counts a failure and reports whether it is the first.
func (r *run) add() bool {
	if r.n == 0 {
		r.since = time.Now()
	}
	r.n++
	return r.n == 1
}

// sendFailed counts an attempt of a lane that failed. A quiet one is not told of.
func (r *reporter) sendFailed(lane int, err error, quiet bool) {
	r.mu.Lock()
	r.lastErr = err
	l := &r.lanes[lane]
	first := !quiet && l.failing.add()
	l.up = l.up && quiet
	r.judge()
	r.mu.Unlock()
	if first {
		r.failed(err)
	}
}

// sendWorked ends a run of attempts that failed.
func (r *reporter) sendWorked(lane int) {
	r.mu.Lock()
	l := &r.lanes[lane]
	was, err := l.failing, r.lastErr
	if was.n == 0 && l.up {
		r.mu.Unlock()
		return
	}
	*l = laneState{up: true}
	r.judge()
	r.mu.Unlock()
	if was.n > 0 {
		r.failed(fmt.Errorf("logstash: recovered after %d failed attempts since %s, the last: %w",
			was.n, stamp(was.since), err))
	}
}

// endpointFailed tells of one of several receivers, while events get through to others.
func (r *reporter) endpointFailed(err error) {
	r.mu.Lock()
	r.lastErr = err
	r.mu.Unlock()
	r.failed(fmt.Errorf("%w (events go over another connection meanwhile)", err))
}

// endpointWorks tells that it is back.
func (r *reporter) endpointWorks(h EndpointHealth) {
	r.failed(fmt.Errorf("logstash: %s recovered after %d failed attempts, the last: %w", h.Addr, h.Failures, h.LastError))
}

// judge works out the state. It is called with mu.
func (r *reporter) judge() {
	state := r.state
	for _, l := range r.lanes {
		if l.up {
			state = Up
			break
		}
		if l.failing.n > 0 {
			state = Down
		}
	}
	r.become(state)
}

// become changes the state. It is called with mu.
func (r *reporter) become(state State) {
	if r.state == Closed || r.state == state {
		return
	}
	r.state, r.since = state, time.Now()
	r.stateChanged()
}

// closed notes the end.
func (r *reporter) closed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.become(Closed)
}

// foundFull counts n events that were dropped because the queue was full.
func (r *reporter) foundFull(n uint64) {
	r.mu.Lock()
	first := r.full.add()
	r.full.n += n - 1
	r.mu.Unlock()
	if first {
		r.failed(fmt.Errorf("%w: dropping events", ErrFull))
	}
}

// relaxed ends a run of events that found the queue full.
func (r *reporter) relaxed() {
	r.mu.Lock()
	was := r.full
	r.full = run{}
	r.mu.Unlock()
	if was.n > 0 {
		r.failed(fmt.Errorf("%w: %d events dropped since %s, room again", ErrFull, was.n, stamp(was.since)))
	}
}

// dropping reports whether a run of events that found the queue full goes on.
func (r *reporter) dropping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full.n > 0
}

// refused counts an event that Write refused with err.
func (r *reporter) refused(err error) {
	r.mu.Lock()
	was := r.refusals
	if was.n > 0 && time.Since(was.since) >= refusalSpan {
		r.refusals = run{}
	}
	first := r.refusals.add()
	r.mu.Unlock()
	switch {
	case first && was.n > 1:
		r.failed(fmt.Errorf("%w (and %d more refused since %s)", err, was.n-1, stamp(was.since)))
	case first:
		r.failed(err)
	}
}

// spoolFailed counts an event that could not be written to the spool.
func (r *reporter) spoolFailed(err error) {
	r.mu.Lock()
	r.spoolErr = err
	first := r.spooling.add()
	r.mu.Unlock()
	if first {
		r.failed(fmt.Errorf("logstash: %w", err))
	}
}

// spoolWorked ends a run of events that could not be written to the spool.
func (r *reporter) spoolWorked() {
	r.mu.Lock()
	was, err := r.spooling, r.spoolErr
	r.spooling, r.spoolErr = run{}, nil
	r.mu.Unlock()
	if was.n > 0 {
		r.failed(fmt.Errorf("logstash: spool works again after %d failures since %s, the last: %w",
			was.n, stamp(was.since), err))
	}
}

// failing returns since when nothing gets through, and the last error.
func (r *reporter) failing() (since time.Time, lastErr error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		if l.failing.n > 0 && (since.IsZero() || l.failing.since.Before(since)) {
			since = l.failing.since
		}
	}
	return since, r.lastErr
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// current returns the state.
func (r *reporter) current() Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := Health{State: r.state, Since: r.since, SpoolErr: r.spoolErr}
	if r.state == Down {
		h.Err = r.lastErr
	}
	return h
}
