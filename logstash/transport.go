package logstash

import (
	"context"
	"errors"
	"time"
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
	// An error that Is [ErrRejected] says that the receiver works, but will
	// not take these events: they are sent again in parts. If it has a method First() bool in
	// its chain, which returns true, the first event that is not acked is to blame, and the
	// others are sent again without it. An error with a method RetryAfter() time.Duration
	// there says how long to wait before the next Send; otherwise that is the Shipper's
	// backoff. One with a method SentNothing() bool there, which returns true, says that the receiver has none of
	// the events, so that they are not counted as sent again. One with a method
	// Died() bool there, which returns true, says that the receiver has ended the
	// connection over the events without an ack: when that happens again and again,
	// they are sent in parts, see [Shipper].
	//
	// Send must return soon after ctx is done, must not change the events, and
	// must not keep them after it has returned.
	Send(ctx context.Context, events [][]byte) (acked int, err error)

	// Close closes the connection, if there is one, and ends every goroutine
	// of the Transport. Nothing is called after it.
	Close() error
}

// Pipeliner is a Transport that can have several batches under way, as many as
// the option Pipeline says. The Shipper calls Start and Progress in place of Send, from
// the same goroutine.
type Pipeliner interface {
	Transport

	// Start sends events as one more batch, behind those under way, and
	// connects first where that is needed. It does not wait for acks, and the
	// events may change once it has returned. After an error nothing is under
	// way any more; acks that came before are for Progress to tell.
	Start(ctx context.Context, events [][]byte) error

	// Progress returns how many events have been acked since the last call, of
	// all batches under way in their order. An error is one that Send could
	// return, and says that nothing is under way any more. One that has a method
	// UnderWay() bool in its chain, which returns true, only says that there is
	// trouble: the Shipper tells of it, and goes on to wait.
	Progress() (acked int, err error)

	// News returns a channel, always the same, that receives when Progress has
	// something to tell. It has room for one.
	News() <-chan struct{}
}

// expirer is a Pipeliner with a connection that may have to end as soon as nothing
// is under way any more. The next Start then opens another one.
type expirer interface{ expired() bool }

// stillUnderWay reports whether an error of Progress leaves everything under way.
func stillUnderWay(err error) bool {
	var e interface{ UnderWay() bool }
	return errors.As(err, &e) && e.UnderWay()
}

// retryError is a failure that says when to try again.
type retryError struct {
	error
	after time.Duration
}

func (e *retryError) Unwrap() error             { return e.error }
func (e *retryError) RetryAfter() time.Duration { return e.after }

// retryAfter returns how long to wait before the next attempt, if err says so.
func retryAfter(err error) (time.Duration, bool) {
	var e interface{ RetryAfter() time.Duration }
	if errors.As(err, &e) {
		return e.RetryAfter(), true
	}
	return 0, false
}

// dialError is the failure of a Transport that has sent nothing.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// SentNothing is what Transports of others say it with.
func (e *dialError) SentNothing() bool { return true }

// staleError is the failure of a connection that was in use before and that
// the peer closed without an ack of the batch. The Beats input closes idle
// connections in this way, so a first one is no sign of trouble.
type staleError struct{ err error }

func (e *staleError) Error() string { return e.err.Error() }
func (e *staleError) Unwrap() error { return e.err }

// diedError is the failure of a connection that the peer closed when it had
// been given a batch, or a part of it, and had acked nothing of it. There may be an
// event in the batch that the peer cannot bear.
type diedError struct{ err error }

func (e *diedError) Error() string { return e.err.Error() }
func (e *diedError) Unwrap() error { return e.err }

// Died is what Transports of others say it with.
func (e *diedError) Died() bool { return true }

// sentNothing reports whether err says that no byte of the batch was sent.
func sentNothing(err error) bool {
	var e interface{ SentNothing() bool }
	return errors.As(err, &e) && e.SentNothing()
}

// isOfFirst reports whether err says that the first event that is not acked is to blame.
func isOfFirst(err error) bool {
	var e interface{ First() bool }
	return errors.As(err, &e) && e.First()
}

// isStale reports whether err is worth another try at once.
func isStale(err error) bool {
	var stale *staleError
	return errors.As(err, &stale)
}

// isDeath reports whether err may be the work of one event.
func isDeath(err error) bool {
	var e interface{ Died() bool }
	return errors.As(err, &e) && e.Died()
}
