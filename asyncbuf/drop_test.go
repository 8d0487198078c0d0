package asyncbuf_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestDropEpisodeIsToldOnceAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		var told []asyncbuf.Drop
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 2,
			Policy:   asyncbuf.DropNewest,
			OnDrop:   func(d asyncbuf.Drop) { told = append(told, d) },
			Summary:  func(d asyncbuf.Drop) []byte { return fmt.Appendf(nil, "%d dropped", d.Lines) },
		})
		for range 2 {
			release := sink.Block()
			write(t, w, "a", "b", "x")
			time.Sleep(time.Second)
			if _, err := w.WriteLevel(slog.LevelDebug, []byte("x\n")); err != nil {
				t.Error(err)
			}
			release()
			time.Sleep(time.Second)
		}
		closeWriter(t, w)
		diff(t, "sink", "a\nb\n2 dropped\na\nb\n2 dropped\n", got.String())
		levels := map[slog.Level]uint64{slog.LevelInfo: 1, slog.LevelDebug: 1}
		diff(t, "told", []asyncbuf.Drop{
			{Lines: 2, Levels: levels, Since: start, Until: start.Add(time.Second)},
			{Lines: 2, Levels: levels, Since: start.Add(2 * time.Second), Until: start.Add(3 * time.Second)},
		}, told)
		s := checkAccounts(t, w)
		diff(t, "summaries count", uint64(4+4+2), s.Accepted)
	})
}

func TestLastingDropEpisodeIsToldEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := writerFunc(func(p []byte) (int, error) {
			time.Sleep(time.Second)
			return len(p), nil
		})
		var told uint64
		episodes := 0
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 2,
			Policy:   asyncbuf.DropNewest,
			OnDrop:   func(d asyncbuf.Drop) { told += d.Lines; episodes++ },
			Summary:  quiet,
		})
		for start := time.Now(); time.Since(start) < 5*time.Minute; {
			write(t, w, "a")
			time.Sleep(97 * time.Millisecond) // never at the end of a batch
		}
		closeWriter(t, w)
		diff(t, "told", checkAccounts(t, w).Dropped, told)
		if episodes < 4 || episodes > 6 {
			t.Errorf("told of %d episodes in five minutes, want 4 to 6", episodes)
		}
	})
}

func TestShutdownTellsTheLastDropEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		var told uint64
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 1,
			Policy:   asyncbuf.DropNewest,
			OnDrop:   func(d asyncbuf.Drop) { told += d.Lines },
			Summary:  func(d asyncbuf.Drop) []byte { return fmt.Appendf(nil, "%d dropped\n", d.Lines) },
		})
		write(t, w, "a", "x", "x")
		time.AfterFunc(time.Second, release)
		closeWriter(t, w)
		diff(t, "sink", "a\n2 dropped\n", got.String())
		diff(t, "told", uint64(2), told)
		checkAccounts(t, w)
	})
}

func TestDefaultSummaryIsAJSONLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 1, Policy: asyncbuf.DropNewest})
		write(t, w, "a", "x", "x")
		release()
		closeWriter(t, w)
		const now = `"2000-01-01T00:00:00Z"`
		diff(t, "sink", "a\n"+`{"time":`+now+`,"level":"WARN","msg":"log lines dropped","dropped":2,`+
			`"levels":{"INFO":2},"since":`+now+`,"until":`+now+"}\n", got.String())
	})
}

func TestDropRecordSuitsAnyEncoder(t *testing.T) {
	var buf bytes.Buffer
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := asyncbuf.Drop{
		Lines:  7,
		Levels: map[slog.Level]uint64{slog.LevelWarn: 3, slog.LevelInfo: 4},
		Since:  at,
		Until:  at.Add(time.Second),
	}
	if err := slog.NewTextHandler(&buf, nil).Handle(t.Context(), d.Record()); err != nil {
		t.Fatal(err)
	}
	diff(t, "line", `time=2026-01-02T03:04:06.000Z level=WARN msg="log lines dropped" dropped=7 `+
		"levels.INFO=4 levels.WARN=3 since=2026-01-02T03:04:05.000Z until=2026-01-02T03:04:06.000Z\n", buf.String())
}
