package jsonlog

import (
	"bytes"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/handler"
)

// maxNames is how many names of levels are remembered.
const maxNames = 256

// A leveler knows what the values of members that tell of levels mean.
type leveler struct {
	names map[string]named // by the JSON of the name
}

type named struct {
	level slog.Level
	ok    bool
}

// name returns the level that a JSON string names.
func (l *leveler) name(v []byte) (level slog.Level, ok bool) {
	switch string(v[1 : len(v)-1]) {
	case "INFO", "info":
		return slog.LevelInfo, true
	case "DEBUG", "debug":
		return slog.LevelDebug, true
	case "WARN", "warn", "warning", "WARNING":
		return slog.LevelWarn, true
	case "ERROR", "error":
		return slog.LevelError, true
	case "TRACE", "trace":
		return handler.LevelTrace, true
	}
	n, known := l.names[string(v)]
	if !known {
		n.level, n.ok = ParseLevel(string(bytes.TrimSpace(Unquote(v))))
		if l.names == nil {
			l.names = make(map[string]named)
		}
		if len(l.names) < maxNames && len(v) <= maxLevelName {
			l.names[string(v)] = n
		}
	}
	return n.level, n.ok
}

// maxLevelName is the length of the longest name of a level, with its quotes and an offset.
const maxLevelName = 40

// ParseLevel returns the level that a log calls by a name: one of handler.ParseLevel, java.util.logging, .NET, PostgreSQL, or of
// one letter; or by a number: 50 is pino's ERROR, 8 that of log/slog.
func ParseLevel(name string) (level slog.Level, ok bool) {
	if len(name) > maxLevelName {
		return 0, false
	}
	switch strings.ToUpper(name) {
	case "INFORMATION", "I", "LOG": // the last is PostgreSQL's
		return slog.LevelInfo, true
	case "D", "D1", "D2", "D3", "D4", "D5", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5", "CONFIG", "FINE":
		return slog.LevelDebug, true
	case "T", "V", "VERBOSE", "FINER", "FINEST":
		return handler.LevelTrace, true
	case "W":
		return slog.LevelWarn, true
	case "E", "SEVERE":
		return slog.LevelError, true
	case "F":
		return handler.LevelFatal, true
	}
	if n, err := strconv.Atoi(name); err == nil {
		level, _, ok = levelOfNumber(n)
		return level, ok
	}
	level, err := handler.ParseLevel(name)
	return level, err == nil && level != math.MaxInt // OFF is the level of no line
}

// levelOfNumber returns the level that pino, bunyan, Monolog or log/slog means by a number. One that GELF has too
// is not sure.
func levelOfNumber(n int) (level slog.Level, sure, ok bool) {
	scale := [...]slog.Level{1: handler.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, handler.LevelFatal}
	hundreds := [...]slog.Level{
		100 / 50: slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, handler.LevelNotice, slog.LevelWarn, slog.LevelWarn,
		slog.LevelError, slog.LevelError, handler.LevelCritical, handler.LevelCritical + 2, handler.LevelFatal,
	}
	switch {
	case n < -100 || n > 1000:
		return 0, true, false
	case n >= 100: // Monolog's
		return hundreds[min(n/50, len(hundreds)-1)], true, true
	case n >= 60:
		return handler.LevelFatal, true, true
	case n >= 10:
		at, above := n/10, n%10
		return scale[at] + (scale[at+1]-scale[at])*slog.Level(above)/10, true, true
	}
	return slog.Level(n), n < 0 || n > 7, true
}

// syslogLevel returns the level for one of syslog's severities.
func syslogLevel(n int) (level slog.Level, ok bool) {
	scale := [...]slog.Level{
		handler.LevelFatal, handler.LevelCritical + 2, handler.LevelCritical, slog.LevelError,
		slog.LevelWarn, handler.LevelNotice, slog.LevelInfo, slog.LevelDebug,
	}
	if n < 0 || n >= len(scale) {
		return 0, false
	}
	return scale[n], true
}

// value returns the level that the value of a member tells. If it is not sure, the other members decide.
func (l *leveler) value(f field, v []byte) (level slog.Level, sure, ok bool) {
	text := v
	if v[0] == '"' {
		if text = v[1 : len(v)-1]; len(text) == 0 || text[0]-'0' > 9 && f != fieldPriority {
			level, ok = l.name(v)
			return level, true, ok
		}
	}
	n, err := strconv.Atoi(string(text[:min(len(text), 8)]))
	switch {
	case err != nil || len(text) > 8:
		return 0, true, false
	case f == fieldPriority || f == fieldSeverityLevel && 0 <= n && n <= 7:
		level, ok = syslogLevel(n)
		return level, true, ok
	}
	return levelOfNumber(n)
}

// LevelOf looks for the level of a line and reads no more of it than that takes. It is false if there
// is none to be found that way: then Parse says.
func (p *Parser) LevelOf(text []byte) (slog.Level, bool) {
	i := blank(text, 0)
	if i >= len(text) || text[i] != '{' {
		if i = p.behindCRI(text); i >= len(text) || text[i] != '{' {
			return 0, false
		}
	}
	for {
		if i = blank(text, i+1); i >= len(text) || text[i] != '"' {
			return 0, false
		}
		first := i + 1
		end, plain := closing(text, first)
		if end < 0 || !plain && bytes.IndexByte(text[first:end], '\\') >= 0 {
			return 0, false
		}
		if i = blank(text, end+1); i >= len(text) || text[i] != ':' {
			return 0, false
		}
		start := blank(text, i+1)
		if i = skip(text, start); i < 0 || i == start {
			return 0, false
		}
		switch f := fieldOf(text[first:end]); {
		case f == fieldLog, f == fieldPriority: // of ECS, Docker or journald, with a level inside
			return 0, false
		case f.isLevel():
			if level, sure, ok := p.levels.value(f, text[start:i]); ok {
				return level, sure
			}
		}
		if i = blank(text, i); i >= len(text) || text[i] != ',' {
			return 0, false
		}
	}
}
