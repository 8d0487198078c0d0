package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The senders of events that are set against each other.
const (
	lumberSync  = "go-lumber SyncClient"
	lumberAsync = "go-lumber AsyncClient"
	lumberConn  = "lumber.Conn"
	shipper     = "logstash.Shipper"
)

// shipFigures holds what was measured of senders: the time of an event, from the
// sender to its ack, what the processors worked for it, and its bytes on the wire.
type shipFigures struct{ wall, cpu, wire *results }

// measureShipping measures every sender once a round, in turn as measure does.
func measureShipping(senders []bench.Sender, load bench.Load, rounds int, progress io.Writer) *shipFigures {
	f := newShipFigures(senders)
	begun := time.Now()
	for round := range rounds {
		for c, how := range bench.Shippings() {
			for _, j := range turns(len(senders), round) {
				if f.wall.cells[c][j].fault != nil {
					continue
				}
				cost, err := senders[j].Ship(load, how)
				f.wall.add(c, j, cost.Wall, err)
				f.wire.add(c, j, time.Duration(cost.Bytes), err)
				if cost.HasCPU || err != nil {
					f.cpu.add(c, j, cost.CPU, err)
				}
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return f
}

func newShipFigures(senders []bench.Sender) *shipFigures {
	f := &shipFigures{&results{}, &results{}, &results{}}
	for _, r := range []*results{f.wall, f.cpu, f.wire} {
		for _, s := range senders {
			r.peers = append(r.peers, peer{s.Name, s.Version})
		}
		for _, how := range bench.Shippings() {
			r.cases = append(r.cases, how.String())
			r.cells = append(r.cells, make([]cell, len(senders)))
		}
	}
	return f
}

// shipSummary returns the tables for the page.
func shipSummary(f *shipFigures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "What an event of %d bytes costs from its sender to its ack, when %d are sent as fast as they are taken, over one connection to the "+
		"server of go-lumber, which is in the same process and does not decode them. Times are multiples of that of `%s` in the same round, whose own "+
		"are in nanoseconds. CPU is what the whole process worked for an event, the server included; the third figure is its bytes on the wire.\n", bench.EventSize, load.Shipped, lumberSync)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n\n", s.rounds, s.machine, s.date)
	head := make([]string, 1, 1+3*len(f.wall.cases))
	head[0] = "sender"
	for _, c := range f.wall.cases {
		head = append(head, c, "CPU", "bytes")
	}
	rows := make([][]string, len(f.wall.peers))
	versions := make([]string, len(f.wall.peers))
	for j, p := range f.wall.peers {
		rows[j] = []string{p.name}
		for c := range f.wall.cases {
			rows[j] = append(rows[j], f.wall.against(c, j, lumberSync), f.cpu.against(c, j, lumberSync), f.bytesOf(c, j))
		}
		versions[j] = p.name + " " + p.version
	}
	table(&out, head, rows)
	out.WriteString("\nHow many events ours gets acked while another gets one:\n\n")
	table(&out, append([]string{"ours", "other"}, f.wall.cases...), [][]string{
		f.faster(lumberConn, lumberSync), f.faster(lumberConn, lumberAsync),
		f.faster(shipper, lumberSync), f.faster(shipper, lumberAsync),
	})
	fmt.Fprintf(&out, "\n%s. The one that waits for the ack of each window is `%s`; the others have up to four under way. "+
		"`%s` is the client in a Shipper. `%s` checks that each event is a JSON object, and has a queue, which are part of its times; its zlib levels 1 to 4 are the same.\n",
		strings.Join(versions, ", "), lumberSync, lumberConn, shipper)
	return out.String()
}

func (f *shipFigures) bytesOf(c, p int) string {
	if f.wire.cells[c][p].fault != nil {
		return "–"
	}
	return fmt.Sprintf("%.0f", median(f.wire.cells[c][p].figures(nanoseconds)))
}

// faster returns how many events a sender of ours gets acked while another gets one.
func (f *shipFigures) faster(ours, other string) []string {
	row := make([]string, 2, 2+len(f.wall.cases))
	row[0], row[1] = ours, other
	for c := range f.wall.cases {
		text := "–"
		if ratio, ok := f.wall.ratio(c, other, ours); ok {
			text = fmt.Sprintf("%.2f", ratio)
		}
		row = append(row, text)
	}
	return row
}

// shipDetails returns a table of all times, and the reasons for all faults.
func shipDetails(f *shipFigures) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"wall", f.wall}, {"CPU", f.cpu}})
	table(&out, []string{"what", "of", "sender", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
