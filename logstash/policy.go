package logstash

import "errors"

// Policy says what [Shipper.Write] does with an event for which there is no room.
type Policy int

// The policies of a full queue.
const (
	// DropNewest refuses the event at once with [ErrFull], so that a peer that
	// is down or slow never holds up the program.
	DropNewest Policy = iota
	// Block waits until there is room, for BlockTimeout at most, and then
	// refuses the event with [ErrFull].
	Block
	// DropOldest gives up the oldest events that are not under way: in memory
	// those below Protect first, in a spool whole segments.
	DropOldest
)

const policyNames names = "drop_newest block drop_oldest"

// String returns the name of the policy, such as "drop_oldest".
func (p Policy) String() string { return policyNames.of(int(p), "Policy") }

// MarshalText returns the name of the policy.
func (p Policy) MarshalText() ([]byte, error) { return policyNames.marshal(int(p), "policy") }

// UnmarshalText accepts the names, in any case and with "-" for "_".
func (p *Policy) UnmarshalText(text []byte) error {
	v, err := policyNames.parse(text, "policy")
	if err == nil {
		*p = Policy(v)
	}
	return err
}

// The reasons for which a Shipper drops an event, besides os.ErrClosed.
var (
	// ErrFull is the error for an event that found the queue full, or that made
	// room for another one.
	ErrFull = errors.New("logstash: queue full")
	// ErrTooLarge is the error for an event longer than MaxEventBytes.
	ErrTooLarge = errors.New("logstash: event too large")
	// ErrInvalid is the error for an event that is not one JSON object on one
	// line. Logstash closes the connection when it meets one.
	ErrInvalid = errors.New("logstash: invalid event")
	// ErrRejected is the error for an event that the receiver will not take,
	// however often it is sent, and of a [Transport] that says so.
	ErrRejected = errors.New("logstash: event rejected")
)
