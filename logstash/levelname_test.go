package logstash_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// levelNames logs once at each level and returns what the events say.
func levelNames(t *testing.T, opts logstash.Options, levels ...slog.Level) []string {
	t.Helper()
	opts.Level = slog.Level(-1 << 31)
	var buf bytes.Buffer
	h := logstash.NewHandler(&buf, &opts)
	for _, level := range levels {
		if err := h.Handle(t.Context(), slog.NewRecord(time.Time{}, level, "m", 0)); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for line := range strings.Lines(buf.String()) {
		var event struct {
			Level string
			Log   struct{ Level string }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		names = append(names, event.Level+event.Log.Level)
	}
	return names
}

func TestLevelNameIsThatOfHandler(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]logstash.Options{
		"V1":         {},
		"ECS":        {Profile: logstash.ECS},
		"the caller": {AddSource: true}, // has no heads
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var levels []slog.Level
			var want []string
			for level := slog.Level(-20); level < 30; level++ {
				levels, want = append(levels, level, level), append(want, handler.LevelName(level), handler.LevelName(level))
			}
			if diff := cmp.Diff(want, levelNames(t, opts, levels...)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLevelNameOfTheUser(t *testing.T) {
	t.Parallel()
	calls := map[slog.Level]int{}
	got := levelNames(t, logstash.Options{LevelName: func(level slog.Level) string {
		calls[level]++
		switch {
		case level == slog.LevelError && calls[level] == 1:
			panic("not yet")
		case level == slog.LevelDebug:
			return ""
		case level == slog.LevelWarn:
			return "a \"quote\"\nand a line"
		}
		return "L" + level.String()
	}}, slog.LevelInfo, slog.LevelInfo, slog.LevelDebug, slog.LevelWarn, slog.LevelError, slog.LevelError, slog.LevelError, 100)
	want := []string{"LINFO", "LINFO", "", "a \"quote\"\nand a line", "!PANIC", "LERROR", "LERROR", "LERROR+92"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if calls[slog.LevelInfo] != 1 || calls[slog.LevelError] != 2 {
		t.Errorf("called %v times: what it has said is known, what panicked is not", calls)
	}
}

func TestLevelHeadsConcurrentSafe(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	h := logstash.NewHandler(&buf, &logstash.Options{Level: handler.LevelTrace, LoggerName: "root"})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := fmt.Sprint("logger-", i)
			logger := slog.New(h).With("logger", name)
			for level := handler.LevelTrace; level <= handler.LevelFatal; level++ {
				logger.Log(t.Context(), level, name+handler.LevelName(level))
			}
		})
	}
	wg.Wait()
	lines, _ := buf.Lines()
	for _, line := range lines {
		var event struct {
			Level, Message string
			Logger         string `json:"logger_name"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Message != event.Logger+event.Level {
			t.Errorf("%v: %s", err, line)
		}
	}
	if len(lines) != 4*25 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestLevelNameAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	h := logstash.NewHandler(io.Discard, &logstash.Options{LevelName: func(level slog.Level) string { return "L" + level.String() }})
	r := slog.NewRecord(time.Now(), handler.LevelNotice, "m", 0)
	if got := testing.AllocsPerRun(200, func() { _ = h.Handle(t.Context(), r) }); got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
