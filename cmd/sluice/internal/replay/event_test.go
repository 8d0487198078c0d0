package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
)

// An event that is made of a line of a program's JSON log is the one that the program would have sent.
func TestEventIsThatOfTheProgram(t *testing.T) {
	t.Parallel()
	var lines, events bytes.Buffer
	opts := slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug - 4}
	for _, h := range []slog.Handler{
		handler.NewJSONHandler(&lines, &opts),
		slog.NewJSONHandler(&lines, &opts),
		logstash.NewHandler(&events, &logstash.Options{AddSource: true, Level: opts.Level, Host: "web1"}),
	} {
		l := slog.New(h)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo + 1, slog.LevelWarn, slog.LevelError} {
			l.Log(t.Context(), level, "request \"served\"\n", "status", 200, "share", 0.25, "ok", true, "none", nil, "text", "<caf\u00e9>\x00")
		}
		l.With("logger", "db").WithGroup("query").Info("slow", "table", "orders", slog.Group("rows", "n", int64(1<<60), "of", []int{1, 2}))
		l.Info("tagged", "tags", []string{"db", "slow"}, "host", "other", "@timestamp", "mine", "_id", 7)
		l.Error("failed", "error", "connection refused")
	}
	all := strings.Split(strings.TrimSpace(lines.String()), "\n")
	want := strings.Split(strings.TrimSpace(events.String()), "\n")
	for i, line := range all {
		got := replay.Event([]byte(line))
		if diff := cmp.Diff(members(t, want[i%len(want)]), members(t, string(got))); diff != "" {
			t.Errorf("%s\nbecomes\n%s\nmismatch (-want +got)\n%s", line, got, diff)
		}
	}
}

// members returns the object of an event but for its time.
func members(t *testing.T, event string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(event))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in %q", err, event)
	}
	at, _ := m["@timestamp"].(string)
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
		t.Errorf("%s: %v", event, err)
	}
	delete(m, "@timestamp")
	return m
}

// everything is a receiver that takes everything.
type everything struct{}

func (everything) Send(_ context.Context, events [][]byte) (int, error) { return len(events), nil }
func (everything) Close() error                                         { return nil }

// Whatever a line is, its event is one that a shipper takes, or it has none.
func FuzzEvent(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "makes.log"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		f.Add(line)
	}
	f.Add([]byte("starting {up}"))
	f.Add([]byte(`{"msg":"torn`))
	f.Add([]byte(`{"@timestamp":"x","a":{"@timestamp":1}} `))
	f.Add([]byte("\xff\x00{}"))
	f.Add([]byte("{\"@timestamp\" \r:\"2026-11-22T10:00:00Z\",\r\"a\":\"\xff\"}\r"))
	shipper, err := logstash.NewShipper(everything{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = shipper.Close() })
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		event := replay.Event(line)
		if event == nil {
			return
		}
		_, err := shipper.Write(event)
		if long := len(event) > 900; err != nil && !long { // a long one may be nested too deep
			t.Fatalf("%q becomes %q: %v", line, event, err)
		}
	})
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	const text = "plain \u00e9 \u202e\x1b[31m\u009b\n\x7f\xff\U000e0001\U0001f600"
	got := replay.Harmless(text)
	if want := `plain é \u202e\u001b[31m\u009b\u000a\u007f\ufffd\udb40\udc01😀`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if strings.ContainsFunc(got, unicode.IsControl) {
		t.Errorf("%q has control characters", got)
	}
	var back string
	if err := json.Unmarshal([]byte(`"`+got+`"`), &back); err != nil || back != strings.ToValidUTF8(text, "\ufffd") {
		t.Errorf("as JSON it is %q, %v", back, err)
	}
}

// How often what is left has to be refused grows with the halvings that a batch needs.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for left, want := range map[uint64]uint64{0: 0, 1: 2, 2: 6, 8: 24, 9: 36, 64: 256, 2048: 2048 * 6} {
		if got := replay.Refusals(left); got != want {
			t.Errorf("of %d events %d, want %d", left, got, want)
		}
	}
}

// Whatever is in the file of a state, it is read or it is an error; and what is saved can be read.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"saved":"2026-11-22T10:00:00Z","to":"beats://a","sources":["/log"],"files":[{"name":"/log","head_bytes":4,"head":"x","offset":3}]}`))
	f.Add([]byte(`{"version":1,"saved":"2026-11-22T10:00:00Z","files":[null]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if replay.OpenState(path) != nil {
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, text) {
				t.Fatalf("a state that cannot be read was changed: %q, %v", after, err)
			}
			return
		}
		if err := errors.Join(replay.OpenState(path), replay.OpenState(path)); err != nil {
			t.Fatalf("what was saved for %q: %v", text, err)
		}
	})
}
