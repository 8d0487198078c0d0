package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// leastShare is how many events ours is to get acked at least, while a peer gets one.
const leastShare = 0.9

// brokerFigures holds what was measured of the clients of a broker: the time of an
// event until its ack, with its allocations, and what the processors worked for it.
type brokerFigures struct {
	bench.Broker

	wall, cpu *results
}

// measureBrokers measures every client once a round, in turn as measure does. A broker
// that is not on this machine is left out.
func measureBrokers(brokers []bench.Broker, load bench.Load, rounds int, progress io.Writer) []*brokerFigures {
	all := make([]*brokerFigures, len(brokers))
	for i, b := range brokers {
		all[i] = newBrokerFigures(b)
	}
	begun := time.Now()
	for round := range rounds {
		for _, f := range all {
			if f.Missing == nil {
				f.measure(load, round)
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return all
}

func newBrokerFigures(b bench.Broker) *brokerFigures {
	f := &brokerFigures{b, &results{}, &results{}}
	for _, r := range []*results{f.wall, f.cpu} {
		for _, c := range b.Cases {
			for _, client := range slices.Concat(c.Peers, c.Ours) {
				if p := (peer{client.Name, client.Version}); !slices.Contains(r.peers, p) {
					r.peers = append(r.peers, p)
				}
			}
		}
		for _, c := range b.Cases {
			r.cases = append(r.cases, c.Name)
			r.cells = append(r.cells, make([]cell, len(r.peers)))
		}
	}
	return f
}

func (f *brokerFigures) measure(load bench.Load, round int) {
	for i, c := range f.Cases {
		clients := slices.Concat(c.Peers, c.Ours)
		for _, j := range turns(len(clients), round) {
			client := clients[j]
			if f.wall.cell(i, client.Name).fault == nil {
				cost, err := c.Ship(load, client)
				f.add(i, client.Name, cost, err)
			}
		}
	}
}

// add notes what was measured of one client in one case.
func (f *brokerFigures) add(c int, name string, d bench.Delivery, err error) {
	p := slices.IndexFunc(f.wall.peers, func(p peer) bool { return p.name == name })
	f.wall.add(c, p, d.Wall, err)
	if samples := f.wall.cells[c][p].samples; err == nil && len(samples) > 0 {
		samples[len(samples)-1].allocs = d.Allocs
	}
	if d.HasCPU || err != nil {
		f.cpu.add(c, p, d.CPU, err)
	}
}

// brokerSummary returns the tables for the page.
func brokerSummary(all []*brokerFigures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "What an event of %d bytes costs until the broker has acked it, when %d are sent as fast as they are taken, in batches of %d. "+
		"Times are multiples of that of the first client in the same round, whose own are in nanoseconds. CPU is what this process worked for an event; the third "+
		"figure is how often it allocated. Each time the broker is a new one, and what it has in the end is read and compared with what was sent.\n",
		bench.EventSize, load.Brokered, bench.BrokerBatch)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n", s.rounds, s.machine, s.date)
	for _, f := range all {
		fmt.Fprintf(&out, "\n### %s\n\n", f.Name)
		if err := f.Missing; err != nil {
			fmt.Fprintf(&out, "Not on this machine, and left out: %v.\n", err)
			continue
		}
		fmt.Fprintf(&out, "%s\n\n", f.Setting)
		f.table(&out)
	}
	out.WriteString("\n### What was asked for\n\nHow many events ours gets acked while the broker's own client gets one:\n\n")
	var rows [][]string
	for _, f := range all {
		rows = append(rows, f.asked()...)
	}
	table(&out, []string{"ours", "the other", "events", "at least", "measured", ""}, rows)
	fmt.Fprintf(&out, "\n%s.\n", strings.Join(brokerVersions(all), ", "))
	return out.String()
}

func (f *brokerFigures) table(out *strings.Builder) {
	head := make([]string, 1, 1+3*len(f.Cases))
	head[0] = "client"
	rows := make([][]string, len(f.wall.peers))
	for j, p := range f.wall.peers {
		rows[j] = []string{p.name}
	}
	for i, c := range f.Cases {
		head = append(head, c.Name, "CPU", "allocs")
		first := c.Peers[0].Name
		for j := range rows {
			rows[j] = append(rows[j], f.wall.against(i, j, first), f.cpu.against(i, j, first), f.allocsOf(i, j))
		}
	}
	table(out, head, rows)
}

// allocsOf returns the allocations of an event, which are mostly those of a batch.
func (f *brokerFigures) allocsOf(c, p int) string {
	cell := f.wall.cells[c][p]
	if len(cell.samples) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(cell.figures(allocs)))
}

// contest is one of ours against one of the broker's own clients.
type contest struct {
	ours, other, events string
	asked               bool      // that of the whole Shipper was not asked for
	shares              []float64 // events that ours gets acked while the other gets one, by the round
}

// contests returns each of ours against each peer in one case.
func (f *brokerFigures) contests(c int) (all []contest) {
	for k, ours := range f.Cases[c].Ours {
		for _, p := range f.Cases[c].Peers {
			all = append(all, contest{ours.Name, p.Name, f.Cases[c].Name, k == 0, f.wall.rounds(c, p.Name, ours.Name, quotient)})
		}
	}
	return all
}

func (c contest) missed() bool {
	return c.asked && len(c.shares) > 0 && below(median(c.shares), leastShare)
}

func (c contest) measured() string {
	if len(c.shares) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", median(c.shares))
}

func (c contest) outcome() string {
	switch {
	case !c.asked:
		return ""
	case len(c.shares) == 0:
		return "not measured"
	default:
		return verdict(c.missed())
	}
}

// asked returns a row for each contest.
func (f *brokerFigures) asked() [][]string {
	least := fmt.Sprintf("%.2f", leastShare)
	if f.Missing != nil {
		return [][]string{{f.Name, "–", "–", least, "–", "not measured"}}
	}
	var rows [][]string
	for i := range f.Cases {
		for _, c := range f.contests(i) {
			row := []string{c.ours, c.other, c.events, "–", c.measured(), c.outcome()}
			if c.asked {
				row[3] = least
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// below reports whether a figure is less than the least, as they are printed.
func below(figure, least float64) bool {
	return limit{form: bench.Ratio, most: figure}.beyond(least)
}

func brokerVersions(all []*brokerFigures) []string {
	var texts []string
	for _, f := range all {
		if f.Missing != nil {
			continue
		}
		texts = append(texts, f.Server+" "+f.Version)
		for _, p := range f.wall.peers {
			texts = append(texts, p.name+" "+p.version)
		}
	}
	return texts
}

// brokerDetails returns a table of all times, and the reasons for all faults.
func brokerDetails(all []*brokerFigures) string {
	each := make([]measured, 0, 2*len(all))
	for _, f := range all {
		each = append(each, measured{f.Name + ", wall", f.wall}, measured{f.Name + ", CPU", f.cpu})
	}
	var out strings.Builder
	rows, faults := everything(each)
	table(&out, []string{"what", "of", "client", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
