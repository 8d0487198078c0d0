package pipeline

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// Describe returns the pipeline as a tree for people: what is done to records, and
// for each sink which records it gets, in which form, and where they go, with
// levels as they are at the moment. It shows no secrets, and ends in a newline. The
// form may change.
func (p *Pipeline) Describe() string {
	g := p.current.Load()
	t := branch{text: "pipeline"}
	if g.emergency != nil {
		g.emergency.describe(&t, g.mask)
	}
	t.add("redact: " + g.cfg.describeRedaction())
	t.add("monitor" + g.cfg.describeLoops())
	t.add("fallback: " + g.cfg.describeFallback())
	for _, s := range g.sinks {
		b := t.add(s.describe(g))
		if s.cfg.bufferOptions() != nil {
			b.add(s.res.settings.describeBuffer())
		}
		switch {
		case s.res.file != nil:
			f := b.add(plain(s.cfg.Path))
			for _, line := range describeFile(&s.res.settings.file) {
				f.add(line)
			}
		case s.res.shipper != nil:
			a := b.add(plain(withoutSecrets(s.cfg.Addr)))
			for _, line := range describeShipper(&s.res.settings.dial) {
				a.add(line)
			}
		case s.cfg.Type == Console:
			b.add(s.cfg.target())
		case s.cfg.Type == Handler:
			b.add(fmt.Sprintf("%T", s.cfg.Handler))
		}
	}
	var out strings.Builder
	t.print(&out, "", "")
	return out.String()
}

// A branch is a line of a tree with those below it.
type branch struct {
	text  string
	below []*branch
}

func (b *branch) add(text string) *branch {
	b.below = append(b.below, &branch{text: text})
	return b.below[len(b.below)-1]
}

func (b *branch) print(out *strings.Builder, first, rest string) {
	out.WriteString(first + b.text + "\n")
	for i, c := range b.below {
		if i < len(b.below)-1 {
			c.print(out, rest+"├─ ", rest+"│  ")
		} else {
			c.print(out, rest+"└─ ", rest+"   ")
		}
	}
}

// list joins what is not empty.
func list(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// when returns text if ok, and nothing otherwise.
func when(ok bool, text string) string {
	if ok {
		return text
	}
	return ""
}

// plain returns a text of the user's as it is, or quoted if it could be taken for
// something else.
func plain(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func plains(list []string) string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = plain(s)
	}
	return strings.Join(all, ", ")
}

func size(n int64) string { return Size(n).String() }

func span(d time.Duration) string { return Duration(d).String() }

func (cfg *Config) describeRedaction() string {
	if cfg.Redaction.Off {
		return "off"
	}
	o := cfg.redactOptions()
	return list(
		when(!o.NoDefaults, "default rules"),
		when(len(o.Rules) > 0, fmt.Sprintf("%d rules of the program", len(o.Rules))),
		when(len(o.Keys) > 0, "keys "+plains(o.Keys)),
		when(len(o.AllowKeys) > 0, "but not "+plains(o.AllowKeys)),
		when(len(o.Enable) > 0, "with "+plains(o.Enable)),
		when(len(o.Disable) > 0, "without "+plains(o.Disable)),
		when(o.Mask != "", "mask "+plain(o.Mask)),
	)
}

func (cfg *Config) describeLoops() string {
	text := list(
		when(cfg.VolumeInterval > 0, "volume every "+span(time.Duration(cfg.VolumeInterval))),
		when(cfg.HealthInterval > 0, "health every "+span(time.Duration(cfg.HealthInterval))),
	)
	return when(text != "", ": logs ") + text
}

func (cfg *Config) describeFallback() string {
	if cfg.NoFallback {
		return "none"
	}
	return fmt.Sprintf("%d records a second to %s", perSecond, cfg.fallbackName())
}

func (cfg *Config) fallbackName() string {
	if cfg.Fallback == nil || cfg.Fallback == os.Stderr {
		return "standard error"
	}
	return fmt.Sprintf("%T", cfg.Fallback)
}

func (s *sink) describe(g *generation) string {
	c := s.cfg
	format := c.Format.String() + when(c.AddSource, " with source")
	if c.Type == Func || c.Type == Handler {
		format = ""
	}
	return plain(c.Name) + ": " + list(c.Type.String(), describeLevel(s.level), c.Match.describe(g), c.describeSampling(), format,
		when(c.Service != "", "service "+plain(c.Service)), when(c.EventType != "", "type "+plain(c.EventType)),
		when(len(c.Tags) > 0, "tags "+plains(c.Tags)))
}

func describeLevel(l slog.Leveler) string {
	text := handler.LevelName(l.Level()) + " and above"
	if l.Level() <= slog.Level(minInt) {
		text = "all levels"
	}
	levels, ok := l.(*handler.Levels)
	if !ok {
		return text
	}
	var rules []string
	for _, r := range levels.Rules() {
		if r.Package != "" || r.Logger != "" {
			rules = append(rules, plain(strings.TrimSpace(r.Package+" "+r.Logger))+" "+handler.LevelName(r.Level))
		}
	}
	return text + when(len(rules) > 0, " ("+strings.Join(rules, ", ")+")")
}

func (m *Match) describe(g *generation) string {
	attrs := make([]string, 0, len(m.Attrs))
	for _, path := range slices.Sorted(maps.Keys(m.Attrs)) {
		attrs = append(attrs, plain(path)+" = "+plain(g.maskAt(path, m.Attrs[path])))
	}
	highest := ""
	if !m.MaxLevel.IsZero() {
		highest = "up to " + handler.LevelName(m.MaxLevel.Level())
	}
	return list(
		when(m.Tag != "", "tag "+plain(m.Tag)),
		when(len(m.Packages) > 0, "packages "+plains(m.Packages)),
		strings.Join(attrs, ", "),
		when(m.Message != "", "message ~ "+plain(g.mask(m.Message))),
		highest,
		when(m.Func != nil, "a condition of the program"),
	)
}

func (s *Sink) describeSampling() string {
	m := &s.Sampling
	if s.sampleOptions() == nil {
		return ""
	}
	text := list(
		when(m.First != 0, fmt.Sprintf("first %d", m.First)),
		when(m.Thereafter != 0, fmt.Sprintf("every %s thereafter", humanize.Ordinal(m.Thereafter))),
		when(m.Interval != 0, "each "+span(time.Duration(m.Interval))),
		when(m.Rate != 0, fmt.Sprintf("%g a second", m.Rate)),
	)
	return "sampled (" + text + ")"
}

func (s *settings) describeBuffer() string {
	b := &s.buffer
	interval := b.FlushInterval
	if interval == 0 {
		interval = 10 * time.Millisecond
	}
	age := "ERROR at once, others within " + span(interval)
	if interval < 0 {
		age = "written as soon as possible"
	}
	return "buffer: " + list(size(bufferSize(b.Size)), when(b.MaxLines > 0, fmt.Sprintf("%d lines", b.MaxLines)), age, b.Policy.String()+" when full")
}

func describeFile(o *rotate.Options) []string {
	limit := o.MaxSize
	if limit == 0 {
		limit = 100 * rotate.MiB
	}
	rotation := list(when(limit > 0, "at "+size(limit)), plainIf(o.Schedule), when(o.RotateAtOpen, "at the start"))
	if rotation == "" {
		rotation = "never"
	}
	keep := list(when(o.MaxAge > 0, span(o.MaxAge)), when(o.MaxBackups > 0, fmt.Sprintf("%d files", o.MaxBackups)),
		when(o.MaxTotalSize > 0, size(o.MaxTotalSize)))
	if keep == "" {
		keep = "all"
	}
	lines := []string{"rotated: " + rotation, "kept: " + keep + when(o.Compress != rotate.None, ", "+o.Compress.String())}
	if more := list(
		when(o.FileMode != 0, fmt.Sprintf("mode %#o", o.FileMode)),
		when(o.PerProcess, "one for each process"),
		when(o.MultiProcess, "shared by processes"),
		when(o.SyncEveryWrite, "each line synced"),
	); more != "" {
		lines = append(lines, more)
	}
	return lines
}

func plainIf(s string) string {
	if s == "" {
		return ""
	}
	return plain(s)
}

func describeShipper(o *logstash.DialOptions) []string {
	lines := []string{"queue: " + list(size(queueSize(o.Size)), when(o.MaxEvents > 0, fmt.Sprintf("%d events", o.MaxEvents)), o.Policy.String()+" when full")}
	if limit := spoolSize(o); limit > 0 {
		lines = append(lines, "spool: "+list(plain(o.SpoolDir), "up to "+size(limit), o.SpoolMode.String()))
	}
	return lines
}
