//go:build unix

package rotate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

func mode(t testing.TB, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%#o", info.Mode().Perm())
}

func TestModesAreIndependentOfTheUmask(t *testing.T) {
	tests := []struct {
		name        string
		file, dir   fs.FileMode
		wantF, want string
	}{
		{"default", 0, 0, "0600", "0750"},
		{"group", 0o640, 0o755, "0640", "0755"},
		{"everybody", 0o666, 0o777, "0666", "0777"},
		{"nobody else", 0o600, 0o700, "0600", "0700"},
	}
	for _, umask := range []int{0o077, 0o000, 0o027} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, umask %03o", tt.name, umask), func(t *testing.T) {
				dir := t.TempDir()
				defer syscall.Umask(syscall.Umask(umask))
				inBubble(t, func(t *testing.T) {
					path := filepath.Join(dir, "a", "b", "app.log")
					f := mustOpen(t, path, &rotate.Options{FileMode: tt.file, DirMode: tt.dir, Compress: rotate.Gzip})
					for range 3 { // the first new file is made at once, the others ahead
						mustWrite(t, f, "line\n")
						mustRotate(t, f)
						synctest.Wait()
						if got := mode(t, path); got != tt.wantF {
							t.Errorf("the file has mode %s, want %s", got, tt.wantF)
						}
					}
					mustClose(t, f)
					for _, name := range names(t, filepath.Dir(path)) {
						if got := mode(t, filepath.Join(dir, "a", "b", name)); got != tt.wantF {
							t.Errorf("%s has mode %s, want %s", name, got, tt.wantF)
						}
					}
					for _, d := range []string{"a", "a/b"} {
						if got := mode(t, filepath.Join(dir, d)); got != tt.want {
							t.Errorf("directory %s has mode %s, want %s", d, got, tt.want)
						}
					}
				})
			})
		}
	}
}

func TestExistingModesAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "app.log")
	writeNew := func(mode fs.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, []byte("line\n"), 0o600),
			os.Chmod(path, mode), os.Chmod(dir, 0o711)); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name         string
		have, option fs.FileMode
		want         string // after a rotation
	}{
		{"and inherited", 0o644, 0, "0644"},
		{"and inherited, but never unusable", 0o640, 0, "0640"},
		{"until a rotation", 0o644, 0o600, "0600"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			writeNew(tt.have)
			f := mustOpen(t, path, &rotate.Options{FileMode: tt.option, DirMode: 0o777})
			if got, want := mode(t, path), fmt.Sprintf("%#o", tt.have); got != want {
				t.Errorf("after Open the mode is %s, want %s", got, want)
			}
			mustRotate(t, f)
			if got := mode(t, path); got != tt.want {
				t.Errorf("after Rotate the mode is %s, want %s", got, tt.want)
			}
			if got := mode(t, dir); got != "0711" {
				t.Errorf("the directory has mode %s, want 0711", got)
			}
		})
	}
}

func TestCreatedDirectoriesKeepSetgid(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, filepath.Join(dir, "new", "app.log"), nil)
	info, err := os.Stat(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	parent, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if parent.Mode()&fs.ModeSetgid == 0 {
		t.Skip("this file system keeps no setgid bit")
	}
	if got, want := info.Mode(), fs.ModeDir|fs.ModeSetgid|0o750; got != want {
		t.Errorf("the new directory has mode %v, want %v", got, want)
	}
}

func TestOwnerSurvivesRotation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, path, "line\n")
	if err := os.Chown(path, 65534, 65533); err != nil {
		t.Skip(err)
	}
	f := mustOpen(t, path, &rotate.Options{FileMode: 0o640})
	mustRotate(t, f)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	got := info.Sys().(*syscall.Stat_t)
	if diff := cmp.Diff([2]uint32{65534, 65533}, [2]uint32{got.Uid, got.Gid}); diff != "" {
		t.Errorf("owner and group mismatch (-want +got):\n%s", diff)
	}
	if got := mode(t, path); got != "0640" {
		t.Errorf("the mode is %s, want 0640", got)
	}
}

func TestOpenRefusesAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := rotate.Open(path, nil); err == nil {
		t.Error("Open succeeded")
	}
}

func TestNoFreeDescriptorLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	mustWrite(t, f, "one\n")
	var limit, low syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	// However many descriptors are left, a rotation works or changes nothing.
	var held []*os.File
	defer func() {
		for _, file := range held {
			_ = file.Close()
		}
	}()
	low = limit
	low.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, file)
	}
	want := []string{"one"}
	for free := range min(5, len(held)) {
		_ = f.Rotate()
		_ = f.Reopen()
		line := fmt.Sprintf("%d free", free)
		mustWrite(t, f, line+"\n")
		want = append(want, line)
		_ = held[len(held)-1].Close()
		held = held[:len(held)-1]
	}
	for _, file := range held {
		_ = file.Close()
	}
	held = nil
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	checkLines(t, path, want)
	if s := f.Stats(); s.RotateErrors == 0 {
		t.Error("no rotation failed: the test did not test anything")
	}
	checkStats(t, f, int64(len(want)), 0)
}

func TestPreparedFileThatCannotGetItsMode(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, nil)
		mustWrite(t, f, "1\n")
		mustRotate(t, f)
		synctest.Wait()
		if !f.CloseStandby() {
			t.Fatal("there is none")
		}
		if err := os.Chmod(path, 0o640); err != nil { // so it needs another mode
			t.Fatal(err)
		}
		mustWrite(t, f, "2\n")
		mustRotate(t, f)
		mustClose(t, f)
		if got := mode(t, path); got != "0640" {
			t.Errorf("mode %s", got)
		}
		for _, name := range names(t, filepath.Dir(path)) {
			if strings.HasSuffix(name, ".tmp") {
				t.Errorf("%s was left over", name)
			}
		}
	})
}
