package chart

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
)

// A Style says how bars are drawn in a terminal.
type Style struct {
	ASCII bool // with no other characters
	Color bool
}

// Bar returns a bar of parts, one behind the other, of which full fills all columns. It is
// padded to these with spaces. A part that is not zero is always seen.
func (s Style) Bar(columns int, full float64, parts ...Part) string {
	if columns <= 0 {
		return ""
	}
	var b strings.Builder
	var used int
	switch {
	case s.Color && !s.ASCII:
		used = colored(&b, columns, full, parts)
	default:
		used = s.patterned(&b, columns, full, parts)
	}
	b.WriteString(strings.Repeat(" ", columns-used))
	return b.String()
}

// Key returns what a tone looks like, one column wide.
func (s Style) Key(t Tone) string {
	if !s.Color {
		return string(s.pattern(t))
	}
	return paint(string(s.pattern(t)), foreground(t))
}

// Rows prints rows below each other, in as many columns: labels, bars and texts. The bar of full, or of the
// longest row if that is zero, takes all the room that labels and texts leave, but ten columns at least.
func (s Style) Rows(w io.Writer, columns int, full float64, rows []Row) error {
	const gap = 2
	labels, texts := 0, 0
	for _, r := range rows {
		labels = max(labels, runewidth.StringWidth(r.Label))
		texts = max(texts, runewidth.StringWidth(r.Text))
	}
	if full <= 0 {
		for _, r := range rows {
			full = max(full, total(r.Parts))
		}
	}
	room := columns - labels - gap
	if texts > 0 {
		room -= texts + gap
	}
	room = max(room, 10)
	out := bufio.NewWriter(w)
	for _, r := range rows {
		line := r.Label + strings.Repeat(" ", labels-runewidth.StringWidth(r.Label)+gap) + s.Bar(room, full, r.Parts...)
		if r.Text != "" {
			line += strings.Repeat(" ", gap) + strings.Repeat(" ", texts-runewidth.StringWidth(r.Text)) + r.Text
		}
		_, _ = out.WriteString(strings.TrimRight(line, " ") + "\n") // Flush returns the error
	}
	return out.Flush()
}

// eighths are the parts of a column, from the left.
const eighths = " ▏▎▍▌▋▊▉█"

func eighth(n int) string { return string([]rune(eighths)[n]) }

// colored draws in eighths of a column. Where two parts meet in one, the second is its background.
func colored(b *strings.Builder, columns int, full float64, parts []Part) (used int) {
	ends := steps(parts, full, columns*8)
	if len(ends) == 0 {
		return 0
	}
	last := ends[len(ends)-1]
	at, open := 0, ""
	for used*8 < last {
		from, to := used*8, used*8+8
		for ends[at] <= from {
			at++
		}
		color := foreground(parts[at].Tone)
		end := min(ends[at], to)
		if end < to && last >= to {
			next := at + 1
			for ends[next] < to {
				next++
			}
			color += ";" + background(parts[next].Tone)
		} else {
			end = min(last, to)
		}
		if color != open {
			if open != "" {
				b.WriteString("\x1b[0m")
			}
			b.WriteString("\x1b[" + color + "m")
			open = color
		}
		b.WriteString(eighth(end - from))
		used++
	}
	if open != "" {
		b.WriteString("\x1b[0m")
	}
	return used
}

// patterned draws in whole columns, each tone with a pattern of its own, and the end of what is solid in eighths.
func (s Style) patterned(b *strings.Builder, columns int, full float64, parts []Part) (used int) {
	if len(parts) == 1 && !s.ASCII && s.pattern(parts[0].Tone) == '█' {
		n := steps(parts, full, columns*8)[0]
		b.WriteString(strings.Repeat("█", n/8))
		used = n / 8
		if n%8 > 0 {
			b.WriteString(eighth(n % 8))
			used++
		}
		return used
	}
	for i, end := range steps(parts, full, columns) {
		text := strings.Repeat(string(s.pattern(parts[i].Tone)), end-used)
		if s.Color && text != "" {
			text = paint(text, foreground(parts[i].Tone))
		}
		b.WriteString(text)
		used = end
	}
	return used
}

func (s Style) pattern(t Tone) rune {
	patterns := []rune("█░▒█")
	switch {
	case s.ASCII:
		patterns = []rune("=-+#")
	case s.Color:
		patterns = []rune("████")
	}
	return patterns[t]
}

func foreground(t Tone) string { return []string{"36", "90", "33", "31"}[t] }

func background(t Tone) string {
	n, _ := strconv.Atoi(foreground(t)) // a number of four
	return strconv.Itoa(n + 10)
}

func paint(text, color string) string { return "\x1b[" + color + "m" + text + "\x1b[0m" }
