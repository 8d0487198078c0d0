package bench

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// smallFiles is over at once, and rotates a few times where it says so.
var smallFiles = Load{Lines: 100, Rotated: 55_000, Rotations: 2, Stalled: 110_000}

func TestLogFilesWriteWhatTheyAreGiven(t *testing.T) {
	for _, f := range LogFiles() {
		t.Run(f.Name, func(t *testing.T) {
			for _, rotating := range []bool{false, true} {
				cost, err := f.Write(smallFiles, rotating)
				if err != nil || cost.Wall <= 0 || cost.HasCPU && cost.CPU <= 0 {
					t.Errorf("rotating %v: %+v, %v", rotating, cost, err)
				}
			}
			if !f.Rotates || f.Buffered || f.Shared {
				return
			}
			if took, err := f.Rotate(smallFiles); err != nil || took <= 0 {
				t.Errorf("rotate: %v, %v", took, err)
			}
			s, err := f.Stall(smallFiles)
			if err != nil || s.Lines != smallFiles.Stalled || s.Lost != 0 || s.Max < s.P9999 || s.P9999 <= 0 {
				t.Errorf("stall: %+v, %v", s, err)
			}
			if s.Files < 3 {
				t.Errorf("%d files: it did not rotate", s.Files)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	files := slices.DeleteFunc(LogFiles(), func(f LogFile) bool { return f.Buffered })
	lines, err := Turns(Load{Lines: 300}, files)
	if err != nil || len(lines) != len(files) || slices.Min(lines) <= 0 {
		t.Errorf("%v, %v", lines, err)
	}
	lossy := spoilt(func(n int, line []byte) []byte { return line[:len(line)*(n%2)] })
	if _, err := Turns(Load{Lines: 300}, append(files, lossy)); err == nil || !strings.Contains(err.Error(), "spoilt: lost 50 %") {
		t.Errorf("a file that loses lines: %v", err)
	}
}

// spoilt returns a LogFile that makes something else of each line.
func spoilt(change func(n int, line []byte) []byte) LogFile {
	return LogFile{Name: "spoilt", open: func(path string, _ int, _ bool) (io.WriteCloser, error) {
		f, err := openLog(path)
		n := 0
		return struct {
			io.Writer
			io.Closer
		}{writerFunc(func(p []byte) (int, error) {
			n++
			_, err := f.Write(change(n, p))
			return len(p), err
		}), f}, err
	}}
}

func TestLogFileThatSpoilsLinesIsFoundOut(t *testing.T) {
	tests := []struct {
		name   string
		change func(n int, line []byte) []byte
		err    string
		lost   int
	}{
		{"lost", func(n int, line []byte) []byte {
			if n%4 == 0 {
				return nil
			}
			return line
		}, "lost", 25},
		{"torn", func(n int, line []byte) []byte { return line[n/50:] }, "torn", 0},
		{"twice", func(_ int, line []byte) []byte { return bytes.Repeat(line, 2) }, "202 lines for 101 records", 0},
		{"glued", func(_ int, line []byte) []byte { return line[:len(line)-1] }, "torn", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := spoilt(tt.change)
			l := Load{Lines: 100, Stalled: 100}
			if _, err := f.Write(l, false); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Write: %v, want an error with %q", err, tt.err)
			}
			s, err := f.Stall(l)
			if s.Lost != tt.lost || (err == nil) != (tt.lost > 0) {
				t.Errorf("Stall: %d lost, %v, want %d", s.Lost, err, tt.lost)
			}
			if _, err := f.Rotate(l); err == nil || !strings.Contains(err.Error(), "no method Rotate") {
				t.Errorf("Rotate: %v", err)
			}
		})
	}
}

func TestLogLinesAreOfOneSize(t *testing.T) {
	for _, line := range logLines() {
		if len(line) != LineSize || bytes.IndexByte(line, '\n') != LineSize-1 {
			t.Fatalf("%d bytes: %q", len(line), line)
		}
	}
}

func TestReadLinesReadsABackupOnce(t *testing.T) {
	dir := t.TempDir()
	line := logLines()[0]
	for name, n := range map[string]int{
		"app.log": 1, "app-1.log": 2, "app-1.log.gz": 0, // half of an archive
		".app.log.1.tmp": 5, "app-1.log.gz.tmp": 5, "other": 5,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat(line, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readLines(dir); err != nil || got != (wholeLines{whole: 3}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "app-1.log")); err != nil {
		t.Fatal(err)
	}
	if _, err := readLines(dir); !errors.Is(err, io.EOF) {
		t.Errorf("an archive that is none: %v", err)
	}
}

func TestCompressedWaits(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"app.log", "app-1.log", "app-2.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(20*time.Millisecond, func() {
		_ = os.Rename(filepath.Join(dir, "app-1.log"), filepath.Join(dir, "app-1.log.gz"))
	})
	begun := time.Now()
	if n, spent := compressed(dir), time.Since(begun); n != 3 || spent < 20*time.Millisecond {
		t.Errorf("%d files after %v", n, spent)
	}
}
