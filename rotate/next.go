package rotate

import (
	"fmt"
	"time"
)

// Next returns the first time after t at which the Schedule has a file rotated, on
// the clock of Location; the zero time if there is no Schedule. The error is about the
// options, as that of [Open].
func (o *Options) Next(t time.Time) (time.Time, error) {
	opts, err := o.withDefaults()
	if err != nil || opts.Schedule == "" {
		return time.Time{}, wrapOptions(err)
	}
	s, err := parseSchedule(opts.Schedule, opts.Location)
	if err != nil {
		return time.Time{}, wrapOptions(err)
	}
	return s.next(t), nil
}

func wrapOptions(err error) error {
	if err != nil {
		return fmt.Errorf("rotate: options: %w", err)
	}
	return nil
}
