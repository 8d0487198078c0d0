package pipeline

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
)

// Levels returns the level of each sink, in the order of the Config, for a
// monitor.Page or a program of one's own. One with a method Set can be changed at
// run time: those that were given to Config as a level or by name, by which a Reload
// sets them again, and those of the program's own that have Set, such as
// [slog.LevelVar] and handler.Levels. Sinks without a level of their own then share
// that of Config.Level. That of an Audit sink, which takes all levels, cannot be set.
// What Levels returns keeps on being about the sink of that name after a Reload.
func (p *Pipeline) Levels() []monitor.Level {
	sinks := p.current.Load().sinks
	all := make([]monitor.Level, len(sinks))
	for i, s := range sinks {
		var l slog.Leveler = levelOf{p, s.cfg.Name}
		if s.setter() != nil {
			l = settableLevel{levelOf{p, s.cfg.Name}}
		}
		all[i] = monitor.Level{Name: s.cfg.Name, Leveler: l}
	}
	return all
}

type setter interface{ Set(level slog.Level) }

// setter returns what sets the level of a sink, nil if nobody may.
func (s *sink) setter() setter {
	if s.cfg.Type == Audit {
		return nil
	}
	v, _ := s.level.(setter)
	return v
}

// levelOf is the level that the sink of a name has at the moment.
type levelOf struct {
	p    *Pipeline
	name string
}

// Level returns the level, and the highest there is for a sink that is gone.
func (l levelOf) Level() slog.Level {
	if s := l.p.current.Load().sink(l.name); s != nil {
		return s.level.Level()
	}
	off, _ := handler.ParseLevel("OFF") // which is one
	return off
}

// settableLevel is one that can be set.
type settableLevel struct{ levelOf }

// Set sets the level, unless the sink is gone or its level is now the program's.
func (l settableLevel) Set(level slog.Level) {
	if s := l.p.current.Load().sink(l.name); s != nil {
		if v := s.setter(); v != nil {
			v.Set(level)
		}
	}
}

// status is what the monitor knows of the sinks.
func (p *Pipeline) status() []monitor.Sink {
	g := p.current.Load()
	p.troubles.check(g)
	stats := p.Stats().Sinks
	all := make([]monitor.Sink, 0, len(g.sinks))
	for i, s := range g.sinks {
		if i < len(stats) && stats[i].Name == s.cfg.Name { // there may have been a Reload meanwhile
			all = append(all, p.statusOf(g, s, &stats[i]))
		}
	}
	return all
}

func (p *Pipeline) statusOf(g *generation, s *sink, st *SinkStats) monitor.Sink {
	m := monitor.Sink{
		Name: s.cfg.Name, Type: s.cfg.Type.String(), Target: s.cfg.target(), Level: s.level,
		Accepted: st.Records.Accepted, Written: st.Records.Written, Dropped: st.Records.Dropped,
		WrittenBytes: st.Records.WrittenBytes,
	}
	if f := st.File; f != nil {
		m.WrittenBytes = uint64(f.WrittenBytes) //nolint:gosec // is not negative
		m.FileSize, m.Backups, m.BackupBytes, m.FreeSpace = f.Size, f.Backups, f.BackupBytes, f.FreeSpace
		m.Rotations, m.LastRotation = f.Rotations, f.LastRotation
		m.LastErr, m.LastErrTime = f.LastError, f.LastErrorTime
		if f.LastRotateError != nil {
			m.Notes = append(m.Notes, "the last rotation failed: "+f.LastRotateError.Error())
		}
	}
	if b := st.Buffer; b != nil {
		m.Accepted, m.Written, m.Dropped, m.Queued = b.Accepted+b.Refused, b.Written, b.Dropped+b.Refused, b.Queued
		m.QueueBytes, m.QueueSize = b.QueuedBytes, bufferSize(s.res.settings.buffer.Size)
		if m.LastErr == nil {
			m.LastErr = b.LastError
		}
	}
	if l := st.Shipper; l != nil {
		m.Accepted, m.Written, m.Dropped, m.Queued = l.Accepted, l.Written, l.Dropped, l.Queued
		m.Spooled, m.SpoolBytes, m.SpoolSize = l.Spooled, l.SpoolBytes, spoolSize(&s.res.settings.dial)
		m.WrittenBytes = 0 // the encoder's are not those that got through
		m.QueueBytes, m.QueueSize = l.QueuedBytes, queueSize(s.res.settings.dial.Size)
		m.LastErr = l.LastError
		shipping(&m, s.res.shipper.Health(), l.FailingSince)
	}
	since, err := p.troubles.now(s.trouble)
	if err == nil && g.emergency != nil {
		since, err = g.emergency.since, g.emergency
	}
	if err != nil {
		m.Down, m.DownSince = err.Error(), since
		m.LastErr, m.LastErrTime = err, since
		if errors.Is(err, os.ErrClosed) {
			m.QueueSize = 0 // it takes nothing
		}
	}
	m.Down = g.mask(m.Down)
	for i, note := range m.Notes {
		m.Notes[i] = g.mask(note)
	}
	if m.LastErr != nil {
		m.LastErr = maskedError{g.mask(m.LastErr.Error()), m.LastErr}
	}
	return m
}

// now returns why a sink fails at the moment, nil if it works.
func (t *troubles) now(tr *trouble) (since time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !tr.failing {
		return time.Time{}, nil
	}
	return tr.since, tr.err
}

// shipping adds how a shipper is doing.
func shipping(m *monitor.Sink, h logstash.Health, since time.Time) {
	if h.State == logstash.Down && h.Err != nil {
		m.Down, m.DownSince = h.Err.Error(), since
	}
	if h.SpoolErr != nil {
		m.SpoolSize = 0 // it takes nothing
		m.Notes = append(m.Notes, "events cannot be spooled: "+h.SpoolErr.Error())
	}
	for _, e := range h.Endpoints {
		if e.LastError != nil && h.State != logstash.Down {
			m.Notes = append(m.Notes, "no connection to "+e.Addr+": "+e.LastError.Error())
		}
	}
}

// bufferSize is what asyncbuf makes of a Size.
func bufferSize(size int64) int64 {
	if size <= 0 {
		return 256 << 10
	}
	return min(size, 1<<30)
}

// queueSize is what logstash makes of a Size.
func queueSize(size int64) int64 {
	if size == 0 {
		return 64 << 20
	}
	return size
}

// spoolSize is how many bytes logstash lets a spool have, 0 if there is none.
func spoolSize(o *logstash.DialOptions) int64 {
	switch {
	case o.SpoolMode == logstash.SpoolOff:
		return 0
	case o.SpoolMaxBytes == 0:
		return 1 << 30
	}
	return o.SpoolMaxBytes
}

// maskedError is an error whose text has no secrets.
type maskedError struct {
	text string
	err  error
}

func (e maskedError) Error() string { return e.text }
func (e maskedError) Unwrap() error { return e.err }

// mask masks the secrets in a text.
func (g *generation) mask(s string) string {
	if g.texts == nil {
		return redact.String(s)
	}
	return g.texts.String(s)
}

// maskAt returns the text of an attr with a path, without secrets.
func (g *generation) maskAt(path string, v any) string {
	names := strings.Split(path, ".")
	groups, a := names[:len(names)-1], slog.Any(names[len(names)-1], v)
	if g.texts == nil {
		return redact.ReplaceAttr(groups, a).Value.String()
	}
	return g.texts.ReplaceAttr(groups, a).Value.String()
}

// target returns where a sink writes, without secrets.
func (s *Sink) target() string {
	switch s.Type {
	case File, Errors, Audit:
		return s.Path
	case Logstash:
		return withoutSecrets(s.Addr)
	case Console:
		_, careful := s.Writer.(standardError)
		switch {
		case careful, s.Writer == nil && s.Stderr:
			return "standard error"
		case s.Writer != nil:
			return "writer"
		}
		return "standard output"
	default:
		return ""
	}
}

// withoutSecrets returns an address without what it may have of user information and
// of a query, which may be a token.
func withoutSecrets(addr string) string {
	scheme, rest, ok := strings.Cut(addr, "://")
	if !ok {
		return redact.String(addr)
	}
	host, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, tail = rest[:i], rest[i:]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if i := strings.IndexAny(tail, "?#"); i >= 0 {
		tail = tail[:i]
	}
	return redact.String(scheme + "://" + host + tail)
}
