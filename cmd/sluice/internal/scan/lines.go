package scan

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// linePrinter prints for people, a line for each finding.
type linePrinter struct {
	w                io.Writer
	grouped, colored bool
	mask             string

	file string
	n    int // findings in it
}

// The colors of what is printed, as parameters of escape sequences.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	yellow = "33"
)

func (p *linePrinter) paint(color, s string) string {
	if !p.colored || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (p *linePrinter) finding(f finding) error {
	p.n++
	name := cli.Printable(f.File)
	line := fmt.Sprintf("%s:%d", p.paint(bold, name), f.Line)
	if p.grouped {
		line = fmt.Sprintf("%7d", f.Line)
		if p.n == 1 {
			line = p.paint(bold, name) + "\n" + line
		}
	}
	path := f.Path
	if path == "" {
		path = "-"
	}
	excerpt := strings.ReplaceAll(f.Excerpt, p.mask, p.paint(red, p.mask))
	_, err := fmt.Fprintf(p.w, "%s  %s  %s  %s\n", line, p.paint(yellow, ruleName(f)), p.paint(faint, path), excerpt)
	p.file = name
	return err
}

func (p *linePrinter) end(more int) error {
	if p.n == 0 {
		return nil
	}
	p.n = 0
	var err error
	if more > 0 {
		text := fmt.Sprintf("and %s more", humanize.Comma(int64(more)))
		if p.grouped {
			_, err = fmt.Fprintf(p.w, "         %s\n", text)
		} else {
			_, err = fmt.Fprintf(p.w, "%s: %s\n", p.file, text)
		}
	}
	if p.grouped && err == nil {
		_, err = fmt.Fprintln(p.w)
	}
	return err
}

func (p *linePrinter) close(a *account) error { return a.print(p.w) }
