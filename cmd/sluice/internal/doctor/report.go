package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// report is what is printed.
type report struct {
	Config  string    `json:"config"`
	Time    time.Time `json:"time"`
	Summary summary   `json:"summary"`
	Lists   []list    `json:"lists"`
}

// summary counts the boxes.
type summary struct {
	Pass   int `json:"pass"`
	Warn   int `json:"warn"`
	Fail   int `json:"fail"`
	ByHand int `json:"by_hand"`
}

func newReport(config string, now time.Time, lists []list) *report {
	r := &report{Config: config, Time: now.UTC(), Lists: lists}
	for _, l := range lists {
		for _, b := range l.Boxes {
			switch b.Status {
			case pass:
				r.Summary.Pass++
			case warn:
				r.Summary.Warn++
			case fail:
				r.Summary.Fail++
			case hand:
				r.Summary.ByHand++
			}
		}
	}
	return r
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// look says how to print.
type look struct {
	width        int
	color, ascii bool
	quiet        bool
}

// mark returns the mark of a status.
func (l *look) mark(s status) string {
	mark := [...]string{"✔", "?", "!", "✘"}[s]
	if l.ascii {
		mark = [...]string{"+", "?", "!", "x"}[s]
	}
	return l.paint([...]string{"32", "36", "33", "31"}[s], mark)
}

func (l *look) paint(color, text string) string {
	if !l.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// writeText prints the report for people.
func (r *report) writeText(w io.Writer, l look) error {
	b := new(strings.Builder)
	for _, list := range r.Lists {
		title := false
		for _, box := range list.Boxes {
			if l.quiet && box.Status < warn {
				continue
			}
			if !title {
				title = true
				fmt.Fprintln(b, l.paint("1", list.Title))
			}
			fmt.Fprintf(b, "%s %s\n", l.mark(box.Status), l.paint("1", box.Text))
			for _, f := range box.Findings {
				if !l.quiet || f.Status >= warn {
					l.finding(b, &f)
				}
			}
		}
		if title {
			fmt.Fprintln(b)
		}
	}
	if !l.quiet {
		fmt.Fprintf(b, "%s: %d pass, %d to be looked at, %d failed, %d by hand\n",
			counted(int64(r.Summary.Pass+r.Summary.Warn+r.Summary.Fail+r.Summary.ByHand), "box", "boxes"),
			r.Summary.Pass, r.Summary.Warn, r.Summary.Fail, r.Summary.ByHand)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// finding prints a finding below its box.
func (l *look) finding(b *strings.Builder, f *finding) {
	mark := " "
	if f.Status != pass {
		mark = l.mark(f.Status)
	}
	what := f.What
	if f.Sink != "" && f.Sink != f.What {
		what = f.Sink + ": " + what
	}
	color := ""
	if f.Status == pass {
		color = "2"
	}
	l.wrap(b, "  "+mark+" ", 4, color, what+": "+f.Detail)
	if f.Do != "" {
		arrow := "→"
		if l.ascii {
			arrow = "->"
		}
		text, command, run := strings.Cut(f.Do, "run: ")
		if run {
			text = strings.TrimRight(text, " ,:;.") + ":"
		}
		indent := 5 + runewidth.StringWidth(arrow)
		if text == ":" { // the command is all
			fmt.Fprintln(b, "    "+arrow+" "+command)
			return
		}
		l.wrap(b, "    "+arrow+" ", indent, "", text)
		if run { // as a line of its own, to be copied
			fmt.Fprintln(b, strings.Repeat(" ", indent)+command)
		}
	}
}

// wrap prints a text behind what it begins with, in lines that fit, and indented from the second one on. A word
// that is longer than a line stays whole, so that it can be copied.
func (l *look) wrap(b *strings.Builder, begin string, indent int, color, text string) {
	room := l.width - indent
	var lines []string
	line, used := "", 0
	for word := range strings.SplitSeq(text, " ") {
		n := runewidth.StringWidth(word)
		if used > 0 && used+1+n > room {
			lines, line, used = append(lines, line), "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	for i, line := range append(lines, line) {
		if color != "" {
			line = l.paint(color, line)
		}
		if i > 0 {
			begin = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(b, begin+line)
	}
}
