package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The names of the log files that others are set against: plainWrite for a line,
// and this one for what an os.File does not do.
const firstRotating = "lumberjack"

// The cases of fileFigures.
const (
	growing = iota
	rotating
)

const (
	rotation = iota
	stall9999
	stallMax
)

// fileFigures holds what was measured of log files.
type fileFigures struct {
	turns     *results // a line of those that have no buffer, in turn
	wall, cpu *results // a line, for a file that grows and one that rotates
	pauses    *results // of a rotation, and of a Write while it rotates
	lost      []fileLoss
}

// A fileLoss is the most that a file has lost in one round, while it rotated all
// the time.
type fileLoss struct{ lost, of int }

// measureFiles measures every file once a round, in turn as measure does.
func measureFiles(files []bench.LogFile, load bench.Load, rounds int, progress io.Writer) *fileFigures {
	f := newFileFigures(files)
	begun := time.Now()
	for round := range rounds {
		f.line(files, load)
		order := turns(len(files), round)
		for c := range f.wall.cases {
			for _, j := range order {
				f.write(c, j, files[j], load)
			}
		}
		for _, j := range order {
			f.pause(j, files[j], load)
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return f
}

func newFileFigures(files []bench.LogFile) *fileFigures {
	peers := make([]peer, len(files))
	for j, file := range files {
		peers[j] = peer{file.Name, file.Version}
	}
	empty := func(cases ...string) *results {
		r := &results{cases: cases, peers: peers}
		for range cases {
			r.cells = append(r.cells, make([]cell, len(files)))
		}
		return r
	}
	every := fmt.Sprintf("a line, rotating every %d MiB", bench.RotateSize)
	return &fileFigures{
		turns:  empty("a line, in turn"),
		wall:   empty("a line", every),
		cpu:    empty("a line", every),
		pauses: empty("a rotation", "p99.99 of Write", "longest Write"),
		lost:   make([]fileLoss, len(files)),
	}
}

func (f *fileFigures) line(files []bench.LogFile, load bench.Load) {
	var direct []bench.LogFile
	var places []int
	for j, file := range files {
		if !file.Buffered && f.turns.cells[0][j].fault == nil {
			direct, places = append(direct, file), append(places, j)
		}
	}
	lines, err := bench.Turns(load, direct)
	for i, j := range places {
		if err != nil {
			f.turns.add(0, j, 0, err)
		} else {
			f.turns.add(0, j, lines[i], nil)
		}
	}
}

func (f *fileFigures) write(c, j int, file bench.LogFile, load bench.Load) {
	if f.wall.cells[c][j].fault != nil {
		return
	}
	// A file that does not rotate is what the others are compared with, all the same.
	cost, err := file.Write(load, c == rotating)
	f.wall.add(c, j, cost.Wall, err)
	if cost.HasCPU || err != nil {
		f.cpu.add(c, j, cost.CPU, err)
	}
}

func (f *fileFigures) pause(j int, file bench.LogFile, load bench.Load) {
	if !file.Rotates || file.Buffered || file.Shared {
		return
	}
	if f.pauses.cells[rotation][j].fault == nil {
		took, err := file.Rotate(load)
		f.pauses.add(rotation, j, took, err)
	}
	if f.pauses.cells[stallMax][j].fault == nil {
		s, err := file.Stall(load)
		f.pauses.add(stall9999, j, s.P9999, err)
		f.pauses.add(stallMax, j, s.Max, err)
		if most := &f.lost[j]; s.Lost*most.of >= most.lost*s.Lines {
			*most = fileLoss{s.Lost, s.Lines}
		}
	}
}

// fileSummary returns the table for the README.
func fileSummary(f *fileFigures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Lines of %d bytes, one Write each. Times of a line are multiples of that of `%s`, the others of that of `%s`, "+
		"in the same round. CPU is what the whole process worked, in it and in the kernel.\n", bench.LineSize, plainWrite, firstRotating)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n", s.rounds, s.machine, s.date)
	fmt.Fprintf(&out, "Rotate is a call of that method, with %d MiB in the file. p99.99 and the longest are of %d Writes, as fast as they go, to a file that "+
		"rotates every %d MiB with gzip on. Both begin when nothing is left to be written to the disk. After all that, the lines in all "+
		"files are counted.\n\n", bench.RotatedSize, load.Stalled, bench.RotateSize)
	rows := make([][]string, len(f.wall.peers))
	for j, p := range f.wall.peers {
		rows[j] = []string{
			p.name,
			f.lineOf(j), f.cpu.against(growing, j, plainWrite),
			f.wall.against(rotating, j, plainWrite), f.cpu.against(rotating, j, plainWrite),
			f.pauses.against(rotation, j, firstRotating),
			f.pauses.against(stall9999, j, firstRotating), f.pauses.against(stallMax, j, firstRotating),
			f.lostBy(j),
		}
	}
	table(&out, []string{
		"file", "a line", "CPU", fmt.Sprintf("rotating every %d MiB", bench.RotateSize), "CPU", "Rotate", "p99.99", "longest", "lost",
	}, rows)
	var versions []string
	for j, p := range f.wall.peers {
		if !slices.ContainsFunc(f.wall.peers[:j], func(q peer) bool { return q.version == p.version }) {
			versions = append(versions, p.name+" "+p.version)
		}
	}
	fmt.Fprintf(&out, "\n%s. `%s` does not rotate.\n", strings.Join(versions, ", "), plainWrite)
	return out.String()
}

// against returns the figure of one peer in one case, as a multiple of that of
// another, whose own is a time.
func (r *results) against(c, p int, other string) string {
	cell, name := r.cells[c][p], r.peers[p].name
	ratio, ok := r.ratio(c, name, other)
	switch {
	case cell.fault != nil:
		return short(cell.fault)
	case len(cell.samples) == 0:
		return "–"
	case !ok || name == other:
		return duration(median(cell.figures(nanoseconds)))
	}
	return times(ratio)
}

// lineOf returns the figure of a line, with the time that a buffer takes to write
// what it holds.
func (f *fileFigures) lineOf(j int) string {
	if len(f.turns.cells[0][j].samples) > 0 {
		return f.turns.against(0, j, plainWrite)
	}
	return f.wall.against(growing, j, plainWrite)
}

func (f *fileFigures) lostBy(j int) string {
	if f.lost[j].of == 0 {
		return "–"
	}
	return bench.Percent(f.lost[j].lost, f.lost[j].of)
}

// fileDetails returns a table of all times, and the reasons for all faults.
func fileDetails(f *fileFigures) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"wall", f.turns}, {"wall", f.wall}, {"CPU", f.cpu}, {"wall", f.pauses}})
	table(&out, []string{"what", "of", "file", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
