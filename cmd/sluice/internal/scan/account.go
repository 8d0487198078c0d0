package scan

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// account is what a scan has come to.
type account struct {
	command string
	stderr  io.Writer
	bar     *cli.Progress

	files   int // that were scanned, or tried
	failed  int // what could not be read, or only in part
	secrets int
	known   int // by the baseline
	byFile  []count
	byRule  map[string]int
}

type count struct {
	name string
	n    int
}

// fail reports what could not be read.
func (a *account) fail(err error) {
	a.failed++
	if a.bar != nil {
		a.bar.Clear()
	}
	a.say(cli.Printable(err.Error()))
}

// say prints what is no result.
func (a *account) say(text string) { fmt.Fprintf(a.stderr, "%s: %s\n", a.command, text) }

// exit returns the exit code as an error.
func (a *account) exit() error {
	switch {
	case a.secrets > 0:
		return &cli.Exit{Code: cli.No}
	case a.failed > 0:
		return &cli.Exit{Code: cli.Partial}
	}
	return nil
}

// add counts a finding.
func (a *account) add(f redact.Finding) {
	a.secrets++
	if a.byRule == nil {
		a.byRule = make(map[string]int)
	}
	a.byRule[ruleName(f)]++
	if n := len(a.byFile); n == 0 || a.byFile[n-1].name != f.File {
		a.byFile = append(a.byFile, count{name: f.File})
	}
	a.byFile[len(a.byFile)-1].n++
}

// ruleName returns the name of the rule that has found something.
func ruleName(f redact.Finding) string { return cmp.Or(f.Rule, tooDeep) }

// tooDeep is the name for what is nested too deep to look at, and therefore counts as a secret.
const tooDeep = "too_deep"

// String returns the account in a line.
func (a *account) String() string {
	text := number(a.secrets, "secret")
	if a.known > 0 {
		text = fmt.Sprintf("%s (and %s known)", number(a.secrets, "new secret"), humanize.Comma(int64(a.known)))
	}
	text += " in " + humanize.Comma(int64(len(a.byFile))) + " of " + number(a.files, "file")
	if a.failed > 0 {
		text += fmt.Sprintf("; %s could not be read", humanize.Comma(int64(a.failed)))
	}
	return text
}

// mostFiles is how many files the summary names.
const mostFiles = 10

// print prints the account with the numbers by rule and by file.
func (a *account) print(w io.Writer) error {
	if _, err := fmt.Fprintln(w, a); err != nil {
		return err
	}
	if a.secrets == 0 {
		return nil
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rules := make([]count, 0, len(a.byRule))
	for _, name := range slices.Sorted(maps.Keys(a.byRule)) {
		rules = append(rules, count{name, a.byRule[name]})
	}
	files := slices.Clone(a.byFile)
	for _, counts := range [][]count{rules, files} {
		slices.SortStableFunc(counts, func(x, y count) int { return y.n - x.n })
	}
	fmt.Fprintln(columns, "by rule:")
	for _, c := range rules {
		fmt.Fprintf(columns, "  %s\t%s\n", c.name, humanize.Comma(int64(c.n)))
	}
	if len(files) > 1 {
		fmt.Fprintln(columns, "by file:")
		for _, c := range files[:min(len(files), mostFiles)] {
			fmt.Fprintf(columns, "  %s\t%s\n", cli.Printable(c.name), humanize.Comma(int64(c.n)))
		}
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	if more := len(files) - mostFiles; more > 0 {
		_, err := fmt.Fprintf(w, "  and %s\n", number(more, "more file"))
		return err
	}
	return nil
}

// number returns a number of things in words.
func number(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return humanize.Comma(int64(n)) + " " + what
}
