package pipeline

import (
	"log/slog"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/handler"
)

// Level is a minimum level: of a [slog.Leveler], such as a *slog.LevelVar, by
// [At], or from text. The zero Level is not set; its text is empty.
type Level struct{ leveler slog.Leveler }

// At returns the Level of l, which is asked for each record.
func At(l slog.Leveler) Level { return Level{l} }

// Level returns the level, INFO if it is not set.
func (l Level) Level() slog.Level {
	if l.leveler == nil || isNil(l.leveler) {
		return slog.LevelInfo
	}
	return l.leveler.Level()
}

// IsZero reports whether l is not set.
func (l Level) IsZero() bool { return l.leveler == nil }

// Equal reports whether l and other are of the same leveler, or the same level
// that does not change.
func (l Level) Equal(other Level) bool {
	a, b := reflect.ValueOf(l.leveler), reflect.ValueOf(other.leveler)
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return a.Comparable() && b.Comparable() && a.Equal(b)
}

// String returns the level's name, such as "WARN" or "INFO+2", as
// handler.LevelName does.
func (l Level) String() string {
	if l.IsZero() {
		return ""
	}
	return handler.LevelName(l.Level())
}

// MarshalText returns what String does: the level at this moment.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText sets l to a level by the names of handler.ParseLevel, in upper or
// lower case, or by its number.
func (l *Level) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		l.leveler = nil
		return nil
	}
	level, err := handler.ParseLevel(string(text))
	if err == nil {
		l.leveler = level
		return nil
	}
	wrong := asTextError(err, string(text), levelNames)
	wrong.kind = "level"
	if name, offset, found := strings.Cut(string(text), "+"); found {
		wrong.near = nearest(name, levelNames) + "+" + offset
		if _, err := handler.ParseLevel(wrong.near); err != nil {
			wrong.near = ""
		}
	}
	return wrong
}

// UnmarshalJSON takes a number too.
func (l *Level) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, l) }

//nolint:gochecknoglobals // never written
var levelNames = []string{"TRACE", "DEBUG", "INFO", "NOTICE", "SUCCESS", "WARN", "WARNING", "ERROR", "FAIL", "CRITICAL", "FATAL", "OFF"}
