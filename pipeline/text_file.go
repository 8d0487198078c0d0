package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

// Rotation says when a file is rotated: at a size, at a time, or at whichever
// comes first. As text it is a [Size] with a unit, a schedule as
// rotate.Options.Schedule has it, or both with a comma between:
//
//	100 MB
//	daily
//	daily at 03:00
//	0 3 * * 1-5
//	100 MB, daily
//	never
//
// The zero Rotation means at 100 MiB; its text is empty.
type Rotation struct {
	// MaxSize is that of rotate.Options, except that zero means no limit where
	// there is a Schedule. Negative means no limit.
	MaxSize Size

	// Schedule is that of rotate.Options. Empty means at no time.
	Schedule string
}

const never = "never"

// String returns the text of r.
func (r Rotation) String() string {
	switch {
	case r.MaxSize > 0 && r.Schedule != "":
		return r.MaxSize.String() + ", " + r.Schedule
	case r.MaxSize > 0:
		return r.MaxSize.String()
	case r.Schedule != "":
		return r.Schedule
	case r.MaxSize < 0:
		return never
	}
	return ""
}

// MarshalText returns what String does.
func (r Rotation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText sets r to what the text says. It fails if there is no such
// schedule.
func (r *Rotation) UnmarshalText(text []byte) error {
	s := string(text)
	if parsed, ok := parseRotation(s); ok {
		*r = parsed
		return nil
	}
	wrong := &textError{
		kind: "rotation", text: s,
		want: `a size with a unit, as in 100 MB, a time, as in hourly, daily, "daily at 03:00", weekly, "monday at 04:00", ` +
			`"every 15m" or the fields of cron, "100 MB, daily" for both, or never`,
	}
	near := nearRotation(s)
	if _, ok := parseRotation(near); ok {
		wrong.near = near
	}
	return wrong
}

func parseRotation(s string) (Rotation, bool) {
	switch {
	case s == "":
		return Rotation{}, true
	case strings.EqualFold(s, never):
		return Rotation{MaxSize: -1}, true
	}
	if r, ok := rotationOf(s); ok {
		return r, true
	}
	// The fields of cron may have commas too.
	first, last := strings.Index(s, ","), strings.LastIndex(s, ",")
	if first < 0 {
		return Rotation{}, false
	}
	if r, ok := bothOf(s[:first], s[first+1:]); ok {
		return r, true
	}
	return bothOf(s[last+1:], s[:last])
}

// UnmarshalJSON fails for a number, whose unit nobody knows, and says so.
func (r *Rotation) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, r) }

// rotationOf returns what one size, or one schedule, says.
func rotationOf(s string) (Rotation, bool) {
	if size, wrong := sizes.parse(s); wrong == nil && size > 0 {
		_, err := strconv.ParseFloat(s, 64)
		return Rotation{MaxSize: Size(size)}, err != nil // with a unit
	}
	return Rotation{Schedule: s}, isSchedule(s)
}

func bothOf(size, schedule string) (Rotation, bool) {
	a, ok := rotationOf(strings.TrimSpace(size))
	b, also := rotationOf(strings.TrimSpace(schedule))
	return Rotation{MaxSize: a.MaxSize, Schedule: b.Schedule}, ok && also && a.MaxSize > 0 && b.Schedule != ""
}

func isSchedule(s string) bool {
	at, err := (&rotate.Options{Schedule: s}).Next(time.Unix(0, 0))
	return err == nil && !at.IsZero()
}

// nearRotation returns the rotation that was probably meant by s.
func nearRotation(s string) string {
	if _, ok := rotationOf(s); ok || len(s) > 100 {
		return ""
	}
	before, after, found := strings.Cut(s, ",")
	if found {
		if near := nearRotation(strings.TrimSpace(after)); near != "" {
			return before + ", " + near
		}
		if near := nearRotation(strings.TrimSpace(before)); near != "" {
			return near + "," + after
		}
		return ""
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		if n < 1e5 { // as lumberjack's MaxSize
			return fmt.Sprintf("%d MB", n)
		}
		return Size(n).String()
	}
	if every, wrong := durations.parse(s); wrong == nil && every != 0 {
		return nearSchedule(time.Duration(every))
	}
	if _, wrong := sizes.parse(s); wrong != nil {
		if near := nearSize(wrong).near; near != "" {
			return near
		}
	}
	if at := "daily at " + strings.TrimPrefix(strings.ToLower(s), "at "); isSchedule(at) {
		return at
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	names := []string{
		"hourly", "daily", "weekly", "@monthly", "@yearly", never, "daily at 00:00", "every",
		"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
	}
	near := nearest(words[0], names)
	if strings.EqualFold(words[0], "midnight") {
		near = "daily"
	}
	if words[0] = near; near == "" {
		return ""
	}
	if len(words) == 1 && strings.HasSuffix(near, "day") {
		words = append(words, "at", "00:00")
	}
	return strings.Join(words, " ")
}

// nearSchedule returns the schedule for what others call a rotation of "1 day".
func nearSchedule(every time.Duration) string {
	names := map[time.Duration]string{time.Hour: "hourly", day: "daily", 7 * day: "weekly"}
	if name := names[every]; name != "" {
		return name
	}
	// The schedule reads durations as Go writes them.
	if s := "every " + strings.TrimSuffix(strings.TrimSuffix(every.String(), "0s"), "0m"); isSchedule(s) {
		return s
	}
	return ""
}

// Retention says which backups of a file are kept: none that are too old, too
// many, or too large together. As text it has one limit or several, with commas
// between:
//
//	30 days
//	10 files
//	5 GB
//	30 days, 10 files, 5 GB
//
// A number alone is one of files. The zero Retention keeps all; its text is empty.
// Its fields are those of rotate.Options, where the file that is written to does
// not count as a backup.
type Retention struct {
	MaxAge       time.Duration
	MaxBackups   int
	MaxTotalSize Size
}

// String returns the text of r.
func (r Retention) String() string {
	var parts []string
	if r.MaxAge != 0 {
		parts = append(parts, Duration(r.MaxAge).String())
	}
	switch r.MaxBackups {
	case 0:
	case 1:
		parts = append(parts, "1 file")
	default:
		parts = append(parts, fmt.Sprintf("%d files", r.MaxBackups))
	}
	if r.MaxTotalSize != 0 {
		parts = append(parts, r.MaxTotalSize.String())
	}
	return strings.Join(parts, ", ")
}

// MarshalText returns what String does. It fails if a limit is negative.
func (r Retention) MarshalText() ([]byte, error) {
	if r.MaxAge < 0 || r.MaxBackups < 0 || r.MaxTotalSize < 0 {
		return nil, fmt.Errorf("pipeline: retention %q: want limits of 0 or more", r)
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets r to what the text says.
func (r *Retention) UnmarshalText(text []byte) error {
	s := string(text)
	parsed, bad := parseRetention(s)
	if bad == "" {
		*r = parsed
		return nil
	}
	wrong := &textError{
		kind: "retention", text: s,
		want: `an age, as in 30 days, a number of files, as in 10 or "10 files", a size, as in 5 GB, or several of these with commas between`,
	}
	if near := nearLimit(bad); near != "" {
		near = strings.Join(strings.Fields(strings.Replace(s, bad, near, 1)), " ")
		if _, bad := parseRetention(near); bad == "" {
			wrong.near = near
		}
	}
	return wrong
}

// parseRetention returns what s says, or the first limit in it that is wrong.
func parseRetention(s string) (r Retention, bad string) {
	if s == "" {
		return r, ""
	}
	for limit := range strings.SplitSeq(s, ",") {
		limit = strings.TrimSpace(limit)
		if !r.add(limit) {
			return r, cmp.Or(limit, s)
		}
	}
	return r, ""
}

// UnmarshalJSON takes a number of files too.
func (r *Retention) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, r) }

// files are what a number of backups is called.
//
//nolint:gochecknoglobals // never written
var files = measure{bare: 1, units: []unit{{"files", 1}, {"file", 1}, {"backups", 1}, {"backup", 1}}}

// add adds one limit, unless there is one of its kind.
func (r *Retention) add(limit string) bool {
	if n, wrong := files.parse(limit); wrong == nil {
		ok := n > 0 && n <= 1<<31-1 && r.MaxBackups == 0
		r.MaxBackups = int(n)
		return ok
	}
	if age, wrong := durations.parse(limit); wrong == nil {
		ok := age > 0 && r.MaxAge == 0
		r.MaxAge = time.Duration(age)
		return ok
	}
	size, wrong := sizes.parse(limit)
	ok := wrong == nil && size > 0 && r.MaxTotalSize == 0
	r.MaxTotalSize = Size(size)
	return ok
}

// nearLimit returns the limit that was probably meant, by its unit.
func nearLimit(limit string) string {
	all := measure{units: slices.Concat(sizes.units, durations.units, files.units)}
	_, wrong := all.parse(limit)
	if wrong == nil { // right, but one too many of its kind
		return ""
	}
	if _, err := sizes.parse(limit); err != nil {
		if near := nearSize(err).near; near != "" && strings.HasSuffix(near, "iB") {
			wrong.near = near
		}
	}
	return nearDuration(wrong).near
}
