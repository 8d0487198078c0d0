//go:build linux

package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func TestCompressionOnAFullDisk(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			dir := testlog.TinyDisk(t, "size=512k")
			inBubble(t, func(t *testing.T) {
				content := noise(150_000) + "\n"
				writeFile(t, filepath.Join(dir, oldBackup), content)
				filler := filepath.Join(dir, "filler")
				writeFile(t, filler, strings.Repeat("x", 250<<10))
				path := filepath.Join(dir, "app.log")
				f := mustOpen(t, path, &rotate.Options{Compress: c})
				mustWrite(t, f, "line\n")
				mustRotate(t, f)
				synctest.Wait()
				if s := f.Stats(); s.Errors == 0 || !errors.Is(s.LastError, syscall.ENOSPC) || s.Compressed != 0 {
					t.Errorf("Errors = %d, Compressed = %d, LastError = %v, want ENOSPC", s.Errors, s.Compressed, s.LastError)
				}
				if got := read(t, filepath.Join(dir, oldBackup)); got != content {
					t.Errorf("the backup holds %d bytes, want %d", len(got), len(content))
				}
				if all := names(t, dir); slices.Contains(all, oldBackup+rotate.Ext(c)) {
					t.Errorf("files: %q", all)
				}
				mustWrite(t, f, "another line\n")
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				mustRotate(t, f)
				synctest.Wait()
				if s := f.Stats(); s.Compressed != 2 {
					t.Errorf("Compressed = %d when there is space again, want 2; LastError = %v", s.Compressed, s.LastError)
				}
				mustClose(t, f)
				if got := readForm(t, filepath.Join(dir, oldBackup+rotate.Ext(c))); got != content {
					t.Errorf("the compressed backup holds %d bytes, want %d", len(got), len(content))
				}
				if all := names(t, dir); len(all) != 4 {
					t.Errorf("files: %q, want the live one and three backups", all)
				}
				checkStats(t, f, 2, 0)
			})
		})
	}
}

func TestCompressionLeavesNothingOnFaultyDisks(t *testing.T) {
	for _, c := range codecs {
		for name, tt := range map[string]struct {
			options string
			spoil   func(dir string) error
			want    error
		}{
			"read-only": {"size=1m", func(dir string) error {
				return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			}, syscall.EROFS},
			"no inode": {"size=1m,nr_inodes=2", func(string) error { return nil }, syscall.ENOSPC},
			"full":     {"size=208k", func(string) error { return nil }, syscall.ENOSPC},
		} {
			t.Run(name+", "+c.String(), func(t *testing.T) {
				dir := testlog.TinyDisk(t, tt.options)
				src := filepath.Join(dir, oldBackup)
				writeFile(t, src, noise(200_000))
				if err := tt.spoil(dir); err != nil {
					t.Fatal(err)
				}
				if err := rotate.CompressFile(t.Context(), src, src+rotate.Ext(c), c, 0); !errors.Is(err, tt.want) {
					t.Errorf("compression = %v, want %v", err, tt.want)
				}
				onlyHas(t, dir, oldBackup)
			})
		}
	}
}

func TestCompressionRefusesAPipe(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, oldBackup)
	if err := syscall.Mkfifo(src, 0o600); err != nil {
		t.Skip(err)
	}
	if err := rotate.CompressFile(t.Context(), src, src+".gz", rotate.Gzip, 0); err == nil {
		t.Error("a pipe was compressed")
	}
	onlyHas(t, dir, oldBackup)
}

func TestCompressionKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, oldBackup)
	writeFile(t, src, "line\n")
	if err := errors.Join(os.Chown(src, 1234, 4321), os.Chmod(src, 0o640)); err != nil {
		t.Fatal(err)
	}
	if err := rotate.CompressFile(t.Context(), src, src+".zst", rotate.Zstd, 0); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(src + ".zst")
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if got, want := fmt.Sprint(stat.Uid, stat.Gid, info.Mode()), "1234 4321 -rw-r-----"; got != want {
		t.Errorf("owner, group and mode are %s, want %s", got, want)
	}
}

const straced = "ROTATE_TEST_STRACED"

// TestStracedChild is the process whose system calls fail, or are its last.
func TestStracedChild(t *testing.T) {
	src := os.Getenv(straced)
	if src == "" {
		t.Skip("runs as a child of TestCompressionSurvivesEverySystemCall only")
	}
	runtime.LockOSThread() // strace counts the calls of each thread
	c := rotate.CompressionOf(os.Getenv(straced + "_DST"))
	if err := rotate.CompressFile(t.Context(), src, os.Getenv(straced+"_DST"), c, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(src); err != nil {
		t.Fatal(err)
	}
}

// A compression that fails, or is killed, at any of its system calls leaves the
// source or a good copy of it, and nothing that the next Open does not remove.
func TestCompressionSurvivesEverySystemCall(t *testing.T) {
	if testlog.Race {
		t.Skip("one thread, and half a second for each of many processes")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip(err)
	}
	if err := exec.Command(strace, "-qq", "-e", "inject=fsync:error=EIO", "true").Run(); err != nil {
		t.Skip("strace must not trace here: ", err)
	}
	content := string(jsonLines(200_000))
	calls := []string{"fchmod", "fsync", "utimensat", "linkat", "unlinkat"}
	if os.Getenv("SLUICE_TORTURE") != "" {
		calls = append(calls, "openat", "newfstatat", "fstat", "read", "write")
	}
	kills := make(map[string]int)
	for _, effect := range []string{"signal=KILL", "error=EIO"} {
		for i, call := range calls {
			c := codecs[i%2]
			for n := 1; n < 50; n++ {
				dir := t.TempDir()
				path, src := filepath.Join(dir, "app.log"), filepath.Join(dir, oldBackup)
				dst := src + rotate.Ext(c)
				writeFile(t, src, content)
				inject := fmt.Sprintf("inject=%s:%s:when=%d", call, effect, n)
				trace := filepath.Join(t.TempDir(), "trace")
				child := exec.Command(strace, "-f", "-qq", "-o", trace, "-e", "trace="+call, "-e", inject,
					os.Args[0], "-test.run=^TestStracedChild$")
				child.Env = append(os.Environ(), straced+"="+src, straced+"_DST="+dst)
				out, err := child.CombinedOutput()
				if err == nil && slices.Equal(names(t, dir), []string{filepath.Base(dst)}) {
					if got := readForm(t, dst); got != content {
						t.Errorf("%s: %d bytes, want %d", inject, len(got), len(content))
					}
					if !strings.Contains(read(t, trace), "(INJECTED)") {
						break // there was no such call any more
					}
					continue
				}
				if effect == "signal=KILL" {
					kills[call]++
				}
				t.Logf("%s: %q %.60q", inject, names(t, dir), out)
				inBubble(t, func(t *testing.T) {
					f := mustOpen(t, path, &rotate.Options{Compress: c})
					mustWrite(t, f, "line\n")
					mustRotate(t, f)
					synctest.Wait()
					if s := f.Stats(); s.Errors > 0 {
						t.Errorf("%s: %d errors, the last: %v", inject, s.Errors, s.LastError)
					}
					mustClose(t, f)
				})
				var all []string
				for _, name := range names(t, dir) {
					if strings.HasSuffix(name, ".tmp") {
						t.Errorf("%s: %s was left over", inject, name)
					}
					if strings.HasPrefix(name, "app-1999") {
						all = append(all, name)
					}
				}
				if len(all) != 1 || readForm(t, dst) != content {
					t.Errorf("%s: copies: %q, want one", inject, all)
				}
			}
		}
	}
	// The file and the directory are synced; the temporary name and the source are removed.
	for call, want := range map[string]int{"fchmod": 1, "fsync": 2, "utimensat": 1, "linkat": 1, "unlinkat": 2} {
		if kills[call] != want {
			t.Errorf("it was killed at %d calls of %s, want %d", kills[call], call, want)
		}
	}
}
