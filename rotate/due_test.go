package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

// eventLog collects what OnRotate is told, as "time reason".
type eventLog struct {
	mu     sync.Mutex
	events []string
}

func (l *eventLog) add(e rotate.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, fmt.Sprintf("%s %v", e.Time.UTC().Format("01-02 15:04:05"), e.Reason))
}

// check fails t unless l has been told what is wanted, and nothing else.
func (l *eventLog) check(t testing.TB, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.events); diff != "" {
		t.Errorf("rotations mismatch (-want +got):\n%s", diff)
	}
}

// In the bubbles it is 2000-01-01 00:00 UTC, a Saturday. The files have the time
// of the machine, unless they are given one.

func TestFileIsRotatedBySchedule(t *testing.T) {
	east := time.FixedZone("east", 2*3600)
	tests := []struct {
		schedule string
		zone     *time.Location
		hours    int
		want     []string
	}{
		{"hourly", time.UTC, 3, []string{"01-01 01:00:00 scheduled", "01-01 02:00:00 scheduled", "01-01 03:00:00 scheduled"}},
		{"daily", time.UTC, 49, []string{"01-02 00:00:00 scheduled", "01-03 00:00:00 scheduled"}},
		{"daily", east, 49, []string{"01-01 22:00:00 scheduled", "01-02 22:00:00 scheduled"}},
		{"daily at 03:00", east, 49, []string{"01-01 01:00:00 scheduled", "01-02 01:00:00 scheduled", "01-03 01:00:00 scheduled"}},
		{"weekly", time.UTC, 240, []string{"01-03 00:00:00 scheduled", "01-10 00:00:00 scheduled"}},
		{"monday at 04:00", time.UTC, 240, []string{"01-03 04:00:00 scheduled", "01-10 04:00:00 scheduled"}},
		{"every 45m", time.UTC, 2, []string{"01-01 00:45:00 scheduled", "01-01 01:30:00 scheduled"}},
		{"0 3 * * 1-5", time.UTC, 96, []string{"01-03 03:00:00 scheduled", "01-04 03:00:00 scheduled"}},
		{"", time.UTC, 240, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %v", tt.schedule, tt.zone), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				var log eventLog
				f := mustOpen(t, path, &rotate.Options{Schedule: tt.schedule, Location: tt.zone, OnRotate: log.add})
				var lines int64
				start := time.Now()
				time.Sleep(7 * time.Minute)
				for time.Since(start) < time.Duration(tt.hours)*time.Hour+time.Minute {
					mustWrite(t, f, time.Now().Format("01-02 15:04:05")+"\n")
					lines++
					time.Sleep(10 * time.Minute)
				}
				log.check(t, tt.want...)
				// Each file holds the lines from the rotation before it to its own.
				last := ""
				for i, content := range contents(t, path)[:len(tt.want)] {
					for line := range strings.Lines(content) {
						if line < last || line > tt.want[i] {
							t.Errorf("the file that ended at %s holds %q", tt.want[i], line)
						}
					}
					last = tt.want[i]
				}
				checkStats(t, f, lines, 0)
				mustClose(t, f)
				time.Sleep(1000 * time.Hour)
				log.check(t, tt.want...)
			})
		})
	}
}

func TestIdleFileIsRotatedAndEmptyOneIsNot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log eventLog
		f := mustOpen(t, path, &rotate.Options{Schedule: "hourly", Location: time.UTC, OnRotate: log.add})
		time.Sleep(150 * time.Minute)
		log.check(t)
		mustWrite(t, f, "one\n") // 02:30
		time.Sleep(10 * time.Hour)
		log.check(t, "01-01 03:00:00 scheduled")
		mustWrite(t, f, "two\n") // 12:30
		time.Sleep(29 * time.Minute)
		log.check(t, "01-01 03:00:00 scheduled")
		time.Sleep(2 * time.Minute)
		log.check(t, "01-01 03:00:00 scheduled", "01-01 13:00:00 scheduled")
		if diff := cmp.Diff([]string{"one\n", "two\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestOtherRotationsDoNotPutOffTheSchedule(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log eventLog
		f := mustOpen(t, path, &rotate.Options{MaxSize: 8, Schedule: "hourly", Location: time.UTC, OnRotate: log.add})
		for range 3 { // at 00:20, 00:40 and 01:00 less a second
			time.Sleep(20*time.Minute - time.Second/3)
			mustWrite(t, f, "a line\n")
		}
		time.Sleep(10 * time.Minute)
		mustWrite(t, f, "a line\n")
		mustRotate(t, f)
		mustWrite(t, f, "a line\n")
		time.Sleep(time.Hour)
		log.check(t, "01-01 00:39:59 size limit", "01-01 00:59:59 size limit", "01-01 01:00:00 scheduled",
			"01-01 01:09:59 requested", "01-01 02:00:00 scheduled")
	})
}

func TestPeriodBeganWithTheLastWrite(t *testing.T) {
	tests := []struct {
		name     string
		content  string
		last     time.Duration // before Open, at 05:00
		schedule string
		want     []string // until the next day, 05:30
	}{
		{"yesterday", "line\n", 6 * time.Hour, "daily", []string{"01-01 05:00:00 scheduled"}},
		{"three periods ago", "line\n", 72 * time.Hour, "daily", []string{"01-01 05:00:00 scheduled"}},
		{"years ago", "line\n", 20000 * time.Hour, "every 15m", []string{"01-01 05:00:00 scheduled"}},
		{"at the boundary", "line\n", 5 * time.Hour, "daily", []string{"01-02 00:00:00 scheduled"}},
		{"just before the boundary", "line\n", 5*time.Hour + time.Microsecond, "daily", []string{"01-01 05:00:00 scheduled"}},
		{"today", "line\n", 4 * time.Hour, "daily", []string{"01-02 00:00:00 scheduled"}},
		{"now", "line\n", 0, "daily", []string{"01-02 00:00:00 scheduled"}},
		{"the clock was set back since", "line\n", -72 * time.Hour, "daily", []string{"01-02 00:00:00 scheduled"}},
		{"nothing was ever written", "", 72 * time.Hour, "daily", nil},
		{"last month", "line\n", 72 * time.Hour, "@monthly", []string{"01-01 05:00:00 scheduled"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				time.Sleep(5 * time.Hour)
				path := filepath.Join(t.TempDir(), "app.log")
				writeFile(t, path, tt.content)
				written := time.Now().Add(-tt.last)
				if err := os.Chtimes(path, written, written); err != nil {
					t.Fatal(err)
				}
				var log eventLog
				f := mustOpen(t, path, &rotate.Options{Schedule: tt.schedule, Location: time.UTC, OnRotate: log.add})
				atOnce := f.Stats().Rotations
				if want := strings.HasPrefix(strings.Join(tt.want, ""), "01-01 05:00:00"); (atOnce == 1) != want {
					t.Errorf("Open has rotated %d times", atOnce)
				}
				time.Sleep(24*time.Hour + 30*time.Minute)
				log.check(t, tt.want...)
			})
		})
	}
}

func TestProcessRestartedEveryHourRotatesDaily(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log eventLog
		want := make([]string, 3)
		time.Sleep(30 * time.Minute)
		for hour := range 50 {
			f := mustOpen(t, path, &rotate.Options{Schedule: "daily", Location: time.UTC, OnRotate: log.add})
			line := fmt.Sprintf("hour %d\n", hour)
			mustWrite(t, f, line)
			want[hour/24] += line
			time.Sleep(10 * time.Minute)
			mustClose(t, f)
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-10*time.Minute)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Minute)
		}
		log.check(t, "01-02 00:30:00 scheduled", "01-03 00:30:00 scheduled")
		if diff := cmp.Diff(want, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestScheduledRotationThatFailsIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		failure := errors.New("no link")
		path := filepath.Join(t.TempDir(), "app.log")
		var log eventLog
		var errs errorLog
		f := mustOpen(t, path, &rotate.Options{Schedule: "hourly", Location: time.UTC, OnRotate: log.add, OnError: errs.add})
		mustWrite(t, f, "before\n")
		f.SetLink(func(string, string) error { return failure })
		time.Sleep(time.Hour + 10*time.Second)
		mustWrite(t, f, "meanwhile\n")
		synctest.Wait()
		// After 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s.
		if s := f.Stats(); s.RotateErrors != 7 || !errors.Is(s.LastRotateError, failure) {
			t.Errorf("%d attempts, the last with %v, want 7 with %v", s.RotateErrors, s.LastRotateError, failure)
		}
		if got := len(errs.all(f)); got != 7 {
			t.Errorf("OnError was told %d times, want 7", got)
		}
		time.Sleep(30 * time.Minute)
		if got := f.Stats().RotateErrors; got < 30 || got > 45 {
			t.Errorf("%d attempts after half an hour, want about one a minute", got)
		}
		f.SetLink(os.Link)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := f.Stats(); s.Rotations != 1 || s.LastRotateError != nil {
			t.Errorf("%d rotations, the last with %v, want 1 without an error", s.Rotations, s.LastRotateError)
		}
		if diff := cmp.Diff([]string{"before\nmeanwhile\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		mustWrite(t, f, "after\n")
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"before\nmeanwhile\n", "after\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		if len(log.events) != 2 || log.events[1] != "01-01 02:00:00 scheduled" {
			t.Errorf("rotations %v, want the second one at two", log.events)
		}
		checkStats(t, f, 3, 0)
	})
}

func TestRotateAtOpen(t *testing.T) {
	tests := []struct {
		name     string
		create   bool
		content  string
		schedule string
		want     []string
	}{
		{"no file", false, "", "", []string{"next\n"}},
		{"empty file", true, "", "", []string{"next\n"}},
		{"lines", true, "before\n", "", []string{"before\n", "next\n"}},
		{"torn line", true, "before\nto", "", []string{"before\nto\n", "next\n"}},
		{"overdue as well", true, "before\n", "daily", []string{"before\n", "next\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				if tt.create {
					writeFile(t, path, tt.content)
					if err := os.Chtimes(path, time.Time{}, time.Now().Add(-30*time.Hour)); err != nil {
						t.Fatal(err)
					}
				}
				var log eventLog
				f := mustOpen(t, path, &rotate.Options{RotateAtOpen: true, Schedule: tt.schedule, OnRotate: log.add})
				mustWrite(t, f, "next\n")
				if diff := cmp.Diff(tt.want, contents(t, path)); diff != "" {
					t.Errorf("contents mismatch (-want +got):\n%s", diff)
				}
				var want []string
				if len(tt.want) > 1 {
					want = []string{"01-01 00:00:00 at open"}
				}
				log.check(t, want...)
				checkStats(t, f, 1, 0)
			})
		})
	}
}

func TestRotateAtOpenThatFails(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory")
	}
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "app.log")
		writeFile(t, path, "before\n")
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o700) //nolint:errcheck // so that it can be removed
		var errs errorLog
		f := mustOpen(t, path, &rotate.Options{RotateAtOpen: true, OnError: errs.add})
		mustWrite(t, f, "next\n")
		if got := errs.all(f); len(got) != 1 || !errors.Is(got[0], os.ErrPermission) {
			t.Errorf("OnError was told %v, want os.ErrPermission", got)
		}
		if s := f.Stats(); s.RotateErrors != 1 || !errors.Is(s.LastRotateError, os.ErrPermission) {
			t.Errorf("%d failed rotations, the last with %v", s.RotateErrors, s.LastRotateError)
		}
		if diff := cmp.Diff("before\nnext\n", read(t, path)); diff != "" {
			t.Errorf("content mismatch (-want +got):\n%s", diff)
		}
	})
}
