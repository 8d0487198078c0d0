package fanout

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Stats counts what one of several handlers was given. A record is counted when the
// handler is done with it; one that it took in a [Handler], only when all others there
// are done as well. At every moment Accepted is Written plus Dropped.
//
// One whose level the handler does not want, that does not match a [Branch], or that a
// Handler, a [FirstMatch] or a [Failover] hands to nobody, is not counted. One with
// which the condition panics is: it is dropped, though the handler was not given it.
type Stats struct {
	Name string // what [Named] calls the handler; empty if it has no name

	Accepted uint64 // records given to the handler
	Written  uint64 // records for which it returned no error
	Dropped  uint64 // records for which it returned an error, or it or its condition panicked

	State State     // whether a [Failover] passes it over; Up elsewhere
	Since time.Time // when that began; zero if it never went Down
}

// An account is what all that are derived from one handler share.
type account struct {
	written, dropped atomic.Uint64 // without what is in the tally

	tally   tally // of a Handler
	name    string
	number  int // from one
	opts    *Options
	inner   *account // that of the Handler which was taken apart, if the handler is from one
	circuit *circuit // in a Failover
}

func (a *account) wrote() {
	for ; a != nil; a = a.inner {
		a.written.Add(1)
	}
}

func (a *account) lost() {
	for ; a != nil; a = a.inner {
		a.dropped.Add(1)
	}
}

func (a *account) error(r *slog.Record, err error) *Error {
	return &Error{Name: a.name, Number: a.number, Level: r.Level, Message: r.Message, Err: err}
}

// report tells OnError.
func (a *account) report(r *slog.Record, err error) {
	for ; a != nil; a = a.inner {
		if a.opts.OnError != nil {
			guarded(a.opts.OnError, error(a.error(r, err)))
		}
	}
}

// guarded calls a hook. One that panics has nobody left to tell.
func guarded[T any](hook func(T), v T) {
	defer func() { _ = recover() }()
	hook(v)
}

func (a *account) stats() Stats {
	written, dropped := a.written.Load(), a.dropped.Load()
	if a.tally != nil {
		written += a.tally.count(1 << (a.number - 1))
	}
	s := Stats{Name: a.name, Accepted: written + dropped, Written: written, Dropped: dropped}
	if a.circuit != nil {
		now := a.circuit.state.Load()
		s.State, s.Since = now.State, now.Since
	}
	return s
}

func stats(children []child) []Stats {
	all := make([]Stats, len(children))
	for i, c := range children {
		all[i] = c.account.stats()
	}
	return all
}
