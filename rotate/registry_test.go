package rotate_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

const openHere = "this process has it open already"

func TestSecondFileAtAPathIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "app.log")
	links := map[string]string{
		filepath.Join(dir, "directory"):        filepath.Join(dir, "logs"),
		filepath.Join(dir, "file"):             path,
		filepath.Join(dir, "relative"):         filepath.Join("logs", "app.log"),
		filepath.Join(dir, "logs", "same.log"): "app.log",
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range links {
		if err := os.Symlink(target, link); err != nil {
			t.Skip(err)
		}
	}
	t.Chdir(dir)
	f := mustOpen(t, path, nil)
	mustWrite(t, f, "one\n")
	spellings := []string{
		path,
		filepath.Join("logs", "app.log"),
		"." + string(filepath.Separator) + filepath.Join("logs", "app.log"),
		filepath.Join(dir, "logs") + strings.Repeat(string(filepath.Separator), 3) + "app.log",
		filepath.Join(dir, "logs") + "/../logs/./app.log",
		filepath.Join(dir, "directory", "app.log"),
		filepath.Join(dir, "directory", "same.log"),
		filepath.Join(dir, "file"),
		"relative",
	}
	for _, spelling := range spellings {
		second, err := rotate.Open(spelling, nil)
		if err == nil {
			_ = second.Close()
			t.Errorf("Open(%q) succeeded", spelling)
		} else if !strings.Contains(err.Error(), openHere) || !strings.Contains(err.Error(), spelling) {
			t.Errorf("Open(%q) = %v, want that %s", spelling, err, openHere)
		}
	}
	// Neither a rotation nor an attempt to open it again changes that.
	mustRotate(t, f)
	if _, err := rotate.Open(path, nil); err == nil || !strings.Contains(err.Error(), openHere) {
		t.Errorf("Open after a rotation = %v", err)
	}
	mustWrite(t, f, "two\n")
	// Other names in the directory, and the name in other directories, are free.
	for _, other := range []string{
		filepath.Join(dir, "logs", "app.errors.log"), filepath.Join(dir, "logs", "deeper", "app.log"), filepath.Join(dir, "app.log"),
	} {
		mustWrite(t, mustOpen(t, other, nil), "other\n")
	}
	mustClose(t, f)
	for _, spelling := range spellings {
		f := mustOpen(t, spelling, nil)
		mustWrite(t, f, "more\n")
		mustClose(t, f)
	}
	if diff := cmp.Diff([]string{"one\n", "two\n" + strings.Repeat("more\n", len(spellings))}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

func TestOneOfManyOpensAPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "app.log")
	for range 20 {
		start := make(chan struct{})
		files := make([]*rotate.File, 8)
		var wait sync.WaitGroup
		for i := range files {
			wait.Go(func() {
				<-start
				f, err := rotate.Open(path, nil)
				if err != nil && !strings.Contains(err.Error(), openHere) {
					t.Error(err)
				}
				files[i] = f
			})
		}
		close(start)
		wait.Wait()
		won := 0
		for _, f := range files {
			if f != nil {
				won++
				mustClose(t, f)
			}
		}
		if won != 1 {
			t.Fatalf("%d of %d have opened it", won, len(files))
		}
	}
}

func TestFailedOpenLeavesThePathFree(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := rotate.Open(path, nil); err == nil || !strings.Contains(err.Error(), "not a regular file but a directory") {
			t.Errorf("Open = %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, mustOpen(t, path, nil), "line\n")
}

// What counts is where a directory is, not which one was there once.
func TestDirectoriesMayComeAndGo(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "logs")
	f := mustOpen(t, filepath.Join(dir, "app.log"), nil)
	mustWrite(t, f, "one\n")
	if err := os.RemoveAll(dir); err != nil {
		t.Skip(err) // while files in it are open
	}
	// Another directory, which may well get the number of the one that is gone.
	for _, other := range []string{"a", "b", "c"} {
		other, err := rotate.Open(filepath.Join(root, other, "app.log"), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		mustClose(t, other)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if second, err := rotate.Open(filepath.Join(dir, "app.log"), nil); err == nil {
		_ = second.Close()
		t.Error("there are two Files at the path")
	}
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "two\n")
	if diff := cmp.Diff("two\n", read(t, filepath.Join(dir, "app.log"))); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
}

func TestFilesOfOneProcessEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{PerProcess: true})
	mustOpen(t, path, nil) // is another file
	if _, err := rotate.Open(path, &rotate.Options{PerProcess: true}); err == nil || !strings.Contains(err.Error(), openHere) {
		t.Errorf("Open = %v, want that %s", err, openHere)
	}
	mustClose(t, f)
	mustOpen(t, path, &rotate.Options{PerProcess: true})
}
