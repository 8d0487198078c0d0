package rotate_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

func mustWriteLevel(t testing.TB, f *rotate.File, level slog.Level, line string) {
	t.Helper()
	if n, err := f.WriteLevel(level, []byte(line)); n != len(line) || err != nil {
		t.Fatalf("WriteLevel(%v, %.40q) = %d, %v, want %d, nil", level, line, n, err, len(line))
	}
}

func TestSyncLevel(t *testing.T) {
	var level slog.LevelVar
	level.Set(slog.LevelWarn)
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{SyncLevel: &level})
	lines := int64(0)
	for _, step := range []struct {
		sync, line slog.Level
		unsynced   bool
	}{
		{slog.LevelWarn, slog.LevelInfo, true},
		{slog.LevelWarn, slog.LevelWarn, false},
		{slog.LevelWarn, slog.LevelWarn - 1, true},
		{slog.LevelWarn, slog.LevelError, false}, // with the one before it
		{slog.LevelWarn, slog.LevelError, false},
		{slog.LevelError, slog.LevelWarn, true},
		{slog.LevelDebug, slog.LevelDebug, false},
	} {
		level.Set(step.sync)
		mustWriteLevel(t, f, step.line, "line\n")
		lines++
		if got := f.HasUnsynced(); got != step.unsynced {
			t.Errorf("at %v, a line of level %v leaves something unsynced: %v, want %v", step.sync, step.line, got, step.unsynced)
		}
	}
	mustWrite(t, f, "of no level\n")
	if !f.HasUnsynced() {
		t.Error("Write has synced")
	}
	checkStats(t, f, lines+1, 0)
}

func TestWithoutSyncLevelNothingIsSynced(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	mustWriteLevel(t, f, slog.Level(1000), "line\n")
	if !f.HasUnsynced() {
		t.Error("WriteLevel has synced")
	}
}

func TestSyncLevelDropsWhatIsNotSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := rotate.Open(path, &rotate.Options{SyncLevel: slog.LevelError})
	if err != nil {
		t.Fatal(err)
	}
	mustWriteLevel(t, f, slog.LevelError, "durable\n")
	f.CloseProbe()
	if n, err := f.WriteLevel(slog.LevelError, []byte("line\n")); n != 0 || err == nil {
		t.Errorf("WriteLevel without a sync = %d, %v, want 0 and an error", n, err)
	}
	checkStats(t, f, 1, 1)
	mustWriteLevel(t, f, slog.LevelInfo, "line\n") // is not synced
	checkStats(t, f, 2, 1)
	_ = f.Close() // the probe is closed
}

func TestSyncLevelReachesTheEncoders(t *testing.T) {
	for name, encode := range map[string]func(io.Writer) slog.Handler{
		"of log/slog":    func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"of this module": func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			f := mustOpen(t, path, &rotate.Options{SyncLevel: slog.LevelWarn})
			h := rotate.NewHandler(f, encode)
			logger := slog.New(h).With("a", 1).WithGroup("g")
			for _, step := range []struct {
				level    slog.Level
				unsynced bool
			}{
				{slog.LevelInfo, true},
				{slog.LevelWarn, false},
				{slog.LevelInfo, true},
				{slog.LevelError, false},
			} {
				logger.Log(t.Context(), step.level, "message", "b", 2)
				if got := f.HasUnsynced(); got != step.unsynced {
					t.Errorf("after a record of %v something is unsynced: %v, want %v", step.level, got, step.unsynced)
				}
			}
			// An encoder that says the level has its line synced, and others all there is.
			logger.Info("message")
			mustRotate(t, f)
			logger.Error("message")
			if got := f.HasUnsynced(); got != (name == "of this module") {
				t.Errorf("after a rotation something is unsynced: %v", got)
			}
			checkStats(t, f, 6, 0)
			logger.Info("message")
			if err := f.BreakSync(); err != nil {
				t.Skip(err)
			}
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "message", 0)
			if err := h.Handle(t.Context(), r); err != nil {
				t.Errorf("Handle of a record that is not synced = %v", err)
			}
			r.Level = slog.LevelError
			if err := h.Handle(t.Context(), r); err == nil {
				t.Error("Handle of a record that could not be synced succeeded")
			}
		})
	}
}

// A sync that has begun before the record was looked at may still fail.
func TestHandleWaitsForASyncUnderWay(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{SyncLevel: slog.LevelError})
	var end func()
	began, handled := make(chan struct{}), make(chan error)
	h := rotate.NewHandler(f, func(w io.Writer) slog.Handler {
		return slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
			n, err := w.Write(p)
			end = f.BeginSync()
			close(began)
			return n, err
		}), nil)
	})
	var ended atomic.Bool
	go func() {
		err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelError, "message", 0))
		if !ended.Load() {
			t.Error("Handle did not wait for the sync")
		}
		handled <- err
	}()
	<-began
	for range 2000 { // time enough for one that does not wait
		runtime.Gosched()
	}
	ended.Store(true)
	end()
	if err := <-handled; err != nil {
		t.Error(err)
	}
}

func TestSyncInterval(t *testing.T) {
	const interval = time.Second
	inBubble(t, func(t *testing.T) {
		f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{SyncInterval: interval})
		time.Sleep(10 * time.Hour) // there is nothing to sync
		syncs, lines := 0, int64(0)
		var waits time.Time // the oldest line
		for step := range 120 {
			if step%3 == 0 { // 0, 0.3, 0.6 and 0.9 s, synced at 1 s, then from 1.2 s
				mustWrite(t, f, "line\n")
				lines++
				if waits.IsZero() {
					waits = time.Now()
				}
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			switch waited := time.Since(waits); {
			case waits.IsZero():
			case f.HasUnsynced() && waited >= interval:
				t.Fatalf("a line has waited %v", waited)
			case !f.HasUnsynced():
				if waited < interval {
					t.Errorf("a sync after %v", waited)
				}
				syncs++
				waits = time.Time{}
			}
		}
		if syncs != 10 {
			t.Errorf("%d syncs in 12 s, want 10", syncs)
		}
		checkStats(t, f, lines, 0)
	})
}

func TestSyncIntervalReachesRotatedFiles(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		var log errorLog
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{SyncInterval: time.Second, OnError: log.add})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		synctest.Wait()
		// A backup that cannot be synced shows that it is looked at.
		newest := filepath.Join(dir, names(t, dir)[1])
		if err := errors.Join(os.Rename(newest, newest+".away"), os.Symlink(newest, newest)); err != nil {
			t.Skip(err)
		}
		time.Sleep(900 * time.Millisecond)
		if errs := log.all(f); len(errs) != 0 {
			t.Errorf("OnError was told %v before the interval", errs)
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if errs := log.all(f); len(errs) != 3 { // at 1, 2 and 3 s
			t.Errorf("OnError was told %v, want three failures", errs)
		}
		if err := errors.Join(os.Remove(newest), os.Rename(newest+".away", newest)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if f.HasUnsynced() {
			t.Error("the backup was given up")
		}
		time.Sleep(time.Hour)
		if errs := log.all(f); len(errs) != 3 {
			t.Errorf("OnError was told %v, want nothing more", errs)
		}
	})
}

func TestSyncIntervalGoesOnAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var log errorLog
		f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{SyncInterval: time.Minute, OnError: log.add})
		mustWrite(t, f, "line\n")
		if err := f.BreakSync(); err != nil {
			t.Skip(err)
		}
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if errs := log.all(f); len(errs) != 5 {
			t.Errorf("OnError was told %v, want a failure a minute", errs)
		}
		if err := f.Reopen(); err != nil { // gives it a file that can be synced
			t.Fatal(err)
		}
		synctest.Wait()
		before := len(log.all(f)) // the file before could not be synced
		time.Sleep(time.Minute)
		synctest.Wait()
		if errs := log.all(f); len(errs) != before || f.HasUnsynced() {
			t.Errorf("OnError was told %v, something is unsynced: %v", errs[before:], f.HasUnsynced())
		}
	})
}

func TestWithoutSyncIntervalNothingIsSynced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
		mustWrite(t, f, "line\n")
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		if !f.HasUnsynced() {
			t.Error("somebody has synced")
		}
	})
}

func TestShutdownSyncs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var log errorLog
	f := mustOpen(t, path, &rotate.Options{SyncInterval: time.Hour, OnError: log.add})
	mustWrite(t, f, "line\n")
	mustClose(t, f)
	if f.HasUnsynced() {
		t.Error("Close has not synced")
	}
	if errs := log.all(f); len(errs) != 0 {
		t.Errorf("OnError was told %v", errs)
	}
	if diff := cmp.Diff("line\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}

	f, err := rotate.Open(path, &rotate.Options{SyncInterval: time.Hour, OnError: log.add})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "line\n")
	if err := f.BreakSync(); err != nil {
		t.Skip(err)
	}
	if err := f.Close(); err == nil && len(log.all(f)) == 0 {
		t.Error("nobody was told that Close could not sync")
	}
}

// hanging opens a File whose worker hangs in a hook, and so leaves all syncing
// to Sync.
func hanging(t *testing.T) (f *rotate.File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.log")
	hangs, goOn := make(chan bool), make(chan bool)
	f = mustOpen(t, path, &rotate.Options{OnRotate: func(rotate.Event) {
		close(hangs)
		<-goOn
	}})
	t.Cleanup(func() { close(goOn) })
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	<-hangs
	return f, path
}

// A Sync that is under way when the file is opened again syncs the one before.
func TestSyncBesideReopen(t *testing.T) {
	f, path := hanging(t)
	big := strings.Repeat("x", 100_000) + "\n"
	for range 30 {
		mustWrite(t, f, big) // to take some time
		if err := errors.Join(os.Rename(path, path+".1"), f.Reopen()); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, "line\n")
		if err := f.BreakSync(); err != nil {
			t.Skip(err)
		}
		reopened := make(chan error)
		go func() { reopened <- f.Reopen() }()
		err := f.Sync()
		if reopenErr := <-reopened; reopenErr != nil {
			t.Fatal(reopenErr)
		}
		if err == nil {
			t.Fatal("Sync has not synced the file with the last line, or not told that it failed")
		}
		_ = f.Sync() // what there is left
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedSyncOfAFormerFileIsNotAllThereIs(t *testing.T) {
	f, path := hanging(t)
	mustWrite(t, f, "line\n")
	if err := f.BreakSync(); err != nil {
		t.Skip(err)
	}
	if err := errors.Join(os.Rename(path, path+".1"), f.Reopen()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "line\n")
	if err := f.BreakSync(); err != nil { // so that it tells that it was tried
		t.Fatal(err)
	}
	for _, want := range []int{2, 1} { // the former one is given up, with an error
		err := f.Sync()
		if err == nil || strings.Count(err.Error(), syscall.EINVAL.Error()) != want {
			t.Errorf("Sync = %v, want %d failures", err, want)
		}
		if !f.HasUnsynced() {
			t.Error("the live file counts as synced")
		}
	}
}

// leveled is an encoder that tells the File its level.
type leveled struct {
	slog.Handler
	w interface {
		WriteLevel(level slog.Level, p []byte) (int, error)
	}
}

func (h leveled) Enabled(context.Context, slog.Level) bool { return true }

func (h leveled) Handle(_ context.Context, r slog.Record) error {
	_, err := h.w.WriteLevel(r.Level, []byte(r.Message+"\n"))
	return err
}

// either is a handler that has two.
type either struct{ leveled, plain slog.Handler }

func (h either) Enabled(context.Context, slog.Level) bool { return true }
func (h either) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h either) WithGroup(string) slog.Handler            { return h }

func (h either) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "leveled" {
		return h.leveled.Handle(ctx, r)
	}
	return h.plain.Handle(ctx, r)
}

func TestSyncLevelReachesEachOfTwoEncoders(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{SyncLevel: slog.LevelError})
	logger := slog.New(rotate.NewHandler(f, func(w io.Writer) slog.Handler {
		tells, ok := w.(interface {
			WriteLevel(level slog.Level, p []byte) (int, error)
		})
		if !ok {
			t.Fatalf("a %T cannot be told levels", w)
		}
		return either{leveled{w: tells}, slog.NewTextHandler(w, nil)}
	}))
	for _, name := range []string{"plain", "leveled", "plain", "leveled", "leveled", "plain"} {
		logger.Info("leveled")
		logger.Error(name)
		if f.HasUnsynced() {
			t.Errorf("an error of the encoder that is %s was not synced", name)
		}
	}
	checkStats(t, f, 12, 0)
}

// The worker syncs the backups of many rotations, and not the live file, for
// which Writes would have to wait.
func TestWorkerLeavesTheLiveFileUnsynced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		goOn := make(chan bool)
		f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{OnRotate: func(rotate.Event) { <-goOn }})
		for range 100 {
			mustWrite(t, f, "line\n")
			mustRotate(t, f)
		}
		mustWrite(t, f, "line\n")
		close(goOn)
		synctest.Wait()
		if !f.HasUnsynced() {
			t.Error("nobody has asked for a sync, and the live file was synced")
		}
	})
}
