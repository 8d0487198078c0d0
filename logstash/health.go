package logstash

import "time"

// State is what a [Shipper] is doing about its receivers.
type State int

// The states of a Shipper.
const (
	// Idle is the state before the first attempt.
	Idle State = iota
	// Up says that the last attempt to send worked.
	Up
	// Down says that attempts fail. Events are kept, as far as there is room.
	Down
	// Closed says that the Shipper has ended.
	Closed
)

const stateNames names = "idle up down closed"

// String returns the name of the state, such as "up".
func (s State) String() string { return stateNames.of(int(s), "State") }

// MarshalText returns the name of the state.
func (s State) MarshalText() ([]byte, error) { return stateNames.marshal(int(s), "state") }

// Health is how a [Shipper] is doing.
type Health struct {
	// State is what the Shipper is doing.
	State State
	// Since is when that began.
	Since time.Time
	// Err is why it is Down, nil otherwise.
	Err error
	// OldestAge is how long the oldest event has been waiting that is in memory
	// and not acked. It is 0 if there is none.
	OldestAge time.Duration
	// Fill is how full the queue in memory is, from 0 to 1.
	Fill float64
	// SpoolErr is why events could not be spooled the last time that was
	// tried, nil if they could.
	SpoolErr error
	// Endpoints are the receivers, in the order in which Dial was given them.
	// There are none with a Transport of the user's or of a Scheme.
	Endpoints []EndpointHealth
}

// EndpointHealth is how one receiver is doing.
type EndpointHealth struct {
	// Addr is its address as it is dialled. With LoadBalance the address of a name
	// follows that in parentheses.
	Addr string
	// Connections is how many connections to it are open.
	Connections int
	// Failures is how many attempts have failed since the last ack from it.
	Failures int
	// RetryAt is when it may be tried again after the last failure.
	RetryAt time.Time
	// LastError is why the last attempt failed, nil if none has since the last ack.
	LastError error
}
