package stat

import "time"

// An interval is a row of a chart over time: a bucket, or some that have no lines.
type interval struct {
	row
	empty int64 // if not 0, so many buckets without lines stand here
}

// timeline returns the buckets with those between them that have no lines: one by one, or all at once where there
// are many.
func timeline(zone *time.Location, rows []row, by step) []interval {
	var out []interval
	for i, r := range rows {
		if i > 0 {
			at := rows[i-1].end
			if gap := by.between(at, r.start); gap > maxGap {
				out = append(out, interval{row: row{start: at, end: r.start}, empty: gap})
			} else {
				for range gap {
					end := min(by.next(zone, at), r.start)
					out = append(out, interval{row: row{start: at, end: end}})
					at = end
				}
			}
		}
		out = append(out, interval{row: r})
	}
	return out
}

// length returns how long the time is, in its largest unit.
func (i *interval) length() string {
	seconds := i.end - i.start
	for _, s := range []step{year, day, hour, minute} {
		if n := seconds / s.seconds(); n > 1 {
			return plural(n, s.String())
		}
	}
	return plural(seconds, second.String())
}

// label is the name of a bucket: the date, and the time if there is one.
func label(t time.Time, by step) (date, clock string) {
	switch {
	case by < minute:
		return t.Format(time.DateOnly), t.Format(time.TimeOnly)
	case by < day:
		return t.Format(time.DateOnly), t.Format("15:04")
	case by == month:
		return t.Format("2006-01"), ""
	case by == year:
		return t.Format("2006"), ""
	}
	return t.Format("2006-01-02 Mon"), ""
}
