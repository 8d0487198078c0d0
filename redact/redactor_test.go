package redact_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

func TestBytes(t *testing.T) {
	clean := []byte("GET /a?page=2 took 12ms")
	if got := redact.Bytes(clean); &got[0] != &clean[0] || len(got) != len(clean) {
		t.Error("clean bytes are copied")
	}
	dirty := []byte("login password=hunter2 ok")
	before := bytes.Clone(dirty)
	if got := redact.Bytes(dirty); string(got) != "login password=[REDACTED] ok" {
		t.Errorf("got %s", got)
	}
	if !bytes.Equal(dirty, before) {
		t.Errorf("the caller's bytes are now %s", dirty)
	}
	for _, none := range [][]byte{nil, {}} {
		if got := redact.Bytes(none); len(got) != 0 || (got == nil) != (none == nil) {
			t.Errorf("%#v becomes %#v", none, got)
		}
	}
	if testlog.Race {
		return // it allocates
	}
	if n := testing.AllocsPerRun(100, func() { redact.Bytes(clean) }); n > 0 {
		t.Errorf("%v allocations for clean bytes", n)
	}
}

func TestReplaceAttr(t *testing.T) {
	t.Parallel()
	r, err := redact.New(&redact.Options{
		Keys:  []string{"user.email", "level", "time", "source"},
		Rules: []redact.Rule{{Name: "gone", Keys: []string{"gone"}, Action: redact.Remove()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var asJSON, asText, ours bytes.Buffer
	opts := &slog.HandlerOptions{AddSource: true, ReplaceAttr: r.ReplaceAttr}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&asJSON, opts), slog.NewTextHandler(&asText, opts), handler.NewJSONHandler(&ours, opts)} {
		record := slog.NewRecord(time.Unix(0, 0).UTC(), slog.LevelInfo, "login token=hunter2", 0)
		record.AddAttrs(slog.String("password", "hunter2"), slog.Group("user", "email", "hunter2", "id", 5), slog.Group("g", "gone", "hunter2"),
			slog.Group("secret", "level", "hunter2", "time", time.Unix(0, 0)), slog.Any("v", map[string]string{"password": "hunter2"}), slog.String("level", "hunter2"))
		if err := h.WithGroup("session").Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		if err := h.Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	const built = `{"time":"1970-01-01T00:00:00Z","level":"INFO","msg":"login token=[REDACTED]",`
	want := built + `"session":{"password":"[REDACTED]","user":{"email":"[REDACTED]","id":"[REDACTED]"},"g":{"gone":"[REDACTED]"},` +
		`"secret":{"level":"[REDACTED]","time":"[REDACTED]"},"v":"[REDACTED]","level":"[REDACTED]"}}` + "\n" +
		built + `"password":"[REDACTED]","user":{"email":"[REDACTED]","id":5},"g":{"gone":"[REDACTED]"},` +
		`"secret":{"level":"[REDACTED]","time":"[REDACTED]"},"v":{"password":"[REDACTED]"},"level":"[REDACTED]"}` + "\n"
	if diff := cmp.Diff(want, asJSON.String()); diff != "" {
		t.Errorf("slog's JSON: mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, ours.String()); diff != "" {
		t.Errorf("JSON: mismatch (-want +got):\n%s", diff)
	}
	if bytes.Contains(asText.Bytes(), []byte("hunter2")) {
		t.Errorf("text: %s", &asText)
	}
	if got := redact.ReplaceAttr(nil, slog.String("password", "x")); got.String() != "password=[REDACTED]" {
		t.Errorf("the function gives %v", got)
	}
	if got := redact.ReplaceAttr(nil, slog.Attr{}); !got.Equal(slog.Attr{}) {
		t.Errorf("an empty attr becomes %v", got)
	}
	if got := r.Stats(); got.ByRule["gone"] != 3 || got.Accepted != 0 {
		t.Errorf("stats %+v", got)
	}
}
