package thirdparty_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
)

// secret is in what the libraries are given, and must not be in what is written.
const secret = "hunter2"

// A pipeline is one as a program in production has it, before writers that keep what
// they are given:
//
//	redact → fanout ┬→ gate → json → asyncbuf.Writer → lines
//	                ├→ asyncbuf.Handler → gate → json → records
//	                ├→ gate WARN → logstash → asyncbuf.Writer → events
//	                └→ console → console
//
// Its Handler takes everything from TRACE on, unless it is given another level.
type pipeline struct {
	slog.Handler
	lines, records, events, console testlog.Buffer
}

// newPipeline returns a pipeline whose first two branches have a level, and fails t
// at the first error anywhere in it.
func newPipeline(t *testing.T, level slog.Leveler) *pipeline {
	t.Helper()
	p := new(pipeline)
	onError := func(err error) { t.Errorf("in the pipeline: %v", err) }
	lines := asyncbuf.NewWriter(&p.lines, &asyncbuf.WriterOptions{OnError: onError})
	events := asyncbuf.NewWriter(&p.events, &asyncbuf.WriterOptions{OnError: onError})
	encode := handler.JSONOptions{OnError: onError}
	encode.Level, encode.AddSource = handler.LevelTrace, true
	gate := &handler.GateOptions{Level: level}
	records := asyncbuf.NewHandler(
		handler.NewGate(encode.NewHandler(&p.records), gate), &asyncbuf.HandlerOptions{OnError: onError})
	p.Handler = redact.NewHandler(fanout.NewHandler(&fanout.Options{OnError: onError},
		handler.NewGate(encode.NewHandler(lines), gate),
		records,
		handler.NewGate(logstash.NewHandler(events, &logstash.Options{OnError: onError, StackDepth: -1}),
			&handler.GateOptions{Level: slog.LevelWarn}),
		handler.NewConsoleHandler(&p.console, &handler.ConsoleOptions{Level: handler.LevelTrace, OnError: onError}),
	), &redact.Options{OnError: onError})
	t.Cleanup(func() {
		p.take(t, inAnyOrder)
		for _, c := range []interface{ Close() error }{lines, records, events} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return p
}

// An order says whether the lines of a library come one after the other, or from
// several goroutines, so that two sinks may have them in different orders.
type order func(lines []string) []string

func inOrder(lines []string) []string    { return lines }
func inAnyOrder(lines []string) []string { return slices.Sorted(slices.Values(lines)) }

// take flushes the pipeline and returns the lines of JSON, after it has checked what
// goes for all pipelines: there is no secret and no torn line anywhere, the records
// that waited in a buffer are the same lines, and those from WARN on are events.
func (p *pipeline) take(t *testing.T, order order) []string {
	t.Helper()
	if err := handler.Flush(background, p.Handler); err != nil {
		t.Error(err)
	}
	lines := order(whole(t, "lines", &p.lines))
	if diff := cmp.Diff(lines, order(whole(t, "records", &p.records))); diff != "" {
		t.Errorf("through asyncbuf.Handler: mismatch (-want +got):\n%s", diff)
	}
	var want, got []string
	for _, line := range lines {
		var r struct {
			Time  time.Time
			Level slog.Level
			Msg   string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if since := time.Since(r.Time); since < 0 || since > time.Minute {
			t.Errorf("the time is %s ago in %s", since, line)
		}
		if r.Level >= slog.LevelWarn {
			want = append(want, r.Msg)
		}
	}
	for _, line := range whole(t, "events", &p.events) {
		var event struct{ Message string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		got = append(got, event.Message)
	}
	if diff := cmp.Diff(order(want), order(got)); diff != "" {
		t.Errorf("events: mismatch (-want +got):\n%s", diff)
	}
	whole(t, "console", &p.console)
	return lines
}

// wait waits until a message has come, as that of a goroutine which nobody waits for.
func (p *pipeline) wait(t *testing.T, message string) {
	t.Helper()
	for wait := time.Millisecond; wait < 5*time.Second; wait *= 2 {
		if err := handler.Flush(background, p.Handler); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(p.records.String(), `"msg":"`+message) {
			return
		}
		<-time.After(wait)
	}
	t.Fatalf("%q has not come; there are\n%s", message, p.records.String())
}

// whole returns the lines of a buffer, and empties it.
func whole(t *testing.T, name string, b *testlog.Buffer) []string {
	t.Helper()
	text := b.String()
	b.Reset()
	if strings.Contains(text, secret) {
		t.Errorf("%s: the secret is in\n%s", name, text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("%s: a control character in\n%q", name, text)
	}
	lines, rest := testlog.Lines([]byte(text))
	if rest != "" {
		t.Errorf("%s: a torn line %q", name, rest)
	}
	return lines
}

// plain makes lines comparable: it takes out the time and what a test says is
// different each time, given as pairs of a pattern and what stands for it, and
// shortens the source to its package and file.
func plain(lines []string, pairs ...string) []string {
	pairs = append([]string{
		`^\{"time":"[^"]*",`, `{`,
		`"source":\{"function":"((?:[^"/]*/)*[^"/.]*)\.[^"]*","file":"(?:[^"]*/)?([^"/]*)","line":\d+\}`, `"source":"$1 $2"`,
		`"source":"github.com/sluicelog/sluice/e2e/thirdparty_test `, `"source":"caller `,
	}, pairs...)
	out := make([]string, len(lines))
	for i, line := range lines {
		for j := 0; j < len(pairs); j += 2 {
			line = regexp.MustCompile(pairs[j]).ReplaceAllString(line, pairs[j+1])
		}
		out[i] = line
	}
	return out
}

// check compares the lines that have been written since the last call.
func (p *pipeline) check(t *testing.T, want []string, pairs ...string) {
	t.Helper()
	compare(t, want, plain(p.take(t, inOrder), pairs...))
}

// has looks for lines, with their fields in any order, among those of a library that
// may have more to say.
func (p *pipeline) has(t *testing.T, want []string, pairs ...string) {
	t.Helper()
	if err := handler.Flush(background, p.Handler); err != nil {
		t.Error(err)
	}
	lines, _ := p.lines.Lines()
	got := sorted(t, plain(lines, pairs...))
	for _, line := range sorted(t, want) {
		if !slices.Contains(got, line) {
			t.Errorf("there is no\n%s\nin\n%s", line, strings.Join(got, "\n"))
		}
	}
}

// sorted returns lines of JSON with their fields in order.
func sorted(t *testing.T, lines []string) []string {
	t.Helper()
	var out []string
	for _, line := range lines {
		var fields any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

func compare(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// background is the context of what has none.
var background = context.Background()
