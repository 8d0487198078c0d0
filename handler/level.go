package handler

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Levels beside those of log/slog. [LevelName] names them, and so do the handlers
// of this module that say so; log/slog prints them as INFO+2 and the like.
const (
	LevelTrace    slog.Level = -8 // finer than DEBUG
	LevelNotice   slog.Level = 2  // normal, but worth a look
	LevelSuccess  slog.Level = 3  // what was to be done is done
	LevelFail     slog.Level = 10 // what was to be done is not done
	LevelCritical slog.Level = 12 // a part of the program does not work
	LevelFatal    slog.Level = 16 // the program ends, see [Fatal]
)

// ParseLevel returns the level that s names, in upper or lower case:
//
//	TRACE -8, DEBUG -4, INFO 0, NOTICE 2, SUCCESS 3, WARN or WARNING 4,
//	ERROR 8, FAIL 10, CRITICAL 12, FATAL 16
//
// A name may be followed by an offset, as in INFO+2, the form that
// [slog.Level.String] prints. A number alone is the level itself. Numbers have 32
// bits.
// Anything else, the empty string too, is an error that names s.
func ParseLevel(s string) (slog.Level, error) {
	name, offset := s, 0
	if i := strings.IndexAny(s, "+-"); i > 0 {
		n, err := strconv.ParseInt(s[i:], 10, 32) // a sum that does not overflow
		if err != nil {
			return 0, levelError(s)
		}
		name, offset = s[:i], int(n)
	}
	level, ok := namedLevel(name)
	if !ok {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return 0, levelError(s)
		}
		return slog.Level(n), nil
	}
	return level + slog.Level(offset), nil
}

func levelError(s string) error {
	return fmt.Errorf("handler: unknown level %q: want TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN, WARNING, "+
		"ERROR, FAIL, CRITICAL or FATAL, with or without an offset as in INFO+2, or a number", s)
}

func namedLevel(name string) (level slog.Level, ok bool) {
	switch strings.ToUpper(name) {
	case "TRACE":
		return -8, true
	case "DEBUG":
		return slog.LevelDebug, true
	case "INFO":
		return slog.LevelInfo, true
	case "NOTICE":
		return 2, true
	case "SUCCESS":
		return 3, true
	case "WARN", "WARNING":
		return slog.LevelWarn, true
	case "ERROR":
		return slog.LevelError, true
	case "FAIL":
		return 10, true
	case "CRITICAL":
		return 12, true
	case "FATAL":
		return 16, true
	}
	return 0, false
}
