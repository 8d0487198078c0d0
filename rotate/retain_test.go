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
				f = mustOpen(t, path, nil)
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
