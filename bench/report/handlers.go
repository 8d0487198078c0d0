package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// A chapter is what was measured of a [bench.Chapter].
type chapter struct {
	name string
	form bench.Form
	*results
	against [][]string // by case and peer: the name of the peer it is set against
}

// handlers holds what was measured of handlers that stand before others.
type handlers struct {
	chapters []chapter
	keys     int // that the hoards are of
	hoards   []hoard
	limits   []limit
}

// A hoard is what a [bench.Memory] made of many keys.
type hoard struct {
	name, version string
	bench.Filled
}

// measureHandlers measures each way to do each task once a round, in turn as
// measure does, and has each memory filled with so many keys.
func measureHandlers(chapters []bench.Chapter, memories []bench.Memory, keys, rounds int, progress io.Writer) *handlers {
	f := &handlers{keys: keys, limits: limits()}
	for _, m := range memories {
		f.hoards = append(f.hoards, hoard{m.Name, m.Version, m.Fill(keys)})
	}
	f.chapters = measureChapters(chapters, rounds, progress)
	return f
}

func measureChapters(chapters []bench.Chapter, rounds int, progress io.Writer) []chapter {
	all := make([]chapter, len(chapters))
	for i, c := range chapters {
		all[i] = newChapter(c)
	}
	begun := time.Now()
	for round := range rounds {
		for i, c := range chapters {
			for k, t := range c.Tasks {
				for _, j := range turns(len(t.Ways), round) {
					w := t.Ways[j]
					cell := all[i].at(k, w.Name)
					if cell.fault != nil {
						continue
					}
					s, err := runTask(t, w)
					if err != nil {
						cell.fault, cell.samples = err, nil
						continue
					}
					cell.samples = append(cell.samples, s)
				}
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return all
}

// newChapter checks each way to do each task.
func newChapter(c bench.Chapter) chapter {
	all := chapter{name: c.Name, form: c.Form, results: &results{}}
	for _, t := range c.Tasks {
		for _, w := range t.Ways {
			if !slices.ContainsFunc(all.peers, func(p peer) bool { return p.name == w.Name }) {
				all.peers = append(all.peers, peer{w.Name, w.Version})
			}
		}
	}
	for _, t := range c.Tasks {
		all.cases = append(all.cases, t.Name)
		all.cells = append(all.cells, make([]cell, len(all.peers)))
		all.against = append(all.against, make([]string, len(all.peers)))
		for _, w := range t.Ways {
			against := w.Against
			if against == "" {
				against = t.Ways[0].Name
			}
			k := len(all.cases) - 1
			all.against[k][all.peer(w.Name)] = against
			all.at(k, w.Name).fault = t.Check(w)
		}
	}
	return all
}

func (c *chapter) peer(name string) int {
	return slices.IndexFunc(c.peers, func(p peer) bool { return p.name == name })
}

func (c *chapter) at(task int, way string) *cell { return &c.cells[task][c.peer(way)] }

func runTask(t *bench.Task, w bench.Way) (sample, error) {
	var err error
	b := testing.Benchmark(func(b *testing.B) {
		if err = t.Run(b, w); err != nil {
			b.FailNow() // or it would be run again
		}
	})
	if err != nil {
		return sample{}, err
	}
	return sampleOf(b), nil
}

// handlersSummary returns the tables for the page of figures.
func handlersSummary(f *handlers, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "The time of a log call; in brackets its allocations. With an x it is a multiple of, and with a sign the difference from, "+
		"that of the first column, or of the one that is named, in the same round.\n")
	fmt.Fprintf(&out, "Medians of %d rounds of %s each; %s; %s.\n", s.rounds, s.time, s.machine, s.date)
	for _, c := range f.chapters {
		fmt.Fprintf(&out, "\n### %s\n\n", strings.ToUpper(c.name[:1])+c.name[1:])
		c.table(&out)
	}
	fmt.Fprintf(&out, "\n### Many keys\n\n%d records, each with another message, of which the first passes: how many did, "+
		"what is on the heap then, and what each record took.\n\n", f.keys)
	f.hoardsTable(&out)
	out.WriteString("\n### What was asked for\n\n")
	f.limitsTable(&out)
	fmt.Fprintf(&out, "\n%s.\n", strings.Join(f.versions(), ", "))
	out.WriteString("\"invalid\": what arrives is not what was logged, so it was not timed. \"–\": it is not for this.\n")
	return out.String()
}

func (c chapter) table(out *strings.Builder) {
	head := make([]string, 1, 1+len(c.peers))
	for _, p := range c.peers {
		head = append(head, p.name)
	}
	rows := make([][]string, len(c.cases))
	for i, name := range c.cases {
		rows[i] = append(rows[i], name)
		for j := range c.peers {
			rows[i] = append(rows[i], c.text(i, j))
		}
	}
	table(out, head, rows)
}

// text returns the cell of a way to do a task.
func (c chapter) text(task, way int) string {
	cell := c.cells[task][way]
	switch {
	case cell.fault != nil:
		return "invalid"
	case len(cell.samples) == 0:
		return "–"
	}
	other := c.against[task][way]
	allocated := fmt.Sprintf(" (%.0f)", median(cell.figures(allocs)))
	of := ""
	if first := slices.IndexFunc(c.against[task], func(name string) bool { return name != "" }); first >= 0 && other != c.against[task][first] {
		of = " of " + other
	}
	switch ratio, ok := c.ratio(task, c.peers[way].name, other); {
	case !ok || other == c.peers[way].name || c.form == bench.Absolute:
		return nanos(median(cell.figures(nanoseconds))) + allocated
	case c.form == bench.Difference:
		more, _ := c.difference(task, c.peers[way].name, other)
		return fmt.Sprintf("%+.*f ns", digits(more), more) + of + allocated
	default:
		return times(ratio) + of + allocated
	}
}

func nanos(ns float64) string { return fmt.Sprintf("%.*f ns", digits(ns), ns) }

// digits returns how many digits behind the point are worth printing.
func digits(ns float64) int {
	if ns > -100 && ns < 100 {
		return 1
	}
	return 0
}

func (f *handlers) hoardsTable(out *strings.Builder) {
	rows := make([][]string, len(f.hoards))
	for i, h := range f.hoards {
		rows[i] = []string{
			h.name, strconv.Itoa(h.Arrived), fmt.Sprintf("%d KiB", h.Heap>>10), nanos(float64(h.Took)),
		}
	}
	table(out, []string{"", "passed", "heap", "a record"}, rows)
}

func (f *handlers) versions() []string {
	var all []string
	add := func(name, version string) {
		if text := name + " " + version; !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, c := range f.chapters {
		for _, p := range c.peers {
			add(p.name, p.version)
		}
	}
	for _, h := range f.hoards {
		add(h.name, h.version)
	}
	return all
}

// handlersDetails returns a table of all times, and the reasons for all faults.
func handlersDetails(f *handlers) string {
	all := make([]measured, len(f.chapters))
	for i, c := range f.chapters {
		all[i] = measured{c.name, c.results}
	}
	var out strings.Builder
	rows, faults := everything(all)
	table(&out, []string{"what", "of", "by", "ns", "lowest", "highest"}, rows)
	out.WriteString(faults)
	return out.String()
}
