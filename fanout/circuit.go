package fanout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// State is what a [Failover] makes of one of its handlers.
type State int

// The states of a handler.
const (
	// Up says that the handler is offered records.
	Up State = iota
	// Down says that it failed too often and is passed over, but for a record
	// now and then that finds out whether it works again.
	Down
)

// String returns the name of the state, such as "up".
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Down:
		return "down"
	default:
		return fmt.Sprintf("State(%d)", int(s))
	}
}

// MarshalText returns the name of the state.
func (s State) MarshalText() ([]byte, error) {
	if s != Up && s != Down {
		return nil, errors.New("fanout: marshal state: unknown " + s.String())
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what MarshalText returns.
func (s *State) UnmarshalText(text []byte) error {
	switch string(text) {
	case "up":
		*s = Up
	case "down":
		*s = Down
	default:
		return fmt.Errorf("fanout: unmarshal state: unknown %q, want \"up\" or \"down\"", text)
	}
	return nil
}

// Health is how a handler of a [Failover] is doing.
type Health struct {
	// Name is what [Named] calls the handler, empty if it has no name.
	Name string
	// Number is its place in Stats and Unwrap, counted from one.
	Number int
	// State is whether the handler is passed over.
	State State
	// Since is when that began, zero if it never went Down.
	Since time.Time
	// RetryAt is when it is to be tried again, zero if it is Up.
	RetryAt time.Time
	// Err is why it is Down, nil otherwise.
	Err error
}

// A circuit keeps records from a handler that fails. It takes no lock: a state is
// never changed but replaced.
type circuit struct {
	state    atomic.Pointer[condition]
	failures atomic.Int64 // in a row
}

// A condition is a state of a circuit.
type condition struct {
	Health
	coolDown time.Duration
	probed   atomic.Bool // a record is on its way to find out, which ends this condition
}

func newCircuit(a *account) *circuit {
	c := new(circuit)
	c.state.Store(&condition{Health: Health{Name: a.name, Number: a.number}})
	return c
}

// passedOver reports whether records are kept from the handler, be it to find out
// whether it works again.
func (s *condition) passedOver() bool {
	return s.State == Down && (s.probed.Load() || time.Now().Before(s.RetryAt))
}

// probe reports whether a record is to find out whether the handler works again. It
// says so to one caller only.
func (s *condition) probe() bool { return s.probed.CompareAndSwap(false, true) }

// unprobe says that the record was none for the handler: another one is to find out.
func (s *condition) unprobe() { s.probed.Store(false) }

// succeeded notes that the handler took a record, and returns the new state if
// that changes it.
func (c *circuit) succeeded() *condition {
	if c.failures.Load() != 0 {
		c.failures.Store(0)
	}
	for {
		s := c.state.Load()
		if s.State == Up {
			return nil
		}
		up := &condition{Health: Health{Name: s.Name, Number: s.Number, Since: time.Now()}}
		if c.state.CompareAndSwap(s, up) {
			return up
		}
	}
}

// failed notes that the handler failed with a record that it was given in state s,
// and returns the new state if that changes it.
func (c *circuit) failed(s *condition, err error, opts *Options) *condition {
	n := c.failures.Add(1)
	next := &condition{Health: s.Health, coolDown: opts.CoolDown}
	now := time.Now()
	switch {
	case s.State == Down:
		next.coolDown = min(s.coolDown, opts.MaxCoolDown/2) * 2
	case opts.MaxFailures > 0 && n >= int64(opts.MaxFailures):
		next.State, next.Since = Down, now
	default:
		return nil
	}
	next.Err, next.RetryAt = err, now.Add(jittered(next.coolDown))
	if !c.state.CompareAndSwap(s, next) || s.State == Down {
		return nil
	}
	return next
}

// jittered keeps many programs from trying one receiver at the same moment.
func jittered(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // a delay needs no secret randomness
}
