package pipeline

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// What follows is what a sink says in the words of the packages that do it.

// fileOptions returns the options of the sink's file.
func (s *Sink) fileOptions() rotate.Options {
	o := s.Rotate
	r := s.Rotation
	o.Schedule = cmp.Or(r.Schedule, o.Schedule)
	o.MaxSize = cmp.Or(int64(r.MaxSize), o.MaxSize)
	if r.Schedule != "" && o.MaxSize == 0 {
		o.MaxSize = -1
	}
	o.MaxAge = cmp.Or(s.Retention.MaxAge, o.MaxAge)
	o.MaxBackups = cmp.Or(s.Retention.MaxBackups, o.MaxBackups)
	o.MaxTotalSize = cmp.Or(int64(s.Retention.MaxTotalSize), o.MaxTotalSize)
	o.Compress = cmp.Or(s.Compress, o.Compress)
	o.FileMode = cmp.Or(fs.FileMode(s.FileMode), o.FileMode)
	o.DirMode = cmp.Or(fs.FileMode(s.DirMode), o.DirMode)
	o.PerProcess = s.PerProcess || o.PerProcess
	o.MultiProcess = s.MultiProcess || o.MultiProcess
	if s.Type == Audit {
		o.SyncEveryWrite = true
		o.FileMode = cmp.Or(o.FileMode, 0o600)
	}
	return o
}

// bufferOptions returns the options of the sink's buffer, nil for none.
func (s *Sink) bufferOptions() *asyncbuf.WriterOptions {
	if s.Buffer != nil {
		return new(*s.Buffer)
	}
	if !s.Async {
		return nil
	}
	return &asyncbuf.WriterOptions{
		Size:          int64(s.BufferSize),
		MaxLines:      s.MaxBufferedLines,
		FlushInterval: time.Duration(s.FlushInterval),
		Policy:        s.Policy,
	}
}

// dialOptions returns the options of the sink's shipper.
func (s *Sink) dialOptions() logstash.DialOptions {
	o := s.Dial
	o.CAFile = cmp.Or(s.CAFile, o.CAFile)
	o.CertFile = cmp.Or(s.CertFile, o.CertFile)
	o.KeyFile = cmp.Or(s.KeyFile, o.KeyFile)
	o.SpoolMaxBytes = cmp.Or(int64(s.SpoolMaxSize), o.SpoolMaxBytes)
	if s.SpoolDir != "" {
		o.SpoolDir = s.SpoolDir
		o.SpoolMode = cmp.Or(o.SpoolMode, logstash.SpoolOverflow)
	}
	return o
}

// eventOptions returns the options of the sink's encoder, for the formats
// EventFormat and ECS.
func (s *Sink) eventOptions() logstash.Options {
	o := logstash.Options{
		AddSource: s.AddSource,
		Service:   logstash.Service{Name: s.Service},
		Type:      s.EventType,
		Tags:      slices.Clone(s.Tags),
		EventID:   s.EventID,
	}
	if s.Format == ECS {
		o.Profile = logstash.ECS
	}
	return o
}

// sampleOptions returns the options of the sink's sampling, nil for none.
func (s *Sink) sampleOptions() *handler.SampleOptions {
	if s.Sampling == (Sampling{}) {
		return nil
	}
	return &handler.SampleOptions{
		First:      s.Sampling.First,
		Thereafter: s.Sampling.Thereafter,
		Interval:   time.Duration(s.Sampling.Interval),
		Rate:       s.Sampling.Rate,
	}
}

// match returns what a record has to be for the sink, nil for any.
func (s *Sink) match() fanout.Match {
	m := &s.Match
	var all []fanout.Match
	if !m.MaxLevel.IsZero() { // the cheapest first
		all = append(all, fanout.LevelIn(nil, m.MaxLevel.leveler))
	}
	if m.Tag != "" {
		all = append(all, fanout.HasTag(m.Tag))
	}
	if len(m.Packages) > 0 {
		all = append(all, fanout.InPackage(m.Packages...))
	}
	for _, path := range slices.Sorted(maps.Keys(m.Attrs)) {
		all = append(all, fanout.AttrIs(path, m.Attrs[path]))
	}
	if m.Message != "" {
		all = append(all, messageMatches(m.Message))
	}
	if m.Func != nil {
		all = append(all, m.Func)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return fanout.And(all...)
}

// messageMatches matches nothing by an expression that is none, which complete
// has reported.
func messageMatches(expression string) fanout.Match {
	re, err := regexp.Compile(expression)
	if err != nil {
		return func(context.Context, slog.Record, fanout.Bound) bool { return false }
	}
	return fanout.MessageMatches(re)
}

// redactOptions returns what is to be masked.
func (cfg *Config) redactOptions() redact.Options {
	o, own := cfg.Redact, &cfg.Redaction
	o.Keys = slices.Concat(own.Keys, o.Keys)
	o.AllowKeys = slices.Concat(own.AllowKeys, o.AllowKeys)
	o.Enable = slices.Concat(own.Enable, o.Enable)
	o.Disable = slices.Concat(own.Disable, o.Disable)
	o.Mask = cmp.Or(own.Mask, o.Mask)
	return o
}
