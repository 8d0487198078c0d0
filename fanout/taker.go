package fanout

import (
	"context"
	"errors"
	"log/slog"
)

// A taker is given the records of a child.
type taker interface {
	Handle(ctx context.Context, r slog.Record) error
}

func takerOf(h slog.Handler) taker {
	switch h.(type) {
	case *Handler, *FirstMatch, *Failover:
		return nested{h}
	default:
		return h
	}
}

// errNobody is what nested returns for a record that was handed to nobody.
var errNobody = errors.New("fanout: handed to nobody")

// nested is a Handler, a FirstMatch or a Failover inside of another one, which is told
// whether there was anybody for the record.
type nested struct{ h slog.Handler }

func (n nested) Handle(ctx context.Context, r slog.Record) (err error) {
	var handed bool
	switch h := n.h.(type) { // and no call of an interface's method, for which the record would move to the heap
	case *Handler:
		handed, err = h.handle(ctx, &r)
	case *FirstMatch:
		handed, err = h.handle(ctx, &r)
	case *Failover:
		handed, err = h.handle(ctx, &r)
	}
	if !handed {
		return errNobody
	}
	return err
}
