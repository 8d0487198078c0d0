package fanout

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/sluicelog/sluice/internal/panics"
)

// Error is the failure of one of several handlers.
type Error struct {
	Name    string     // what [Named] calls it; empty if it has no name
	Number  int        // its place in Stats and Unwrap, counted from one
	Level   slog.Level // that of the record; 0 if the handler failed in WithAttrs or WithGroup
	Message string     // that of the record; empty if the handler failed in WithAttrs or WithGroup
	Err     error      // what the handler returned; or that it panicked, and with what
}

// Error returns the failure and which handler it is of, without the message of the
// record.
func (e *Error) Error() string {
	if e.Name != "" {
		return fmt.Sprintf("fanout: handler %d %q: %v", e.Number, e.Name, e.Err)
	}
	return fmt.Sprintf("fanout: handler %d: %v", e.Number, e.Err)
}

// Unwrap returns what the handler failed with.
func (e *Error) Unwrap() error { return e.Err }

var errMatchExits = errors.New("match ends the goroutine")

// panicked returns a failure for what was recovered from a match or a handler. It
// is nil for one that called runtime.Goexit.
func panicked(h slog.Handler, matching bool, recovered any) error {
	if k, ok := h.(*kept); ok {
		h = k.next
	}
	switch {
	case matching && recovered == nil:
		return errMatchExits
	case matching:
		return because("match panics", recovered)
	case recovered == nil:
		return fmt.Errorf("%T ends the goroutine", h)
	default:
		return because(fmt.Sprintf("%T panics", h), recovered)
	}
}

// because keeps an error that somebody panicked with to be found by errors.Is.
func because(what string, recovered any) error {
	p := &panicError{text: what + ": " + panics.Text(recovered)}
	p.err, _ = recovered.(error)
	return p
}

type panicError struct {
	text string
	err  error // what the panic was called with, nil if that is no error
}

func (e *panicError) Error() string { return e.text }
func (e *panicError) Unwrap() error { return e.err }
