package rotate_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

func TestParseBackup(t *testing.T) {
	tests := []struct {
		live, name string
		plain      string // empty if name is not a backup of live
	}{
		{"app.log", "app-20261121T233046.123456Z.log", "app-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z.log.gz", "app-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z-7.log", "app-20261121T233046.123456Z-7.log"},
		{"app.log", "app-2026-11-21T23-30-46.123.log", "app-2026-11-21T23-30-46.123.log"},
		{"app.log", "app-2026-11-21T23-30-46.123.log.gz", "app-2026-11-21T23-30-46.123.log"},
		{"app", "app-20261121T233046.123456Z", "app-20261121T233046.123456Z"},
		{".app", ".app-20261121T233046.123456Z", ".app-20261121T233046.123456Z"},
		{"app.x.log", "app.x-20261121T233046.123456Z.log", "app.x-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z.log.gz.gz", ""},
		{"app.log", "app-20261121T233046.123456Z+7.log", ""},
		{"app.log", "app-20261121T233046.123456Z-+7.log", ""},
		{"app.log", "app-20261121T233046.123456Z-99999999999999999999.log", ""},
		{"app.log", "app-20261121T233046.123456.log", ""},
		{"app.log", "app-20261121T233046,123456Z.log", ""},
		{"app.log", "app-20261121T233046.1234560Z.log", ""},
		{"app.log", "app-20261131T233046.123456Z.log", ""},
		{"app.log", "app-2026-11-21T23-30-46,123.log", ""},
		{"app.log", "app-2026-11-21T23-30-46.123-size.log", "app-2026-11-21T23-30-46.123-size.log"},
		{"app.log", "app.log", ""},
		{"app.log", "app-.log", ""},
		{"app.log", "", ""},
		{"app", "app-20261121T233046.123456Z.log", ""},
		{"app.log", "App-20261121T233046.123456Z.log", ""},
	}
	for _, tt := range tests {
		plain, ok := rotate.ParseBackup(tt.live, tt.name)
		if plain != tt.plain || ok != (tt.plain != "") {
			t.Errorf("parse(%q, %q) = %q, %v, want %q", tt.live, tt.name, plain, ok, tt.plain)
		}
	}
}

// A name is a backup exactly if it could have been made: writing down again
// what was understood must give the same name.
func FuzzParseBackup(f *testing.F) {
	f.Add("app.log", "app-20261121T233046.123456Z-7.log.gz")
	f.Add("app.log", "app-2026-11-21T23-30-46.123.log")
	f.Add("app", "app-20261121T233046.123456Z")
	f.Add("app.log", "app-2026-11-21T23-30-46.123-size.log.zst")
	f.Add("app.log", "app-2026-11-21T23-30-46.123-3.log")
	f.Add("app.log", "app.log-2026-11-21T23-30-46.123-3")
	f.Add("a-b.c", "a-b-00000101T000000.000000Z.c")
	f.Add("app.log", ".app.log.123.tmp")
	f.Fuzz(func(t *testing.T, live, name string) {
		plain, ok := rotate.ParseBackup(live, name)
		if ok {
			reason := plain[strings.LastIndexByte(plain, '-')+1:]
			all := rotate.RebuildBackup(live, name, reason)
			all = append(all, rotate.RebuildBackup(live, name, strings.TrimSuffix(reason, filepath.Ext(reason)))...)
			if !slices.Contains(all, plain) {
				t.Errorf("%q is a backup of %q, but that makes one of %q", name, live, all)
			}
			if name != plain && name != plain+".gz" && name != plain+".zst" {
				t.Errorf("%q has the plain form %q", name, plain)
			}
			if name == live {
				t.Errorf("%q is a backup of itself", name)
			}
		}
		if rotate.IsTemp(live, name) {
			if ok {
				t.Errorf("%q is both a backup and a temporary file of %q", name, live)
			}
			if !strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ".tmp") {
				t.Errorf("%q is a temporary file of %q", name, live)
			}
		}
	})
}

// inZone makes the system's time zone another one until the end of the test.
// inOwnProcess runs the test in a process where no other test has left anything
// that reads time.Local, and reports whether this is not that process.
func inOwnProcess(t *testing.T) (elsewhere bool) {
	t.Helper()
	const own = "ROTATE_TEST_OWN_PROCESS"
	if os.Getenv(own) != "" {
		return false
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), own+"=1", noSleep)
	if out, err := child.CombinedOutput(); err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

func inZone(t *testing.T, zone *time.Location) {
	t.Helper()
	former := time.Local
	time.Local = zone
	t.Cleanup(func() { time.Local = former })
}

func TestLocalTimeNames(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	for _, tt := range []struct {
		zone *time.Location
		want string
	}{
		{time.UTC, "app-20000101T000000.000000Z.log"},
		{time.FixedZone("GMT", 0), "app-20000101T000000.000000Z.log"},
		{time.FixedZone("IST", 5*3600+1800), "app-20000101T053000.000000+0530.log"},
		{time.FixedZone("PST", -8*3600), "app-19991231T160000.000000-0800.log"},
		{time.FixedZone("NST", -(3*3600 + 1800)), "app-19991231T203000.000000-0330.log"},
		{time.FixedZone("LINT", 14*3600), "app-20000101T140000.000000+1400.log"},
		{time.FixedZone("CHAST", 13*3600+2700), "app-20000101T134500.000000+1345.log"},
	} {
		t.Run(tt.zone.String(), func(t *testing.T) {
			inZone(t, tt.zone)
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "app.log")
				var told rotate.Event
				var removed backupLog
				opts := &rotate.Options{
					LocalTime: true, MaxAge: 2 * time.Hour, OnRemove: removed.add,
					OnRotate: func(e rotate.Event) { told = e },
				}
				f := mustOpen(t, path, opts)
				mustWrite(t, f, "line\n")
				mustRotate(t, f)
				synctest.Wait()
				if diff := cmp.Diff(tt.want, filepath.Base(told.Backup)); diff != "" {
					t.Errorf("name mismatch (-want +got):\n%s", diff)
				}
				mustClose(t, f)
				time.Sleep(119 * time.Minute)
				f = mustOpen(t, path, opts) // reads it again
				synctest.Wait()
				if s := f.Stats(); s.Backups != 1 || s.BackupBytes != 5 {
					t.Errorf("%d backups of %d bytes, want 1 of 5", s.Backups, s.BackupBytes)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				all := removed.all()
				if len(all) != 1 || !all[0].Time.Equal(told.Time) {
					t.Errorf("OnRemove was told %+v, want the backup of %v", all, told.Time)
				}
				if diff := cmp.Diff([]string{"app.log"}, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The order of backups is that of their times, wherever they were made.
func TestOffsetsInNamesCount(t *testing.T) {
	// The oldest first, which no order of the names is.
	have := []string{
		"app-19991231T230000.000000+1400.log", // 09:00 UTC
		"app-19991231T100000.000000Z.log",
		"app-19991231T030000.000000-0800.log", // 11:00
		"app-19991231T120000.000000Z.log",
		"app-19991231T183000.000000+0530.log", // 13:00
	}
	for kept := range have {
		inBubble(t, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range have {
				writeFile(t, filepath.Join(dir, name), name+"\n")
			}
			f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{MaxBackups: kept + 1})
			synctest.Wait()
			mustClose(t, f)
			want := append(slices.Clone(have[len(have)-kept-1:]), "app.log")
			slices.Sort(want)
			if diff := cmp.Diff(want, names(t, dir)); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// In New York the hour from one to two happens twice on the last Sunday of October.
func TestLocalTimeNamesInARepeatedHour(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip(err)
	}
	inZone(t, zone)
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "app.log")
		time.Sleep(time.Until(time.Date(2000, 10, 29, 5, 30, 0, 0, time.UTC)))
		f := mustOpen(t, path, &rotate.Options{LocalTime: true, MaxBackups: 2})
		for i := range 4 { // at 01:30 -0400, 01:50 -0400, 01:10 -0500 and 01:30 -0500
			mustWrite(t, f, fmt.Sprintf("%d\n", i))
			mustRotate(t, f)
			time.Sleep(20 * time.Minute)
		}
		synctest.Wait()
		mustClose(t, f)
		want := []string{"app-20001029T011000.000000-0500.log", "app-20001029T013000.000000-0500.log", "app.log"}
		if diff := cmp.Diff(want, names(t, dir)); diff != "" {
			t.Errorf("files mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestNamesSortByTheirOrder(t *testing.T) {
	tests := []struct {
		name string
		left string // by an earlier process
		step time.Duration
	}{
		{"the clock stands still", "", 0},
		{"it is coarse", "", 100 * time.Nanosecond},
		{"it was set back", "app-20000101T200000.999998Z.log", time.Second},
		{"by less than the number in a name", "app-20000101T000000.000000Z-12.log", 0},
		{"and the backups are compressed", "app-20000101T200000.999998Z-2.log.zst", 0},
		{"and they are lumberjack's", "app-2000-01-01T20-00-00.999.log.gz", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "app.log")
				if tt.left != "" {
					writeFile(t, filepath.Join(dir, tt.left), "left\n")
				}
				var made []string
				for run := range 3 {
					f := mustOpen(t, path, &rotate.Options{OnRotate: func(e rotate.Event) {
						made = append(made, filepath.Base(e.Backup))
					}})
					for i := range 10 {
						mustWrite(t, f, fmt.Sprintf("%d %d\n", run, i))
						mustRotate(t, f)
						time.Sleep(tt.step)
					}
					mustClose(t, f)
				}
				if len(made) != 30 || !slices.IsSorted(made) || len(slices.Compact(made)) != 30 {
					t.Errorf("the names are not in order: %v", made)
				}
				first, ok := strings.CutPrefix(made[0], "app-20000101T20")
				if ok != strings.Contains(tt.left, "T20") {
					t.Errorf("the first name is %s", first)
				}
			})
		})
	}
}
