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
)

// String returns the name of p: "block" or "drop_newest".
func (p Policy) String() string {
	switch p {
	case Block:
		return "block"
	case DropNewest:
		return "drop_newest"
	default:
		return fmt.Sprintf("Policy(%d)", int(p))
	}
}

// UnmarshalText sets p from a name that [Policy.String] returns. Case does not
// matter, and "-" may stand for "_". It leaves p alone when the name is unknown.
func (p *Policy) UnmarshalText(text []byte) error {
	name := strings.ReplaceAll(strings.ToLower(string(text)), "-", "_")
	for _, known := range []Policy{Block, DropNewest} {
		if name == known.String() {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("asyncbuf: unknown policy %q: want %q or %q", text, Block, DropNewest)
}
