package stat

import (
	"log/slog"

	"github.com/sluicelog/sluice/handler"
)

// A class is a level with a name and what is between it and the next.
type class uint8

// The classes, in the order of levels.
const (
	trace class = iota
	debug
	info
	notice
	success
	warning
	failure // ERROR
	fail
	critical
	fatal
	unleveled
	classCount
)

func classOf(level slog.Level) class {
	switch {
	case level < slog.LevelDebug:
		return trace
	case level < slog.LevelInfo:
		return debug
	case level < handler.LevelNotice:
		return info
	case level < handler.LevelSuccess:
		return notice
	case level < slog.LevelWarn:
		return success
	case level < slog.LevelError:
		return warning
	case level < handler.LevelFail:
		return failure
	case level < handler.LevelCritical:
		return fail
	case level < handler.LevelFatal:
		return critical
	}
	return fatal
}

func (c class) isError() bool   { return failure <= c && c <= fatal }
func (c class) isWarning() bool { return c == warning }

// level returns the lowest level of a class that has one.
func (c class) level() slog.Level {
	return []slog.Level{
		handler.LevelTrace, slog.LevelDebug, slog.LevelInfo, handler.LevelNotice, handler.LevelSuccess, slog.LevelWarn,
		slog.LevelError, handler.LevelFail, handler.LevelCritical, handler.LevelFatal,
	}[c]
}

// String returns the name of the level.
func (c class) String() string {
	if c == unleveled {
		return "none"
	}
	return handler.LevelName(c.level())
}
