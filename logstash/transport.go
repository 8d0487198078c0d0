package logstash

import (
	"context"
	"errors"
)

// Transport carries events to a receiver. [Dial] chooses one of its own; a
// user's goes to [NewShipper], which calls Send and Close from one goroutine.
type Transport interface {
	// Send sends events, each one JSON object without a newline, in order. It
	// connects first where that is needed, and may be called again after any
	// error. It returns how many events, from the first on, the receiver has
	// for good; unless these are all, the error says why. The events which are
	// not acked will be given to a later Send.
	//
	// Send must return soon after ctx is done, must not change the events, and
	// must not keep them after it has returned.
	Send(ctx context.Context, events [][]byte) (acked int, err error)

	// Close closes the connection, if there is one, and ends every goroutine
	// of the Transport. Nothing is called after it.
	Close() error
}

// dialError is the failure of a Transport that has sent nothing.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// staleError is the failure of a connection that was in use before and that
// the peer closed without an ack of the batch. The Beats input closes idle
// connections in this way, so a first one is no sign of trouble.
type staleError struct{ err error }

func (e *staleError) Error() string { return e.err.Error() }
func (e *staleError) Unwrap() error { return e.err }

// sentNothing reports whether err says that no byte of the batch was sent.
func sentNothing(err error) bool {
	var dial *dialError
	return errors.As(err, &dial)
}

// isStale reports whether err is worth another try at once.
func isStale(err error) bool {
	var stale *staleError
	return errors.As(err, &stale)
}
