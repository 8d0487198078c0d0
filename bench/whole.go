package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

// A Whole is all that a service logs through: from the handler of its logger to
// its files and its Logstash.
type Whole struct {
	Name, Version string

	files   []output
	ships   bool // all records go to Logstash as well
	redacts bool
	open    func(dir, addr string) (service, error)
}

// An output is a file, and says which records are to be there.
type output struct {
	name  string
	takes func(level slog.Level, audited bool) bool
}

// A service is an open Whole.
type service struct {
	handler      slog.Handler
	flush, close func() error // write what is buffered, and wait until Logstash has it
}

// Wholes returns all that are compared: first log/slog's handler that writes each
// line to one file at once, then the pipeline that services are meant to have: with
// redaction, an app.log from WARN on behind a buffer, an errors.log, an audit.log
// that is synced, and Logstash.
func Wholes() []Whole {
	module := version("github.com/sluicelog/sluice")
	all := func(slog.Level, bool) bool { return true }
	from := func(least slog.Level) func(slog.Level, bool) bool {
		return func(level slog.Level, _ bool) bool { return level >= least }
	}
	audits := output{"audit.log", func(_ slog.Level, audited bool) bool { return audited }}
	files := []output{{"app.log", from(slog.LevelWarn)}, {"errors.log", from(slog.LevelError)}, audits}
	verbose := []output{{"app.log", all}, files[1], audits}
	return []Whole{
		{Name: "slog.JSONHandler → os.File", Version: runtime.Version(), files: []output{{"app.log", all}}, open: openStandard},
		{
			Name: "pipeline", Version: module, files: files, ships: true, redacts: true,
			open: func(dir, addr string) (service, error) {
				return openPipeline(fiveSinks(dir, addr, slog.LevelWarn)[1:], false)
			},
		},
		{
			Name: "pipeline, app.log from INFO on", Version: module, files: verbose, ships: true, redacts: true,
			open: func(dir, addr string) (service, error) {
				return openPipeline(fiveSinks(dir, addr, slog.LevelInfo)[1:], false)
			},
		},
		{
			Name: "pipeline, app.log from INFO on, no Logstash", Version: module, files: verbose, redacts: true,
			open: func(dir, addr string) (service, error) {
				return openPipeline(fiveSinks(dir, addr, slog.LevelInfo)[1:4], false)
			},
		},
		{
			Name: "pipeline, no redaction", Version: module, files: files, ships: true,
			open: func(dir, addr string) (service, error) {
				return openPipeline(fiveSinks(dir, addr, slog.LevelWarn)[1:], true)
			},
		},
	}
}

func openStandard(dir, _ string) (service, error) {
	f, err := openLog(filepath.Join(dir, "app.log"))
	if err != nil {
		return service{}, err
	}
	return service{slog.NewJSONHandler(f, nil), f.Sync, f.Close}, nil
}

// fiveSinks returns the sinks of the pipeline, and a console as the first one.
func fiveSinks(dir, addr string, app slog.Level) []pipeline.Sink {
	path := func(name string) string { return filepath.Join(dir, name) }
	return []pipeline.Sink{
		{Name: "console", Type: pipeline.Console, Writer: new(Counter)},
		{Name: "app", Type: pipeline.File, Path: path("app.log"), Level: pipeline.At(app), Async: true},
		{Name: "errors", Type: pipeline.Errors, Path: path("errors.log")},
		{Name: "audit", Type: pipeline.Audit, Path: path("audit.log")},
		{Name: "logstash", Type: pipeline.Logstash, Addr: "beats://" + addr},
	}
}

func openPipeline(sinks []pipeline.Sink, bare bool) (service, error) {
	p, err := pipeline.Open(pipeline.Config{
		Sinks: sinks, Redaction: pipeline.Redaction{Off: bare}, NoFallback: true,
	})
	if err != nil {
		return service{}, err
	}
	return service{p.Handler(), patient(p.Flush), patient(p.Shutdown)}, nil
}

// A Toll is what a record costs.
type Toll struct {
	Call time.Duration // until the log call returns
	CPU  time.Duration // of the whole process, until the record is where it belongs
	// HasCPU is false where the system does not tell the latter.
	HasCPU bool
	// Allocs and Bytes are what the process allocates.
	Allocs, Bytes float64
}

// audits is how many records for the audit log there are in a measurement.
const audits = 3

// Measure returns what a record of the stream costs: records come in bursts, after
// each of which the service has time to write and to send what it has buffered. The
// records for the audit log, which are rare, come at the end, and are not timed. An
// error says what is not where it belongs.
func (w Whole) Measure(l Load, s Stream, inbox *Inbox) (t Toll, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bench: %s, %s: %w", w.Name, s.Name, err)
		}
	}()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	_, _ = inbox.take() // what is left of a measurement that has failed
	run, err := w.open(dir, inbox.Addr)
	if err != nil {
		return t, err
	}
	t, err = run.measure(l, s)
	if err := errors.Join(err, run.close()); err != nil {
		return t, err
	}
	return t, w.check(dir, s, (warmups+l.Bursts)*l.Flood, inbox)
}

func (run service) measure(l Load, s Stream) (t Toll, err error) {
	logger := slog.New(run.handler)
	var before, after runtime.MemStats
	var worked time.Duration
	for burst := range warmups + l.Bursts {
		if burst == warmups {
			t = Toll{}
			runtime.GC() // what has gone before is not this one's
			runtime.ReadMemStats(&before)
			worked, _ = cpu()
		}
		begun := time.Now()
		s.log(logger, burst*l.Flood, (burst+1)*l.Flood)
		t.Call += time.Since(begun)
		if err := run.flush(); err != nil {
			return t, err
		}
	}
	n := time.Duration(l.Bursts * l.Flood)
	end, ok := cpu()
	runtime.ReadMemStats(&after)
	t.CPU, t.HasCPU = (end-worked)/n, ok
	t.Call /= n
	t.Allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
	t.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	for i := range audits {
		s.audit(logger, (warmups+l.Bursts)*l.Flood+i)
	}
	return t, nil
}

// check returns an error unless every output has the records that belong there, and
// no others, in order and each as a whole line, without the secret if that is to be
// redacted. There are so many records, and those for the audit log.
func (w Whole) check(dir string, s Stream, records int, inbox *Inbox) error {
	for _, out := range w.files {
		if err := out.check(dir, s, records, w.redacts); err != nil {
			return fmt.Errorf("%s: %w", out.name, err)
		}
	}
	events, err := inbox.take()
	switch {
	case err != nil && (w.redacts || err.Error() != ErrLeak.Error()):
		return fmt.Errorf("logstash: %w", err)
	case w.ships:
		err = counted(events, records+audits)
	default:
		err = counted(events, 0)
	}
	if err != nil {
		return fmt.Errorf("logstash: %w", err)
	}
	return nil
}

func (out output) check(dir string, s Stream, records int, redacted bool) error {
	text, err := os.ReadFile(filepath.Join(dir, out.name))
	if err != nil {
		return err
	}
	if redacted && bytes.Contains(text, []byte(plantedSecret)) {
		return ErrLeak
	}
	next := 0
	skip := func() {
		for next < records+audits && !out.takes(s.levelOf(next, records), next >= records) {
			next++
		}
	}
	skip()
	for line := range bytes.Lines(text) {
		if !json.Valid(line) || line[len(line)-1] != '\n' {
			return fmt.Errorf("%q is not a line of JSON", line)
		}
		if number, _ := numberOf(line); number != next {
			return fmt.Errorf("record %d, want %d", number, next)
		}
		next++
		skip()
	}
	if next < records+audits {
		return fmt.Errorf("record %d is not there", next)
	}
	return nil
}

// levelOf returns the level of a record, of which those from a number on are for
// the audit log.
func (s Stream) levelOf(number, audited int) slog.Level {
	if number >= audited {
		return slog.LevelInfo
	}
	return s.level(number)
}

// Opening returns how long it takes to open a pipeline of five sinks, and to close
// it. Its files are there already.
func Opening(inbox *Inbox) (open, shut time.Duration, err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := pipeline.Config{Sinks: fiveSinks(dir, inbox.Addr, slog.LevelWarn)}
	for range 2 {
		begun := time.Now()
		p, err := pipeline.Open(cfg)
		if err != nil {
			return 0, 0, err
		}
		open = time.Since(begun)
		begun = time.Now()
		if err := p.Close(); err != nil {
			return 0, 0, err
		}
		shut = time.Since(begun)
	}
	return open, shut, nil
}
