//go:build linux

package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func TestFullDisk(t *testing.T) {
	for _, maxSize := range []int64{-1, 20 * rotate.KiB} {
		t.Run(fmt.Sprintf("MaxSize %d", maxSize), func(t *testing.T) {
			dir := testlog.TinyDisk(t, "size=128k")
			filler := filepath.Join(dir, "filler")
			writeFile(t, filler, strings.Repeat("x", 64<<10))
			var log errorLog
			path := filepath.Join(dir, "app.log")
			f := mustOpen(t, path, &rotate.Options{MaxSize: maxSize, OnError: log.add})
			var want []string
			var dropped int64
			write := func(i int) {
				lines := []string{
					fmt.Sprintf("%06d a %s", i, strings.Repeat("y", i%300)),
					fmt.Sprintf("%06d b", i),
				}
				p := strings.Join(lines, "\n") + "\n"
				n, err := f.Write([]byte(p))
				if (n == len(p)) != (err == nil) {
					t.Fatalf("Write = %d of %d, %v", n, len(p), err)
				}
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("Write = %v, want ENOSPC", err)
				}
				done := strings.Count(p[:n], "\n")
				if n > 0 && p[n-1] != '\n' {
					t.Fatalf("Write = %d, which is not at the end of a line", n)
				}
				want = append(want, lines[:done]...)
				dropped += int64(len(lines) - done)
			}
			for i := range 1000 {
				write(i)
			}
			if dropped == 0 {
				t.Fatal("the disk was not full")
			}
			before := len(want)
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				write(1000 + i)
			}
			if got := len(want) - before; got != 20 {
				t.Errorf("%d lines were written after there was space, want 20", got)
			}
			checkLines(t, path, want)
			checkStats(t, f, int64(len(want)), dropped)
			if errs := log.all(f); len(errs) < 2 || !strings.Contains(errs[len(errs)-1].Error(), "works again") {
				t.Errorf("OnError was told %v, want the beginning and the end", errs)
			}
		})
	}
}

func TestNoFreeInodeLosesNothing(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=1m,nr_inodes=4")
	path := filepath.Join(dir, "app.log")
	f := mustOpen(t, path, &rotate.Options{MaxSize: 100})
	var want []string
	for i := range 100 {
		line := fmt.Sprintf("line %03d", i)
		mustWrite(t, f, line+"\n")
		want = append(want, line)
	}
	checkLines(t, path, want)
	checkStats(t, f, 100, 0)
	if s := f.Stats(); s.RotateErrors == 0 || s.Rotations == 0 {
		t.Errorf("%d rotations and %d failed ones, want both", s.Rotations, s.RotateErrors)
	}
}

// A Write that has to wait for room lets others write: those see the file as it
// is by then, be it new or with half a line at its end.
func TestFullDiskBesideOtherWrites(t *testing.T) {
	const header = "# header\n"
	for _, torn := range []bool{false, true} {
		t.Run(fmt.Sprintf("torn %v", torn), func(t *testing.T) {
			dir := testlog.TinyDisk(t, "size=64k")
			path, filler := filepath.Join(dir, "app.log"), filepath.Join(dir, "filler")
			writeFile(t, filepath.Join(dir, "app-19990101T000000.000000Z.log"), "old\n")
			asked, answer := make(chan bool), make(chan bool)
			f, err := rotate.Open(path, &rotate.Options{
				MaxSize: 6000, RemoveOnFullDisk: true, Header: func() []byte { return []byte(header) },
				Keep: func(rotate.Backup) bool {
					asked <- true
					return <-answer
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			mustWrite(t, f, strings.Repeat("x", 3900)+"\n")
			mustWrite(t, f, "y\n") // with nothing else to do
			if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("WriteFile = %v, want ENOSPC", err)
			}
			long := strings.Repeat("a", 3000) // does not fit into the file
			if torn {
				long = long[:1000] // fits, but is on two pages, of which there is one
				f.CloseProbe()
			}
			wrote := make(chan error)
			go func() {
				_, err := f.Write([]byte(long + "\n"))
				wrote <- err
			}()
			<-asked
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, f, "b\n")
			close(answer)
			go func() {
				for range asked {
					continue // until the end
				}
			}()
			if err := <-wrote; err != nil {
				t.Error(err)
			}
			if err := f.Close(); (err != nil) != torn { // the probe is closed
				t.Error(err)
			}
			close(asked)
			content := read(t, path)
			if !strings.HasPrefix(content, header) {
				t.Errorf("the file begins with %.40q, not with a header", content)
			}
			if !strings.Contains(content, "\nb\n") || !strings.HasSuffix(content, "\n"+long+"\n") {
				t.Errorf("the file holds %.20q ... %q", content, content[max(0, len(content)-1200):])
			}
		})
	}
}
