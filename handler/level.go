package handler

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
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

// LevelName returns the name of a level: TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN,
// ERROR, FAIL, CRITICAL or FATAL. A level without a name is so many above the
// nearest one below it, as in ERROR+1, or below TRACE, as in TRACE-1. The highest
// level there is, which as a minimum lets nothing pass, is OFF. [ParseLevel] reads
// all of these. It allocates nothing for a level with a name.
func LevelName(level slog.Level) string {
	name, offset := jsonenc.NameLevel(level)
	if offset == 0 {
		return name
	}
	return fmt.Sprintf("%s%+d", name, offset)
}

// ParseLevel returns the level that s names, in upper or lower case:
//
//	-8  TRACE, TRC                  8    ERROR, ERR
//	-4  DEBUG, DBG                  10   FAIL, FAI
//	0   INFO, INF, INFORMATIONAL    12   CRITICAL, CRIT, CRT, DPANIC
//	2   NOTICE, NTC                 14   ALERT
//	3   SUCCESS, SUC                16   FATAL, FTL, PANIC, PNC, EMERG, EMERGENCY
//	4   WARN, WARNING, WRN          OFF  OFF, DISABLED: the highest level there is
//
// Among them are all names of Logly, log/slog, syslog (RFC 5424), zap, zerolog and
// logrus, in the order that these have; only for PANIC and FATAL they do not agree.
// A name may be followed by an offset, as in INFO+2, the form that
// [slog.Level.String] and [LevelName] print. A number alone is that level of
// log/slog. Anything else, also a level that an int does not hold, is an error
// that names s and what is allowed.
func ParseLevel(s string) (slog.Level, error) {
	level, ok := parseLevel(s)
	if !ok {
		return 0, fmt.Errorf("handler: unknown level %q: want %s", s, wantLevel)
	}
	return level, nil
}

const wantLevel = "TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN, WARNING, ERROR, FAIL, CRITICAL, FATAL, OFF, " +
	"or what syslog, zap, zerolog or logrus call a level, with or without an offset as in INFO+2, or a number"

func parseLevel(s string) (level slog.Level, ok bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return slog.Level(n), true
	}
	name, offset := s, 0
	if i := strings.IndexAny(s, "+-"); i > 0 {
		n, err := strconv.Atoi(s[i:])
		if err != nil {
			return 0, false
		}
		name, offset = s[:i], n
	}
	base, ok := namedLevel(name)
	level = base + slog.Level(offset)
	overflown := offset > 0 && level < base || offset < 0 && level > base
	return level, ok && !overflown
}

func namedLevel(name string) (level slog.Level, ok bool) {
	for _, c := range []byte(name) {
		if c >= 0x80 { // a letter of which ToUpper would make one of ours
			return 0, false
		}
	}
	switch strings.ToUpper(name) {
	case "TRACE", "TRC":
		return LevelTrace, true
	case "DEBUG", "DBG":
		return slog.LevelDebug, true
	case "INFO", "INF", "INFORMATIONAL":
		return slog.LevelInfo, true
	case "NOTICE", "NTC":
		return LevelNotice, true
	case "SUCCESS", "SUC":
		return LevelSuccess, true
	case "WARN", "WARNING", "WRN":
		return slog.LevelWarn, true
	case "ERROR", "ERR":
		return slog.LevelError, true
	case "FAIL", "FAI":
		return LevelFail, true
	case "CRITICAL", "CRIT", "CRT", "DPANIC":
		return LevelCritical, true
	case "ALERT":
		return LevelCritical + 2, true
	case "FATAL", "FTL", "PANIC", "PNC", "EMERG", "EMERGENCY":
		return LevelFatal, true
	case "OFF", "DISABLED":
		return math.MaxInt, true
	}
	return 0, false
}

// leveler returns l, or nil if it is a pointer that is nil, as of a variable that
// nothing has been assigned to: it stands for the default value, as nil does.
func leveler(l slog.Leveler) slog.Leveler {
	switch p := l.(type) {
	case *slog.LevelVar:
		if p == nil {
			return nil
		}
	case *Levels:
		if p == nil {
			return nil
		}
	}
	return l
}
