package filter

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

// layouts are how a date is written in local time.
var layouts = []string{ //nolint:gochecknoglobals // never changed
	"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly,
}

// parseTime reads a time: how long it is ago, a date, or a clock, which is the last time that it showed that.
func parseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		return now, nil
	case "today":
		return day, nil
	case "yesterday":
		return day.AddDate(0, 0, -1), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return first(t), nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		clock, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at := func(back int) time.Time {
			return first(time.Date(now.Year(), now.Month(), now.Day()-back, clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location()))
		}
		if t := at(0); !t.After(now) {
			return t, nil
		}
		return at(1), nil
	}
	var ago pipeline.Duration
	age := strings.TrimSpace(strings.TrimSuffix(text, "ago"))
	// A number alone would be milliseconds, which nobody means here.
	if strings.Trim(age, "0123456789") != "" && ago.UnmarshalText([]byte(age)) == nil && ago >= 0 {
		return now.Add(-time.Duration(ago)), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither how long ago (15m, 2h30m, 3 days) nor a time (10:30, today, yesterday, 2026-11-22, \"2026-11-22 10:30\", 2026-11-22T10:30:00Z)", text)
}

// first returns the first time that clocks show what they show at t: in an hour of autumn they do so twice.
func first(t time.Time) time.Time {
	if before := t.Add(-time.Hour); before.Format(time.DateTime) == t.Format(time.DateTime) {
		return before
	}
	return t
}
