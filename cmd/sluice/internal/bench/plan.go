package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

// leastBytes is the least that a part may write.
const leastBytes = 16 * pipeline.MiB

// scratchName is the beginning of the names of directories that are made.
const scratchName = ".sluice-bench-"

// plan is a configuration made harmless: with files, spools and receivers that are nobody's.
type plan struct {
	cfg       pipeline.Config
	sinks     []planned
	scratch   map[string]string // by the directory beside which it is
	order     []string          // the directories that were made
	receivers []io.Closer
	notes     []string // what is not as configured
	most      int64    // bytes that a part may write
	runs      int      // configurations that were made so far
	edit      func(*pipeline.Config)
}

// planned is a sink of a plan.
type planned struct {
	dir   string // in which its file or its spool is made
	takes bool   // has an output that takes time
	kind  string // of that output, for people
	plain bool   // gets every record of its level
	level slog.Level
}

// newPlan makes the directories, and starts the receivers. Most are the bytes that a part may write, fewer where there is
// little space, but for insist.
func newPlan(cfg pipeline.Config, ship bool, most int64, insist bool) (_ *plan, err error) {
	p := &plan{cfg: cfg, scratch: make(map[string]string), most: most}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.remove(), p.close())
		}
	}()
	p.cfg.VolumeInterval, p.cfg.HealthInterval = 0, 0 // their records would be counted
	p.cfg.Fallback = io.Discard                       // what fails is counted
	if len(cfg.Sinks) == 0 {
		p.cfg.Sinks = []pipeline.Sink{{Name: "console"}}
	} else {
		p.cfg.Sinks = append([]pipeline.Sink(nil), cfg.Sinks...)
	}
	for i := range p.cfg.Sinks {
		s := &p.cfg.Sinks[i]
		s.Name = cli.Printable(cmp.Or(s.Name, fmt.Sprintf("sinks[%d]", i)))
		known := complete(&p.cfg, s)
		switch s.Type {
		case pipeline.Console:
			s.Writer = io.Discard
			known.takes, known.kind = s.Async, "buffer"
			p.note("%s: prints to nowhere", s.Name)
		case pipeline.File, pipeline.Errors, pipeline.Audit:
			known.takes, known.kind = true, "file"
			if s.Async {
				known.kind = "buffer and file"
			}
			if s.Type == pipeline.Audit {
				known.kind = "file, synced"
			}
			path := s.Path
			if target, err := filepath.EvalSymlinks(path); err == nil {
				path = target // which may be on another file system
			}
			if known.dir, err = p.scratchBeside(filepath.Dir(path)); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
		case pipeline.Logstash:
			known.takes, known.kind = !ship, "queue and network" // where the time goes is not worth so many events
			if s.SpoolDir != "" {
				if known.dir, err = p.scratchBeside(s.SpoolDir); err != nil {
					return nil, fmt.Errorf("%s: %w", s.Name, err)
				}
			}
			if err := p.receiver(s, ship); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
		case pipeline.Func, pipeline.Handler:
			p.note("%s: is code of the program, and something that takes everything stands in its place", s.Name)
			*s = discarding(s)
		}
		p.sinks = append(p.sinks, known)
	}
	if err := p.limit(insist); err != nil {
		return nil, err
	}
	return p, nil
}

// complete makes what a sink's type says about level and match explicit, so that the sink can become one of another type.
func complete(cfg *pipeline.Config, s *pipeline.Sink) planned {
	match := s.Match
	match.MaxLevel = pipeline.Level{}
	all := reflect.ValueOf(match).IsZero()
	if s.Type == pipeline.Audit && all {
		s.Match.Tag, all = "security", false
	}
	if s.Type == pipeline.Errors && s.Level.IsZero() && all {
		s.Level = pipeline.At(slog.LevelError)
	}
	if s.Level.IsZero() && all {
		s.Level = cfg.Level
	}
	return planned{
		plain: all && s.Match.MaxLevel.IsZero() && s.Sampling == (pipeline.Sampling{}),
		level: s.Level.Level(),
	}
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// scratchBeside returns a new directory in dir, or in the nearest one above that is there.
func (p *plan) scratchBeside(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is no directory", cli.Printable(dir))
		}
		if err == nil {
			break
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, os.ErrNotExist) || up == dir {
			return "", err
		}
		dir = up
	}
	if made, ok := p.scratch[dir]; ok {
		return made, nil
	}
	if left, _ := filepath.Glob(filepath.Join(dir, scratchName+"*")); len(left) > 0 {
		p.note("%s is there, of a run that is under way or was killed: if none is, remove it", cli.Printable(left[0]))
	}
	made, err := os.MkdirTemp(dir, scratchName)
	if err != nil {
		return "", err
	}
	p.scratch[dir] = made
	p.order = append(p.order, made)
	return made, nil
}

// receiver changes where a Logstash sink ships to.
func (p *plan) receiver(s *pipeline.Sink, ship bool) error {
	if broker.Of(s.Addr) != "" {
		s.Dial.Schemes = new(broker.Settings).Schemes()
	}
	if ship {
		if err := canShip(s); err != nil {
			return err
		}
		s.Tags = append(append([]string(nil), s.Tags...), "sluice-bench")
		p.note("%s: to the configured receiver; it is left out of where the time goes", s.Name)
		return nil
	}
	to, err := newStandIn(s.Addr)
	if err != nil {
		return fmt.Errorf("a receiver in place of Logstash: %w", err)
	}
	p.receivers = append(p.receivers, to)
	s.Addr, s.CAFile, s.CertFile, s.KeyFile = to.addr, "", "", ""
	p.note("%s: to a receiver in this process over %s://, which takes everything; see --ship", s.Name, to.scheme)
	return nil
}

// canShip returns an error if a sink needs something of the program to ship to where it does.
func canShip(s *pipeline.Sink) error {
	if broker.Of(s.Addr) == "" {
		return nil
	}
	shipper, err := logstash.Dial(s.Addr, &logstash.DialOptions{CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile, Schemes: s.Dial.Schemes})
	if err != nil {
		return cli.Usagef("--ship: %w; what the program adds in Go is not in a configuration", err)
	}
	return shipper.Close()
}

// limit looks whether there is space for what may be written.
func (p *plan) limit(insist bool) error {
	free := int64(-1)
	for _, dir := range p.order {
		v, err := volume.Of(dir)
		if err != nil {
			continue // there is no call for it on this system
		}
		if free < 0 || v.Free < free {
			free = v.Free
		}
	}
	switch {
	case free < 0:
	case free < 4*int64(leastBytes):
		return fmt.Errorf("%v are free: want %v and more", pipeline.Size(free), 4*leastBytes)
	case !insist:
		p.most = max(min(p.most, free/10), int64(leastBytes))
	case p.most > free/2:
		return cli.Usagef("--max-bytes: %v, and %v are free: want half of that at most", pipeline.Size(p.most), pipeline.Size(free))
	}
	return nil
}

// config returns a configuration with files that are not there yet.
func (p *plan) config() pipeline.Config {
	p.runs++
	cfg := p.cfg
	cfg.Sinks = append([]pipeline.Sink(nil), p.cfg.Sinks...)
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		dir := filepath.Join(p.sinks[i].dir, strconv.Itoa(p.runs), strconv.Itoa(i))
		switch {
		case p.sinks[i].dir == "":
		case s.Type == pipeline.Logstash:
			s.SpoolDir = dir
		default:
			s.Path = filepath.Join(dir, filepath.Base(s.Path))
		}
	}
	if p.edit != nil {
		p.edit(&cfg)
	}
	return cfg
}

// discarding returns a sink that gets the same records, and does nothing with them.
func discarding(s *pipeline.Sink) pipeline.Sink {
	return pipeline.Sink{
		Type: pipeline.Handler, Name: s.Name, Level: s.Level, Match: s.Match, Sampling: s.Sampling, Handler: discard{},
	}
}

// encoding returns a sink that gets the same records, and writes their lines to nowhere.
func encoding(s *pipeline.Sink) pipeline.Sink {
	e := pipeline.Sink{
		Type: pipeline.Console, Name: s.Name, Level: s.Level, Match: s.Match, Sampling: s.Sampling, Writer: io.Discard, NoColor: true,
		Format: s.Format, AddSource: s.AddSource, Service: s.Service, EventType: s.EventType, Tags: s.Tags, EventID: s.EventID,
	}
	if s.Type == pipeline.Logstash && s.Format != pipeline.ECS {
		e.Format = pipeline.EventFormat
	}
	return e
}

// clear removes what was written with the last configuration.
func (p *plan) clear() error {
	var errs []error
	for _, dir := range p.order {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, strconv.Itoa(p.runs))))
	}
	return errors.Join(errs...)
}

// remove removes the directories.
func (p *plan) remove() error {
	var errs []error
	for _, dir := range p.order {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// close ends the receivers.
func (p *plan) close() error {
	var errs []error
	for _, r := range p.receivers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// discard takes every record.
type discard struct{}

func (discard) Enabled(context.Context, slog.Level) bool  { return true }
func (discard) Handle(context.Context, slog.Record) error { return nil }
func (discard) WithAttrs([]slog.Attr) slog.Handler        { return discard{} }
func (discard) WithGroup(string) slog.Handler             { return discard{} }
