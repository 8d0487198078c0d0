package pipeline

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Config describes a pipeline. A zero Config is one with a single console sink
// that prints JSON at level INFO and above to standard output, with secrets
// masked.
type Config struct {
	// Level is the minimum level of every sink that has none of its own. Nil
	// means slog.LevelInfo.
	Level slog.Leveler

	// Sinks are where records go. None means a console sink.
	Sinks []Sink

	// NoRedact leaves secrets as they are.
	NoRedact bool

	// Redact are the options for masking secrets. Its OnError is called in
	// addition to OnError.
	Redact redact.Options

	// OnError is called with the failures of the stages, once for each, by the
	// stage that met it; files and shippers report the first of a run and its
	// end. The error names the sink. Records that a full queue drops are no
	// failure and only counted. It may be called by several goroutines at once.
	// It must not log to the pipeline, nor flush it or shut it down. Nil means
	// that failures are only counted; see [Pipeline.Stats].
	OnError func(error)
}

// Sink describes one place where records go.
type Sink struct {
	// Type says what the sink is. The zero value is Console.
	Type Type

	// Name is what errors and Stats call the sink. Empty means its place in
	// Config, such as "Sinks[1]".
	Name string

	// Level is the sink's minimum level, whatever Config.Level is. Nil means
	// Config.Level, or all levels for a sink with a Tag.
	Level slog.Leveler

	// Tag, if not empty, leaves the sink only the records that carry this tag;
	// see fanout.HasTag.
	Tag string

	// Format is how lines are written. The zero value is JSON. A Logstash sink
	// has its own format and takes no other.
	Format Format

	// AddSource adds the file and line of the log call.
	AddSource bool

	// Writer is where a Console sink prints. Nil means os.Stdout. Whoever opened
	// it closes it.
	Writer io.Writer

	// Path is the file of a File sink, which needs one.
	Path string

	// Rotate says when the file of a File sink is rotated and what is kept. With
	// a Buffer a batch of lines is one write, and may be larger than MaxSize. Its
	// OnError is called in addition to Config.OnError.
	Rotate rotate.Options

	// Buffer, if not nil, puts a buffer before a Console or a File sink: lines
	// are written in batches by a goroutine. Nil means that each line is written
	// before Handle returns. Its OnError is called in addition to
	// Config.OnError.
	Buffer *asyncbuf.WriterOptions

	// Addr is the address of a Logstash sink, which needs one; see
	// logstash.Dial.
	Addr string

	// Dial says how a Logstash sink ships. Its OnError is called in addition to
	// Config.OnError.
	Dial logstash.DialOptions
}

// Type says what a [Sink] is.
type Type int

// The types of sinks.
const (
	Console  Type = iota // lines on standard output or another writer
	File                 // lines in a file that is rotated
	Logstash             // events to Logstash
)

var typeNames = []string{"console", "file", "logstash"} //nolint:gochecknoglobals // never written

// String returns the type's name in lower case.
func (t Type) String() string { return nameOf("Type", int(t), typeNames) }

// MarshalText returns the type's name in lower case.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText sets t to the type of the given name, in upper or lower case.
func (t *Type) UnmarshalText(text []byte) error {
	return unmarshalName((*int)(t), "type", string(text), typeNames)
}

// Format says how lines are written.
type Format int

// The formats.
const (
	JSON  Format = iota // as log/slog's JSON; see handler.JSONHandler
	Text                // for people; see handler.ConsoleHandler
	Event               // events for Logstash, in a file that Filebeat tails; see logstash.Handler
)

var formatNames = []string{"json", "text", "logstash"} //nolint:gochecknoglobals // never written

// String returns the format's name: "json", "text" or "logstash".
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

// complete returns a copy of cfg with its defaults filled in, or an error that
// names each field that is wrong.
func (cfg Config) complete() (Config, error) {
	if len(cfg.Sinks) == 0 {
		cfg.Sinks = []Sink{{Name: "console"}}
	}
	if cfg.Level == nil {
		cfg.Level = slog.LevelInfo
	}
	cfg.Sinks = slices.Clone(cfg.Sinks)
	var errs []error
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Name == "" {
			s.Name = fmt.Sprintf("Sinks[%d]", i)
		}
		switch {
		case s.Level == nil && s.Tag != "":
			s.Level = slog.Level(minInt)
		case s.Level == nil:
			s.Level = cfg.Level
		}
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("pipeline: %s: %w", s.Name, err))
		}
	}
	errs = append(errs, sameFile(cfg.Sinks))
	if cfg.NoRedact && !reflect.ValueOf(cfg.Redact).IsZero() {
		errs = append(errs, errors.New("pipeline: field Redact is set, and so is NoRedact"))
	}
	if err := cfg.Redact.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("pipeline: field Redact: %w", err))
	}
	return cfg, errors.Join(errs...)
}

const minInt = -1 << 31 // below every level, on 32 bits too

// check reports a field that is missing, or that another type of sink has.
func (s *Sink) check() error {
	if s.Type < Console || s.Type > Logstash {
		return fmt.Errorf("field Type is %v: want %s", s.Type, strings.Join(typeNames, ", "))
	}
	if s.Format < JSON || s.Format > Event {
		return fmt.Errorf("field Format is %v: want %s", s.Format, strings.Join(formatNames, ", "))
	}
	if isNil(s.Level) || isNil(s.Writer) {
		return errors.New("field Level or Writer holds a nil pointer: want nil, or something to point to")
	}
	if s.Buffer != nil && (s.Buffer.Policy < asyncbuf.Block || s.Buffer.Policy > asyncbuf.DropOldest) {
		return fmt.Errorf("field Buffer.Policy is %v: want %v, %v or %v",
			s.Buffer.Policy, asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest)
	}
	for _, f := range []struct {
		name    string
		set     bool
		of      []Type
		missing string
	}{
		{"Rotate", !reflect.ValueOf(s.Rotate).IsZero(), []Type{File}, ""},
		{"Dial", !reflect.ValueOf(s.Dial).IsZero(), []Type{Logstash}, ""},
		{"Path", s.Path != "", []Type{File}, "the path of a file"},
		{"Addr", s.Addr != "", []Type{Logstash}, "an address such as beats://host:5044"},
		{"Writer", s.Writer != nil, []Type{Console}, ""},
		{"Buffer", s.Buffer != nil, []Type{Console, File}, ""},
		{"Format", s.Format != JSON && (s.Type != Logstash || s.Format != Event), []Type{Console, File}, ""},
	} {
		takes := slices.Contains(f.of, s.Type)
		switch {
		case f.set && !takes:
			return fmt.Errorf("field %s is set, which a %v sink does not take", f.name, s.Type)
		case !f.set && takes && f.missing != "":
			return fmt.Errorf("field %s is empty: a %v sink needs %s", f.name, s.Type, f.missing)
		}
	}
	return nil
}

// isNil reports whether an interface holds a nil pointer, which is not nil and
// would panic when it is used.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// sameFile reports two sinks that would rotate one file under each other.
func sameFile(sinks []Sink) error {
	names := make(map[string]string)
	var errs []error
	for i := range sinks {
		if sinks[i].Path == "" {
			continue
		}
		path, err := filepath.Abs(sinks[i].Path)
		if err != nil {
			path = filepath.Clean(sinks[i].Path)
		}
		if first, taken := names[path]; taken {
			errs = append(errs, fmt.Errorf("pipeline: %s: field Path is %q, the file of %s", sinks[i].Name, sinks[i].Path, first))
		}
		names[path] = sinks[i].Name
	}
	return errors.Join(errs...)
}
