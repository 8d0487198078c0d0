package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

// A Duration is the value of a flag: "15m", "1h30m", "30 days". A number needs a unit: in a configuration it would be
// milliseconds, which nobody means who types --max-age 30.
type Duration time.Duration

// UnmarshalText sets d to what the text says.
func (d *Duration) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s != "0" && strings.Trim(s, "0123456789.-+") == "" {
		return fmt.Errorf("%q has no unit: want such as 90s, 15m, 12h or 30 days", s)
	}
	var p pipeline.Duration
	if err := p.UnmarshalText([]byte(s)); err != nil {
		return fmt.Errorf("%q is no duration: want such as 90s, 15m, 12h or 30 days", s)
	}
	*d = Duration(p)
	return nil
}

// MarshalText returns what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns d with units, as in "1h30m" and "30 days".
func (d Duration) String() string { return pipeline.Duration(d).String() }
