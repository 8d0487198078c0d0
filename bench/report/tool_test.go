package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReportTool(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, err := findRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	f, err := reportTool(root, 1, 1, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text := toolSummary(f, exampleSetting())
	for _, want := range []string{
		"\n| " + statTool + " | ", "\n| " + viewTool + " | ", "\n| " + viewRawTool + " | ", "\n| " + decompressor + " | ",
		"\n| " + statTool + ", memory | at most 64 MiB | ", "in a log of 1 MB", "klauspost/compress v1.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "invalid |") || strings.Contains(text, "| not measured") {
		t.Errorf("something was not measured:\n%s%s", text, toolDetails(f))
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestToolCheckFindsWhatIsWrong has programs that find something else.
func TestToolCheckFindsWhatIsWrong(t *testing.T) {
	files, err := writeToolFiles(t.TempDir(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	grep := toolProgram{name: grepTool, path: script(`grep '"level":"ERROR"' "$1"`), counts: true}
	tests := []struct {
		name, program, script, want string
	}{
		{"the same", viewRawTool, `grep '"level":"ERROR"' "$1"`, ""},
		{"an error too few", viewRawTool, `grep '"level":"ERROR"' "$1" | tail -n +2`, "lines, of "},
		{"what looks like an error", viewRawTool, `grep 'level.*ERROR' "$1"`, "lines, of "},
		{"another text", viewRawTool, `grep '"level":"ERROR"' "$1" | tr a b`, "print different lines"},
		{"a failure", viewRawTool, "echo no such file >&2; exit 2", "exit status 2: no such file"},
		{"the same count", statTool, fmt.Sprintf(`echo '{"levels":[{"level":"ERROR","lines":%d}]}'`, files.Errors[smallLog]), ""},
		{"another count", statTool, fmt.Sprintf(`echo '{"levels":[{"level":"ERROR","lines":%d}]}'`, files.Errors[smallLog]+1), "errors in the log"},
		{"no JSON", statTool, `echo 3 errors`, "--json: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := toolProgram{name: tt.program, path: script(tt.script), counts: tt.program != statTool}
			switch err := checkTool(t.Context(), []toolProgram{grep, p}, files); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestToolFaultsAreShown has a program that finds too little when it is timed.
func TestToolFaultsAreShown(t *testing.T) {
	files, err := writeToolFiles(t.TempDir(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	p := toolProgram{name: viewRawTool, path: "true", cases: []int{wholeCase, junkCase}, counts: true}
	f := measureTool(t.Context(), []toolProgram{p}, files, 2, io.Discard)
	text, more := toolSummary(f, exampleSetting()), toolDetails(f)
	if !strings.Contains(text, "\n| "+viewRawTool+" | invalid | – | – | – |\n") || strings.Count(more, "0 lines, of ") != 1 {
		t.Errorf("got\n%s%s", text, more)
	}
}

func TestToolSummary(t *testing.T) {
	f := newToolFigures([]toolProgram{
		{name: statTool, version: "of this tree"},
		{name: viewRawTool, version: "of this tree"},
		{name: jqTool, version: "1.8"},
		{name: grepTool, version: "3.11"},
		{name: decompressor, version: "v1"},
	}, &toolFiles{
		Bytes: map[string]int64{plainLog: 2e9, gzipLog: 5e8, zstdLog: 5e8, longLine: 1e9, junk: 1e9, smallLog: 3e6},
		Lines: map[string]int{smallLog: 1e4},
	})
	f.own, f.left = 12<<20, []string{"hl"}
	for c, seconds := range [][]float64{{10, 4, 40, 1, 0}, {4, 3, 0, 0, 3}, {4, 2, 0, 0, 1}, {1, 1, 0, 0, 0}, {2, 1, 0, 0, 0}} {
		for j, n := range seconds {
			for range 3 {
				if n > 0 {
					f.wall.add(c, j, time.Duration(n*1e9), nil)
					f.cpu.add(c, j, time.Duration(2*n*1e9), nil)
					f.memory.add(c, j, time.Duration(20<<20+c<<24), nil)
				}
			}
		}
	}
	want := "Processes that look for errors in a log of 2.0 GB, as `slog.JSONHandler` writes it, 300 bytes a line, 2 % of them errors. " +
		"It has been read before: the disk is not measured. What they print goes through a pipe, where its lines are counted. Before that all have found the same errors " +
		"in a small log, and `sluice view --level error --raw` the same bytes as grep. MB/s are those of the log, decompressed; CPU is what all cores worked; " +
		"memory the most that a process had at once, in any round, of which the first 12 MiB are of the process that started it.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" + `
|  | MB/s | against jq -c 'select(.level=="ERROR")' | CPU | memory |
| --- | --- | --- | --- | --- |
| sluice stat | 200 | 4.00x | 20 s | 20 MiB |
| sluice view --level error --raw | 500 | 10x | 8.0 s | 20 MiB |
| jq -c 'select(.level=="ERROR")' | 50 | 1.00x | 80 s | 20 MiB |
| grep '"level":"ERROR"' | 2000 | 40x | 2.0 s | 20 MiB |

500 MB of it, with gzip:

|  | MB/s | against klauspost/compress alone | CPU | memory |
| --- | --- | --- | --- | --- |
| sluice stat | 125 | 0.75x | 8.0 s | 36 MiB |
| sluice view --level error --raw | 167 | 1.00x | 6.0 s | 36 MiB |
| klauspost/compress alone | 167 | 1.00x | 6.0 s | 36 MiB |

The same with zstd:

|  | MB/s | against klauspost/compress alone | CPU | memory |
| --- | --- | --- | --- | --- |
| sluice stat | 125 | 0.25x | 8.0 s | 52 MiB |
| sluice view --level error --raw | 250 | 0.50x | 4.0 s | 52 MiB |
| klauspost/compress alone | 500 | 1.00x | 2.0 s | 52 MiB |

One line of 1.0 GB, which does not end:

|  | MB/s | CPU | memory |
| --- | --- | --- | --- |
| sluice stat | 1000 | 2.0 s | 68 MiB |
| sluice view --level error --raw | 1000 | 2.0 s | 68 MiB |

1.0 GB of random bytes:

|  | MB/s | CPU | memory |
| --- | --- | --- | --- |
| sluice stat | 500 | 4.0 s | 84 MiB |
| sluice view --level error --raw | 1000 | 2.0 s | 84 MiB |

What was asked for:

| what | asked | measured |  |
| --- | --- | --- | --- |
| sluice stat | 300 MB/s, or 3.00x jq | 200 MB/s, 4.00x | holds |
| sluice view --level error --raw | 300 MB/s, or 3.00x jq | 500 MB/s, 10x | holds |
| sluice view --level error | 300 MB/s, or 3.00x jq | – | not measured |
| sluice stat, gzip | 0.90x of the decompressor's speed | 0.75x | missed |
| sluice stat, zstd | 0.90x of the decompressor's speed | 0.25x | missed |
| sluice view --level error --raw, gzip | 0.90x of the decompressor's speed | 1.00x | holds |
| sluice view --level error --raw, zstd | 0.90x of the decompressor's speed | 0.50x | missed |
| sluice view --level error, gzip | 0.90x of the decompressor's speed | – | not measured |
| sluice view --level error, zstd | 0.90x of the decompressor's speed | – | not measured |
| sluice stat, memory | at most 64 MiB | 84 MiB, junk.log | missed |
| sluice view --level error --raw, memory | at most 64 MiB | 84 MiB, junk.log | missed |
| sluice view --level error, memory | at most 64 MiB | – | not measured |

` + "sluice of this tree, jq 1.8, grep 3.11, klauspost/compress v1. `klauspost/compress alone` decompresses on one core, as `sluice` does beside its other work. " +
		"Not on this machine, and left out: hl.\n"
	if diff := cmp.Diff(want, toolSummary(f, exampleSetting())); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}
