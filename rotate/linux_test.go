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
