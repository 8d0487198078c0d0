package view

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

const (
	mask    = "[REDACTED]"
	gutter  = "  │   " // before a line of text, which is that of the console before the later lines of a message
	maxHead = 1024     // the most bytes that are printed of a line that is broken or was too long

	dimmed = "\x1b[2m"
	reset  = "\x1b[0m"
)

// A printer renders lines into the memory of its screen.
type printer struct {
	*settings
	screen   *screen
	handlers map[look]slog.Handler
	parser   jsonlog.Parser
	attrs    []slog.Attr

	// Of the line that is rendered.
	start int    // of its text
	name  string // its file, if that is printed
	dim   bool
}

// A look is what the handlers of the lines differ in.
type look struct {
	kind   kind
	dim    bool
	front  int    // the columns that the wide layout lacks
	logger string // has a column of its own
}

// A kind is what kind of a line a handler prints.
type kind int

const (
	leveled kind = iota
	unleveled
	plain
	damaged
)

func newPrinter(s *settings) *printer {
	return &printer{settings: s, screen: newScreen(s.terminal), handlers: make(map[look]slog.Handler)}
}

// begin begins a line.
func (p *printer) begin(name string, dim bool) {
	p.start, p.name, p.dim = len(p.screen.buf), name, dim
}

// raw renders a line as it stands.
func (p *printer) raw(text []byte) {
	if p.name != "" {
		p.screen.buf = append(append(p.screen.buf, p.name...), ':')
	}
	p.screen.buf = append(append(p.screen.buf, p.masked(text)...), '\n')
}

// masked returns a text without its secrets.
func (p *printer) masked(text []byte) []byte {
	if p.secrets {
		return text
	}
	return redact.Bytes(text)
}

// text renders a line of text, of which so many bytes are missing.
func (p *printer) text(text []byte, missing int64) {
	p.plain(plain, p.head(text, missing), "")
}

// broken renders a line of broken JSON, of which so many bytes are missing.
func (p *printer) broken(text []byte, missing int64) {
	p.plain(damaged, p.head(text, max(missing, 1)), "broken: ")
}

// head returns a text without its secrets, and without its end if that is missing anyway.
func (p *printer) head(text []byte, missing int64) string {
	text = p.masked(text)
	if missing == 0 || len(text) <= maxHead {
		return string(text)
	}
	missing += int64(len(text) - maxHead)
	return strings.ToValidUTF8(string(text[:maxHead]), "") + "… (" + humanize.IBytes(uint64(missing)) + " more)" //nolint:gosec // it is not negative
}

// plain renders what is no record.
func (p *printer) plain(k kind, text, mark string) {
	r := slog.NewRecord(time.Time{}, slog.LevelWarn, text, 0)
	if p.form == asJSON {
		if k == damaged {
			r.AddAttrs(slog.Bool("broken", true))
		}
		p.json(look{kind: unleveled}, r)
		return
	}
	r.Message = mark + strings.ReplaceAll(text, "\t", "    ")
	front := p.front("")
	if !p.wide && text == "" {
		p.screen.buf = append(p.screen.buf, strings.TrimRight(gutter, " ")+"\n"...)
		return
	}
	if !p.wide {
		p.screen.buf = append(p.screen.buf, gutter...)
		p.handle(look{kind: k, front: front}, r)
		return
	}
	// Below a first line that is empty and taken out again, the console prints behind its gutter.
	start := len(p.screen.buf)
	r.Message = "\n" + r.Message
	p.handle(look{kind: k, front: front}, r)
	if start < len(p.screen.buf) {
		p.screen.buf = slices.Delete(p.screen.buf, start, start+1)
	}
}

// record renders a line of JSON.
func (p *printer) record(text []byte, l *jsonlog.Line) {
	if masked := p.masked(text); !bytes.Equal(masked, text) {
		var err error
		if l, err = p.parser.Parse(masked); err != nil {
			p.plain(plain, string(masked), "")
			return
		}
	}
	from := l.Record()
	r := slog.NewRecord(from.Time, from.Level, from.Message, 0)
	if p.timeless {
		r.Time = time.Time{}
	} else if !r.Time.IsZero() {
		r.Time = r.Time.In(p.zone)
	}
	p.attrs = p.attrs[:0]
	from.Attrs(func(a slog.Attr) bool {
		p.attrs = append(p.attrs, a)
		return true
	})
	front := ""
	switch prefix := prefixOf(l); {
	case p.form == people && strings.HasSuffix(prefix, " |") && strings.Count(prefix, " ") == 1:
		front = prefix
	case prefix != "":
		p.attrs = append(p.attrs, slog.String("prefix", prefix))
	}
	attrs := p.shown.of(p.attrs)
	k := look{kind: leveled}
	if !l.HasLevel {
		k.kind = unleveled
	}
	if p.form == asJSON {
		r.AddAttrs(attrs...)
		p.json(k, r)
		return
	}
	k.front = p.front(front)
	k.logger, attrs = loggerOf(l, attrs)
	r.AddAttrs(attrs...)
	p.handle(k, r)
}

// json renders a record as JSON.
func (p *printer) json(k look, r slog.Record) {
	if p.name != "" {
		r.AddAttrs(slog.String("file", p.name))
	}
	p.handle(k, r)
}

// prefixOf returns what stands before the object of a line, other than the time and the stream that Kubernetes notes.
// Only that of docker compose, a word and a bar, is printed before the line as well: any other could look like one.
func prefixOf(l *jsonlog.Line) string {
	if len(l.Prefix) == 0 {
		return ""
	}
	words := strings.Fields(string(l.Prefix))
	if len(words) == 3 && (words[1] == "stdout" || words[1] == "stderr") && len(words[2]) == 1 {
		return ""
	}
	return strings.Join(words, " ")
}

// loggerOf takes the logger out of the attrs.
func loggerOf(l *jsonlog.Line, attrs []slog.Attr) (string, []slog.Attr) {
	name := l.Logger()
	if len(name) == 0 {
		return "", attrs
	}
	i := slices.IndexFunc(attrs, func(a slog.Attr) bool {
		return a.Key == "logger" && a.Value.Kind() == slog.KindString && a.Value.String() == string(name)
	})
	if i < 0 {
		return "", attrs
	}
	return string(name), slices.Delete(attrs, i, i+1)
}

// front renders what stands before a line, and returns the columns that the wide layout lacks for it.
func (p *printer) front(prefix string) int {
	text := p.name
	if text != "" && p.wide {
		text = p.names.column(text)
	}
	if prefix != "" {
		if text != "" {
			text += " "
		}
		text += cli.Printable(prefix)
	}
	if text == "" {
		return 0
	}
	columns := 0
	if p.wide {
		columns = runewidth.StringWidth(text) + 1
	}
	if p.color && !p.dim {
		text = dimmed + text + reset
	}
	p.screen.buf = append(append(p.screen.buf, text...), ' ')
	return columns
}

// end ends a line: dims it, if it is context, and makes harmless what goes to a terminal and was not made so by the console.
func (p *printer) end() {
	line := p.screen.buf[p.start:]
	switch {
	case p.form != people && p.terminal != nil:
		p.screen.buf = append(p.screen.buf[:p.start], escaped(line)...)
	case p.dim && p.color:
		text := bytes.Clone(line)
		p.screen.buf = appendDimmed(p.screen.buf[:p.start], text)
	}
}

// appendDimmed appends a text without colors, dimmed.
func appendDimmed(b, text []byte) []byte {
	for line := range bytes.Lines(text) {
		b = append(append(append(b, dimmed...), bytes.TrimSuffix(line, []byte("\n"))...), reset+"\n"...)
	}
	return b
}

// handle renders a record.
func (p *printer) handle(k look, r slog.Record) {
	k.dim = p.dim
	h := p.handlers[k]
	if h == nil {
		if len(p.handlers) > 1000 { // there are logs with a logger for each request
			clear(p.handlers)
		}
		h = p.handler(k)
		p.handlers[k] = h
	}
	_ = h.Handle(context.Background(), r) // memory takes it
}

// handler returns a handler for lines of a look.
func (p *printer) handler(k look) slog.Handler {
	if p.form == asJSON {
		opts := handler.JSONOptions{Duplicates: handler.RenameDuplicates, LevelName: handler.LevelName}
		if opts.Level = p.console.Level; k.kind == unleveled {
			opts.LevelName, opts.ReplaceAttr = nil, noLevel
		}
		return opts.NewHandler(p.screen)
	}
	opts := p.console
	if k.dim {
		opts.Color = handler.ColorNever
	}
	switch k.kind {
	case leveled:
	case unleveled:
		opts.LevelName = func(slog.Level) string { return "---" }
	case plain:
		opts.LevelColor = func(slog.Level) string { return "" }
		opts.ReplaceAttr = bare
	case damaged:
		opts.ReplaceAttr = bare
	}
	if opts.Width == 0 && p.terminal != nil && k.front > 0 {
		opts.Width = cli.Width(p.terminal)
	}
	if opts.Width > 0 {
		opts.Width = max(40, opts.Width-k.front)
	}
	var h slog.Handler = handler.NewConsoleHandler(p.screen, &opts)
	if k.logger != "" {
		h = h.WithAttrs([]slog.Attr{slog.String("logger", k.logger)})
	}
	return h
}

// noLevel is a ReplaceAttr that leaves out the level of the record.
func noLevel(groups []string, a slog.Attr) slog.Attr {
	if _, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// bare is a ReplaceAttr that leaves nothing but the message.
func bare(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key != slog.MessageKey {
		return slog.Attr{}
	}
	return a
}
