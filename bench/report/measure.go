package main

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// measure runs every case with every peer once a round. In a round the peers of
// a case take turns directly one after the other, and each round begins with
// another peer, so that what slows the machine for a while slows them all. It
// writes to progress after each round.
func measure(cases []*bench.Case, peers []bench.Peer, rounds int, progress io.Writer) *results {
	r := &results{}
	for _, p := range peers {
		r.peers = append(r.peers, peer{name: p.Name, version: p.Version})
	}
	for _, c := range cases {
		row := make([]cell, len(peers))
		for j, p := range peers {
			if p.Can(c) {
				row[j].fault = c.Check(p)
			}
		}
		r.cases, r.cells = append(r.cases, c.Name), append(r.cells, row)
	}
	begun := time.Now()
	for round := range rounds {
		for i, c := range cases {
			for _, j := range turns(len(peers), round) {
				cell := &r.cells[i][j]
				if !peers[j].Can(c) || cell.fault != nil {
					continue
				}
				s, err := run(c, peers[j])
				if err != nil {
					cell.fault, cell.samples = err, nil
					continue
				}
				cell.samples = append(cell.samples, s)
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return r
}

// turns returns 0 to n-1 in order, from another one on in each round.
func turns(n, round int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + round) % n
	}
	return order
}

func run(c *bench.Case, p bench.Peer) (sample, error) {
	var err error
	b := testing.Benchmark(func(b *testing.B) {
		if err = c.Run(b, p); err != nil {
			b.FailNow() // or it would be run again
		}
	})
	if err != nil {
		return sample{}, err
	}
	return sampleOf(b), nil
}

func sampleOf(b testing.BenchmarkResult) sample {
	return sample{
		ns:     float64(b.T.Nanoseconds()) / float64(b.N),
		bytes:  float64(b.AllocedBytesPerOp()),
		allocs: float64(b.AllocsPerOp()),
	}
}
