package fanout

import (
	"context"
	"errors"
	"log/slog"
)

// A walk is the way of one record along several handlers. Each kind of handler
// takes its own way, in a function that can be called again to go on where it was
// left by a panic, or by a call of runtime.Goexit.
type walk struct {
	children []child

	at         int        // how many had their turn; beyond the last one when the way has ended
	handed     bool       // to one that took the record or failed
	took       set        // those that took the record, of the tallied ones
	start      int        // who has the first turn
	spread     bool       // it is not always the same
	matching   bool       // its conditions are being asked
	under      *condition // the state of its circuit that it is given the record in
	passedOver bool       // some were, because they are Down
	failures   []failure
	changes    []change
}

type failure struct {
	account *account
	err     error
}

type change struct {
	hook   func(Health)
	health Health
}

// matches asks the conditions of a child.
func (w *walk) matches(ctx context.Context, r *slog.Record, c *child) bool {
	w.matching = true
	for b := c.branch; b != nil; b, _ = b.next.(*Branch) {
		if b.match != nil && !b.match(ctx, *r, Bound{b.bound}) {
			w.matching = false
			return false
		}
	}
	w.matching = false
	return true
}

// wrote accounts for a record that a child took.
func (w *walk) wrote(c *child) {
	w.handed = true
	c.account.wrote()
}

// failed accounts for a failure of a child, and reports whether it is one.
func (w *walk) failed(c *child, err error) bool {
	if err == errNobody { //nolint:errorlint // no question to an error that may claim to be any other
		return false
	}
	w.handed = true
	c.account.lost()
	w.failures = append(w.failures, failure{c.account, err})
	return true
}

// interrupted accounts for what was recovered, nil for a call of runtime.Goexit,
// from a child or its conditions, and reports which of them it was.
func (w *walk) interrupted(c *child, recovered any) (byMatch bool) {
	byMatch, w.matching = w.matching, false
	w.failed(c, panicked(c.next, byMatch, recovered))
	return byMatch
}

// report calls the hooks, and returns all failures, joined.
func (w *walk) report(r *slog.Record) error {
	failures, changes := w.failures, w.changes
	w.failures, w.changes = nil, nil
	for _, c := range changes {
		guarded(c.hook, c.health)
	}
	if len(failures) == 0 {
		return nil
	}
	errs := make([]error, len(failures))
	for i, f := range failures {
		errs[i] = f.account.error(r, f.err)
		f.account.report(r, f.err)
	}
	return errors.Join(errs...)
}
