package rotate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule is a rule for when to rotate, in the zone of one place. There are
// two kinds. Almost all are lists of wall times, which come true when the
// clock on the wall of that place first shows them or a later time: a time
// that it skips (in spring, mostly) is due at the first instant after the gap,
// together with all others of that gap, and a time that it shows twice (in
// autumn) is due the first time only. The other kind is "every" with an hour
// or less. It follows the wall clock as well, but lets nothing pile up in a
// gap and goes on while the clock repeats an hour.
//
// A schedule is made by parseSchedule and never changes.
type schedule struct {
	cron  cron.Schedule // nil: every
	every time.Duration
	loc   *time.Location
}

const (
	minEvery = time.Minute
	maxEvery = 366 * 24 * time.Hour
)

// parseSchedule reads one of
//
//	hourly               when the wall clock shows a full hour
//	daily                at 00:00
//	daily at 03:00
//	weekly               monday at 00:00
//	monday at 04:00
//	every 15m            1m to 8784h, aligned to the clock
//	0 3 * * 1-5          minute, hour, day of month, month and weekday of cron
//	@daily               a name that cron has for five fields
//
// without regard to case or the width of spaces. What "every" is aligned to is
// midnight if the duration divides a day, and otherwise Monday, 1 January of
// the year 1, so that "every 168h" is every Monday. In cron fields, as in any
// crontab, a restricted day of month and a restricted weekday make a day match
// that fits either. A nil loc means [time.Local].
func parseSchedule(spec string, loc *time.Location) (schedule, error) {
	if loc == nil {
		loc = time.Local
	}
	s := schedule{loc: loc}
	words := strings.Fields(strings.ToLower(spec))
	var err error
	if len(words) > 0 && words[0] == "every" {
		s.every, err = parseEvery(words[1:])
	} else if words, err = cronFields(words); err == nil {
		s.cron, err = parseCron(words)
	}
	if err != nil {
		return schedule{}, fmt.Errorf("the Schedule is %.80q: %w", spec, err)
	}
	return s, nil
}

func parseEvery(words []string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.Join(words, " "))
	if err != nil || d < minEvery || d > maxEvery {
		return 0, errors.New(`want "every" and one duration in h, m and s from 1m to 8784h, such as "every 1h30m"`)
	}
	return d, nil
}

// errScheduleForm is about words that fit none of the forms.
var errScheduleForm = errors.New(`want "hourly", "daily", "daily at 03:00", "weekly", "monday at 04:00" ` +
	`(or another weekday), "every 15m" or five cron fields such as "0 3 * * 1-5"`)

// cronFields returns what cron calls the schedule made of words.
func cronFields(words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, errScheduleForm
	}
	switch first, rest := words[0], words[1:]; {
	case first[0] == '@':
		return namedFields(words)
	case strings.HasPrefix(first, "tz=") || strings.HasPrefix(first, "cron_tz="):
		return nil, errors.New("want no zone here: it is set by Options.Location")
	case first == "hourly" && len(rest) == 0:
		return []string{"0", "*", "*", "*", "*"}, nil
	case first == "daily" && len(rest) == 0:
		return []string{"0", "0", "*", "*", "*"}, nil
	case first == "daily":
		return fieldsAt(first, rest, "*")
	case first == "weekly" && len(rest) == 0:
		return []string{"0", "0", "*", "*", "1"}, nil
	case isWeekday(first):
		return fieldsAt(first, rest, first[:3])
	case len(words) == 5:
		return words, nil
	case strings.IndexByte("0123456789*?", first[0]) >= 0:
		return nil, fmt.Errorf("want five cron fields (minute, hour, day of month, month, weekday), not %d", len(words))
	default:
		return nil, errScheduleForm
	}
}

// fieldsAt returns the fields for the words after day, which is cron's weekday.
func fieldsAt(day string, words []string, weekday string) ([]string, error) {
	const layout = "15:04"
	if len(words) == 2 && words[0] == "at" {
		// Formatted again, since Parse alone takes 3:00 as well.
		if t, err := time.Parse(layout, words[1]); err == nil && t.Format(layout) == words[1] {
			return []string{t.Format("4"), words[1][:2], "*", "*", weekday}, nil
		}
	}
	return nil, fmt.Errorf(`want "%s at HH:MM" with a time from 00:00 to 23:59`, day)
}

func isWeekday(word string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if word == strings.ToLower(d.String()) {
			return true
		}
	}
	return false
}

func namedFields(words []string) ([]string, error) {
	if len(words) == 1 {
		switch words[0] {
		case "@hourly":
			return []string{"0", "*", "*", "*", "*"}, nil
		case "@daily", "@midnight":
			return []string{"0", "0", "*", "*", "*"}, nil
		case "@weekly": // crontab(5) says Sunday, other than our weekly
			return []string{"0", "0", "*", "*", "0"}, nil
		case "@monthly":
			return []string{"0", "0", "1", "*", "*"}, nil
		case "@yearly", "@annually":
			return []string{"0", "0", "1", "1", "*"}, nil
		case "@reboot":
			return nil, errors.New("want a time: rotation at the start is set by Options.RotateAtOpen")
		}
	}
	if words[0] == "@every" {
		return nil, errors.New(`want "every 15m", without the @`)
	}
	return nil, errors.New("want @hourly, @daily, @midnight, @weekly, @monthly or @yearly, and nothing else")
}

// parseCron reads the five fields of a line in a crontab.
func parseCron(fields []string) (cron.Schedule, error) {
	// The package's words for errors do not say which field is wrong, so each
	// one is tried alone.
	for i, field := range [...]struct{ name, want string }{
		{"minute", "0-59"},
		{"hour", "0-23"},
		{"day of month", "1-31"},
		{"month", "1-12 or jan-dec"},
		{"weekday", "0-6 or sun-sat, 0 for sunday"},
	} {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = fields[i]
		if _, err := cronOf(alone); err != nil || !wellFormed(fields[i]) {
			return nil, fmt.Errorf("%s is %.40q: want %s, as in 1 or 1-3 or 1,3 or */2 or *", field.name, fields[i], field.want)
		}
	}
	s, err := cronOf(fields)
	if err != nil {
		return nil, err // no way to get here: each field is fine
	}
	// All dates that there are come in any five years with a leap day.
	if s.Next(time.Date(1999, time.December, 31, 23, 59, 59, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("it never comes: want a day of month that month %.40q has, not %.40q", fields[3], fields[2])
	}
	return s, nil
}

// cronOf parses five fields. The zone is that of the naive times that the
// schedule will be asked with; without one it would depend on the variable
// time.Local.
func cronOf(fields []string) (cron.Schedule, error) {
	return cron.ParseStandard("TZ=UTC " + strings.Join(fields, " "))
}

// wellFormed refuses what the parser of the package lets pass unread: lists
// with nothing between commas, ranges that begin with a star, and signs.
func wellFormed(field string) bool {
	for entry := range strings.SplitSeq(field, ",") {
		base, _, _ := strings.Cut(entry, "/")
		star := strings.HasPrefix(base, "*") || strings.HasPrefix(base, "?")
		if base == "" || star && len(base) > 1 || strings.Contains(entry, "+") {
			return false
		}
	}
	return true
}

// next returns the first boundary that is later than after, in the zone of the
// schedule. There always is one. In the years 1 to 9999 it is the right one, for
// half a billion years around them it is at least later.
func (s schedule) next(after time.Time) time.Time {
	if s.cron == nil && s.every <= time.Hour {
		return s.nextOnGrid(after)
	}
	return s.firstShown(s.nextWall(s.lastShown(after)))
}

// A wall time is what a clock on the wall shows, read as if it were UTC. That
// makes wall times comparable, and there are none that do not exist or are
// ambiguous.

// nextWall returns the first wall time of the schedule that is later than wall.
func (s schedule) nextWall(wall time.Time) time.Time {
	if s.cron == nil {
		return wall.Truncate(s.every).Add(s.every)
	}
	next := s.cron.Next(wall)
	// It looks no further than the fifth year from wall's, but there can be
	// eight years between two leap days. More than that there never is.
	if next.IsZero() {
		next = s.cron.Next(time.Date(wall.Year()+5, time.December, 31, 23, 59, 59, 0, time.UTC))
	}
	return next
}

// nextOnGrid returns the first instant later than after at which the wall
// clock shows a multiple of s.every, no matter whether it did so before.
func (s schedule) nextOnGrid(after time.Time) time.Time {
	for {
		// The answer is after + 1 ns or later, and so is the zone to reckon with.
		offset, _, end := zoneAt(after.Add(1), s.loc)
		next := s.nextWall(after.UTC().Add(offset)).Add(-offset)
		if end.IsZero() || next.Before(end) {
			return next.In(s.loc)
		}
		after = end.Add(-1)
	}
}

// zoneReach is longer than it can take until two clocks of the world, in any
// of its zones and years, have shown the same time.
const zoneReach = 72 * time.Hour

// lastShown returns the latest wall time that the clock has shown up to t. It
// is later than what the clock shows at t while an hour is being repeated.
func (s schedule) lastShown(t time.Time) time.Time {
	offset, start, _ := zoneAt(t, s.loc)
	last := t.UTC().Add(offset)
	for !start.IsZero() && t.Sub(start) < zoneReach {
		before := start.Add(-1)
		offset, start, _ = zoneAt(before, s.loc)
		if shown := before.UTC().Add(offset); shown.After(last) {
			last = shown
		}
	}
	return last
}

// firstShown returns the first instant at which the clock shows wall or later.
func (s schedule) firstShown(wall time.Time) time.Time {
	for t := wall.Add(-zoneReach); ; {
		offset, start, end := zoneAt(t, s.loc)
		at := wall.Add(-offset)
		switch {
		case !start.IsZero() && at.Before(start): // skipped
			return start.In(s.loc)
		case end.IsZero() || at.Before(end):
			return at.In(s.loc)
		}
		t = end
	}
}

// zoneAt returns the offset from UTC that holds in loc at t, and since and until
// when at least it does; a zero time means for ever.
func zoneAt(t time.Time, loc *time.Location) (offset time.Duration, start, end time.Time) {
	t = t.In(loc)
	_, seconds := t.Zone()
	start, end = t.ZoneBounds()
	// To ZoneBounds every year to come has 365 days: on 31 December of a leap
	// year, in UTC, it returns an end that has passed (golang/go#81583). No
	// zone's rule for years to come changes its clock on that day.
	if !end.IsZero() && !end.After(t) {
		end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return time.Duration(seconds) * time.Second, start, end
}
