package stat

import "time"

// A step is how long a bucket of time is.
type step int

// The steps, from short to long.
const (
	second step = iota
	seconds5
	seconds15
	minute
	minutes5
	minutes15
	hour
	hours4
	day
	week
	month
	year
	stepCount
)

func (s step) String() string {
	return []string{
		"second", "5 seconds", "15 seconds", "minute", "5 minutes", "15 minutes", "hour", "4 hours", "day", "week", "month", "year",
	}[s]
}

// seconds returns how long the step is, about.
func (s step) seconds() int64 {
	return []int64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400}[s]
}

// floor returns where the bucket of a moment begins, in a zone. Both are in seconds since 1970.
func (s step) floor(zone *time.Location, at int64) int64 {
	t := time.Unix(at, 0).In(zone)
	y, m, d := t.Date()
	switch s {
	case hours4:
		return min(hourOf(zone, y, m, d, t.Hour()/4*4), at)
	case day:
		return startOf(zone, y, m, d)
	case week:
		return startOf(zone, y, m, d-int(t.Weekday()+6)%7)
	case month:
		return startOf(zone, y, m, 1)
	case year:
		return startOf(zone, y, 1, 1)
	default:
		_, offset := t.Zone()
		return at - modulo(at+int64(offset), s.seconds())
	}
}

// next returns where the bucket ends that begins at start.
func (s step) next(zone *time.Location, start int64) int64 {
	t := time.Unix(start, 0).In(zone)
	y, m, d := t.Date()
	switch s {
	case hours4:
		return max(hourOf(zone, y, m, d, t.Hour()/4*4+4), start+1)
	case day:
		return startOf(zone, y, m, d+1)
	case week:
		return startOf(zone, y, m, d+7)
	case month:
		return startOf(zone, y, m+1, 1)
	case year:
		return startOf(zone, y+1, 1, 1)
	default:
		// Where a zone changes in between, the next bucket may begin earlier or later.
		end := start + s.seconds()
		if f := s.floor(zone, end); f > start {
			return f
		}
		return end
	}
}

// hourOf returns when an hour of a day begins.
func hourOf(zone *time.Location, y int, m time.Month, d, h int) int64 {
	if h%24 == 0 {
		return startOf(zone, y, m, d+h/24)
	}
	return time.Date(y, m, d, h, 0, 0, 0, zone).Unix()
}

// startOf returns the first moment of a day: where clocks are set at midnight, it is another than 00:00, or
// the first of two.
func startOf(zone *time.Location, y int, m time.Month, d int) int64 {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Day() != noon.Day() {
		_, t = t.ZoneBounds()
	} else if earlier := t.Add(-time.Hour); earlier.Day() == noon.Day() {
		t = earlier
	}
	return t.Unix()
}

// between returns how many buckets there are between one that ends at end and the next one that begins at start.
func (s step) between(end, start int64) int64 {
	return (start - end + s.seconds()/2) / s.seconds()
}

// modulo is a % b, but never negative.
func modulo(a, b int64) int64 {
	r := a % b
	if r < 0 {
		r += b
	}
	return r
}
