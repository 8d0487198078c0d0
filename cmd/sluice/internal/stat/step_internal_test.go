package stat

import (
	"testing"
	"time"
)

// A bucket begins at or before each moment in it, ends behind it, and has no other beginning.
func FuzzStep(f *testing.F) {
	f.Add(int64(0), uint8(8), uint8(0))
	f.Add(int64(1_774_746_000), uint8(8), uint8(1))    // Berlin, clocks go forward
	f.Add(int64(1_541_300_400), uint8(8), uint8(2))    // São Paulo, where there was no midnight
	f.Add(int64(1_604_203_200), uint8(8), uint8(3))    // Havana, where there were two
	f.Add(int64(-62_135_596_800), uint8(11), uint8(4)) // the year 1
	f.Add(int64(253_402_300_799), uint8(10), uint8(5)) // the last second of 9999
	f.Add(int64(1_712_415_600), uint8(6), uint8(6))    // Lord Howe, by half an hour
	f.Fuzz(func(t *testing.T, at int64, s, zone uint8) {
		zones := []string{
			"UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Cairo",
		}
		name := zones[int(zone)%len(zones)]
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Skip(err)
		}
		const first, last = -62_135_596_800, 253_402_300_799
		at = first + modulo(at-first, last-first)
		by := step(s % uint8(stepCount))
		start := by.floor(loc, at)
		end := by.next(loc, start)
		if start > at || end <= at && name != "Australia/Lord_Howe" {
			t.Errorf("%s: %d is in the %s from %d to %d", name, at, by, start, end)
		}
		if end <= start {
			t.Errorf("%s: the %s from %d ends at %d", name, by, start, end)
		}
		if by == day || by == week {
			if again := by.floor(loc, start); again != start {
				t.Errorf("%s: the %s from %d begins at %d", name, by, start, again)
			}
			if before := by.floor(loc, start-1); before >= start {
				t.Errorf("%s: the %s before that from %d begins at %d", name, by, start, before)
			}
		}
		if by == day {
			y, m, d := time.Unix(at, 0).In(loc).Date()
			if y2, m2, d2 := time.Unix(start, 0).In(loc).Date(); y != y2 || m != m2 || d != d2 {
				t.Errorf("%s: the day of %v begins on %v", name, time.Unix(at, 0).In(loc), time.Unix(start, 0).In(loc))
			}
		}
	})
}
