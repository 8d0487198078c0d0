package jsonenc

import (
	"log/slog"
	"math"
	"strconv"
)

// AppendLevel appends a level as log/slog names it.
func AppendLevel(b []byte, level slog.Level) []byte {
	switch level {
	case slog.LevelDebug:
		return append(b, `"DEBUG"`...)
	case slog.LevelInfo:
		return append(b, `"INFO"`...)
	case slog.LevelWarn:
		return append(b, `"WARN"`...)
	case slog.LevelError:
		return append(b, `"ERROR"`...)
	}
	name, base := "ERROR", slog.LevelError
	switch {
	case level < slog.LevelInfo:
		name, base = "DEBUG", slog.LevelDebug
	case level < slog.LevelWarn:
		name, base = "INFO", slog.LevelInfo
	case level < slog.LevelError:
		name, base = "WARN", slog.LevelWarn
	}
	return appendOffset(b, name, int64(level-base))
}

// NameLevel returns the name of a level, or of the nearest one below it that has a
// name, and how far the level is above that. Far below zero it is as far below
// TRACE.
func NameLevel(level slog.Level) (name string, offset int64) {
	base := slog.Level(-8)
	switch {
	case level < slog.LevelDebug:
		name = "TRACE"
	case level < slog.LevelInfo:
		name, base = "DEBUG", slog.LevelDebug
	case level < 2:
		name, base = "INFO", slog.LevelInfo
	case level == 2:
		return "NOTICE", 0
	case level == 3:
		return "SUCCESS", 0
	case level < slog.LevelError:
		name, base = "WARN", slog.LevelWarn
	case level < 10:
		name, base = "ERROR", slog.LevelError
	case level < 12:
		name, base = "FAIL", 10
	case level < 16:
		name, base = "CRITICAL", 12
	case level < math.MaxInt:
		name, base = "FATAL", 16
	default: // as a minimum it lets nothing pass
		return "OFF", 0
	}
	return name, int64(level - base)
}

// AppendLevelName appends a level as NameLevel names it.
func AppendLevelName(b []byte, level slog.Level) []byte {
	name, offset := NameLevel(level)
	if offset != 0 {
		return appendOffset(b, name, offset)
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}

func appendOffset(b []byte, name string, offset int64) []byte {
	b = append(b, '"')
	b = append(b, name...)
	if offset >= 0 {
		b = append(b, '+')
	}
	b = strconv.AppendInt(b, offset, 10)
	return append(b, '"')
}

// CallLevelName returns what a user's function calls a level. One that panics
// costs a placeholder, and ok is false.
func CallLevelName(f func(slog.Level) string, level slog.Level) (name string, ok bool) {
	defer func() {
		if !ok {
			_ = recover()
			name = "!PANIC"
		}
	}()
	return f(level), true
}
