package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/clean"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

// exam is one look at everything.
type exam struct {
	*machine
	*flags
	cfg   pipeline.Config
	path  string // of the file of cfg, if there is one
	began time.Time
	logs  []*logfile
	turns chan struct{} // of those that read a file, each of which takes memory for its end
}

// readers is how many files are read at the same time.
const readers = 2

func newExam(m *machine, f *flags, cfg pipeline.Config, path string) *exam {
	x := &exam{machine: m, flags: f, cfg: cfg, path: path, began: m.now(), turns: make(chan struct{}, readers)}
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		switch s.Type {
		case pipeline.File, pipeline.Errors, pipeline.Audit:
			x.logs = append(x.logs, &logfile{
				sink:   s,
				name:   cmp.Or(s.Name, fmt.Sprintf("sinks[%d]", i)),
				level:  levelOf(&cfg, s),
				family: clean.FamilyOf(s.Path, s.PerProcess),
			})
		default: // has no file
		}
	}
	return x
}

// levelOf returns the level of a sink; far below all others if it takes what matches.
func levelOf(cfg *pipeline.Config, s *pipeline.Sink) slog.Level {
	match := s.Match
	match.MaxLevel = pipeline.Level{}
	switch {
	case s.Type == pipeline.Audit:
		return -1 << 31
	case !s.Level.IsZero():
		return s.Level.Level()
	case !reflect.ValueOf(match).IsZero():
		return -1 << 31
	case s.Type == pipeline.Errors:
		return slog.LevelError
	}
	return cfg.Level.Level()
}

// errOffline is why there is no connection.
var errOffline = errors.New("not asked: --offline")

// offlineCheck is Config.Check of a configuration that connects to nothing.
func (x *exam) offlineCheck(ctx context.Context) []pipeline.Finding {
	cfg := x.cfg
	cfg.Sinks = slices.Clone(cfg.Sinks)
	for i := range cfg.Sinks {
		if cfg.Sinks[i].Type != pipeline.Logstash {
			continue
		}
		cfg.Sinks[i].Dial.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errOffline }
	}
	return x.check(cfg, ctx)
}

// askBrokers asks the Kafkas and Redises of the configuration what Config.Check cannot know, all at the same time.
func (x *exam) askBrokers(ctx context.Context) <-chan []pipeline.Finding {
	var (
		asked = make(chan []pipeline.Finding, 1)
		found = make([][]pipeline.Finding, len(x.cfg.Sinks))
		all   sync.WaitGroup
	)
	for i := range x.cfg.Sinks {
		s := &x.cfg.Sinks[i]
		if s.Type != pipeline.Logstash {
			continue
		}
		opts := logstash.DialOptions{CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile}
		all.Go(func() {
			found[i] = broker.Ask(ctx, s.Addr, &opts, broker.SettingsOf(s.Addr))
			for j := range found[i] {
				found[i][j].Sink = oneLine(cmp.Or(s.Name, fmt.Sprintf("sinks[%d]", i)))
			}
		})
	}
	go func() {
		all.Wait()
		asked <- slices.Concat(found...)
	}()
	return asked
}

// answer answers the questions. What is not seen when ctx is done says so.
func (x *exam) answer(ctx context.Context) []list {
	wanted := slices.DeleteFunc(sections(), func(s section) bool {
		return len(x.lists) > 0 && !slices.Contains(x.lists, s.name)
	})
	checked := make(chan []pipeline.Finding, 1)
	go func() {
		if x.offline {
			checked <- x.offlineCheck(ctx)
			return
		}
		asked := x.askBrokers(ctx)
		checked <- append(x.check(x.cfg, ctx), <-asked...)
	}()

	x.read(ctx)
	seen := make([][]chan []finding, len(wanted))
	for i := range wanted {
		for _, q := range wanted[i].questions {
			found := make(chan []finding, 1)
			seen[i] = append(seen[i], found)
			go func() {
				a := answer{findings: []finding{}} // nil is what is late
				if q.look != nil {
					q.look(x, ctx, &a)
				}
				found <- a.findings
			}()
		}
	}
	check := await(ctx, checked)
	if check == nil {
		check = []pipeline.Finding{{Status: pipeline.Warn, What: "configuration", Detail: "the check did not end in time", Do: lateDo}}
	}
	boxed := make([]bool, len(check))
	lists := make([]list, 0, len(wanted)+1)
	for i, s := range wanted {
		l := list{Name: s.name, Title: s.title}
		for j, q := range s.questions {
			var findings []finding
			for k := range check {
				if q.matches(&check[k]) {
					boxed[k] = true
					findings = append(findings, x.translate(&check[k]))
				}
			}
			own := await(ctx, seen[i][j])
			if own == nil {
				own = []finding{{warn, "", "look", "did not end in time, and was given up", lateDo}}
			}
			l.Boxes = append(l.Boxes, newBox(q.text, append(findings, own...)))
		}
		lists = append(lists, l)
	}
	return x.others(lists, check, boxed)
}

const lateDo = "see whether a file server, a disk or a name server hangs, or give it more with --timeout"

// await returns what comes from c before ctx is done, or a moment later.
func await[T any](ctx context.Context, c <-chan []T) []T {
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
	}
	late := time.NewTimer(time.Second) // for what notices ctx itself
	defer late.Stop()
	select {
	case v := <-c:
		return v
	case <-late.C:
		return nil
	}
}

// others adds a box for what Config.Check says and no box of the guide asks, if that is more than that all is well.
// Where only some of the lists are wanted, so are their boxes only.
func (x *exam) others(lists []list, check []pipeline.Finding, boxed []bool) []list {
	if len(x.lists) > 0 {
		return lists
	}
	var findings []finding
	for i := range check {
		if !boxed[i] && check[i].Status != pipeline.Pass {
			findings = append(findings, x.translate(&check[i]))
		}
	}
	if len(findings) == 0 {
		return lists
	}
	return append(lists, list{Name: "other", Title: "Beyond the lists", Boxes: []box{newBox("What no box asks for", findings)}})
}

// translate returns a finding of Config.Check as one of ours.
func (x *exam) translate(f *pipeline.Finding) finding {
	own := finding{Sink: f.Sink, What: f.What, Detail: f.Detail, Do: f.Do}
	switch f.Status {
	case pipeline.Pass:
		own.Status = pass
	case pipeline.Warn:
		own.Status = warn
	case pipeline.Fail:
		own.Status = fail
	}
	if x.offline && own.Status != pass && strings.Contains(f.Detail, errOffline.Error()) {
		own.Status, own.Detail, own.Do = hand, errOffline.Error(), "ask it without --offline"
	}
	return own
}
