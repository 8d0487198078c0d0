package jsonenc

import (
	"log/slog"
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
	offset := int64(level - base)
	b = append(b, '"')
	b = append(b, name...)
	if offset >= 0 {
		b = append(b, '+')
	}
	b = strconv.AppendInt(b, offset, 10)
	return append(b, '"')
}
