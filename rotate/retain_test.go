package rotate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

// Files that only look like backups of app.log, or belong to another log.
var siblings = []string{
	".app.log",
	".app.log.tmp",
	".app.log.12x.tmp",
	".app.txt.12.tmp",
	"app",
	"app-19991231T000000.000000.log",      // no Z
	"app-19991231T000000.000000Z",         // of a log called app
	"app-19991231T000000.000000Z-0.log",   // never made
	"app-19991231T000000.000000Z-01.log",  // never made
	"app-19991231T000000.000000Z.log.1",   // somebody's
	"app-19991231T000000.000000Z.log.gz~", // somebody's
	"app-19991231T000000.000000Z.txt",     // of app.txt
	"app-19991331T000000.000000Z.log",     // no such month
	"app-x-19991231T000000.000000Z.log",   // of app-x.log
	"app-x.log",
	"app.1234.log",
	"app.errors-19991231T000000.000000Z.log", // of app.errors.log
	"app.errors.log",
	"app.log.1",
	"myapp-19991231T000000.000000Z.log", // of myapp.log
}

func gzipped(t testing.TB, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	mustWrite(t, w, content)
	mustClose(t, w)
	return buf.Bytes()
}

// In the bubble it is 2000-01-01 00:00 UTC.
func TestRetention(t *testing.T) {
	tests := []struct {
		name string
		opts rotate.Options
		have []string
		want []string
	}{
		{
			name: "zero keeps everything",
			have: []string{"app-19900101T000000.000000Z.log", "app-19910101T000000.000000Z.log.gz"},
			want: []string{"app-19900101T000000.000000Z.log", "app-19910101T000000.000000Z.log.gz"},
		}, {
			name: "number, plain and compressed, ours and lumberjack's",
			opts: rotate.Options{MaxBackups: 3},
			have: []string{
				"app-1999-12-01T00-00-00.000.log",
				"app-1999-12-04T00-00-00.000.log.gz",
				"app-19991202T000000.000000Z.log",
				"app-19991203T000000.000000Z.log.gz",
				"app-19991205T000000.000000Z.log",
			},
			want: []string{
				"app-1999-12-04T00-00-00.000.log.gz",
				"app-19991203T000000.000000Z.log.gz",
				"app-19991205T000000.000000Z.log",
			},
		}, {
			name: "sequence numbers count as newer, as numbers",
			opts: rotate.Options{MaxBackups: 2},
			have: []string{
				"app-19991205T000000.000000Z-10.log",
				"app-19991205T000000.000000Z-2.log",
				"app-19991205T000000.000000Z-9.log",
				"app-19991205T000000.000000Z.log",
			},
			want: []string{"app-19991205T000000.000000Z-10.log", "app-19991205T000000.000000Z-9.log"},
		}, {
			name: "age",
			opts: rotate.Options{MaxAge: 24 * time.Hour},
			have: []string{
				"app-1999-12-30T23-59-59.999.log",
				"app-1999-12-31T00-00-00.000.log",
				"app-19991230T235959.999999Z.log.gz",
				"app-19991231T000000.000000Z.log.gz",
			},
			want: []string{"app-1999-12-31T00-00-00.000.log", "app-19991231T000000.000000Z.log.gz"},
		}, {
			name: "whichever is stricter",
			opts: rotate.Options{MaxAge: 24 * time.Hour, MaxBackups: 1},
			have: []string{
				"app-19991230T000000.000000Z.log",
				"app-19991231T010000.000000Z.log",
				"app-19991231T020000.000000Z.log",
			},
			want: []string{"app-19991231T020000.000000Z.log"},
		}, {
			name: "what was left over goes",
			have: []string{
				".app-19991230T000000.000000Z.log.gz.123.tmp",
				".app.log.42.tmp",
				".app.log.42-1999-12-31T00-00-00.000.tmp",
			},
		}, {
			name: "compression spares the newest",
			opts: rotate.Options{Compress: rotate.Gzip},
			have: []string{
				"app-1999-12-01T00-00-00.000.log",
				"app-19991202T000000.000000Z-1.log",
				"app-19991203T000000.000000Z.log.gz",
				"app-19991204T000000.000000Z.log",
			},
			want: []string{
				"app-1999-12-01T00-00-00.000.log.gz",
				"app-19991202T000000.000000Z-1.log.gz",
				"app-19991203T000000.000000Z.log.gz",
				"app-19991204T000000.000000Z.log",
			},
		}, {
			name: "removal before compression",
			opts: rotate.Options{Compress: rotate.Gzip, MaxBackups: 2},
			have: []string{
				"app-19991202T000000.000000Z.log",
				"app-19991203T000000.000000Z.log",
				"app-19991204T000000.000000Z.log",
			},
			want: []string{"app-19991203T000000.000000Z.log.gz", "app-19991204T000000.000000Z.log"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range slices.Concat(tt.have, siblings) {
					content := []byte(name + "\n")
					if strings.HasSuffix(name, ".gz") {
						content = gzipped(t, name+"\n")
					}
					writeFile(t, filepath.Join(dir, name), string(content))
				}
				// A directory and a link are no backups, whatever they are called.
				others := []string{"app-19900101T000000.000000Z-7.log", "app-19900101T000000.000000Z-8.log"}
				if err := errors.Join(
					os.Mkdir(filepath.Join(dir, others[0]), 0o700),
					os.Symlink("app-x.log", filepath.Join(dir, others[1]))); err != nil {
					t.Fatal(err)
				}
				opts := tt.opts
				opts.OnError = func(err error) { t.Error(err) }
				f := mustOpen(t, filepath.Join(dir, "app.log"), &opts)
				synctest.Wait()
				mustClose(t, f)
				want := slices.Concat(tt.want, siblings, others, []string{"app.log"})
				slices.Sort(want)
				if diff := cmp.Diff(want, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
				for _, name := range tt.want {
					plain := strings.TrimSuffix(name, ".gz") + "\n"
					got := read(t, filepath.Join(dir, name))
					if got != plain && got != name+"\n" {
						t.Errorf("%s holds %q", name, got)
					}
				}
			})
		})
	}
}

func TestRetentionAfterEachRotation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxBackups: 3, Compress: rotate.Gzip})
		for i := range 6 {
			mustWrite(t, f, strings.Repeat("line\n", i+1))
			mustRotate(t, f)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		want := []string{strings.Repeat("line\n", 4), strings.Repeat("line\n", 5), strings.Repeat("line\n", 6), ""}
		if diff := cmp.Diff(want, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		if s := f.Stats(); s.Removed != 3 || s.Compressed != 5 || s.Errors != 0 {
			t.Errorf("Removed = %d, Compressed = %d, Errors = %d, want 3, 5 and 0", s.Removed, s.Compressed, s.Errors)
		}
	})
}

func TestRetentionOfAnIdleLog(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxAge: 24 * time.Hour})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if got := len(contents(t, path)); got != 2 {
			t.Errorf("%d files after 23 hours, want 2", got)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := len(contents(t, path)); got != 1 {
			t.Errorf("%d files after 25 hours, want 1", got)
		}
	})
}

func TestCloseRemovesWhatExceedsTheLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	for range 20 { // a program that runs for a moment, again and again
		f := mustOpen(t, path, &rotate.Options{MaxBackups: 2})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		mustClose(t, f)
		if got := len(contents(t, path)); got > 3 {
			t.Fatalf("%d files, want 3", got)
		}
	}
}

func TestRetentionReportsWhatItCannotRemove(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may remove from every directory")
	}
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, day := range []string{"01", "02", "03"} {
			writeFile(t, filepath.Join(dir, "app-199912"+day+"T000000.000000Z.log"), "line\n")
		}
		writeFile(t, filepath.Join(dir, "app.log"), "")
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		var log errorLog
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{MaxBackups: 1, OnError: log.add})
		synctest.Wait()
		if errs := log.all(f); len(errs) != 2 || !errors.Is(errs[0], fs.ErrPermission) {
			t.Errorf("OnError was told %v, want two permission errors", errs)
		}
		mustWrite(t, f, "line\n")
		checkStats(t, f, 1, 0)
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	})
}

// A process killed between the two steps of a rotation leaves the live file with
// the name of a backup beside its own.
func TestInterruptedRotationIsUndone(t *testing.T) {
	for _, reopened := range []bool{true, false} {
		t.Run(fmt.Sprintf("reopened %v", reopened), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			var f *rotate.File
			if !reopened { // another process was killed
				f = mustOpen(t, path, &rotate.Options{MultiProcess: true})
			}
			writeFile(t, path, "line\n")
			second := filepath.Join(filepath.Dir(path), "app-19990101T000000.000000Z.log")
			if err := os.Link(path, second); err != nil {
				t.Skip(err)
			}
			elsewhere := filepath.Join(filepath.Dir(path), "link")
			if err := os.Link(path, elsewhere); err != nil {
				t.Fatal(err)
			}
			if reopened {
				f = mustOpen(t, path, nil)
			}
			mustRotate(t, f)
			mustClose(t, f)
			if diff := cmp.Diff([]string{"line\n", ""}, contents(t, path)); diff != "" {
				t.Errorf("contents mismatch (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(second); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat = %v, want that it does not exist", err)
			}
			if _, err := os.Stat(elsewhere); err != nil {
				t.Errorf("the link that is not a backup: %v", err)
			}
		})
	}
}

// backupLog collects what OnRemove and OnArchive are told.
type backupLog struct {
	mu      sync.Mutex
	backups []rotate.Backup
}

func (l *backupLog) add(b rotate.Backup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backups = append(l.backups, b)
}

func (l *backupLog) all() []rotate.Backup {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.backups)
}

// paths returns the names of the files in l.
func (l *backupLog) names() (all []string) {
	for _, b := range l.all() {
		all = append(all, filepath.Base(b.Path))
	}
	return all
}

// In the bubble it is 2000-01-01 00:00 UTC.
func TestMaxTotalSize(t *testing.T) {
	have := map[string]int{ // from the newest to the oldest
		"app-19991231T000000.000000Z.log":     100,
		"app-19991230T000000.000000Z.log.gz":  10,
		"app-19991229T000000.000000Z.log.zst": 20,
		"app-1999-12-28T00-00-00.000.log":     200,
	}
	var all []string
	for name := range have {
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b string) int { // by the day
		return strings.Compare(strings.ReplaceAll(b, "1999-12-", "199912"), strings.ReplaceAll(a, "1999-12-", "199912"))
	})
	tests := []struct {
		live, limit, kept int
	}{
		{0, 330, 4},
		{0, 329, 3},
		{1, 330, 3}, // the live file counts
		{200, 330, 3},
		{201, 330, 2},
		{0, 110, 2},
		{0, 109, 1},
		{0, 99, 0}, // the oldest go first, so no older one stays
		{1000, 500, 0},
		{1000, 0, 4},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d bytes live, limit %d", tt.live, tt.limit), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				for name, size := range have {
					writeFile(t, filepath.Join(dir, name), strings.Repeat("x", size-1)+"\n")
				}
				for _, name := range siblings {
					writeFile(t, filepath.Join(dir, name), strings.Repeat("x", 1000))
				}
				writeFile(t, filepath.Join(dir, "app.log"), strings.Repeat("x", tt.live))
				f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{MaxTotalSize: int64(tt.limit)})
				synctest.Wait()
				var bytes int64
				for _, name := range all[:tt.kept] {
					bytes += int64(have[name])
				}
				if s := f.Stats(); s.Backups != tt.kept || s.BackupBytes != bytes || s.Removed != uint64(len(all)-tt.kept) {
					t.Errorf("%d backups of %d bytes, %d removed, want %d of %d, %d", s.Backups, s.BackupBytes, s.Removed,
						tt.kept, bytes, len(all)-tt.kept)
				}
				want := slices.Concat(all[:tt.kept], siblings, []string{"app.log"})
				slices.Sort(want)
				if diff := cmp.Diff(want, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestMaxTotalSizeAfterEachRotation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxSize: 100, MaxTotalSize: 350})
		line := strings.Repeat("x", 49) + "\n"
		for range 40 {
			mustWrite(t, f, line)
			synctest.Wait()
			// Enforced when the live file is empty, so that it comes on top.
			var total int
			for _, content := range contents(t, path) {
				total += len(content)
			}
			if total > 350+100 {
				t.Fatalf("%d bytes", total)
			}
		}
		if got := len(contents(t, path)); got != 4 {
			t.Errorf("%d files, want three backups and the live one", got)
		}
	})
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	at := func(day int) time.Time { return time.Date(1999, 12, day, 0, 0, 0, 0, time.UTC) }
	all := []rotate.Backup{
		{Path: filepath.Join(dir, "app-1999-12-01T00-00-00.000.log"), Time: at(1), Size: 32},
		{Path: filepath.Join(dir, "app-19991202T000000.000000Z.log.gz"), Time: at(2), Size: 35, Compression: rotate.Gzip},
		{Path: filepath.Join(dir, "app-19991203T000000.000000Z-1.log.zst"), Time: at(3), Size: 38, Compression: rotate.Zstd},
		{Path: filepath.Join(dir, "app-19991204T000000.000000Z.log"), Time: at(4), Size: 32},
		{Path: filepath.Join(dir, "app-19991205T000000.000000Z.log"), Time: at(5), Size: 32},
	}
	tests := []struct {
		name  string
		opts  rotate.Options
		keep  []int // days
		asked []int
		left  []int
	}{
		{name: "no limit, nobody is asked", keep: []int{1}, left: []int{1, 2, 3, 4, 5}},
		{name: "number", opts: rotate.Options{MaxBackups: 2}, keep: []int{1, 3}, asked: []int{1, 2, 3}, left: []int{1, 3, 4, 5}},
		{name: "age", opts: rotate.Options{MaxAge: 1}, keep: []int{5}, asked: []int{1, 2, 3, 4, 5}, left: []int{5}},
		{name: "nothing", opts: rotate.Options{MaxBackups: 4}, asked: []int{1}, left: []int{2, 3, 4, 5}},
		{
			name: "what is kept counts", opts: rotate.Options{MaxTotalSize: 32 + 32 + 38}, keep: []int{2},
			asked: []int{1, 2}, left: []int{2, 3, 4, 5},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				for _, b := range all {
					writeFile(t, b.Path, filepath.Base(b.Path)+"\n")
				}
				var asked, removed backupLog
				opts := tt.opts
				opts.OnRemove = removed.add
				opts.Keep = func(b rotate.Backup) bool {
					asked.add(b)
					return slices.Contains(tt.keep, b.Time.Day())
				}
				path := filepath.Join(dir, "app.log")
				f := mustOpen(t, path, &opts)
				days := func(log *backupLog) (days []int) {
					for _, b := range log.all() {
						days = append(days, b.Time.Day())
						if diff := cmp.Diff(all[b.Time.Day()-1], b); diff != "" {
							t.Errorf("backup mismatch (-want +got):\n%s", diff)
						}
					}
					slices.Sort(days)
					return slices.Compact(days)
				}
				synctest.Wait()
				if diff := cmp.Diff(tt.asked, days(&asked)); diff != "" {
					t.Errorf("asked about days, mismatch (-want +got):\n%s", diff)
				}
				var left []int
				for i, b := range all {
					if _, err := os.Stat(b.Path); err == nil {
						left = append(left, i+1)
					}
				}
				if diff := cmp.Diff(tt.left, left); diff != "" {
					t.Errorf("days left mismatch (-want +got):\n%s", diff)
				}
				if got, want := len(removed.all()), len(all)-len(tt.left); got != want || len(days(&removed)) != want {
					t.Errorf("OnRemove was told of %v, want %d", removed.names(), want)
				}
				if s := f.Stats(); s.Backups != len(tt.left) || s.Removed != uint64(len(all)-len(tt.left)) || s.Errors != 0 {
					t.Errorf("Backups = %d, Removed = %d, Errors = %d", s.Backups, s.Removed, s.Errors)
				}
				// Those kept are asked about again, an hour later.
				before := len(asked.all())
				time.Sleep(time.Hour)
				synctest.Wait()
				again := asked.all()[before:]
				want := 0
				for _, day := range tt.asked {
					if slices.Contains(tt.left, day) {
						want++
					}
				}
				if len(again) != want {
					t.Errorf("asked again about %v, want %d", again, want)
				}
			})
		})
	}
}

func TestKeepMayPanic(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		for day := 1; day <= 3; day++ {
			writeFile(t, filepath.Join(dir, fmt.Sprintf("app-199912%02dT000000.000000Z.log", day)), "line\n")
		}
		var log errorLog
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{
			MaxBackups: 1, OnError: log.add,
			Keep: func(b rotate.Backup) bool {
				if b.Time.Day() == 1 {
					panic("in Keep")
				}
				return false
			},
		})
		synctest.Wait()
		want := []string{"app-19991201T000000.000000Z.log", "app-19991203T000000.000000Z.log", "app.log"}
		if diff := cmp.Diff(want, names(t, dir)); diff != "" {
			t.Errorf("files mismatch (-want +got):\n%s", diff)
		}
		if errs := log.all(f); len(errs) != 1 || !strings.Contains(errs[0].Error(), "Keep panicked: in Keep") {
			t.Errorf("OnError was told %v, want the panic", errs)
		}
	})
}

func TestOnRemoveIsToldTheOldestFirst(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		var want []string
		for day := 1; day <= 6; day++ {
			name := fmt.Sprintf("app-199912%02dT000000.000000Z.log", day)
			writeFile(t, filepath.Join(dir, name), "line\n")
			want = append(want, name)
		}
		var removed backupLog
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{
			MaxBackups: 2,
			OnRemove: func(b rotate.Backup) {
				removed.add(b)
				if _, err := os.Lstat(b.Path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is there when OnRemove is told: %v", b.Path, err)
				}
			},
		})
		synctest.Wait()
		if diff := cmp.Diff(want[:4], removed.names()); diff != "" {
			t.Errorf("OnRemove mismatch (-want +got):\n%s", diff)
		}
		for range 2 {
			mustWrite(t, f, "line\n")
			mustRotate(t, f)
		}
		synctest.Wait()
		if diff := cmp.Diff(want, removed.names()); diff != "" {
			t.Errorf("OnRemove mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestOnArchiveIsToldOfEachBackup(t *testing.T) {
	for _, form := range []rotate.Compression{rotate.Gzip, rotate.Zstd} {
		t.Run(form.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				var archived, removed backupLog
				var order []string
				f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{
					Compress: form, MaxBackups: 3,
					OnRotate: func(e rotate.Event) { order = append(order, "rotated "+filepath.Base(e.Backup)) },
					OnArchive: func(b rotate.Backup) {
						archived.add(b)
						info, err := os.Lstat(b.Path)
						if err != nil || info.Size() != b.Size {
							t.Errorf("OnArchive was told %+v, Stat = %v", b, err)
						}
						plain := strings.TrimSuffix(b.Path, rotate.Ext(form))
						if _, err := os.Lstat(plain); !errors.Is(err, os.ErrNotExist) {
							t.Errorf("%s is there when OnArchive is told: %v", plain, err)
						}
						order = append(order, "archived "+filepath.Base(plain))
					},
					OnRemove: removed.add,
				})
				start := time.Now()
				var want []string
				name := func(i int) string { return fmt.Sprintf("app-20000101T00%02d00.000000Z.log", i) }
				for i := range 6 {
					mustWrite(t, f, strings.Repeat("a line\n", 100))
					mustRotate(t, f)
					synctest.Wait()
					want = append(want, "rotated "+name(i))
					if i > 0 { // a program that follows the log has until the next rotation
						want = append(want, "archived "+name(i-1))
					}
					time.Sleep(time.Minute)
				}
				mustClose(t, f)
				if diff := cmp.Diff(want, order); diff != "" {
					t.Errorf("order mismatch (-want +got):\n%s", diff)
				}
				for i, b := range archived.all() {
					want := rotate.Backup{
						Path: filepath.Join(dir, name(i)+rotate.Ext(form)), Time: start.Add(time.Duration(i) * time.Minute).UTC(),
						Size: b.Size, Compression: form,
					}
					if diff := cmp.Diff(want, b); diff != "" || b.Size >= 700 || b.Size == 0 {
						t.Errorf("backup of %d bytes mismatch (-want +got):\n%s", b.Size, diff)
					}
				}
				if diff := cmp.Diff(archived.all()[:3], removed.all()); diff != "" {
					t.Errorf("OnRemove mismatch (-archived +removed):\n%s", diff)
				}
				if s := f.Stats(); s.Compressed != 5 || s.Removed != 3 {
					t.Errorf("Compressed = %d, Removed = %d, want 5 and 3", s.Compressed, s.Removed)
				}
			})
		})
	}
}

func TestCompressDelay(t *testing.T) {
	for _, delay := range []time.Duration{time.Second, time.Hour, 150 * time.Minute, 10 * 24 * time.Hour} {
		t.Run(delay.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				var archived backupLog
				opts := &rotate.Options{Compress: rotate.Gzip, CompressDelay: delay, OnArchive: archived.add}
				f := mustOpen(t, path, opts)
				mustWrite(t, f, "one\n")
				mustRotate(t, f)
				time.Sleep(delay / 2)
				mustWrite(t, f, "two\n")
				mustRotate(t, f) // does not shorten the delay
				time.Sleep(delay/2 - time.Millisecond)
				synctest.Wait()
				if got := archived.names(); len(got) != 0 {
					t.Errorf("%v were compressed before the delay was over", got)
				}
				time.Sleep(2 * time.Millisecond)
				synctest.Wait()
				if got := archived.names(); len(got) != 1 {
					t.Errorf("%v were compressed after the delay, want one", got)
				}
				mustClose(t, f) // the delay goes on
				time.Sleep(delay/2 - 10*time.Millisecond)
				mustOpen(t, path, opts)
				synctest.Wait()
				if got := archived.names(); len(got) != 1 {
					t.Errorf("%v were compressed before the delay was over, want one", got)
				}
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				if got := archived.names(); len(got) != 2 {
					t.Errorf("%v were compressed, want both, and be the newest one of them", got)
				}
				if diff := cmp.Diff([]string{"one\n", "two\n", ""}, contents(t, path)); diff != "" {
					t.Errorf("contents mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	mine := fmt.Sprintf("app.%d", os.Getpid())
	const stamp = "-19991231T000000.000000Z"
	tests := []struct {
		name          string
		opts          rotate.Options
		remove, leave []string
	}{
		{
			name:   "one file for all",
			remove: []string{"app" + stamp + ".log", "app" + stamp + "-7.log.gz", "app" + stamp + "-8.log.zst"},
			leave: []string{
				"app.1234" + stamp + ".log", "app.1234.log", mine + stamp + ".log.gz", "app.errors" + stamp + ".log",
				"app" + stamp + ".log.1", "app" + stamp + ".log.gz.gz", ".app" + stamp + ".log",
			},
		}, {
			name: "one file for each process",
			opts: rotate.Options{PerProcess: true},
			remove: []string{
				mine + stamp + ".log", "app.1234" + stamp + ".log", "app.1234" + stamp + "-1.log.gz",
				"app.1234-1999-12-31T00-00-00.000.log", "app.4194304" + stamp + ".log.zst",
			},
			leave: []string{
				"app.log", "app" + stamp + ".log", "app.01234" + stamp + ".log", "app.12x" + stamp + ".log", "app.x" + stamp + ".log",
				"app." + stamp + ".log", "app.1234.5" + stamp + ".log", "app.1234.log.1", "app.x.log", "app.01234.log",
				"app.1234" + stamp + ".txt", "app.errors.1234" + stamp + ".log", "app.1234x.log", "app..log", "app.1234",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range slices.Concat(tt.remove, tt.leave) {
					writeFile(t, filepath.Join(dir, name), name+"\n")
				}
				tt.opts.MaxAge = time.Minute
				f := mustOpen(t, filepath.Join(dir, "app.log"), &tt.opts)
				time.Sleep(time.Hour)
				synctest.Wait()
				live := "app.log"
				if tt.opts.PerProcess {
					live = mine + ".log"
				}
				want := slices.Concat(tt.leave, []string{live})
				if tt.opts.PerProcess {
					want = append(want, "."+live+".lock")
				}
				slices.Sort(want)
				if diff := cmp.Diff(want, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
				for _, name := range tt.leave {
					if diff := cmp.Diff(name+"\n", read2(t, filepath.Join(dir, name))); diff != "" {
						t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
					}
				}
				if s := f.Stats(); s.Removed != uint64(len(tt.remove)) || s.Errors != 0 {
					t.Errorf("Removed = %d, Errors = %d (%v), want %d and 0", s.Removed, s.Errors, s.LastError, len(tt.remove))
				}
			})
		})
	}
}

// read2 returns the bytes of the file at path, whatever its name.
func read2(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A clock that was wrong, or a file that somebody has put there, must not keep
// the limits from being enforced.
func TestBackupsFromTheFutureAreTheFirstToGo(t *testing.T) {
	inBubble(t, func(t *testing.T) { // in which it is 2000-01-01
		path := filepath.Join(t.TempDir(), "app.log")
		for _, name := range []string{"app-20991231T000000.000000Z.log", "app-99991231T235959.999999Z.log.gz"} {
			writeFile(t, filepath.Join(filepath.Dir(path), name), "future\n")
		}
		f := mustOpen(t, path, &rotate.Options{MaxBackups: 3})
		for i := range 5 {
			mustWrite(t, f, fmt.Sprintf("%d\n", i))
			mustRotate(t, f)
			synctest.Wait()
		}
		mustClose(t, f)
		if diff := cmp.Diff([]string{"2\n", "3\n", "4\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestNamesTooLongForBackups(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{100, 190, 200, 210, 220, 255, 300} {
		path := filepath.Join(dir, strings.Repeat("x", n-4)+".log")
		f, err := rotate.Open(path, &rotate.Options{MaxBackups: 5, Compress: rotate.Zstd})
		if err != nil {
			if n <= 190 || !strings.Contains(err.Error(), "bytes") {
				t.Errorf("%d bytes: %v", n, err)
			}
			continue
		}
		if n > 210 {
			t.Errorf("a name of %d bytes was accepted", n)
		}
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		mustClose(t, f)
	}
}

func TestLinkToANameOfABackup(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	if err := os.Symlink("x.gz", path); err != nil {
		t.Skip(err)
	}
	if _, err := rotate.Open(path, nil); err == nil || !strings.Contains(err.Error(), ".gz") {
		t.Errorf("Open = %v, want that the name is for backups", err)
	}
}

// What else has a number in its name, and was not made by a process of this mode,
// is nobody's to remove.
func TestNumberedFilesOfOthersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	others := []string{"app.2024.log", "app.8080.log", "app.1.log", "app.20251121.log"}
	for _, name := range others {
		writeFile(t, filepath.Join(dir, name), name+"\n")
	}
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true, MaxBackups: 1, MaxTotalSize: 1})
	for range 3 {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	mustClose(t, f)
	for _, name := range others {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != name+"\n" {
			t.Errorf("%s = %q, %v", name, got, err)
		}
	}
}

// Nobody knows how to name a backup: the rotation fails, and loses nothing.
func TestRotationWithoutAFreeName(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		f := mustOpen(t, filepath.Join(dir, "app.log"), nil)
		mustWrite(t, f, "line\n")
		for seq := range 1000 {
			name := "app-20000101T000000.000000Z.log"
			if seq > 0 {
				name = fmt.Sprintf("app-20000101T000000.000000Z-%d.log.gz", seq)
			}
			writeFile(t, filepath.Join(dir, name), "")
		}
		if err := f.Rotate(); err == nil || !strings.Contains(err.Error(), "name") {
			t.Errorf("Rotate = %v, want that there is no name", err)
		}
		mustWrite(t, f, "line 2\n")
		if got := read(t, filepath.Join(dir, "app.log")); got != "line\nline 2\n" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// The age of a backup whose name is from the future is that of its last line.
func TestBackupsFromTheFutureHaveAnAge(t *testing.T) {
	have := map[string]time.Duration{
		"app-20360101T000000.000000Z.log":    3 * time.Hour,
		"app-20360102T000000.000000Z.log":    time.Minute,
		"app-99991231T235959.999999Z.log.gz": 3 * time.Hour,
	}
	for _, tt := range []struct {
		opts rotate.Options
		want []string
	}{
		{rotate.Options{MaxAge: time.Hour}, []string{"app-20360102T000000.000000Z.log", "app.log"}},
		{
			rotate.Options{Compress: rotate.Gzip, CompressDelay: time.Hour},
			[]string{"app-20360101T000000.000000Z.log.gz", "app-20360102T000000.000000Z.log", "app-99991231T235959.999999Z.log.gz", "app.log"},
		},
	} {
		inBubble(t, func(t *testing.T) {
			dir := t.TempDir()
			for name, age := range have {
				path := filepath.Join(dir, name)
				writeFile(t, path, "line\n")
				setAge(t, path, age)
			}
			f := mustOpen(t, filepath.Join(dir, "app.log"), &tt.opts)
			synctest.Wait()
			mustClose(t, f)
			if diff := cmp.Diff(tt.want, names(t, dir)); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// What happens now has the time of now, whatever the names of backups say.
func TestRotationsHaveTheTimeOfTheClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		writeFile(t, filepath.Join(filepath.Dir(path), "app-20360101T000000.000000Z.log"), "future\n")
		var told time.Time
		f := mustOpen(t, path, &rotate.Options{OnRotate: func(e rotate.Event) { told = e.Time }})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		synctest.Wait()
		if last := f.Stats().LastRotation; !last.Equal(told) || time.Since(last) > time.Second {
			t.Errorf("LastRotation = %v, OnRotate was told %v, want %v", last, told, time.Now())
		}
	})
}

// What the worker could not do is done soon, not with the next rotation.
func TestFailedCompressionIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		var errs errorLog
		var archived backupLog
		f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{
			Compress: rotate.Gzip, CompressDelay: time.Second, OnError: errs.add, OnArchive: archived.add,
		})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		synctest.Wait()
		inTheWay := filepath.Join(dir, strings.TrimPrefix(names(t, dir)[1], ".")+".gz")
		if err := os.Mkdir(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := len(errs.all(f)); got < 3 || got > 10 {
			t.Errorf("OnError was told %d times in 10 s, want less and less often", got)
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := archived.names(); len(got) != 1 {
			t.Errorf("%v was compressed after two minutes", got)
		}
	})
}
