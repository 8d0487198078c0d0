package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestFilesAreComparedWithFiles finds the name of a file that is none.
func TestFilesAreComparedWithFiles(t *testing.T) {
	names := map[string]bool{}
	for _, f := range bench.LogFiles() {
		names[f.Name] = true
	}
	for _, name := range []string{plainWrite, firstRotating} {
		if !names[name] {
			t.Errorf("no file %q", name)
		}
	}
}

func exampleFileFigures() *fileFigures {
	f := newFileFigures([]bench.LogFile{
		{Name: plainWrite, Version: "go1.26"},
		{Name: firstRotating, Version: "v2"},
		{Name: "rotate.File", Version: "of this tree"},
		{Name: "odd", Version: "of this tree"},
	})
	for p, ns := range []time.Duration{500, 520, 525} {
		for range 3 {
			f.turns.add(0, p, ns, nil)
			f.wall.add(growing, p, 2*ns, nil)
			f.cpu.add(growing, p, ns-20, nil)
			f.wall.add(rotating, p, ns+10, nil)
		}
	}
	f.wall.add(growing, 3, 0, &bench.LossError{Lines: 3, Records: 4})
	f.wall.add(rotating, 3, 0, errors.New("odd"))
	for range 2 {
		f.pauses.add(rotation, 1, 300*time.Microsecond, nil)
		f.pauses.add(rotation, 2, 60*time.Microsecond, nil)
		f.pauses.add(stall9999, 1, 2*time.Millisecond, nil)
		f.pauses.add(stall9999, 2, time.Millisecond, nil)
		f.pauses.add(stallMax, 1, 20*time.Millisecond, nil)
		f.pauses.add(stallMax, 2, 3*time.Millisecond, nil)
	}
	f.lost[1] = fileLoss{32, 100}
	f.lost[2] = fileLoss{0, 100}
	return f
}

func TestFileSummary(t *testing.T) {
	got := fileSummary(exampleFileFigures(), bench.FullLoad(), exampleSetting())
	want := "Lines of 200 bytes, one Write each. Times of a line are multiples of that of `os.File`, " +
		"the others of that of `lumberjack`, in the same round. CPU is what the whole process worked, in it and in the kernel.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" +
		`Rotate is a call of that method, with 1 MiB in the file. p99.99 and the longest are of 1000000 Writes, as fast as they go, to a file ` +
		`that rotates every 10 MiB with gzip on. Both begin when nothing is left to be written to the disk. After all that, the lines in all files are counted.

| file | a line | CPU | rotating every 10 MiB | CPU | Rotate | p99.99 | longest | lost |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| os.File | 500 ns | 480 ns | 510 ns | – | – | – | – | – |
| lumberjack | 1.04x | 1.04x | 1.04x | – | 300 µs | 2.0 ms | 20 ms | 32 % |
| rotate.File | 1.05x | 1.05x | 1.05x | – | 0.20x | 0.50x | 0.15x | 0 |
| odd | lost 25 % | – | invalid | – | – | – | – | – |

os.File go1.26, lumberjack v2, rotate.File of this tree. ` + "`os.File` does not rotate.\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFileDetails(t *testing.T) {
	got := fileDetails(exampleFileFigures())
	for _, want := range []string{
		"| wall | a line, in turn | os.File | 500 | 500 | 500 |\n", "| CPU | a line | rotate.File | 505 | 505 | 505 |\n",
		"| wall | longest Write | lumberjack | 20000000 | 20000000 | 20000000 |\n",
		"\nwall, a line: lost 25 %: 3 lines for 4 records\n", "\nwall, a line, rotating every 10 MiB: odd\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestReportFiles(t *testing.T) {
	readme, chart := repository(t, fileBlock.begin()+"\n"+fileBlock.end()+"\n")
	var out strings.Builder
	load := bench.Load{Lines: 200, Rotated: 100, Rotations: 2, Stalled: 12_000}
	if err := report(options{rounds: 1, write: true, files: true, load: load}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(got), fileBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, fileBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("README:\n%s\nprinted:\n%s", got, &out)
	}
	for _, f := range bench.LogFiles() {
		if !strings.Contains(text, "\n| "+f.Name+" | ") || strings.Contains(text, "invalid |") {
			t.Errorf("no figures of %s in\n%s", f.Name, text)
		}
	}
	if _, err := os.Stat(chart); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a chart: %v", err)
	}
}
