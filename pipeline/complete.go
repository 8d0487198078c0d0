package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/asyncbuf"
)

// complete returns a copy of cfg with its defaults filled in, or an error that
// names each field that is wrong.
func (cfg Config) complete() (Config, error) {
	if len(cfg.Sinks) == 0 {
		cfg.Sinks = []Sink{{Name: "console"}}
	}
	if cfg.Level.IsZero() {
		cfg.Level = At(slog.LevelInfo)
	}
	cfg.Sinks = slices.Clone(cfg.Sinks)
	var errs []error
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Name == "" {
			s.Name = fmt.Sprintf("Sinks[%d]", i)
		}
		switch {
		case s.Level.IsZero() && s.Match.Tag != "":
			s.Level = At(slog.Level(minInt))
		case s.Level.IsZero():
			s.Level = cfg.Level
		}
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("pipeline: %s: %w", s.Name, err))
		}
	}
	errs = append(errs, sameFile(cfg.Sinks))
	if cfg.Redaction.Off && !reflect.ValueOf(cfg.Redact).IsZero() {
		errs = append(errs, errors.New("pipeline: field Redact is set, and so is Redaction.Off"))
	}
	if err := cfg.Redact.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("pipeline: field Redact: %w", err))
	}
	return cfg, errors.Join(errs...)
}

const minInt = -1 << 31 // below every level, on 32 bits too

// check reports a field that is missing, or that another type of sink has.
func (s *Sink) check() error {
	if s.Type < Console || s.Type > Handler {
		return fmt.Errorf("field Type is %v: want %s", s.Type, strings.Join(typeNames, ", "))
	}
	if s.Format < JSON || s.Format > ECS {
		return fmt.Errorf("field Format is %v: want %s", s.Format, strings.Join(formatNames, ", "))
	}
	if isNil(s.Level.leveler) || isNil(s.Writer) {
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
		{"Format", s.Format != JSON && (s.Type != Logstash || s.Format != EventFormat), []Type{Console, File}, ""},
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
