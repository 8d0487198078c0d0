package rotate_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

const archiveDirs = "ROTATE_TEST_ARCHIVE"

// tellingContext tells each time it is asked whether it has ended.
type tellingContext struct{ context.Context }

func (tellingContext) Err() error {
	fmt.Print(".")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it may go on, or is killed
	return nil
}

func (tellingContext) Value(any) any { return nil }

// TestKilledArchiver is the process that TestArchiveSurvivesKill kills.
func TestKilledArchiver(t *testing.T) {
	src, dst, ok := strings.Cut(os.Getenv(archiveDirs), "|")
	if !ok {
		t.Skip("runs as a child of TestArchiveSurvivesKill only")
	}
	ctx := tellingContext{t.Context()}
	if _, err := rotate.Archive(ctx, src, dst, &rotate.ArchiveOptions{Compress: rotate.Gzip, RemoveSource: true}); err != nil {
		t.Fatal(err)
	}
}

func TestArchiveSurvivesKill(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "archive")
	want := make(map[string]string)
	killed := 0
	for round := range 12 {
		for i := range 4 {
			name := fmt.Sprintf("%d-%d.log", round, i)
			content := strings.Repeat(name+" a line of a log\n", 1+rand.IntN(10_000))
			writeFile(t, filepath.Join(src, name), content)
			setAge(t, filepath.Join(src, name), time.Hour)
			want[name+".gz"] = content
		}
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledArchiver$")
		child.Env = append(os.Environ(), archiveDirs+"="+src+"|"+dst, noSleep)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		goOn, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for r, n := bufio.NewReader(out), 1+rand.IntN(60); n > 0; n-- {
			if c, err := r.ReadByte(); err != nil || c != '.' {
				break
			}
			if n > 1 {
				_, _ = goOn.Write([]byte{'.'})
			}
		}
		_ = child.Process.Kill()
		if child.Wait() != nil {
			killed++
		}
		// Each file is whole in one of the two places, or in both.
		for name, content := range want {
			found := false
			for _, path := range []string{filepath.Join(src, strings.TrimSuffix(name, ".gz")), filepath.Join(dst, name)} {
				if got, err := rotate.ReadAll(path); err == nil && string(got) == content {
					found = true
				} else if !os.IsNotExist(err) {
					t.Fatalf("round %d: %s has %d bytes, want %d: %v", round, path, len(got), len(content), err)
				}
			}
			if !found {
				t.Fatalf("round %d: %s is lost", round, name)
			}
		}
	}
	if killed < 3 {
		t.Errorf("%d of 12 were killed: the test did not test anything", killed)
	}
	mustArchive(t, src, dst, &rotate.ArchiveOptions{Compress: rotate.Gzip, RemoveSource: true})
	checkDir(t, dst, want)
	if got := names(t, src); got != nil {
		t.Errorf("%v is left in the source", got)
	}
}

// A program rotates, compresses and removes in the directory that is being
// archived and cleaned: each line ends in one file, there or here.
func TestArchiveAndCleanBesideAFile(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	f := mustOpen(t, filepath.Join(src, "app.log"), &rotate.Options{MaxSize: 4 * rotate.KiB, Compress: rotate.Gzip})
	const rounds, each = 12, 400
	write, done := make(chan bool), make(chan error, 1)
	go func() {
		i := 0
		for range write {
			for range each {
				if _, err := fmt.Fprintf(f, "line %06d %s\n", i, strings.Repeat("x", i%100)); err != nil {
					done <- err
					return
				}
				i++
			}
		}
		done <- f.Close()
	}()
	opts := &rotate.ArchiveOptions{RemoveSource: true}
	clean := &rotate.CleanOptions{MaxAge: time.Hour, Pattern: "*"} // everything is younger
	round := func() {
		mustArchive(t, src, dst, opts)
		if report, err := rotate.Clean(t.Context(), src, clean); err != nil || report.Removed != nil {
			t.Fatalf("Clean = %v, removed %v", err, report.Removed)
		}
	}
	for range rounds {
		write <- true // meanwhile
		round()
	}
	close(write)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	round()
	count := make(map[string]int)
	for _, name := range names(t, dst) {
		for line := range strings.Lines(readAny(t, filepath.Join(dst, name))) {
			count[line[:11]]++
		}
	}
	for i := range rounds * each {
		if n := count[fmt.Sprintf("line %06d", i)]; n != 1 {
			t.Fatalf("line %d is there %d times", i, n)
		}
	}
	if got := names(t, src); got != nil {
		t.Errorf("%v is left in the source", got)
	}
	s := f.Stats()
	t.Logf("%d files, %d rotations, %d compressed, %d errors, the last one %v", len(names(t, dst)), s.Rotations, s.Compressed, s.Errors, s.LastError)
}
