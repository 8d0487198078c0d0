package asyncbuf

import (
	"fmt"
	"strings"
)

// A Policy says what happens to a line for which the buffer has no room.
type Policy int

const (
	// Block makes the caller wait for room, at most for BlockTimeout.
	Block Policy = iota
	// DropNewest gives the line up.
	DropNewest
	// DropOldest gives up the lines that have waited longest, as many as it takes.
	// Lines that were handed to the sink already are not given up, so that it
	// keeps half of the buffer for these: if there are only such, or the others are
	// protected, the new line is given up.
	DropOldest
)

var policyNames = []string{"block", "drop_newest", "drop_oldest"} //nolint:gochecknoglobals // never written

func (p Policy) known() bool { return p >= 0 && int(p) < len(policyNames) }

// String returns the name of p: "block", "drop_newest" or "drop_oldest".
func (p Policy) String() string {
	if p.known() {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// MarshalText returns what String does. It fails if p is none of the constants.
func (p Policy) MarshalText() ([]byte, error) {
	if !p.known() {
		return nil, fmt.Errorf("asyncbuf: %v: want %q, %q or %q", p, Block, DropNewest, DropOldest)
	}
	return []byte(p.String()), nil
}

// UnmarshalText sets p from a name that [Policy.String] returns. Case does not
// matter, and "-" may stand for "_". It leaves p alone when the name is unknown.
func (p *Policy) UnmarshalText(text []byte) error {
	name := strings.ReplaceAll(strings.ToLower(string(text)), "-", "_")
	for i, known := range policyNames {
		if name == known {
			*p = Policy(i)
			return nil
		}
	}
	return fmt.Errorf("asyncbuf: unknown policy %q: want %q, %q or %q", text, Block, DropNewest, DropOldest)
}
