package pipeline

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a time.Duration. As text it has units, "5s", "1h30m", "30 days",
// "2 weeks", or is a number of milliseconds: 5000.
type Duration time.Duration

const day = 24 * time.Hour

//nolint:gochecknoglobals // never written
var durations = measure{
	kind:     "duration",
	want:     "milliseconds, as in 5000, or a unit, as in 5s, 1h30m, 30 days or 2 weeks",
	bare:     int64(time.Millisecond),
	signed:   true,
	compound: true,
	units: []unit{
		{"ns", 1},
		{"us", 1e3},
		{"µs", 1e3},
		{"μs", 1e3},
		{"ms", 1e6},
		{"s", 1e9},
		{"sec", 1e9},
		{"seconds", 1e9},
		{"second", 1e9},
		{"m", int64(time.Minute)},
		{"min", int64(time.Minute)},
		{"minutes", int64(time.Minute)},
		{"minute", int64(time.Minute)},
		{"h", int64(time.Hour)},
		{"hours", int64(time.Hour)},
		{"hour", int64(time.Hour)},
		{"d", int64(day)},
		{"days", int64(day)},
		{"day", int64(day)},
		{"w", int64(7 * day)},
		{"weeks", int64(7 * day)},
		{"week", int64(7 * day)},
		{"milliseconds", 1e6},
		{"millisecond", 1e6},
	},
}

// String returns d as time.Duration does, without zeros at its end, or a whole
// number of days as in "30 days".
func (d Duration) String() string {
	switch t := time.Duration(d); {
	case t == day, t == -day:
		return fmt.Sprintf("%d day", t/day)
	case t != 0 && t%day == 0:
		return fmt.Sprintf("%d days", t/day)
	default:
		s := t.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	}
}

// MarshalText returns what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText sets d to what the text says.
func (d *Duration) UnmarshalText(text []byte) error {
	n, wrong := durations.parse(string(text))
	if wrong != nil {
		return nearDuration(wrong)
	}
	*d = Duration(n)
	return nil
}

// UnmarshalJSON takes a number of milliseconds too.
func (d *Duration) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, d) }

// nearDuration completes an error about units whose length is not always the
// same.
func nearDuration(wrong *textError) *textError {
	for _, u := range []struct {
		name string
		days int
	}{{"months", 30}, {"month", 30}, {"years", 365}, {"year", 365}} {
		number, found := strings.CutSuffix(strings.ToLower(wrong.text), u.name)
		if !found {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(strings.TrimSpace(number), "%d", &n); err == nil && n > 0 && n <= 100 {
			wrong.near = fmt.Sprintf("%d days", n*u.days)
		}
		break
	}
	return wrong
}
