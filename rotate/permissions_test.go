//go:build unix

package rotate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

// owned returns the owner, the group and the mode of the file at path.
func owned(t testing.TB, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Skip("no owners here")
	}
	return fmt.Sprintf("%d:%d %#o", stat.Uid, stat.Gid, info.Mode().Perm())
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	group, err := user.LookupGroupId(nobody.Gid)
	if err != nil {
		t.Skip(err)
	}
	for owner, want := range map[string]string{
		"nobody":                     nobody.Uid + ":0",
		"nobody:" + group.Name:       nobody.Uid + ":" + nobody.Gid,
		":" + group.Name:             "0:" + nobody.Gid,
		"12345":                      "12345:0",
		"12345:23456":                "12345:23456",
		":23456":                     "0:23456",
		"nobody:23456":               nobody.Uid + ":23456",
		"0:0":                        "0:0",
		strconv.Itoa(1<<31-1) + ":0": strconv.Itoa(1<<31-1) + ":0",
	} {
		t.Run(owner, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "new")
				path := filepath.Join(dir, "app.log")
				f := mustOpen(t, path, &rotate.Options{Owner: owner, FileMode: 0o640, Compress: rotate.Gzip})
				for range 3 { // the first new file is made at once, the others ahead
					mustWrite(t, f, "line\n")
					mustRotate(t, f)
					synctest.Wait()
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := f.Reopen(); err != nil {
					t.Fatal(err)
				}
				mustClose(t, f)
				all := names(t, dir)
				if len(all) != 4 {
					t.Errorf("files %v, want three backups and the live one", all)
				}
				for _, name := range all {
					if got := owned(t, filepath.Join(dir, name)); got != want+" 0640" {
						t.Errorf("%s has owner, group and mode %s, want %s 0640", name, got, want)
					}
				}
				if got := owned(t, dir); !strings.HasPrefix(got, "0:0 ") {
					t.Errorf("the directory has owner, group and mode %s", got)
				}
			})
		})
	}
}

func TestOwnerOfAnExistingFileIsKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, path, "line\n")
	f := mustOpen(t, path, &rotate.Options{Owner: "12345:23456"})
	if got := owned(t, path); got != "0:0 0600" {
		t.Errorf("after Open: %s", got)
	}
	mustRotate(t, f)
	if got := owned(t, path); got != "12345:23456 0600" {
		t.Errorf("after Rotate: %s", got)
	}
}

func TestOwnerThatCannotBeGiven(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can give files away")
	}
	for _, multi := range []bool{false, true} {
		for _, there := range []bool{false, true} {
			t.Run(fmt.Sprintf("MultiProcess %v, file there %v", multi, there), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "app.log")
				if there {
					writeFile(t, path, "line\n")
				}
				before := names(t, dir)
				for _, owner := range []string{"root", "0:0", ":0"} {
					f, err := rotate.Open(path, &rotate.Options{Owner: owner, MultiProcess: multi})
					if err == nil {
						_ = f.Close()
					}
					if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), fmt.Sprintf("Owner is %q", owner)) {
						t.Errorf("Open = %v, want a permission error about Owner %q", err, owner)
					}
				}
				if diff := cmp.Diff(before, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
				for _, owner := range []string{strconv.Itoa(os.Geteuid()), ":" + strconv.Itoa(os.Getegid())} { // is no change
					f := mustOpen(t, path, &rotate.Options{Owner: owner, MultiProcess: multi})
					mustWrite(t, f, "line\n")
					mustRotate(t, f)
					mustClose(t, f)
				}
			})
		}
	}
}

func TestNoFollow(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target.log")
	link := filepath.Join(dir, "app.log")
	dangling := filepath.Join(dir, "dangling.log")
	if err := errors.Join(os.Symlink("target.log", link), os.Symlink(filepath.Join("new", "x.log"), dangling),
		os.Mkdir(filepath.Join(dir, "real"), 0o700), os.Symlink("real", filepath.Join(dir, "logs"))); err != nil {
		t.Skip(err)
	}
	writeFile(t, target, "target\n")
	opts := &rotate.Options{NoFollow: true}
	before := names(t, dir)
	for _, path := range []string{link, dangling} {
		if _, err := rotate.Open(path, opts); err == nil || !strings.Contains(err.Error(), "symbolic link, which NoFollow forbids") {
			t.Errorf("Open(%q) = %v, want an error about NoFollow", path, err)
		}
	}
	if diff := cmp.Diff(before, names(t, dir)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("target\n", read(t, target)); diff != "" {
		t.Errorf("target mismatch (-want +got):\n%s", diff)
	}
	// It is about the file. Directories are the business of who made them.
	f := mustOpen(t, filepath.Join(dir, "logs", "app.log"), opts)
	mustWrite(t, f, "line\n")
	if diff := cmp.Diff("line\n", read(t, filepath.Join(dir, "real", "app.log"))); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
}

// Somebody who may write to the directory puts a link in place of the live file.
func TestLinkPutInPlaceLaterIsNotFollowed(t *testing.T) {
	for _, noFollow := range []bool{false, true} {
		for _, there := range []bool{false, true} {
			t.Run(fmt.Sprintf("NoFollow %v, target there %v", noFollow, there), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					dir, elsewhere := t.TempDir(), t.TempDir()
					path, target := filepath.Join(dir, "app.log"), filepath.Join(elsewhere, "secret")
					if there {
						writeFile(t, target, "secret\n")
					}
					var log errorLog
					f := mustOpen(t, path, &rotate.Options{NoFollow: noFollow, MaxSize: 50, OnError: log.add})
					mustWrite(t, f, "one\n")
					if err := errors.Join(os.Rename(path, path+".1"), os.Symlink(target, path)); err != nil {
						t.Skip(err)
					}
					for range 20 { // far beyond MaxSize, with looks at the path
						mustWrite(t, f, "line\n")
						time.Sleep(time.Second)
					}
					for name, call := range map[string]func() error{"Rotate": f.Rotate, "Reopen": f.Reopen} {
						if err := call(); err == nil {
							t.Errorf("%s succeeded", name)
						}
					}
					if there {
						if diff := cmp.Diff("secret\n", read(t, target)); diff != "" {
							t.Errorf("target mismatch (-want +got):\n%s", diff)
						}
					}
					if got := len(names(t, elsewhere)); there != (got == 1) {
						t.Errorf("files beside the target: %v", names(t, elsewhere))
					}
					if diff := cmp.Diff("one\n"+strings.Repeat("line\n", 20), read(t, path+".1")); diff != "" {
						t.Errorf("content mismatch (-want +got):\n%s", diff)
					}
					errs := log.all(f)
					if len(errs) < 2 || len(errs) > 12 || !strings.Contains(errs[0].Error(), "not a regular file but a symbolic link") {
						t.Errorf("OnError was told %v, want a few times that it is a link", errs)
					}
					checkStats(t, f, 21, 0)
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Minute)
					mustWrite(t, f, "last\n")
					if diff := cmp.Diff("last\n", read(t, path)); diff != "" {
						t.Errorf("content mismatch (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

func TestLockFilesHaveTheModeOfFiles(t *testing.T) {
	for _, tt := range []struct {
		mode fs.FileMode
		want string
	}{{0, "0600"}, {0o660, "0660"}, {0o666, "0666"}} {
		t.Run(fmt.Sprintf("%#o", tt.mode), func(t *testing.T) {
			defer syscall.Umask(syscall.Umask(0o077))
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			opts := &rotate.Options{MultiProcess: true, FileMode: tt.mode}
			for range 2 { // as it was left, the second time
				f := mustOpen(t, path, opts)
				mustWrite(t, f, "line\n")
				mustRotate(t, f)
				mustClose(t, f)
			}
			all := names(t, dir)
			if diff := cmp.Diff([]string{".app.log.lock", ".app.log.worker.lock"}, all[:2]); diff != "" {
				t.Errorf("lock files mismatch (-want +got):\n%s", diff)
			}
			for _, name := range all {
				if got := mode(t, filepath.Join(dir, name)); got != tt.want {
					t.Errorf("%s has mode %s, want %s", name, got, tt.want)
				}
			}
		})
	}
}

func TestLinkInPlaceOfALockFileIsNotFollowed(t *testing.T) {
	for _, name := range []string{".app.log.lock", ".app.log.worker.lock"} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			if err := os.Symlink(filepath.Join(elsewhere, "secret"), filepath.Join(dir, name)); err != nil {
				t.Skip(err)
			}
			_, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{MultiProcess: true})
			if err == nil || !strings.Contains(err.Error(), "symbolic link") || !strings.Contains(err.Error(), name) {
				t.Errorf("Open = %v, want an error about the link %s", err, name)
			}
			if got := names(t, elsewhere); len(got) != 0 {
				t.Errorf("files beside the target: %v", got)
			}
		})
	}
}

// An ordinary user cannot give files to the owner of those before, but to their
// group, if it is one of its own. Another group must not get what was theirs.
func TestGroupsThatAnOrdinaryUserCanGive(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv(nobodyRuns) == "" {
		t.Skip("only root can make files of several owners")
	}
	groups := map[string]struct {
		gid  int
		want string
	}{
		"own":   {groupOfNobody, "65534:" + strconv.Itoa(groupOfNobody) + " 0666"},
		"other": {12345, "65534:65534 0606"},
	}
	dir, body := asNobody(t, func(dir string) {
		for name, group := range groups {
			for _, file := range []string{filepath.Join(dir, name, "app.log"), filepath.Join(dir, name, "src", "a.log")} {
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				writeFile(t, file, "line\n")
				setAge(t, file, time.Hour) // nobody writes to it
				if err := errors.Join(
					os.Chmod(filepath.Dir(file), 0o777),
					os.Chown(file, 12345, group.gid), os.Chmod(file, 0o666),
				); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	if !body {
		return
	}
	for name, group := range groups {
		path := filepath.Join(dir, name, "app.log")
		f := mustOpen(t, path, nil)
		mustRotate(t, f)
		mustClose(t, f)
		if got := owned(t, path); got != group.want {
			t.Errorf("%s group, after a rotation: %s, want %s", name, got, group.want)
		}
		dst := filepath.Join(dir, name, "dst")
		mustArchive(t, filepath.Join(dir, name, "src"), dst, nil)
		if got := owned(t, filepath.Join(dst, "a.log")); got != group.want {
			t.Errorf("%s group, archived: %s, want %s", name, got, group.want)
		}
	}
}
