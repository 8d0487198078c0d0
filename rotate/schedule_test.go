package rotate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"

	"github.com/sluicelog/sluice/internal/testlog"
)

// instant is how the tests write down a time in a zone.
const instant = "2006-01-02 15:04:05 -0700"

func mustLoad(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustSchedule(t testing.TB, spec string, loc *time.Location) schedule {
	t.Helper()
	s, err := parseSchedule(spec, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustTime(t testing.TB, value string) time.Time {
	t.Helper()
	at, err := time.Parse(instant, value)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// boundaries returns the first n boundaries after an instant.
func boundaries(s schedule, after time.Time, n int) []string {
	list := make([]string, n)
	for i := range list {
		after = s.next(after)
		list[i] = after.Format(instant)
	}
	return list
}

func TestScheduleForms(t *testing.T) {
	t.Parallel()
	const from = "2026-11-18 10:20:30 +0000" // a Wednesday
	for spec, want := range map[string]string{
		"hourly":             "2026-11-18 11:00:00 +0000",
		"daily":              "2026-11-19 00:00:00 +0000",
		"daily at 00:00":     "2026-11-19 00:00:00 +0000",
		"daily at 03:00":     "2026-11-19 03:00:00 +0000",
		"daily at 10:20":     "2026-11-19 10:20:00 +0000",
		"daily at 10:21":     "2026-11-18 10:21:00 +0000",
		"daily at 23:59":     "2026-11-18 23:59:00 +0000",
		"weekly":             "2026-11-23 00:00:00 +0000",
		"monday at 00:00":    "2026-11-23 00:00:00 +0000",
		"tuesday at 04:00":   "2026-11-24 04:00:00 +0000",
		"wednesday at 10:20": "2026-11-25 10:20:00 +0000",
		"wednesday at 10:30": "2026-11-18 10:30:00 +0000",
		"thursday at 05:06":  "2026-11-19 05:06:00 +0000",
		"friday at 08:09":    "2026-11-20 08:09:00 +0000",
		"saturday at 12:00":  "2026-11-21 12:00:00 +0000",
		"sunday at 23:59":    "2026-11-22 23:59:00 +0000",
		"every 1m":           "2026-11-18 10:21:00 +0000",
		"every 90s":          "2026-11-18 10:21:00 +0000",
		"every 15m":          "2026-11-18 10:30:00 +0000",
		"every 1h":           "2026-11-18 11:00:00 +0000",
		"every 90m":          "2026-11-18 10:30:00 +0000",
		"every 1h30m":        "2026-11-18 10:30:00 +0000",
		"every 6h":           "2026-11-18 12:00:00 +0000",
		"every 24h":          "2026-11-19 00:00:00 +0000",
		"every 168h":         "2026-11-23 00:00:00 +0000",
		"every 8784h":        "2027-03-13 00:00:00 +0000", // a whole number of 366 days since the year 1
		"0 3 * * 1-5":        "2026-11-19 03:00:00 +0000",
		"*/20 * * * *":       "2026-11-18 10:40:00 +0000",
		"5 4 1,15 * ?":       "2026-12-01 04:05:00 +0000",
		"0 0 1 jan-mar *":    "2027-01-01 00:00:00 +0000",
		"0 0 * * sat":        "2026-11-21 00:00:00 +0000",
		"0 0 20 * sat":       "2026-11-20 00:00:00 +0000", // either day
		"0 0 29 2 *":         "2028-02-29 00:00:00 +0000",
		"@hourly":            "2026-11-18 11:00:00 +0000",
		"@daily":             "2026-11-19 00:00:00 +0000",
		"@midnight":          "2026-11-19 00:00:00 +0000",
		"@weekly":            "2026-11-22 00:00:00 +0000", // Sunday
		"@monthly":           "2026-12-01 00:00:00 +0000",
		"@yearly":            "2027-01-01 00:00:00 +0000",
		"@annually":          "2027-01-01 00:00:00 +0000",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			got := mustSchedule(t, spec, time.UTC).next(mustTime(t, from)).Format(instant)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("next mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScheduleFoldsCaseAndSpaces(t *testing.T) {
	t.Parallel()
	from := mustTime(t, "2026-11-18 10:20:30 +0000")
	for spec, same := range map[string]string{
		" Daily\tAT   03:00\n": "daily at 03:00",
		"WEEKLY":               "weekly",
		"Every 15M":            "every 15m",
		"0  3 * *  MON-Fri ":   "0 3 * * mon-fri",
		" @Daily":              "@daily",
	} {
		got := mustSchedule(t, spec, time.UTC).next(from)
		if want := mustSchedule(t, same, time.UTC).next(from); !got.Equal(want) {
			t.Errorf("schedule %q: next is %v, but %v for %q", spec, got, want, same)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	t.Parallel()
	const (
		form = `want "hourly", "daily", "daily at 03:00", "weekly", "monday at 04:00" (or another weekday), ` +
			`"every 15m" or five cron fields such as "0 3 * * 1-5"`
		every  = `want "every" and one duration in h, m and s from 1m to 8784h, such as "every 1h30m"`
		daily  = `want "daily at HH:MM" with a time from 00:00 to 23:59`
		monday = `want "monday at HH:MM" with a time from 00:00 to 23:59`
		named  = `want @hourly, @daily, @midnight, @weekly, @monthly or @yearly, and nothing else`
		zone   = `want no zone here: it is set by Options.Location`
	)
	count := func(n int) string {
		return fmt.Sprintf("want five cron fields (minute, hour, day of month, month, weekday), not %d", n)
	}
	field := func(name, value, want string) string {
		return fmt.Sprintf("%s is %q: want %s, as in 1 or 1-3 or 1,3 or */2 or *", name, value, want)
	}
	minute := func(value string) string { return field("minute", value, "0-59") }
	const weekdays = "0-6 or sun-sat, 0 for sunday"
	for spec, want := range map[string]string{
		"":                    form,
		" \t":                 form,
		"dayly":               form,
		"hourly at 03:00":     form,
		"weekly at 03:00":     form,
		"weekly on monday":    form,
		"mon at 04:00":        form,
		"03:00":               count(1),
		"3600":                count(1),
		"15m":                 count(1),
		"daily 03:00":         daily,
		"daily at":            daily,
		"daily at 3:00":       daily,
		"daily at 24:00":      daily,
		"daily at 23:60":      daily,
		"daily at 03:00:00":   daily,
		"daily at 03:00 utc":  daily,
		"daily at -1:00":      daily,
		"monday":              monday,
		"monday at 4am":       monday,
		"every":               every,
		"every day":           every,
		"every 7d":            every,
		"every 15":            every,
		"every 0s":            every,
		"every -1h":           every,
		"every 59s":           every,
		"every 8784h1ns":      every,
		"every 1h 30m":        every,
		"every 9999999999h":   every,
		"0 3 * *":             count(4),
		"0 0 3 * * *":         count(6),
		"* * * * * *":         count(6),
		"60 * * * *":          minute("60"),
		"-1 * * * *":          minute("-1"),
		"+1 * * * *":          minute("+1"),
		"x * * * *":           minute("x"),
		"1- * * * *":          minute("1-"),
		"5-1 * * * *":         minute("5-1"),
		"1-2-3 * * * *":       minute("1-2-3"),
		"*/0 * * * *":         minute("*/0"),
		"*/+2 * * * *":        minute("*/+2"),
		"*/2/2 * * * *":       minute("*/2/2"),
		"*/ * * * *":          minute("*/"),
		"/2 * * * *":          minute("/2"),
		"*-99 * * * *":        minute("*-99"),
		"?nonsense * * * *":   minute("?nonsense"),
		", * * * *":           minute(","),
		"1,,2 * * * *":        minute("1,,2"),
		"0 24 * * *":          field("hour", "24", "0-23"),
		"0 0 0 * *":           field("day of month", "0", "1-31"),
		"0 0 32 * *":          field("day of month", "32", "1-31"),
		"0 0 l * *":           field("day of month", "l", "1-31"),
		"0 0 1 13 *":          field("month", "13", "1-12 or jan-dec"),
		"0 0 1 january *":     field("month", "january", "1-12 or jan-dec"),
		"0 0 * * 7":           field("weekday", "7", weekdays),
		"0 0 * * fri-mon":     field("weekday", "fri-mon", weekdays),
		"0 0 * * 1#2":         field("weekday", "1#2", weekdays),
		"0 0 31 2 *":          `it never comes: want a day of month that month "2" has, not "31"`,
		"0 0 31 4,6,9,11 *":   `it never comes: want a day of month that month "4,6,9,11" has, not "31"`,
		"0 0 30-31 feb ?":     `it never comes: want a day of month that month "feb" has, not "30-31"`,
		"TZ=UTC 0 3 * * *":    zone,
		"CRON_TZ=UTC @daily":  zone,
		"TZ=":                 zone,
		"cron_tz=":            zone,
		"@every 1h":           `want "every 15m", without the @`,
		"@reboot":             "want a time: rotation at the start is set by Options.RotateAtOpen",
		"@fortnightly":        named,
		"@":                   named,
		"@daily at 03:00":     named,
		"0 0 * * \xff":        field("weekday", "\ufffd", weekdays),
		"daily\x00 at 03:00":  form,
		"0 3 * * 1 # nightly": count(7),
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			s, err := parseSchedule(spec, time.UTC)
			if err == nil {
				t.Fatalf("no error, next is %v", s.next(time.Now()))
			}
			if diff := cmp.Diff(fmt.Sprintf("the Schedule is %q: %s", spec, want), err.Error()); diff != "" {
				t.Errorf("error mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// What a configuration holds by mistake does not fill the screen.
func TestScheduleErrorIsShort(t *testing.T) {
	t.Parallel()
	for _, long := range []string{strings.Repeat("x", 1<<16), strings.Repeat("9", 1<<16) + " * * * *"} {
		if _, err := parseSchedule(long, nil); err == nil || len(err.Error()) > 500 {
			t.Errorf("error for %.9s…: %.1000v", long, err)
		}
	}
}

func TestScheduleAcrossChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone, spec, from string
		want                   []string
	}{
		{
			"a skipped time comes after the gap", "Europe/Berlin", "daily at 02:30", "2026-03-28 02:30:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200"},
		},
		{
			"the end of a gap is not skipped", "Europe/Berlin", "daily at 03:00", "2026-03-28 03:00:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-30 03:00:00 +0200"},
		},
		{
			"the begin of a gap is", "Europe/Berlin", "daily at 02:00", "2026-03-28 02:00:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-30 02:00:00 +0200"},
		},
		{
			"several skipped times come once", "Europe/Berlin", "*/10 1-3 * * *", "2026-03-29 01:39:00 +0100",
			[]string{
				"2026-03-29 01:40:00 +0100", "2026-03-29 01:50:00 +0100",
				"2026-03-29 03:00:00 +0200", "2026-03-29 03:10:00 +0200",
			},
		},
		{
			"the hours of a gap", "Europe/Berlin", "hourly", "2026-03-29 00:30:00 +0100",
			[]string{"2026-03-29 01:00:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"},
		},
		{
			"a repeated time comes the first time", "Europe/Berlin", "daily at 02:30", "2026-10-24 12:00:00 +0200",
			[]string{"2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"},
		},
		{
			"and not from between the two", "Europe/Berlin", "daily at 02:30", "2026-10-25 02:10:00 +0100",
			[]string{"2026-10-26 02:30:00 +0100"},
		},
		{
			"the end of a repetition comes after it", "Europe/Berlin", "daily at 03:00", "2026-10-24 12:00:00 +0200",
			[]string{"2026-10-25 03:00:00 +0100", "2026-10-26 03:00:00 +0100"},
		},
		{
			"hours by the wall clock", "Europe/Berlin", "hourly", "2026-10-25 00:30:00 +0200",
			[]string{"2026-10-25 01:00:00 +0200", "2026-10-25 02:00:00 +0200", "2026-10-25 03:00:00 +0100"},
		},
		{
			"hours that go on", "Europe/Berlin", "every 1h", "2026-10-25 00:30:00 +0200",
			[]string{
				"2026-10-25 01:00:00 +0200", "2026-10-25 02:00:00 +0200",
				"2026-10-25 02:00:00 +0100", "2026-10-25 03:00:00 +0100",
			},
		},
		{
			"half hours in a gap", "Europe/Berlin", "every 30m", "2026-03-29 01:10:00 +0100",
			[]string{"2026-03-29 01:30:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 03:30:00 +0200"},
		},
		{
			"25 minutes in a repeated hour", "Europe/Berlin", "every 25m", "2026-10-25 02:20:00 +0200",
			[]string{
				"2026-10-25 02:35:00 +0200", "2026-10-25 02:10:00 +0100", "2026-10-25 02:35:00 +0100",
				"2026-10-25 03:00:00 +0100", "2026-10-25 03:25:00 +0100",
			},
		},
		{
			"two hours by the wall clock", "Europe/Berlin", "every 2h", "2026-10-25 00:30:00 +0200",
			[]string{"2026-10-25 02:00:00 +0200", "2026-10-25 04:00:00 +0100"},
		},
		{
			"two hours in a gap", "Europe/Berlin", "every 2h", "2026-03-29 00:30:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"},
		},
		{
			"weeks have 167 or 169 hours", "Europe/Berlin", "every 168h", "2026-03-22 12:00:00 +0100",
			[]string{"2026-03-23 00:00:00 +0100", "2026-03-30 00:00:00 +0200"},
		},
		{
			"spring", "America/New_York", "sunday at 02:30", "2026-03-07 00:00:00 -0500",
			[]string{"2026-03-08 03:00:00 -0400", "2026-03-15 02:30:00 -0400"},
		},
		{
			"autumn", "America/New_York", "sunday at 01:30", "2026-10-31 00:00:00 -0400",
			[]string{"2026-11-01 01:30:00 -0400", "2026-11-08 01:30:00 -0500"},
		},
		{
			"daily through both", "America/New_York", "daily", "2026-03-07 12:00:00 -0500",
			[]string{"2026-03-08 00:00:00 -0500", "2026-03-09 00:00:00 -0400"},
		},
		{
			"spring in October", "Australia/Sydney", "daily at 02:15", "2026-10-03 12:00:00 +1000",
			[]string{"2026-10-04 03:00:00 +1100", "2026-10-05 02:15:00 +1100"},
		},
		{
			"autumn in April", "Australia/Sydney", "daily at 02:15", "2026-04-04 12:00:00 +1100",
			[]string{"2026-04-05 02:15:00 +1100", "2026-04-06 02:15:00 +1000"},
		},
		{
			"a gap of half an hour", "Australia/Lord_Howe", "daily at 02:15", "2026-10-03 12:00:00 +1030",
			[]string{"2026-10-04 02:30:00 +1100", "2026-10-05 02:15:00 +1100"},
		},
		{
			"hours and a gap of half an hour", "Australia/Lord_Howe", "every 1h", "2026-10-04 00:30:00 +1030",
			[]string{"2026-10-04 01:00:00 +1030", "2026-10-04 03:00:00 +1100"},
		},
		{
			"wall hours and a gap of half an hour", "Australia/Lord_Howe", "hourly", "2026-10-04 00:30:00 +1030",
			[]string{"2026-10-04 01:00:00 +1030", "2026-10-04 02:30:00 +1100", "2026-10-04 03:00:00 +1100"},
		},
		{
			"a repeated half hour", "Australia/Lord_Howe", "every 15m", "2026-04-05 01:40:00 +1100",
			[]string{
				"2026-04-05 01:45:00 +1100", "2026-04-05 01:30:00 +1030",
				"2026-04-05 01:45:00 +1030", "2026-04-05 02:00:00 +1030",
			},
		},
		{
			"a repeated half hour, once", "Australia/Lord_Howe", "*/15 * * * *", "2026-04-05 01:40:00 +1100",
			[]string{"2026-04-05 01:45:00 +1100", "2026-04-05 02:00:00 +1030"},
		},
		{
			"a day that starts at 01:00", "America/Sao_Paulo", "daily", "2018-11-03 12:00:00 -0300",
			[]string{"2018-11-04 01:00:00 -0200", "2018-11-05 00:00:00 -0200"},
		},
		{
			"a month that starts at 01:00", "Asia/Amman", "@monthly", "2022-03-15 12:00:00 +0200",
			[]string{"2022-04-01 00:00:00 +0300", "2022-05-01 00:00:00 +0300"},
		},
		{
			"a day that ends twice", "America/Sao_Paulo", "daily", "2018-02-17 12:00:00 -0200",
			[]string{"2018-02-18 00:00:00 -0300", "2018-02-19 00:00:00 -0300"},
		},
		{
			"another day that starts at 01:00", "Asia/Beirut", "every 24h", "2026-03-28 12:00:00 +0200",
			[]string{"2026-03-29 01:00:00 +0300", "2026-03-30 00:00:00 +0300"},
		},
		{
			"a day that starts twice", "America/Havana", "daily", "2026-10-31 12:00:00 -0400",
			[]string{"2026-11-01 00:00:00 -0400", "2026-11-02 00:00:00 -0500"},
		},
		{
			"a gap up to midnight", "America/Nuuk", "daily at 23:30", "2026-03-27 23:30:00 -0200",
			[]string{"2026-03-29 00:00:00 -0100", "2026-03-29 23:30:00 -0100"},
		},
		{
			"a day that never was", "Pacific/Apia", "daily", "2011-12-28 12:00:00 -1000",
			[]string{"2011-12-29 00:00:00 -1000", "2011-12-31 00:00:00 +1400", "2012-01-01 00:00:00 +1400"},
		},
		{
			"a time on a day that never was", "Pacific/Apia", "friday at 03:00", "2011-12-28 12:00:00 -1000",
			[]string{"2011-12-31 00:00:00 +1400", "2012-01-06 03:00:00 +1400"},
		},
		{
			"hours over a day that never was", "Pacific/Apia", "every 1h", "2011-12-29 22:30:00 -1000",
			[]string{"2011-12-29 23:00:00 -1000", "2011-12-31 00:00:00 +1400", "2011-12-31 01:00:00 +1400"},
		},
		{
			"a day lived twice", "Pacific/Kwajalein", "daily", "1969-09-29 12:00:00 +1100",
			[]string{"1969-09-30 00:00:00 +1100", "1969-10-01 00:00:00 -1200", "1969-10-02 00:00:00 -1200"},
		},
		{
			"a zone of half an hour", "Asia/Kolkata", "every 1h", "2026-01-01 10:10:00 +0530",
			[]string{"2026-01-01 11:00:00 +0530", "2026-01-01 12:00:00 +0530"},
		},
		{
			"a zone of three quarters", "Asia/Kathmandu", "daily", "2026-01-01 10:10:00 +0545",
			[]string{"2026-01-02 00:00:00 +0545", "2026-01-03 00:00:00 +0545"},
		},
		{
			"three quarters and summer time", "Pacific/Chatham", "daily at 03:00", "2026-09-26 12:00:00 +1245",
			[]string{"2026-09-27 03:45:00 +1345", "2026-09-28 03:00:00 +1345"},
		},
		{
			"winter time as the exception", "Europe/Dublin", "daily at 01:30", "2026-03-28 12:00:00 +0000",
			[]string{"2026-03-29 02:00:00 +0100", "2026-03-30 01:30:00 +0100"},
		},
		{
			"the last day of a leap year", "Europe/Berlin", "daily at 12:00", "2028-12-30 12:30:00 +0100",
			[]string{"2028-12-31 12:00:00 +0100", "2029-01-01 12:00:00 +0100"},
		},
		{
			"hours of the last day of a leap year", "Europe/Berlin", "every 1h", "2028-12-31 11:30:00 +0100",
			[]string{"2028-12-31 12:00:00 +0100", "2028-12-31 13:00:00 +0100"},
		},
		{
			"a far year", "Europe/Berlin", "daily at 02:30", "2400-03-25 12:00:00 +0100",
			[]string{"2400-03-26 03:00:00 +0200", "2400-03-27 02:30:00 +0200"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := mustSchedule(t, test.spec, mustLoad(t, test.zone))
			got := boundaries(s, mustTime(t, test.from), len(test.want))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%q in %s, mismatch (-want +got):\n%s", test.spec, test.zone, diff)
			}
		})
	}
}

// The cron package alone, asked in the zone itself, leaves out what falls into
// a gap and repeats what falls into a repeated hour. That is why it is asked
// in wall times.
func TestScheduleIsNotCronAlone(t *testing.T) {
	t.Parallel()
	const fields = "30 2 * * *"
	berlin := mustLoad(t, "Europe/Berlin")
	alone, err := cron.ParseStandard("TZ=Europe/Berlin " + fields)
	if err != nil {
		t.Fatal(err)
	}
	ours := mustSchedule(t, fields, berlin)
	for _, test := range []struct {
		name, from, ours, alone string
	}{
		{"gap", "2026-03-28 12:00:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200"},
		{"repeated hour", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100", "2026-10-25 02:30:00 +0100"},
	} {
		from := mustTime(t, test.from).In(berlin)
		want := []string{test.ours, test.alone}
		got := []string{ours.next(from).Format(instant), alone.Next(from).Format(instant)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: ours and cron's mismatch (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestScheduleLeapDays(t *testing.T) {
	t.Parallel()
	got := boundaries(mustSchedule(t, "0 0 29 2 *", time.UTC), mustTime(t, "2095-01-01 00:00:00 +0000"), 3)
	want := []string{"2096-02-29 00:00:00 +0000", "2104-02-29 00:00:00 +0000", "2108-02-29 00:00:00 +0000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestScheduleLocation(t *testing.T) {
	t.Parallel()
	at := time.Now()
	got := mustSchedule(t, "daily at 03:00", nil).next(at)
	if want := mustSchedule(t, "daily at 03:00", time.Local).next(at); got != want {
		t.Errorf("without a location, next is %v, want %v", got, want)
	}
	if want := mustSchedule(t, "daily at 03:00", nil).next(at.Round(0)); got != want {
		t.Errorf("next depends on the monotonic clock: %v, want %v", got, want)
	}
	// Else a program that sets time.Local would move the fields.
	if spec, ok := mustSchedule(t, "0 3 * * *", nil).cron.(*cron.SpecSchedule); !ok || spec.Location != time.UTC {
		t.Errorf("the fields are bound to %v, want UTC", spec.Location)
	}
	// A fixed zone has no changes at all.
	fixed := time.FixedZone("ship", 5*3600+17)
	const want = "00:00:00 +05:00:17"
	if got := mustSchedule(t, "daily", fixed).next(at).Format("15:04:05 -07:00:00"); got != want {
		t.Errorf("in a fixed zone, next is at %s, want %s", got, want)
	}
}

// The time that a file was last written at can be anything.
func TestScheduleAtTheEndsOfTime(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		for _, rule := range scheduleRules {
			s := mustSchedule(t, rule.spec, mustLoad(t, zone))
			for _, after := range []time.Time{
				time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
				time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
				time.Unix(0, 0),
				time.Unix(0, 1<<63-1),
				time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
			} {
				if next := s.next(after); !next.After(after) || next.Sub(after) > 9*366*24*time.Hour {
					t.Errorf("%q in %s: next after %v is %v", rule.spec, zone, after, next)
				}
			}
			for _, seconds := range []int64{-1 << 54, 1 << 54} { // half a billion years
				if after := time.Unix(seconds, 0); !s.next(after).After(after) {
					t.Errorf("%q in %s: next after the second %d is not later", rule.spec, zone, seconds)
				}
			}
			for _, seconds := range []int64{math.MinInt64, -1 << 62, 1 << 62, math.MaxInt64} {
				s.next(time.Unix(seconds, 0)) // returns, if nothing else
			}
		}
	}
}

// scheduleRules are schedules beside an independent statement of what they
// mean: which minutes of a wall clock they name, and whether one counts again
// when the clock shows it again.
var scheduleRules = []struct {
	spec   string
	again  bool
	minute func(wall time.Time) bool
}{
	{"hourly", false, func(w time.Time) bool { return w.Minute() == 0 }},
	{"daily", false, func(w time.Time) bool { return w.Hour() == 0 && w.Minute() == 0 }},
	{"daily at 02:30", false, func(w time.Time) bool { return w.Hour() == 2 && w.Minute() == 30 }},
	{"daily at 23:59", false, func(w time.Time) bool { return w.Hour() == 23 && w.Minute() == 59 }},
	{"weekly", false, func(w time.Time) bool { return w.Weekday() == 1 && w.Hour() == 0 && w.Minute() == 0 }},
	{"sunday at 01:30", false, func(w time.Time) bool { return w.Weekday() == 0 && w.Hour() == 1 && w.Minute() == 30 }},
	{"*/20 0-3 * * *", false, func(w time.Time) bool { return w.Hour() <= 3 && w.Minute()%20 == 0 }},
	{"17 3 * * 1-5", false, func(w time.Time) bool {
		return w.Weekday()%6 != 0 && w.Hour() == 3 && w.Minute() == 17
	}},
	{"every 1m", true, func(time.Time) bool { return true }},
	{"every 15m", true, func(w time.Time) bool { return w.Minute()%15 == 0 }},
	{"every 1h", true, func(w time.Time) bool { return w.Minute() == 0 }},
	{"every 90m", false, func(w time.Time) bool { return (w.Hour()*60+w.Minute())%90 == 0 }},
	{"every 6h", false, func(w time.Time) bool { return w.Hour()%6 == 0 && w.Minute() == 0 }},
	{"every 168h", false, func(w time.Time) bool { return w.Weekday() == 1 && w.Hour() == 0 && w.Minute() == 0 }},
}

var scheduleZones = []string{
	"UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Istanbul", "Europe/Lisbon",
	"America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "America/Havana",
	"America/Nuuk", "America/Scoresbysund", "America/Caracas", "America/Santiago", "America/Asuncion",
	"Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "Africa/Juba", "Antarctica/Troll", "Antarctica/Casey",
	"Asia/Beirut", "Asia/Amman", "Asia/Gaza", "Asia/Tehran", "Asia/Kabul", "Asia/Kolkata", "Asia/Kathmandu",
	"Asia/Pyongyang", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe", "Australia/Eucla",
	"Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Kwajalein", "Pacific/Marquesas",
}

func mustLoadAll(t testing.TB) []*time.Location {
	t.Helper()
	locs := make([]*time.Location, len(scheduleZones))
	for i, name := range scheduleZones {
		locs[i] = mustLoad(t, name)
	}
	return locs
}

// nearChange returns a random instant near a change of the clock of loc, if it has
// one about that time, between 1950 and 2150.
func nearChange(r *rand.Rand, loc *time.Location) time.Time {
	const year = 366 * 24 * time.Hour
	at := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(200 * year)))).In(loc)
	if start, end := at.ZoneBounds(); !end.IsZero() && end.Sub(at) < year {
		at = end
	} else if !start.IsZero() && at.Sub(start) < year {
		at = start
	}
	return at.Add(time.Duration(r.Int64N(int64(8*time.Hour))) - 4*time.Hour)
}

// Walking through time in small steps and looking at the clock gives the same
// boundaries as next does.
func TestScheduleIsWhatTheClockShows(t *testing.T) {
	t.Parallel()
	const (
		step   = time.Minute    // no offset in use since 1950 is finer, but for Monrovia's until 1972
		lookup = 28 * time.Hour // the longest repetition of these zones is a day
		window = 20 * time.Hour
	)
	wallOf := func(at time.Time, loc *time.Location) time.Time {
		y, m, d := at.In(loc).Date()
		return time.Date(y, m, d, at.In(loc).Hour(), at.In(loc).Minute(), at.In(loc).Second(), 0, time.UTC)
	}
	locs := mustLoadAll(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		loc := locs[r.IntN(len(locs))]
		from := nearChange(r, loc).Truncate(time.Minute).Add(-window / 2)
		if loc.String() == "Africa/Monrovia" && from.Year() < 1973 {
			continue
		}
		rule := scheduleRules[r.IntN(len(scheduleRules))]
		var want []string
		previous := wallOf(from.Add(-lookup), loc)
		for at := from.Add(-lookup + step); !at.After(from.Add(window)); at = at.Add(step) {
			wall := wallOf(at, loc)
			due := false
			switch {
			case rule.again:
				due = wall.Second() == 0 && rule.minute(wall)
				previous = wall
			case wall.After(previous):
				for m := previous.Truncate(time.Minute).Add(time.Minute); !due && !m.After(wall); m = m.Add(time.Minute) {
					due = rule.minute(m)
				}
				previous = wall
			}
			if due && at.After(from) {
				want = append(want, at.In(loc).Format(instant))
			}
		}
		var got []string
		s := mustSchedule(t, rule.spec, loc)
		for at := s.next(from); !at.After(from.Add(window)); at = s.next(at) {
			got = append(got, at.Format(instant))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q in %v from %v mismatch (-want +got):\n%s", rule.spec, loc, from, diff)
		}
	}
}

func TestScheduleNextIsTheFirstLater(t *testing.T) {
	t.Parallel()
	locs := mustLoadAll(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 4_000 {
		loc := locs[r.IntN(len(locs))]
		rule := scheduleRules[r.IntN(len(scheduleRules))]
		s := mustSchedule(t, rule.spec, loc)
		after := nearChange(r, loc)
		next := s.next(after)
		fail := func(what string, got time.Time) {
			t.Helper()
			t.Fatalf("%q in %v: next after %v is %v, %s %v", rule.spec, loc, after, next, what, got)
		}
		if !next.After(after) {
			fail("which is not later than", after)
		}
		if again := s.next(after.UTC()); again != next {
			fail("and the second time", again)
		}
		// Nothing lies between the two: whoever asks from there hears the same.
		between := after.Add(time.Duration(r.Int64N(int64(next.Sub(after)))))
		if same := s.next(between); same != next {
			fail("but from "+between.Format(instant)+" it is", same)
		}
		if same := s.next(next.Add(-1)); same != next {
			fail("but from a nanosecond before it is", same)
		}
		if later := s.next(next); !later.After(next) {
			fail("which is not earlier than the one after,", later)
		}
	}
}

// A day has one boundary of a daily schedule, however long it is.
func TestScheduleDailyIsOnceADay(t *testing.T) {
	t.Parallel()
	never := map[string]time.Time{ // their dates changed sides
		"Pacific/Apia":       time.Date(2011, 12, 30, 0, 0, 0, 0, time.UTC),
		"Pacific/Kiritimati": time.Date(1994, 12, 31, 0, 0, 0, 0, time.UTC),
		"Pacific/Kwajalein":  time.Date(1993, 8, 21, 0, 0, 0, 0, time.UTC),
	}
	for _, loc := range mustLoadAll(t) {
		for _, hhmm := range []string{"00:00", "02:30"} {
			s := mustSchedule(t, "daily at "+hhmm, loc)
			// Around each change of the clock; other days are all alike.
			for change := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC); change.Year() < 2045; {
				y, m, d := change.In(loc).AddDate(0, 0, -3).Date()
				day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
				at := time.Date(y, m, d-1, 23, 59, 0, 0, loc)
				for range 6 {
					at = s.next(at)
					if day.Equal(never[loc.String()]) {
						// Its boundary is the begin of the day after.
						day = day.AddDate(0, 0, 1)
						if hhmm != "00:00" {
							at = s.next(at)
						}
					}
					if y, m, d := at.Date(); y != day.Year() || m != day.Month() || d != day.Day() {
						t.Fatalf("%v, daily at %s: boundary %v, want one on %s", loc, hhmm, at, day.Format(time.DateOnly))
					}
					day = day.AddDate(0, 0, 1)
				}
				if _, _, change = zoneAt(change, loc); change.IsZero() {
					break
				}
			}
		}
	}
}

// What schedules know about zones holds on each day, the last of a leap year
// included, where ZoneBounds errs.
func TestScheduleZone(t *testing.T) {
	t.Parallel()
	offsetAt := func(at time.Time, loc *time.Location) time.Duration {
		_, seconds := at.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	for _, loc := range mustLoadAll(t) {
		last := time.Date(2033, 2, 1, 0, 0, 0, 0, time.UTC)
		for at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(last); at = at.Add(11 * time.Hour) {
			offset, start, end := zoneAt(at, loc)
			switch {
			case !start.IsZero() && start.After(at), !end.IsZero() && !end.After(at):
				t.Fatalf("%v at %v: holds from %v to %v", loc, at, start, end)
			case offset != offsetAt(at, loc),
				!start.IsZero() && offset != offsetAt(start, loc),
				!end.IsZero() && offset != offsetAt(end.Add(-1), loc):
				t.Fatalf("%v at %v: not one offset from %v to %v", loc, at, start, end)
			}
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, rule := range scheduleRules {
		f.Add(rule.spec)
	}
	for _, spec := range []string{
		"TZ=", "CRON_TZ=X", "@every 1h", "*-1,?/2 , * * *", "0 0 29 2 *", "every 7h1ns", "\u0130 \xff",
	} {
		f.Add(spec)
	}
	berlin := mustLoad(f, "Europe/Berlin")
	starts := []time.Time{
		mustTime(f, "2026-03-29 01:59:59 +0100"), // before a gap
		mustTime(f, "2026-10-25 02:30:00 +0100"), // in a repeated hour
		mustTime(f, "2097-01-01 00:00:00 +0100"), // long before a leap day
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := parseSchedule(spec, berlin)
		if err != nil {
			message := err.Error()
			if !strings.HasPrefix(message, fmt.Sprintf("the Schedule is %.80q: ", spec)) || !strings.Contains(message, "want ") {
				t.Errorf("error does not name the schedule and what is wanted: %s", message)
			}
			if strings.ContainsFunc(message, func(r rune) bool { return r < ' ' }) {
				t.Errorf("error has control characters: %q", message)
			}
			if s != (schedule{}) {
				t.Errorf("%q: a schedule beside an error", spec)
			}
			return
		}
		wide := mustSchedule(t, "\t"+strings.Join(strings.Fields(spec), "  ")+" ", berlin)
		for _, start := range starts {
			next := s.next(start)
			if !next.After(start) || next.Sub(start) > 8*366*24*time.Hour {
				t.Errorf("%q: next after %v is %v", spec, start, next)
			}
			if same := s.next(next.Add(-1)); same != next {
				t.Errorf("%q: %v a nanosecond before %v", spec, same, next)
			}
			if same := wide.next(start); same != next {
				t.Errorf("%q: %v with other spaces, %v as it is", spec, same, next)
			}
		}
	})
}

func TestScheduleNextAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	berlin := mustLoad(t, "Europe/Berlin")
	at := mustTime(t, "2026-10-25 02:30:00 +0100")
	for _, rule := range scheduleRules {
		s := mustSchedule(t, rule.spec, berlin)
		if allocs := testing.AllocsPerRun(100, func() { s.next(at) }); allocs > 0 {
			t.Errorf("%q: next allocates %v times, want 0", rule.spec, allocs)
		}
	}
}

func BenchmarkScheduleNext(b *testing.B) {
	berlin := mustLoad(b, "Europe/Berlin")
	at := mustTime(b, "2026-10-25 02:30:00 +0100")
	for _, spec := range []string{"every 15m", "every 6h", "hourly", "daily at 03:00", "weekly", "@yearly", "0 0 29 2 *"} {
		s := mustSchedule(b, spec, berlin)
		b.Run(strings.ReplaceAll(spec, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.next(at)
			}
		})
	}
}
