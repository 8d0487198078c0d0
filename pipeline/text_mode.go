package pipeline

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Mode is the permission bits of a file, with those for its owner to read and
// write. As text it is octal, as in "0640", "640" and "0o640". The zero Mode is not
// set; its text is empty.
type Mode fs.FileMode

// String returns the four octal digits, as in "0640".
func (m Mode) String() string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%04o", uint32(m))
}

// MarshalText returns what String does.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText sets m to an octal number.
func (m *Mode) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = 0
		return nil
	}
	digits := strings.TrimPrefix(string(text), "0o")
	n, err := strconv.ParseUint(digits, 8, 32)
	if err == nil && isMode(n) && len(digits) <= 4 {
		*m = Mode(n)
		return nil
	}
	wrong := &textError{kind: "mode", text: string(text), want: "octal permission bits that include 0600, as in 0640"}
	// YAML and TOML turn a 0o640 without quotes into 416, which no right mode
	// looks like.
	if n, err := strconv.ParseUint(string(text), 10, 32); err == nil && isMode(n) {
		wrong.near = Mode(n).String()
	}
	return wrong
}

// UnmarshalJSON takes a number too, and reads its digits as octal: 640 is 0640.
func (m *Mode) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, m) }

func isMode(n uint64) bool { return n&^0o777 == 0 && n&0o600 == 0o600 }
