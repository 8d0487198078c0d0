package logstash

import (
	"errors"
	"fmt"
	"strings"
)

// Policy says what [Shipper.Write] does while the queue is full.
type Policy int

// The policies of a full queue.
const (
	// DropNewest refuses the event at once with [ErrFull], so that a peer that
	// is down or slow never holds up the program.
	DropNewest Policy = iota
	// Block waits until there is room, for BlockTimeout at most, and then
	// refuses the event with [ErrFull].
	Block
)

// String returns the name of the policy, such as "drop_newest".
func (p Policy) String() string {
	switch p {
	case DropNewest:
		return "drop_newest"
	case Block:
		return "block"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// MarshalText returns the name of the policy.
func (p Policy) MarshalText() ([]byte, error) {
	if p != DropNewest && p != Block {
		return nil, fmt.Errorf("logstash: policy %d is unknown", int(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText accepts "drop_newest" and "block" in any case, and "-" for "_".
func (p *Policy) UnmarshalText(text []byte) error {
	name := strings.ReplaceAll(string(text), "-", "_")
	for _, known := range []Policy{DropNewest, Block} {
		if strings.EqualFold(name, known.String()) {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("logstash: policy %q: want %q or %q", text, DropNewest, Block)
}

// The reasons for which a Shipper drops an event, besides os.ErrClosed.
var (
	// ErrFull is the error for an event that found the queue full.
	ErrFull = errors.New("logstash: queue full")
	// ErrTooLarge is the error for an event longer than MaxEventBytes.
	ErrTooLarge = errors.New("logstash: event too large")
	// ErrInvalid is the error for an event that is not one JSON object on one
	// line. Logstash closes the connection when it meets one.
	ErrInvalid = errors.New("logstash: invalid event")
)
