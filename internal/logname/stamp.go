// Package logname reads what the names of log files say: which log a rotated file is of, and when it was
// rotated.
package logname

import (
	"strconv"
	"strings"
	"time"
)

const (
	// Layout is the form of the time in the names of this module's backups.
	Layout = "20060102T150405.000000Z0700"
	// LumberjackLayout is that of lumberjack and timberjack, in a zone that it does not say.
	LumberjackLayout = "2006-01-02T15-04-05.000"

	stampLen = len("20060102T150405.000000")
)

// Stamp reads what a backup's name has between app- and .log: a time, as this module, lumberjack or timberjack
// write it, and a number that is above zero only if the name without it was taken. A time
// that does not say its zone is taken for one in zone.
func Stamp(s string, zone *time.Location) (t time.Time, seq int, ok bool) {
	if t, seq, ok = ours(s); ok {
		return t, seq, true
	}
	if t, ok = lumberjack(s, zone); !ok {
		t, ok = Timberjack(s, zone)
	}
	return t, 0, ok
}

// ours reads what package rotate writes, and nothing else: parsing alone is more generous.
func ours(s string) (t time.Time, seq int, ok bool) {
	if len(s) <= stampLen {
		return t, 0, false
	}
	end := stampLen + len("Z")
	if s[stampLen] != 'Z' {
		end = min(stampLen+len("+0100"), len(s))
	}
	if t, ok = Time(Layout, s[:end]); !ok {
		return t, 0, false
	}
	if rest := s[end:]; rest != "" {
		seq, _ = strconv.Atoi(strings.TrimPrefix(rest, "-"))
		if seq < 1 || rest != "-"+strconv.Itoa(seq) {
			return t, 0, false
		}
	}
	return t, seq, true
}

func lumberjack(s string, zone *time.Location) (time.Time, bool) {
	t, ok := Time(LumberjackLayout, s)
	return in(t, zone), ok
}

// Timberjack reads lumberjack's time, followed by a reason for the rotation.
func Timberjack(s string, zone *time.Location) (time.Time, bool) {
	if len(s) <= len(LumberjackLayout)+1 || s[len(LumberjackLayout)] != '-' ||
		strings.Trim(s[len(LumberjackLayout)+1:], "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return time.Time{}, false
	}
	return lumberjack(s[:len(LumberjackLayout)], zone)
}

// Time reads a time that is written exactly as layout says.
func Time(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, err == nil && t.Format(layout) == s
}

// in returns the time that a clock in zone shows like t's.
func in(t time.Time, zone *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}
