package pipeline

import (
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// Level is a minimum level, from a [slog.Leveler] or from text. The zero Level is
// not set.
type Level struct{ leveler slog.Leveler }

// At returns the Level of l, which is asked for each record.
func At(l slog.Leveler) Level { return Level{l} }

// Level returns the level, INFO if it is not set.
func (l Level) Level() slog.Level {
	if l.leveler == nil {
		return slog.LevelInfo
	}
	return l.leveler.Level()
}

// IsZero reports whether l is not set.
func (l Level) IsZero() bool { return l.leveler == nil }

// UnmarshalText sets l to a level by the names of handler.ParseLevel.
func (l *Level) UnmarshalText(text []byte) error {
	level, err := handler.ParseLevel(string(text))
	if err != nil {
		return err
	}
	l.leveler = level
	return nil
}

// Size is a number of bytes.
type Size int64

// Duration is a time.Duration.
type Duration time.Duration

// Mode is the permission bits of a file.
type Mode fs.FileMode

// Rotation says when a file is rotated.
type Rotation struct {
	MaxSize  Size   // as rotate.Options.MaxSize
	Schedule string // as rotate.Options.Schedule
}

// Retention says which backups of a file are kept.
type Retention struct {
	MaxAge       time.Duration // as rotate.Options.MaxAge
	MaxBackups   int           // as rotate.Options.MaxBackups
	MaxTotalSize Size          // as rotate.Options.MaxTotalSize
}

var (
	typeNames   = []string{"console", "file", "errors", "audit", "logstash", "func", "handler"} //nolint:gochecknoglobals // never written
	formatNames = []string{"json", "text", "logstash", "ecs"}                                   //nolint:gochecknoglobals // never written
)

// String returns the type's name in lower case.
func (t Type) String() string { return nameOf("Type", int(t), typeNames) }

// MarshalText returns the type's name in lower case.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText sets t to the type of the given name, in upper or lower case.
func (t *Type) UnmarshalText(text []byte) error {
	return unmarshalName((*int)(t), "type", string(text), typeNames)
}

// String returns the format's name: "json", "text", "logstash" or "ecs".
func (f Format) String() string { return nameOf("Format", int(f), formatNames) }

// MarshalText returns the format's name.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText sets f to the format of the given name, in upper or lower case.
func (f *Format) UnmarshalText(text []byte) error {
	return unmarshalName((*int)(f), "format", string(text), formatNames)
}

func nameOf(what string, n int, names []string) string {
	if n < 0 || n >= len(names) {
		return fmt.Sprintf("%s(%d)", what, n)
	}
	return names[n]
}

func unmarshalName(n *int, what, text string, names []string) error {
	for i, name := range names {
		if strings.EqualFold(name, text) {
			*n = i
			return nil
		}
	}
	return fmt.Errorf("pipeline: unknown %s %q: want %s", what, text, strings.Join(names, ", "))
}
