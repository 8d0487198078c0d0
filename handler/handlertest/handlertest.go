/*
Package handlertest checks a [slog.Handler], anybody's, against the rules that a
handler in production has to keep. It goes well beyond [testing/slogtest]: a
handler can pass that and still print one user's name on another user's line,
lose a record to a value that panics, or let a message forge a second line.

	func TestHandler(t *testing.T) {
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return mylog.NewHandler(w, opts)
		}, handlertest.ParseJSON)
	}

Every rule is a subtest with a name of its own. Run with -race: two rules log
from many goroutines, through handlers that share ancestors and with records that
share groups.

[RunWrapper] is for a handler around a handler. It puts one of its own behind the
wrapper and so sees what no line shows: the context, the error, the record as it
was passed on.

	func TestWrapper(t *testing.T) {
		handlertest.RunWrapper(t, func(next slog.Handler) slog.Handler {
			return mylog.NewWrapper(next, nil)
		})
	}

A wrapper that passes every record on, or has options with which it does, wants
both: Run of the wrapper over an encoder that is known to be good, and RunWrapper.

[slog.JSONHandler] breaks five of the rules. [slog.TextHandler] cannot be run: a
map that contains itself overflows its stack. A group that contains itself does
so in both, and is for that reason in none of the rules.
*/
package handlertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// New makes the handler under test: an encoder that writes to w, or a stack of
// handlers on top of one. The handler must be enabled for slog.LevelInfo and
// above.
//
// Opts is nil for most rules. A handler that cannot take AddSource and
// ReplaceAttr may ignore it; the rules that are about them are then left out.
type New func(w io.Writer, opts *slog.HandlerOptions) slog.Handler

// Parse turns one line into attrs by the names of log/slog: "time" as text that
// [time.RFC3339Nano] parses, "level" as [slog.Level.String] writes it, "msg", and
// "source" in any form that shows the file. A group is a map[string]any. Keys
// with characters that need an escape are given unescaped.
type Parse func(line []byte) (map[string]any, error)

// ParseJSON is the Parse of a handler that writes what [slog.JSONHandler] writes.
func ParseJSON(line []byte) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal(line, &m)
	return m, err
}

// A Violation is a rule that a handler breaks.
type Violation struct {
	Rule string // the rule's name
	Err  error  // what was seen
}

// String names the rule and what was seen.
func (v Violation) String() string { return v.Rule + ": " + v.Err.Error() }

// Run runs every rule as a subtest of t.
func Run(t *testing.T, newHandler New, parse Parse) {
	t.Helper()
	run(t, rules(), subject{newHandler, parse})
}

// Check runs every rule and returns those that the handler breaks, in the order
// of the rules. It is for telling what a handler gets wrong; a test wants [Run].
func Check(newHandler New, parse Parse) []Violation {
	return check(rules(), subject{newHandler, parse})
}

// A rule checks one thing that its subject has to do.
type rule[S any] struct {
	name  string
	check func(S) error
}

func run[S any](t *testing.T, rules []rule[S], s S) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			if err := r.verdict(s); err != nil {
				t.Error(err)
			}
		})
	}
}

func check[S any](rules []rule[S], s S) []Violation {
	var broken []Violation
	for _, r := range rules {
		if err := r.verdict(s); err != nil {
			broken = append(broken, Violation{r.name, err})
		}
	}
	return broken
}

// verdict runs a rule. A panic out of the handler breaks it.
func (r rule[S]) verdict(s S) error { return caught(func() error { return r.check(s) }) }

// caught calls f. A panic is an error.
func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panics: %v", p)
		}
	}()
	return f()
}

// patience is how long a call may take before it is said never to return.
const patience = 10 * time.Second

// soon calls f on a goroutine, which it leaves behind if f does not return.
func soon(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- caught(f) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("the handler does not return within %v", patience)
	}
}

// A subject is a handler under test.
type subject struct {
	new   New
	parse Parse
}

// lines makes a handler, has use log through it, and returns the parsed lines.
// Each must be one line, whole in one Write, without C0 control bytes.
func (s subject) lines(opts *slog.HandlerOptions, use func(h slog.Handler) error) ([]map[string]any, error) {
	var buf testlog.Buffer
	h := s.new(&buf, opts)
	if err := use(h); err != nil {
		return nil, fmt.Errorf("error from the handler: %w", err)
	}
	if err := handler.Flush(context.Background(), h); err != nil {
		return nil, fmt.Errorf("error from Flush: %w", err)
	}
	return s.read(&buf)
}

// read parses what was written.
func (s subject) read(buf *testlog.Buffer) ([]map[string]any, error) {
	for _, w := range buf.Writes() {
		if !bytes.HasSuffix(w, []byte("\n")) {
			return nil, fmt.Errorf("a write that does not end with a line: %q", w)
		}
	}
	lines, _ := buf.Lines()
	parsed := make([]map[string]any, len(lines))
	for i, line := range lines {
		if err := clean(line); err != nil {
			return nil, err
		}
		m, err := s.parse([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("a line that does not parse: %w: %s", err, line)
		}
		parsed[i] = m
	}
	return parsed, nil
}

// clean reports what in a line must not reach a file. DEL and the C1 controls may:
// JSON allows them, and log/slog writes them as they are.
func clean(line string) error {
	for i := range len(line) {
		if line[i] < ' ' {
			return fmt.Errorf("control byte %#02x at %d: %q", line[i], i, line)
		}
	}
	if strings.ToValidUTF8(line, "") != line {
		return fmt.Errorf("invalid UTF-8: %q", line)
	}
	return nil
}

// one logs one record through h and returns its line.
func (s subject) one(opts *slog.HandlerOptions, derive func(slog.Handler) slog.Handler, attrs ...slog.Attr,
) (map[string]any, error) {
	lines, err := s.lines(opts, func(h slog.Handler) error {
		if derive != nil {
			h = derive(h)
		}
		return h.Handle(context.Background(), record(slog.LevelInfo, "m", attrs...))
	})
	if err != nil {
		return nil, err
	}
	if len(lines) != 1 {
		return nil, fmt.Errorf("%d lines for one record", len(lines))
	}
	if got := lines[0]["msg"]; got != "m" {
		return nil, fmt.Errorf("message %q, want %q: %v", got, "m", lines[0])
	}
	return lines[0], nil
}

// honours reports whether the handler uses the options it is given.
func (s subject) honours() bool {
	called := false
	_, _ = s.one(&slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		called = true
		return a
	}}, nil, slog.String("k", "v")) // the rule that asks will see what is wrong
	return called
}

func record(level slog.Level, msg string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, level, msg, 0)
	r.AddAttrs(attrs...)
	return r
}

// at returns what stands at a path of keys, and whether anything does.
func at(m map[string]any, path ...string) (v any, ok bool) {
	for i, key := range path {
		if v, ok = m[key]; !ok {
			return nil, false
		}
		if i < len(path)-1 {
			if m, ok = v.(map[string]any); !ok {
				return nil, false
			}
		}
	}
	return v, true
}

// want checks that the value at a path prints as want does.
func want(m map[string]any, want any, path ...string) error {
	got, ok := at(m, path...)
	if !ok {
		return fmt.Errorf("no %q in %v", path, m)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%q is %v, want %v, in %v", path, got, want, m)
	}
	return nil
}

// none checks that nothing stands at a path.
func none(m map[string]any, path ...string) error {
	if got, ok := at(m, path...); ok {
		return fmt.Errorf("%q is %v, want nothing, in %v", path, got, m)
	}
	return nil
}

// some checks that something stands at a path.
func some(m map[string]any, path ...string) error {
	if _, ok := at(m, path...); !ok {
		return fmt.Errorf("no %q in %v", path, m)
	}
	return nil
}

// all returns the first error.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var errInjected = errors.New("the writer fails")
