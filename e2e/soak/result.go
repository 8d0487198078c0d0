package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice/e2e/internal/harness"
)

// result is what became of a day.
type result struct {
	options  options
	withDisk bool
	episodes []episode

	senders, undone                int
	sent, refused, lost, dropped   int
	twice, acked, resent, disorder int
	odd                            string
	connections, reconnects        int
	high                           high
}

// verdict is an error if something happened that must not.
func (r result) verdict() error {
	var errs []error
	fault := func(n int, format string, args ...any) {
		if n > 0 {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(r.lost, "%d events are lost", r.lost)
	fault(r.refused, "%d events were refused", r.refused)
	fault(r.dropped, "%d events were dropped", r.dropped)
	fault(r.disorder-r.suspects(), "%d events arrived out of order: %s", r.disorder, r.odd)
	fault(r.undone, "%d senders did not end as they should", r.undone)
	fault(r.twice-r.most(), "%d events arrived twice, want at most %d", r.twice, r.most())
	return errors.Join(errs...)
}

// most returns how many events may have arrived twice: the windows that were
// under way when a connection ended.
func (r result) most() int { return r.connections * 4 * 2048 }

// suspects returns how many events may have been overtaken: one over which
// several connections in a row have ended is put aside for a moment.
func (r result) suspects() int { return 1 + r.connections/50 }

// markdown returns the result as a part of a page.
func (r result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "A day in %v, %d events a second at its peak; %s.\n\n", r.options.day, r.options.peak, harness.System())
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	b.WriteString("| events | |\n| --- | --- |\n")
	row("sent", "%d by %d senders, one after the other", r.sent, r.senders)
	row("arrived", "%d", r.sent-r.lost)
	row("**lost**", "**%d**", r.lost)
	row("refused or dropped", "%d", r.refused+r.dropped)
	row("out of order on a connection", "%d", r.disorder)
	row("arrived twice", "%d, over %d connections", r.twice, r.connections)
	row("acked, those that arrived twice included", "%d", r.acked)
	b.WriteString("\n| most of | |\n| --- | --- |\n")
	heap := int64(r.high.heap) //nolint:gosec // far below
	row("memory of the heap", "%s, with a bound of %s for events", size(heap), size(memory))
	row("resident memory", "%s", size(r.high.resident))
	row("goroutines", "%d", r.high.goroutines)
	row("spool on disk", "%s of %s", size(r.high.spool), size(spoolSize))
	row("a call of Write", "%v", short(r.high.longest))
	b.WriteString("\n| hour | what goes wrong | for | first event after | caught up after | waited at most |\n" +
		"| --- | --- | --- | --- | --- | --- |\n")
	for _, e := range r.episodes {
		lasts := short(e.took).String()
		if e.end == nil {
			lasts = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %v | %v | %d events |\n",
			clock(e.hour), e.name, lasts, short(e.first), short(e.caught), e.waiting)
	}
	if !r.withDisk {
		b.WriteString("\nThe disk of the spool was never full: only root can have one of its own.\n")
	}
	return b.String()
}

func clock(hour float64) string { return fmt.Sprintf("%02d:%02d", int(hour), int(hour*60)%60) }

func size(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func short(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
