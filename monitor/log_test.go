package monitor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
)

// decode returns the lines of a buffer, without what differs from run to run.
func decode(t *testing.T, b *testlog.Buffer, without ...string) (list []map[string]any) {
	t.Helper()
	lines, _ := b.Lines()
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		for _, key := range without {
			delete(m, key)
		}
		list = append(list, m)
	}
	return list
}

func TestLogVolumeTellsOfEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testlog.Buffer
		a, other := monitor.Sink{Name: "a", WrittenBytes: 100, Dropped: 1}, monitor.Sink{Name: "b", WrittenBytes: 10}
		s := newOutputs(a, other)
		h := monitor.NewHandler(slog.NewJSONHandler(&b, nil), &monitor.Options{Sinks: s.get})
		logger := slog.New(h)
		ctx, cancel := context.WithCancel(t.Context())
		logger.Warn("before")
		time.Sleep(time.Second)
		done := make(chan struct{})
		go func() { h.LogVolume(ctx, logger, 10*time.Second); close(done) }()
		logger.Info("m")
		logger.Log(ctx, slog.LevelError+4, "m")
		_ = h.Reset() // which is for another reader
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		a.WrittenBytes, other.Dropped = 150, 2
		s.set(a, other)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.set(a) // less than before is not less than nothing
		time.Sleep(10 * time.Second)
		synctest.Wait()
		cancel()
		<-done
		time.Sleep(time.Hour)

		volume := func(seconds int, total, bytes, dropped float64, levels map[string]any) map[string]any {
			m := map[string]any{
				"level": "INFO", "msg": "log volume", "total": total, "elapsed": float64(seconds) * 1e9,
				"per_second": total / float64(seconds), "failed": 0.0, "bytes": bytes, "dropped": dropped,
			}
			if levels != nil {
				m["by_level"] = levels
			}
			return m
		}
		want := []map[string]any{
			{"level": "WARN", "msg": "before"},
			{"level": "INFO", "msg": "m"},
			{"level": "ERROR+4", "msg": "m"},
			volume(11, 3, 110, 1, map[string]any{"WARN": 1.0, "INFO": 1.0, "ERROR+4": 1.0}),
			volume(10, 1, 50, 2, map[string]any{"INFO": 1.0}), // its own record
			volume(10, 1, 0, 0, map[string]any{"INFO": 1.0}),
		}
		if diff := cmp.Diff(want, decode(t, &b, "time", "heap_bytes", "total_bytes")); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestTwoReadersOfTheVolumeTakeNothingFromEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var one, two testlog.Buffer
		h := monitor.NewHandler(enabled{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		for _, b := range []*testlog.Buffer{&one, &two} {
			go h.LogVolume(ctx, slog.New(slog.NewJSONHandler(b, nil)), 0)
		}
		for range 120 {
			slog.New(h).Debug("m")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		for _, b := range []*testlog.Buffer{&one, &two} {
			lines := decode(t, b)
			if len(lines) != 2 || lines[0]["total"].(float64)+lines[1]["total"].(float64) != 120 {
				t.Errorf("the lines are %v", lines)
			}
		}
	})
}

func TestLogHealthLogsByState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testlog.Buffer
		app := monitor.Sink{
			Name: "app", Written: 8, Queued: 2, FileSize: 100, FreeSpace: 1 << 40, SpoolBytes: 3, BackupBytes: 4,
		}
		s := newOutputs(app)
		h := monitor.NewHandler(enabled{}, &monitor.Options{Sinks: s.get})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { h.LogHealth(ctx, slog.New(slog.NewJSONHandler(&b, nil)), 0); close(done) }()
		synctest.Wait()
		app.Spooled = 1
		s.set(app)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		s.set(monitor.Sink{
			Name: "app", Down: "gone", FreeSpace: -1, LastErr: testlog.ErrInjected, LastErrTime: time.Now().Add(-time.Hour),
		})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		cancel()
		<-done
		sink := map[string]any{
			"state": "healthy", "written": 8.0, "dropped": 0.0, "queued": 2.0, "spool_bytes": 3.0, "file_size": 100.0,
			"backup_bytes": 4.0, "free_space": float64(1 << 40),
		}
		degraded := maps.Clone(sink)
		degraded["state"] = "degraded"
		want := []map[string]any{
			{"level": "INFO", "msg": "log health", "state": "healthy", "sinks": map[string]any{"app": sink}},
			{
				"level": "WARN", "msg": "log health", "state": "degraded", "reasons": []any{"app: 1 wait in the spool"},
				"sinks": map[string]any{"app": degraded},
			},
			{
				"level": "ERROR", "msg": "log health", "state": "failing", "reasons": []any{"app: down: gone"},
				"sinks": map[string]any{"app": map[string]any{
					"state": "failing", "written": 0.0, "dropped": 0.0, "queued": 0.0, "last_error": "injected failure",
				}},
			},
		}
		if !strings.Contains(b.String(), `"process":{"pid":`) {
			t.Errorf("no process in %s", b.String())
		}
		if diff := cmp.Diff(want, decode(t, &b, "time", "process")); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// hostileHandler panics with every record.
type hostileHandler struct{ enabled }

func (hostileHandler) Handle(context.Context, slog.Record) error { panic("no") }

func TestALoggerThatPanicsEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		h := monitor.NewHandler(enabled{}, &monitor.Options{OnError: func(err error) { told = append(told, err.Error()) }})
		ctx, cancel := context.WithCancel(t.Context())
		logger := slog.New(hostileHandler{})
		go h.LogVolume(ctx, logger, time.Minute)
		time.Sleep(2*time.Minute + time.Second)
		cancel()
		synctest.Wait()
		want := `monitor: the logger of LogVolume panicked: no`
		if diff := cmp.Diff([]string{want, want}, told); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestNilLoggerPanics(t *testing.T) {
	h := monitor.NewHandler(nowhere(), nil)
	for want, f := range map[string]func(context.Context, *slog.Logger, time.Duration){
		"monitor: LogVolume: nil logger": h.LogVolume, "monitor: LogHealth: nil logger": h.LogHealth,
	} {
		func() {
			defer func() {
				if r := recover(); r != want {
					t.Errorf("panic %v, want %s", r, want)
				}
			}()
			f(t.Context(), nil, 0)
		}()
	}
}

func TestLogsEndWithTheirContext(t *testing.T) {
	testlog.CheckGoroutines(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := monitor.NewHandler(enabled{}, nil)
	var b bytes.Buffer
	h.LogVolume(ctx, slog.New(slog.NewJSONHandler(&b, nil)), time.Nanosecond)
	h.Watch(ctx, monitor.Threshold{Func: func(monitor.Alert) { t.Error("an alert") }})
	if b.Len() != 0 {
		t.Errorf("logged %s", b.String())
	}
}
