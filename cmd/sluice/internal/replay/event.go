package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
)

// A maker makes events of lines. It is for one goroutine.
type maker struct {
	o       *options
	parser  jsonlog.Parser
	out     bytes.Buffer
	handler *logstash.Handler
	bare    *logstash.Handler // for lines without a level
}

func newMaker(o *options) *maker {
	m := &maker{o: o}
	opts := logstash.Options{
		Host:    o.host,
		Service: logstash.Service{Name: o.service},
		Type:    o.kind,
		Tags:    o.tags,
		// These come from the line, as attrs.
		Names: logstash.FieldNames{CallerMethod: "-", CallerFile: "-", CallerLine: "-", StackTrace: "-", ID: "-"},
	}
	m.handler = logstash.NewHandler(&m.out, &opts)
	opts.Names.Level, opts.Names.LevelValue = "-", "-"
	m.bare = logstash.NewHandler(&m.out, &opts)
	return m
}

// chunk makes a unit of the lines of a chunk that begin at an offset or behind it.
func (m *maker) chunk(c *input.Chunk, f *logFile, from int64) *unit {
	u := &unit{from: f.set, file: f, lines: make([]line, 0, len(c.Data)/128+1), text: make([]byte, 0, len(c.Data)+len(c.Data)/2)}
	at, number := c.Offset, c.Number
	for _, text := range c.Lines() {
		l := line{number: number, next: -1}
		if c.Offset >= 0 {
			l.next = at + int64(len(text)) + 1
			l.sum = sumOf(text)
		}
		whole := true
		if int(at-c.Offset)+len(text) == len(c.Data) { // no newline
			whole = false
			l.next--
		}
		if c.Cut > 0 {
			l.next += c.Cut + 1
		}
		if at >= from && len(bytes.TrimSpace(text)) > 0 || c.Cut > 0 && at >= from {
			m.line(u, l, text, f.salt(at, number), whole, c.Cut > 0)
		} else if len(u.lines) > 0 || at >= from {
			u.skip(l)
		}
		at += int64(len(text)) + 1
		number++
	}
	return u
}

// skip goes on behind a blank line.
func (u *unit) skip(l line) {
	if n := len(u.lines); n > 0 {
		u.lines[n-1].next, u.lines[n-1].sum = l.next, l.sum
	}
}

// line adds a line to a unit.
func (m *maker) line(u *unit, l line, text, salt []byte, whole, cut bool) {
	if cut {
		l.fate = broken
		u.add(l, m.mask(text))
		return
	}
	var event []byte
	l.fate, event = m.event(text, salt, !whole && u.file.grows)
	if l.fate == broken {
		event = m.mask(text)
	}
	u.add(l, event)
}

// event returns what becomes of a line, and its event if it has one, which is valid until the next call. A line that may
// grow is sent only when it is JSON to its end: more of it can then be blanks only.
func (m *maker) event(text, salt []byte, mayGrow bool) (fate, []byte) {
	if m.o.wanted.Rejects(&m.parser, text) {
		return filtered, nil
	}
	l, err := m.parser.Parse(text)
	switch {
	case err != nil && mayGrow:
		return open, nil
	case errors.Is(err, jsonlog.ErrNotJSON):
		switch {
		case m.o.wanted.Structured(), !m.o.wanted.MatchText(l.Text):
			return filtered, nil
		case !m.o.text:
			return isText, nil
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, string(bytes.TrimSpace(l.Text)), 0)
		return m.encode(m.bare, r, text, salt)
	case err != nil:
		return broken, nil
	case !m.o.wanted.Match(l):
		return filtered, nil
	}
	if m.o.asIs || isLogstash(l) {
		return isEvent, m.mask(objectOf(l))
	}
	h := m.handler
	if !l.HasLevel {
		h = m.bare
	}
	return m.encode(h, asLogged(l), text, salt)
}

// isLogstash reports whether a line is an event of Logstash already: its time is @timestamp.
func isLogstash(l *jsonlog.Line) bool {
	is := false
	for _, m := range l.Members {
		switch {
		case string(m.Key) == "@timestamp":
			is = true
		case m.Role == jsonlog.Time:
			return false
		}
	}
	return is
}

// objectOf returns the JSON of a line. What is no UTF-8 becomes U+FFFD, and a carriage return between its parts a space:
// Logstash would not take the one, and may end a line at the other.
func objectOf(l *jsonlog.Line) []byte {
	start := len(l.Prefix)
	object := bytes.TrimSpace(l.Text[start+max(bytes.IndexByte(l.Text[start:], '{'), 0):])
	if !utf8.Valid(object) {
		object = bytes.ToValidUTF8(object, []byte("\ufffd"))
	}
	if bytes.IndexByte(object, '\r') >= 0 {
		object = bytes.ReplaceAll(object, []byte("\r"), []byte(" "))
	}
	return object
}

// asLogged returns the record of a line, with the names that a program's own events have.
func asLogged(l *jsonlog.Line) slog.Record {
	all := l.Record()
	r := slog.NewRecord(all.Time, all.Level, all.Message, 0)
	if s := l.Source(); s.File != "" || s.Function != "" {
		if s.Function != "" {
			r.AddAttrs(slog.String("caller_method_name", s.Function))
		}
		if s.File != "" {
			r.AddAttrs(slog.String("caller_file_name", s.File))
		}
		if s.Line > 0 {
			r.AddAttrs(slog.Int("caller_line_number", s.Line))
		}
	}
	all.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case slog.SourceKey:
			if l.Source().File == "" && l.Source().Function == "" {
				r.AddAttrs(a)
			}
		case "stack":
			r.AddAttrs(slog.Attr{Key: "stack_trace", Value: a.Value})
		default:
			r.AddAttrs(a)
		}
		return true
	})
	return r
}

// encode makes an event of a record.
func (m *maker) encode(h *logstash.Handler, r slog.Record, text, salt []byte) (fate, []byte) {
	if m.o.eventID {
		id := idOf(text, salt)
		r.AddAttrs(slog.String("uuid", id), slog.Group("@metadata", slog.String("_id", id))) //nolint:sloglint // as Logstash has it
	}
	m.out.Reset()
	if err := h.Handle(context.Background(), r); err != nil {
		return broken, nil
	}
	return isEvent, m.mask(bytes.TrimSuffix(m.out.Bytes(), []byte{'\n'}))
}

// idOf returns an id for a line that is the same each time, as a UUID of version 8 (RFC 9562).
func idOf(text, salt []byte) string {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(salt)))) //nolint:gosec // a few bytes
	h.Write(salt)
	h.Write(text)
	u := h.Sum(nil)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// mask masks the secrets in a text unless that is not wanted.
func (m *maker) mask(text []byte) []byte {
	if m.o.noRedact {
		return text
	}
	return redact.Bytes(text)
}
