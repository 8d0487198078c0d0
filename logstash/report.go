package logstash

import (
	"fmt"
	"sync"
	"time"
)

// reporter tells the user's OnError of what goes wrong, and tells it once: the
// first failure of a run as it happens, the others as a number when the run
// ends. A hook that panics is left alone.
type reporter struct {
	onError func(error) // may be nil

	mu       sync.Mutex
	sending  run // attempts that failed since the last ack
	full     run // events that found the queue full
	refusals run // events that were invalid or too large
	lastErr  error
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

// sendFailed counts an attempt that failed. A quiet one is not told of.
func (r *reporter) sendFailed(err error, quiet bool) {
	r.mu.Lock()
	r.lastErr = err
	first := !quiet && r.sending.add()
	r.mu.Unlock()
	if first {
		r.tell(err)
	}
}

// sendWorked ends a run of attempts that failed.
func (r *reporter) sendWorked() {
	r.mu.Lock()
	was, err := r.sending, r.lastErr
	r.sending = run{}
	r.mu.Unlock()
	if was.n > 0 {
		r.tell(fmt.Errorf("logstash: recovered after %d failed attempts since %s, the last: %w",
			was.n, stamp(was.since), err))
	}
}

// foundFull counts an event that found the queue full.
func (r *reporter) foundFull() {
	r.mu.Lock()
	first := r.full.add()
	r.mu.Unlock()
	if first {
		r.tell(fmt.Errorf("%w: dropping events", ErrFull))
	}
}

// relaxed ends a run of events that found the queue full.
func (r *reporter) relaxed() {
	r.mu.Lock()
	was := r.full
	r.full = run{}
	r.mu.Unlock()
	if was.n > 0 {
		r.tell(fmt.Errorf("%w: %d events dropped since %s, room again", ErrFull, was.n, stamp(was.since)))
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
		r.tell(fmt.Errorf("%w (and %d more refused since %s)", err, was.n-1, stamp(was.since)))
	case first:
		r.tell(err)
	}
}

// state returns since when nothing gets through, and the last error.
func (r *reporter) state() (failingSince time.Time, lastErr error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sending.since, r.lastErr
}

func (r *reporter) tell(err error) {
	if r.onError == nil {
		return
	}
	defer func() { _ = recover() }() // the hook's own trouble must not stop the shipping
	r.onError(err)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
