package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The names of the buffers that are set against others, and of the two ways to
// write a line that has to be in the file.
const (
	floor        = "no-op handler"
	channel      = "channel → slog.JSONHandler"
	zap          = "zapslog → zap.BufferedWriteSyncer"
	phuslu       = "phuslu/log → AsyncWriter"
	lines        = "handler.JSONHandler → asyncbuf.Writer"
	records      = "asyncbuf.Handler → slog.JSONHandler"
	plainWrite   = "os.File"
	syncedWriter = "asyncbuf.Writer"
)

// stallEvery is how many rounds there are to one with a sink that stalls, which
// takes longer than all the rest of a round.
const stallEvery = 5

// figures holds what was measured of buffers. A case of the first three is a
// number of goroutines, and each sample is a time.
type figures struct {
	burst, wall, cpu *results
	synced           *results
	stalls           []stalls // a row for each buffer
}

type stalls struct {
	name    string
	fault   error
	samples []bench.Stall
}

func goroutines() []int { return []int{1, 2, 8} }

// measureBuffers measures every buffer once a round, in turn as measure does.
func measureBuffers(buffers []bench.Buffer, load bench.Load, rounds int, progress io.Writer) *figures {
	f := newFigures(buffers)
	begun := time.Now()
	for round := range rounds {
		order := turns(len(buffers), round)
		for i, n := range goroutines() {
			for _, j := range order {
				if f.burst.cells[i][j].fault != nil {
					continue
				}
				call, err := buffers[j].Burst(load, n)
				f.burst.add(i, j, call, err)
			}
			for _, j := range order {
				if f.wall.cells[i][j].fault != nil {
					continue
				}
				cost, err := buffers[j].Sustained(load, n)
				f.wall.add(i, j, cost.Wall, err)
				if cost.HasCPU || err != nil {
					f.cpu.add(i, j, cost.CPU, err)
				}
			}
		}
		plain, synced, err := bench.Synced(load)
		f.synced.add(0, 0, plain, err)
		f.synced.add(0, 1, synced, err)
		if round%stallEvery == 0 {
			for _, j := range order {
				f.stalls[j].measure(buffers[j], load)
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return f
}

// newFigures has no samples yet, and a fault for each buffer that does not write
// what was logged.
func newFigures(buffers []bench.Buffer) *figures {
	f := &figures{burst: &results{}, wall: &results{}, cpu: &results{}, synced: &results{
		cases: []string{"1"},
		peers: []peer{{name: plainWrite}, {name: syncedWriter}},
		cells: [][]cell{make([]cell, 2)},
	}}
	for _, r := range []*results{f.burst, f.wall, f.cpu} {
		for _, n := range goroutines() {
			r.cases = append(r.cases, strconv.Itoa(n))
			r.cells = append(r.cells, make([]cell, len(buffers)))
		}
	}
	for j, b := range buffers {
		fault := b.Check()
		for _, r := range []*results{f.burst, f.wall, f.cpu} {
			r.peers = append(r.peers, peer{name: b.Name, version: b.Version})
			for i := range r.cells {
				r.cells[i][j].fault = fault
			}
		}
		f.stalls = append(f.stalls, stalls{name: b.Name, fault: fault})
	}
	return f
}

// add adds a sample, or the fault that keeps all samples of the cell out.
func (r *results) add(c, p int, spent time.Duration, err error) {
	cell := &r.cells[c][p]
	switch {
	case cell.fault != nil:
	case err != nil:
		cell.fault, cell.samples = err, nil
	default:
		cell.samples = append(cell.samples, sample{ns: float64(spent)})
	}
}

func (s *stalls) measure(b bench.Buffer, load bench.Load) {
	if s.fault != nil || s.name == floor {
		return
	}
	sample, err := b.Stall(load)
	if err != nil {
		s.fault, s.samples = err, nil
		return
	}
	s.samples = append(s.samples, sample)
}
