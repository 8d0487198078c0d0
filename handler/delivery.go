package handler

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// A delivery hands records to the next handler of a wrapper that drops some, and
// counts what becomes of them.
type delivery struct {
	onError func(error)
	written atomic.Uint64
	failed  levelCounts // what the next handler refused
}

// pass hands over a record. A panic of the handler is an error.
func (d *delivery) pass(ctx context.Context, next slog.Handler, r *slog.Record) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = noReturn(next, recover())
		}
		if err != nil {
			d.failed.add(r.Level, 1)
			d.report(err)
		}
	}()
	err = next.Handle(ctx, *r)
	returned = true
	if err == nil {
		d.written.Add(1)
	}
	return err
}

// report tells the hook of an error, if there is one.
func (d *delivery) report(err error) {
	if err != nil {
		tell(d.onError, err)
	}
}
