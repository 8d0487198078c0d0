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
)

// account is what a scan has come to.
type account struct {
	command string
	stderr  io.Writer
	bar     *cli.Progress
	hide    func(string) string // secrets in names

	files    int      // that were scanned, or tried
	open     bool     // there was something in the file that is being scanned
	failed   int      // what could not be read, or only in part
	failures []string // the first of them, and an interruption
	secrets  int
	hidden   int // of them, that are not printed
	timeless int // of them, that no baseline can know
	known    int // by the baseline
	byFile   []count
	byRule   map[string]int
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
	text := cli.Printable(a.hide(err.Error()))
	if len(a.failures) < mostFailures {
		a.failures = append(a.failures, text)
	}
	a.say(text)
}

// mostFailures is how many are remembered, and not counted only.
const mostFailures = 100

// say prints what is no result.
func (a *account) say(text string) { fmt.Fprintf(a.stderr, "%s: %s\n", a.command, text) }

// sayTimeless says what a baseline does not help against.
func (a *account) sayTimeless() {
	if a.timeless > 0 {
		a.say(number(a.timeless, "secret") + " without a time in or above the line: no baseline can know them")
	}
}

// exit returns the exit code as an error.
func (a *account) exit() error {
	switch {
	case a.secrets > 0:
		return &cli.ExitError{Code: cli.No}
	case a.failed > 0:
		return &cli.ExitError{Code: cli.Partial}
	}
	return nil
}

// add counts a finding, and returns how many there are in its file.
func (a *account) add(f finding) int {
	a.secrets++
	if f.time == "" {
		a.timeless++
	}
	if a.byRule == nil {
		a.byRule = make(map[string]int)
	}
	a.byRule[ruleName(f)]++
	if !a.open {
		a.open = true
		a.byFile = append(a.byFile, count{name: f.File})
	}
	last := &a.byFile[len(a.byFile)-1]
	last.n++
	return last.n
}

// end counts a file, and returns how many findings of it are above a limit.
func (a *account) end(limit int) (more int) {
	a.files++
	if a.open && limit > 0 {
		more = max(0, a.byFile[len(a.byFile)-1].n-limit)
	}
	a.open = false
	a.hidden += more
	return more
}

// ruleName returns the name of the rule that has found something.
func ruleName(f finding) string { return cmp.Or(f.Rule, tooDeep) }

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

// ofScripts returns the account of an output that does not say itself what it leaves out.
func (a *account) ofScripts() string {
	text := a.String()
	if a.hidden > 0 {
		text += fmt.Sprintf("; %s of them not printed, by --max-findings", humanize.Comma(int64(a.hidden)))
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
