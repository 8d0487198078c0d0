package main

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestComparisonsAreOfBuffers finds the name of a buffer that is none.
func TestComparisonsAreOfBuffers(t *testing.T) {
	names := map[string]bool{plainWrite: true, syncedWriter: true}
	for _, b := range bench.Buffers() {
		names[b.Name] = true
	}
	for _, c := range newFigures(nil).comparisons() {
		for _, name := range []string{c.one, c.other} {
			if !names[name] {
				t.Errorf("%s: no buffer %q", c.what, name)
			}
		}
	}
}

func TestBufferSummary(t *testing.T) {
	got := bufferSummary(exampleFigures(), bench.FullLoad(), exampleSetting())
	want := `A log call with five attrs, to a file, from 1 / 2 / 8 goroutines. Times are multiples of that of ` +
		"`slog.JSONHandler`" + `, which waits for the file, in the same round; its own are in nanoseconds.
Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.
Burst is wall time per call, while 1600 records go into a queue that has room for 4096, or for 1 MiB. Sustained is wall time per record of 40000, logged as fast as they are taken, until all are in the file. CPU is what the whole process worked for each of the latter, in it and in the kernel.

| handler → writer | burst | sustained | CPU |
| --- | --- | --- | --- |
| slog.JSONHandler | 1000 ns / 2000 ns / – | 1000 ns / – / – | – / – / – |
| no-op handler | 0.30x / 0.20x / – | – / – / – | – / – / – |
| asyncbuf.Handler → slog.JSONHandler | 0.40x / 0.21x / – | lost 25 % / – / – | – / invalid / – |

One against the other:

| what | of | against | 1 goroutine | 2 | 8 |
| --- | --- | --- | --- | --- | --- |
| burst | asyncbuf.Handler → slog.JSONHandler | channel → slog.JSONHandler | – | – | – |
| burst | asyncbuf.Handler → slog.JSONHandler | slog.JSONHandler | 0.40x | 0.21x | – |
| burst, above | asyncbuf.Handler → slog.JSONHandler | no-op handler | +100 ns | +20 ns | – |
| CPU | handler.JSONHandler → asyncbuf.Writer | slog.JSONHandler | – | – | – |
| CPU | handler.JSONHandler → asyncbuf.Writer | zapslog → zap.BufferedWriteSyncer | – | – | – |
| CPU | handler.JSONHandler → asyncbuf.Writer | phuslu/log → AsyncWriter | – | – | – |
| longest call to the sink that stalls | handler.JSONHandler → asyncbuf.Writer | zapslog → zap.BufferedWriteSyncer | – | 0.0012x | – |
| a write at ERROR, in the file on return | asyncbuf.Writer | os.File | 1.20x | – | – |

A sink that takes 100 µs for each write and stalls for 80 ms every 4000 lines, while 2 goroutines have 20,000 lines a second to log, for 1.5s.
Medians of 3 rounds of what a call took; the most that was lost in one.

| handler → writer | p50 | p99 | p99.9 | longest | logged of what was due | lost | Close |
| --- | --- | --- | --- | --- | --- | --- | --- |
| handler.JSONHandler → asyncbuf.Writer | 800 ns | 9.5 µs | 20 µs | 101 µs | 100 % | 0 | 1.5 ms |
| zapslog → zap.BufferedWriteSyncer | 800 ns | 9.5 µs | 20 µs | 84 ms | 100 % | 40 % | 1.5 ms |
| odd | invalid | – | – | – | – | – | – |

slog.JSONHandler go1.26, asyncbuf.Handler → slog.JSONHandler of this tree.
"lost": so many of the records never were in the file in the first round that lost any; it is not rated for the others. "invalid": what it wrote is not what was logged. "–": not measured.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestBufferDetails(t *testing.T) {
	got := bufferDetails(exampleFigures())
	want := `| what | goroutines | handler → writer | ns | lowest | highest |
| --- | --- | --- | --- | --- | --- |
| burst | 1 | slog.JSONHandler | 1000 | 900 | 5000 |
| burst | 1 | no-op handler | 300 | 270 | 1500 |
| burst | 1 | asyncbuf.Handler → slog.JSONHandler | 400 | 360 | 2000 |
| burst | 2 | slog.JSONHandler | 2000 | 2000 | 2000 |
| burst | 2 | no-op handler | 400 | 400 | 400 |
| burst | 2 | asyncbuf.Handler → slog.JSONHandler | 420 | 420 | 420 |
| sustained | 1 | slog.JSONHandler | 1000 | 1000 | 1000 |
| a write at ERROR | 1 | os.File | 500 | 500 | 500 |
| a write at ERROR | 1 | asyncbuf.Writer | 600 | 600 | 600 |

sustained, 1: lost 25 %: 3 lines for 4 records

CPU, 2: odd

the sink that stalls: odd
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func exampleFigures() *figures {
	f := newFigures(nil)
	for _, r := range []*results{f.burst, f.wall, f.cpu} {
		r.peers = []peer{{standard, "go1.26"}, {name: floor}, {records, "of this tree"}}
		for i := range r.cells {
			r.cells[i] = make([]cell, len(r.peers))
		}
	}
	add := func(r *results, c int, spent ...time.Duration) {
		for p, ns := range spent {
			r.add(c, p, ns, nil)
		}
	}
	add(f.burst, 0, 1000, 300, 400)
	add(f.burst, 0, 900, 270, 360)
	add(f.burst, 0, 5000, 1500, 2000)
	add(f.burst, 1, 2000, 400, 420)
	add(f.wall, 0, 1000)
	f.wall.add(0, 2, 500, nil)
	f.wall.add(0, 2, 0, &bench.LossError{Lines: 3, Records: 4})
	f.wall.add(0, 2, 500, nil) // too late
	f.cpu.add(1, 2, 0, errors.New("odd"))
	add(f.synced, 0, 500, 600)

	s := bench.Stall{
		P50: 800, P99: 9500, P999: 20 * time.Microsecond, Max: 101 * time.Microsecond,
		Due: 30_000, Logged: 29_990, Close: 1500 * time.Microsecond,
	}
	buffered := s
	buffered.Max = 84 * time.Millisecond
	lossy := buffered
	lossy.Lost = 11_996
	f.stalls = []stalls{
		{name: lines, samples: []bench.Stall{s, s, s}},
		{name: zap, samples: []bench.Stall{buffered, lossy, buffered}},
		{name: floor},
		{name: "odd", fault: errors.New("odd")},
	}
	return f
}

// TestMeasureBuffers has no buffer at all, but as many rounds as it is told.
func TestMeasureBuffers(t *testing.T) {
	load := bench.Load{Synced: 100}
	f := measureBuffers(nil, load, 3, io.Discard)
	if n := len(f.synced.cells[0][1].samples); n != 3 {
		t.Errorf("%d samples", n)
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0 ns", 999: "999 ns", 1000: "1.0 µs", 9500: "9.5 µs", 10_000: "10 µs", 82.3e6: "82 ms", 4.52e9: "4.5 s",
	} {
		if got := duration(ns); got != want {
			t.Errorf("%v: got %s, want %s", ns, got, want)
		}
	}
}
