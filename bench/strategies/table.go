//go:build linux

package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// figures are the results of each way, in the order of the situations.
type figures map[string][]result

// tables returns the figures as Markdown. Ways that were not measured are left out.
func (f figures) tables(all []way, in []situation, filebeat string) string {
	var b strings.Builder
	header := append(make([]string, 0, 4+len(in)), "way", "p50", "p99", "CPU for each event")
	for _, s := range in {
		header = append(header, s.name)
	}
	writeHeader(&b, header)
	f.rows(all, func(w way, results []result) {
		steady := results[0]
		cells := make([]string, 0, len(header))
		cells = append(cells, w.name, delay(w, steady.p50), delay(w, steady.p99), cost(w, steady))
		for _, r := range results {
			cells = append(cells, damage(w, r))
		}
		writeRow(&b, cells)
	})

	b.WriteString("\n")
	header = append(header[:0], "way")
	for _, s := range in[1:] {
		header = append(header, s.name+": p50, p99", "CPU")
	}
	writeHeader(&b, header)
	f.rows(all, func(w way, results []result) {
		if w.listen == nil {
			return
		}
		cells := append(make([]string, 0, len(header)), w.name)
		for _, r := range results[1:] {
			cells = append(cells, delay(w, r.p50)+", "+delay(w, r.p99), cost(w, r))
		}
		writeRow(&b, cells)
	})

	fmt.Fprintf(&b, "\n%s, %s/%s, %d processors.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if filebeat != "" {
		fmt.Fprintf(&b, "%s%s.\n", filebeatLine, filebeat)
	}
	return b.String()
}

// filebeatLine begins the line about the version of Filebeat.
const filebeatLine = "Filebeat "

func (f figures) rows(all []way, write func(way, []result)) {
	for _, w := range all {
		if results, ok := f[w.name]; ok {
			write(w, results)
		}
	}
}

func writeHeader(b *strings.Builder, cells []string) {
	writeRow(b, cells)
	b.WriteString("|" + strings.Repeat(" --- |", len(cells)) + "\n")
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// damage returns what was lost and what came twice.
func damage(w way, r result) string {
	switch {
	case w.listen == nil:
		return ""
	case r.lost == 0 && r.doubled == 0:
		return "0"
	case r.doubled == 0:
		return fmt.Sprintf("%d lost", r.lost)
	case r.lost == 0:
		return fmt.Sprintf("%d twice", r.doubled)
	}
	return fmt.Sprintf("%d lost, %d twice", r.lost, r.doubled)
}

// delay returns a time with two digits.
func delay(w way, d time.Duration) string {
	switch ms := d.Seconds() * 1000; {
	case w.listen == nil:
		return ""
	case ms < 0.95:
		return fmt.Sprintf("%.1f ms", max(ms, 0.1))
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
}

// cost returns the time of the processors.
func cost(w way, r result) string {
	own := fmt.Sprintf("%.0f µs", r.cpu.Seconds()*1e6)
	if !w.beside {
		return own
	}
	return own + fmt.Sprintf(", Filebeat %.0f µs", r.beside.Seconds()*1e6)
}
