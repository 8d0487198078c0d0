package pipeline

import (
	"fmt"
	"strings"
)

// Size is a number of bytes. As text it has a unit, or is a number of bytes:
// "64 KiB", "100 MB", 65536. Units of decimal names are powers of 1000, those with
// an i powers of 1024, so that 1 MB is 1,000,000 bytes and 1 MiB 1,048,576. A
// fraction is fine if it makes whole bytes, as in "1.5 GB".
type Size int64

// Sizes.
const (
	KB  Size = 1000
	MB       = 1000 * KB
	GB       = 1000 * MB
	TB       = 1000 * GB
	KiB Size = 1024
	MiB      = 1024 * KiB
	GiB      = 1024 * MiB
	TiB      = 1024 * GiB
)

//nolint:gochecknoglobals // never written
var sizes = measure{
	kind: "size",
	want: "bytes, as in 65536, or a unit, as in 64 KiB (of 1024) or 100 MB (of 1000)",
	bare: 1,
	units: []unit{
		{"TiB", int64(TiB)},
		{"TB", int64(TB)},
		{"GiB", int64(GiB)},
		{"GB", int64(GB)},
		{"MiB", int64(MiB)},
		{"MB", int64(MB)},
		{"KiB", int64(KiB)},
		{"KB", int64(KB)},
		{"B", 1},
		{"bytes", 1},
		{"byte", 1},
	},
}

// String returns s with the largest unit of which it is a whole number, such as
// "100 MB", "64 KiB" or "1500 B".
func (s Size) String() string {
	for _, u := range sizes.units {
		if n := int64(s); n != 0 && n%u.value == 0 {
			return fmt.Sprintf("%d %s", n/u.value, u.name)
		}
	}
	return "0 B"
}

// MarshalText returns what String does. It fails if s is negative.
func (s Size) MarshalText() ([]byte, error) {
	if s < 0 {
		return nil, fmt.Errorf("pipeline: size %d: want 0 or more", s)
	}
	return []byte(s.String()), nil
}

// UnmarshalText sets s to what the text says.
func (s *Size) UnmarshalText(text []byte) error {
	n, wrong := sizes.parse(string(text))
	if wrong != nil {
		return nearSize(wrong)
	}
	*s = Size(n)
	return nil
}

// UnmarshalJSON takes a number of bytes too.
func (s *Size) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, s) }

// nearSize completes an error about a size with a bare K, M, G or T, which some
// programs take for powers of 1000 and others for powers of 1024.
func nearSize(wrong *textError) *textError {
	if n := len(wrong.text); n > 1 {
		// Docker, nginx and logrotate, whose users write these, mean 1024.
		binary := strings.TrimRight(wrong.text[:n-1], " ") + " " + string(wrong.text[n-1]&^0x20) + "iB"
		if _, err := sizes.parse(binary); err == nil {
			wrong.near = binary
		}
	}
	return wrong
}
