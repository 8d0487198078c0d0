package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The queues on disk that are set against each other.
const (
	walPeer   = "tidwall/wal"
	spoolPeer = "spool.Queue"
)

// The cases of queues on disk.
const (
	spoolAppend = iota
	spoolSynced
	spoolDrain
	spoolWhole
)

// measureSpools measures every queue once a round, in turn as measure does: what
// an event costs.
func measureSpools(spools []bench.Spool, load bench.Load, rounds int, progress io.Writer) *results {
	r := newSpoolResults(spools)
	begun := time.Now()
	for round := range rounds {
		for c := range r.cases {
			for _, j := range turns(len(spools), round) {
				if r.cells[c][j].fault == nil {
					cost, err := spoolCost(spools[j], load, c)
					r.add(c, j, cost, err)
				}
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return r
}

func newSpoolResults(spools []bench.Spool) *results {
	r := &results{cases: []string{
		spoolAppend: "append", spoolSynced: "append, synced",
		spoolDrain: fmt.Sprintf("read, deleted by %d", bench.SpooledWindow), spoolWhole: "read, deleted in the end",
	}}
	for _, s := range spools {
		r.peers = append(r.peers, peer{s.Name, s.Version})
	}
	for range r.cases {
		r.cells = append(r.cells, make([]cell, len(spools)))
	}
	return r
}

func spoolCost(s bench.Spool, load bench.Load, c int) (time.Duration, error) {
	if c == spoolAppend || c == spoolSynced {
		return s.Append(load, c == spoolSynced)
	}
	return s.Drain(load, c == spoolWhole)
}

// spoolSummary returns the table for the page.
func spoolSummary(r *results, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "What an event of %d bytes costs in a queue on disk: to append it in a batch of %d, without a sync and with one for each batch, "+
		"and to read and delete it. %d events each time, %d with syncs. Times are multiples of that of `%s` in the same round, whose own are in nanoseconds.\n",
		bench.SpooledSize, bench.SpooledBatch, load.Spooled, load.SpoolSynced, walPeer)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n\n", s.rounds, s.machine, s.date)
	rows := make([][]string, 0, len(r.peers)+1)
	versions := make([]string, len(r.peers))
	for j, p := range r.peers {
		rows = append(rows, spoolRow(r, p.name, func(c int) string { return r.against(c, j, walPeer) }))
		versions[j] = p.name + " " + p.version
	}
	rows = append(rows, spoolRow(r, "events of ours for one of the other", func(c int) string { return spoolFaster(r, c) }))
	table(&out, append([]string{"queue"}, r.cases...), rows)
	fmt.Fprintf(&out, "\n%s. `%s` has no checksums, and writes the segment again that it deletes the front of; `%s` deletes by %d "+
		"in both columns, and notes each time how far it is.\n", strings.Join(versions, ", "), walPeer, spoolPeer, bench.SpooledWindow)
	return out.String()
}

func spoolRow(r *results, name string, figure func(c int) string) []string {
	row := make([]string, 1, len(r.cases)+1)
	row[0] = name
	for c := range r.cases {
		row = append(row, figure(c))
	}
	return row
}

// spoolFaster returns how many events our queue does while the other does one.
func spoolFaster(r *results, c int) string {
	ratio, ok := r.ratio(c, walPeer, spoolPeer)
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.1f", ratio)
}

// spoolDetails returns a table of all times, and the reasons for all faults.
func spoolDetails(r *results) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"wall", r}})
	table(&out, []string{"what", "of", "queue", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
