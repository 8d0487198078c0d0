package stat

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// The sections of the text.
const (
	showSummary  = "summary"
	showTime     = "time"
	showLevels   = "levels"
	showErrors   = "errors"
	showMessages = "messages"
	showSources  = "sources"
	showLoggers  = "loggers"
	showGroups   = "groups"
	showAttrs    = "attrs"
	showPackages = "packages"
	showAll      = "all"
)

func sections() []string {
	return []string{showSummary, showTime, showLevels, showErrors, showMessages, showSources, showLoggers, showGroups, showAttrs, showPackages, showAll}
}

// A page is a result as text.
type page struct {
	out      bytes.Buffer
	result   *result
	style    chart.Style
	width    int
	show     map[string]bool
	examples bool
}

// text prints the whole result.
func (p *page) text(w io.Writer) error {
	r := p.result
	if p.show[showSummary] {
		p.summary()
	}
	if p.show[showLevels] {
		p.levels()
	}
	if p.show[showTime] {
		p.times()
	}
	if p.show[showErrors] {
		p.messages("Errors", &r.Errors)
	}
	if p.show[showMessages] && (!p.show[showErrors] || r.Messages.Distinct > r.Errors.Distinct) {
		p.messages("Messages", &r.Messages)
	}
	if p.show[showSources] {
		p.sources(&r.Sources)
	}
	if p.show[showLoggers] {
		p.names("Loggers", &r.Loggers)
	}
	if p.show[showPackages] {
		p.names("Packages", &r.Packages)
	}
	if r.Groups != nil && p.show[showGroups] {
		p.names("By "+printable(r.GroupBy), r.Groups)
	}
	if p.show[showAttrs] {
		for i := range r.Attrs {
			p.attr(&r.Attrs[i])
		}
	}
	p.thresholds()
	_, err := w.Write(bytes.TrimLeft(p.out.Bytes(), "\n"))
	return err
}

// head begins a section.
func (p *page) head(text string) {
	p.out.WriteByte('\n')
	if p.style.Color {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	p.out.WriteString(text + "\n")
}

func (p *page) dim(text string) string {
	if p.style.Color {
		return "\x1b[2m" + text + "\x1b[0m"
	}
	return text
}

// line prints a line without spaces at its end.
func (p *page) line(format string, args ...any) {
	p.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// fit cuts a text to a width.
func (p *page) fit(text string, width int) string {
	tail := "…"
	if p.style.ASCII {
		tail = "..."
	}
	return runewidth.Truncate(text, max(width, 12), tail)
}

func (p *page) summary() {
	r := p.result
	p.head(p.fit(r.title(), p.width))
	p.fact("Lines", fmt.Sprintf("%s, %s; %s bytes on average, %s the longest",
		number(r.Lines.Counted), size(r.Bytes.Counted), number(int64(math.Round(r.Bytes.Mean))), number(r.Bytes.Longest)))
	var odd []string
	for _, o := range []struct {
		lines int64
		what  string
	}{
		{r.Lines.Text, "text"},
		{r.Lines.Broken - r.unjudged, "broken"},
		{r.Lines.Cut, "cut off as too long"},
		{r.Lines.WithoutTime, "without a time"},
		{r.Lines.WithoutLevel, "without a level"},
		{r.Lines.OutOfOrder, "out of order"},
	} {
		if o.lines == 0 {
			continue
		}
		text := number(o.lines) + " " + o.what
		if o.what == "broken" {
			text += r.firstBroken()
		}
		odd = append(odd, text)
	}
	if len(odd) > 0 {
		p.fact("Of these", strings.Join(odd, ", "))
	}
	var besides []string
	if r.Lines.Filtered > 0 {
		besides = append(besides, number(r.Lines.Filtered)+" that the filter has left out")
	}
	if r.unjudged > 0 {
		besides = append(besides, number(r.unjudged)+" broken"+r.firstBroken())
	}
	if len(besides) > 0 {
		p.fact("Besides", strings.Join(besides, ", "))
	}
	if t := r.Time; t != nil {
		p.fact("Time", fmt.Sprintf("%s to %s %s, %s", stamp(t.First), stamp(t.Last), zoneName(t.Last), t.length()))
		p.fact("Rate", p.rate(t))
	}
	if len(r.Makes) > 0 {
		makes := make([]string, 0, len(r.Makes))
		for _, m := range r.Makes {
			makes = append(makes, fmt.Sprintf("%s %s", m.Make, number(m.Lines)))
		}
		p.fact("Written by", strings.Join(makes, ", "))
	}
}

// firstBroken says where the first line is that is broken.
func (r *result) firstBroken() string {
	where := cli.Printable(shortPath(r.Lines.FirstBroken))
	if line, ok := strings.CutPrefix(where, "-:"); ok {
		where = "line " + line
	}
	return " (" + where + " is the first)"
}

// fact prints one line of the summary, or several where it does not fit.
func (p *page) fact(name, text string) {
	indent := 12
	room := max(p.width-indent, 24)
	for len(text) > room {
		i := strings.LastIndexByte(text[:room+1], ' ')
		if i <= 0 {
			break
		}
		p.line("%-*s%s", indent, name, text[:i])
		name, text = "", text[i+1:]
	}
	p.line("%-*s%s", indent, name, text)
}

func (p *page) rate(t *timeResult) string {
	text := "one moment"
	switch perSecond := t.LinesASecond; {
	case perSecond >= 1:
		text = significant(perSecond) + " lines a second"
	case perSecond*60 >= 1:
		text = significant(perSecond*60) + " lines a minute"
	case perSecond*3600 >= 1:
		text = significant(perSecond*3600) + " lines an hour"
	case perSecond > 0:
		text = significant(perSecond*86400) + " lines a day"
	}
	if b := t.BusiestMinute; b != nil && b.Lines > 1 {
		text += fmt.Sprintf("; the busiest minute %s with %s", b.Start.Format("2006-01-02 15:04"), number(b.Lines))
	}
	if b := t.BusiestSecond; b != nil && b.Lines > 1 {
		text += ", the busiest second " + b.Start.Format(time.TimeOnly)
		if !b.Exact || t.BusiestMinute == nil || !b.Start.Truncate(time.Minute).Equal(t.BusiestMinute.Start) {
			text = strings.TrimSuffix(text, b.Start.Format(time.TimeOnly)) + stamp(b.Start)
		}
		text += " with " + number(b.Lines)
		if !b.Exact {
			text += " or more"
		}
	}
	return text
}

func (p *page) levels() {
	r := p.result
	if len(r.Levels) == 0 {
		return
	}
	p.head("Levels")
	width := 0
	for _, l := range r.Levels {
		width = max(width, len(number(l.Lines)))
	}
	rows := make([]chart.Row, 0, len(r.Levels))
	for _, l := range r.Levels {
		tone := chart.Plain
		switch {
		case l.is(class.isError):
			tone = chart.Error
		case l.is(class.isWarning):
			tone = chart.Warning
		}
		rows = append(rows, chart.Row{
			Label: fmt.Sprintf("  %-8s  %*s  %6s", l.Level, width, number(l.Lines), percent(l.Share)),
			Parts: []chart.Part{{Value: float64(l.Lines), Tone: tone}},
		})
	}
	_ = p.style.Rows(&p.out, min(p.width, 72), 0, rows) // a buffer takes everything
}

func (l levelResult) is(what func(class) bool) bool {
	for cl := range classCount {
		if cl.String() == l.Level {
			return what(cl)
		}
	}
	return false
}

// times prints the bars over time. Errors and warnings have a scale of their own, or few of them would not be seen
// beside many lines.
func (p *page) times() {
	r := p.result
	if len(r.rows) == 0 {
		return
	}
	intervals := timeline(r.zone, r.rows, r.by)
	var most counts
	problems := int64(0)
	zones := map[string]bool{}
	for _, i := range intervals {
		most.Lines = max(most.Lines, i.Lines)
		most.Warnings = max(most.Warnings, i.Warnings)
		most.Errors = max(most.Errors, i.Errors)
		problems = max(problems, i.Errors+i.Warnings)
		zones[time.Unix(i.start, 0).In(r.zone).Format("-07:00")] = true
	}
	withZone := len(zones) > 1 && r.by < day

	linesWidth := max(5, len(number(most.Lines)))
	errorsWidth := max(6, len(number(most.Errors)))
	warningsWidth := max(8, len(number(most.Warnings)))
	labelWidth := len("2006-01-02 15:04")
	switch {
	case r.by < minute:
		labelWidth += len(":05")
	case r.by >= day:
		labelWidth = len("2006-01-02 Mon")
	}
	if withZone {
		labelWidth += len(" -07:00")
	}
	room := p.width - 2 - labelWidth - 2 - linesWidth - 2
	narrow, wide := min(room, 60), 0
	if problems > 0 {
		room -= errorsWidth + warningsWidth + 6
		narrow = min(max(room/3, 4), 20)
		wide = min(max(room-narrow, 4), 60)
	}

	p.head(fmt.Sprintf("By %s, %s", r.by, zoneName(time.Unix(r.rows[0].start, 0).In(r.zone))))
	if r.coarse > 0 {
		p.line("  (a longer step than was asked for, which makes more than %s rows)", number(r.coarse))
	}
	if problems > 0 {
		p.line("  %-*s  %*s  %-*s  %*s  %*s  %s errors %s warnings", labelWidth, "", linesWidth, "lines", narrow, "",
			errorsWidth, "errors", warningsWidth, "warnings", p.style.Key(chart.Error), p.style.Key(chart.Warning))
	} else {
		p.line("  %-*s  %*s", labelWidth, "", linesWidth, "lines")
	}
	before := ""
	for _, i := range intervals {
		start := time.Unix(i.start, 0).In(r.zone)
		date, clock := label(start, r.by)
		text := date
		if clock != "" {
			if date == before {
				text = strings.Repeat(" ", len(date))
			}
			text += " " + clock
		}
		before = date
		if withZone {
			text += start.Format(" -07:00")
		}
		if i.empty > 0 {
			p.line("  %s", p.dim(fmt.Sprintf("%-*s  %s without a line", labelWidth, text, i.length())))
			continue
		}
		line := fmt.Sprintf("  %-*s  %*s  %s", labelWidth, text, linesWidth, number(i.Lines),
			p.style.Bar(narrow, float64(most.Lines), chart.Part{Value: float64(i.Lines)}))
		if problems > 0 {
			line += fmt.Sprintf("  %*s  %*s  %s", errorsWidth, orBlank(i.Errors), warningsWidth, orBlank(i.Warnings),
				p.style.Bar(wide, float64(problems), chart.Part{Value: float64(i.Errors), Tone: chart.Error}, chart.Part{Value: float64(i.Warnings), Tone: chart.Warning}))
		}
		p.line("%s", line)
	}
}

func orBlank(n int64) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

// title says of how many there are more than are shown.
func title(what string, n *namesResult) string {
	switch {
	case n.Missed > 0:
		return fmt.Sprintf("%s, the first %d of at least %s", what, len(n.Top), number(int64(n.Distinct)))
	case len(n.Top) < n.Distinct:
		return fmt.Sprintf("%s, the first %d of %s", what, len(n.Top), number(int64(n.Distinct)))
	}
	return what
}

func (p *page) messages(what string, n *namesResult) {
	if len(n.Top) == 0 {
		return
	}
	p.head(title(what, n))
	var width, levelWidth int
	for _, m := range n.Top {
		width = max(width, len(number(m.Lines)))
		levelWidth = max(levelWidth, len(m.Level))
	}
	layout := "15:04:05"
	if t := p.result.Time; t != nil && t.First.Format(time.DateOnly) != t.Last.Format(time.DateOnly) {
		layout = "01-02 15:04"
	}
	for _, m := range n.Top {
		line := fmt.Sprintf("  %*s  %6s  %-*s  ", width, number(m.Lines), percent(m.Share), levelWidth, m.Level)
		if p.width >= 100 {
			first, last := "", ""
			if m.First != nil {
				first, last = m.First.Format(layout), m.Last.Format(layout)
			}
			line += fmt.Sprintf("%-*s  %-*s  ", len(layout), first, len(layout), last)
		}
		p.line("%s%s", line, p.fit(printable(m.Name), p.width-len(line)))
		if p.examples && m.Example != m.Name && m.Example != "" {
			indent := width + 4
			p.line("%s%s", strings.Repeat(" ", indent), p.dim(p.fit(printable(m.Example), p.width-indent)))
		}
	}
	p.missed(n)
}

// missed says how wrong the figures of a table may be.
func (p *page) missed(n *namesResult) {
	if n.Missed > 0 {
		p.line("  (too many to count them all: a figure may be up to %s too low, and what has no more may be missing)", number(n.Missed))
	}
}

func (p *page) names(what string, n *namesResult) {
	if len(n.Top) == 0 {
		return
	}
	p.head(title(what, n))
	var most counts
	for _, e := range n.Top {
		most.Lines = max(most.Lines, e.Lines)
		most.Errors = max(most.Errors, e.Errors)
		most.Warnings = max(most.Warnings, e.Warnings)
	}
	lines, errs, warnings := max(5, len(number(most.Lines))), max(6, len(number(most.Errors))), max(8, len(number(most.Warnings)))
	p.line("  %*s  %*s  %*s", lines, "lines", errs, "errors", warnings, "warnings")
	for _, e := range n.Top {
		p.line("  %*s  %*s  %*s  %s", lines, number(e.Lines), errs, orBlank(e.Errors), warnings, orBlank(e.Warnings),
			p.fit(printable(e.Name), p.width-lines-errs-warnings-8))
	}
	p.missed(n)
}

// sources prints places with the end of their path only, where that tells them apart.
func (p *page) sources(n *namesResult) {
	short := map[string]int{}
	for _, e := range n.Top {
		short[shortPath(e.Name)]++
	}
	shown := *n
	shown.Top = slices.Clone(n.Top)
	for i := range shown.Top {
		if e := &shown.Top[i]; short[shortPath(e.Name)] == 1 {
			e.Name = shortPath(e.Name)
		}
	}
	p.names("Sources", &shown)
}

// attr prints the percentiles of an attr.
func (p *page) attr(a *attrResult) {
	p.head(printable(a.Attr))
	if a.All == nil {
		p.line("  no line has a number there")
		return
	}
	names := []string{"count", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"}
	rows := [][]string{names, append(a.All.cells(), "")}
	for _, g := range a.Groups {
		rows = append(rows, append(g.cells(), printable(g.Name)))
	}
	if len(a.Groups) > 0 {
		rows[1][len(names)] = "all"
	}
	if a.Rest != nil {
		rows = append(rows, append(a.Rest.cells(), "others"))
	}
	widths := make([]int, len(names))
	for _, cells := range rows {
		for i := range widths {
			widths[i] = max(widths[i], len(cells[i]))
		}
	}
	for _, cells := range rows {
		var line strings.Builder
		for i, w := range widths {
			fmt.Fprintf(&line, "  %*s", w, cells[i])
		}
		if len(cells) > len(names) {
			line.WriteString("  " + p.fit(cells[len(names)], p.width-line.Len()-2))
		}
		p.line("%s", line.String())
	}
	p.line("  %s", p.dim("(percentiles are off by 1 % at most)"))
	if a.Refused > 0 {
		p.line("  (%s too large to be counted)", number(a.Refused))
	}
}

func (d *distResult) cells() []string {
	return []string{
		number(d.Count), significant(d.Min), significant(d.Mean), significant(d.P50), significant(d.P90), significant(d.P95), significant(d.P99),
		significant(d.P999), significant(d.Max),
	}
}

func (p *page) thresholds() {
	if len(p.result.Thresholds) == 0 {
		return
	}
	p.head("Thresholds")
	for i := range p.result.Thresholds {
		p.line("  %s", p.result.Thresholds[i].text())
	}
}

// text returns what has come of a threshold, in one line.
func (t *thresholdResult) text() string {
	line := fmt.Sprintf("%-8s  %s", t.Verdict, printable(t.Threshold))
	switch {
	case t.Why != "":
		return line + ": " + t.Why
	case t.Value == nil:
		return line + ": nothing to judge"
	}
	line += ": " + t.figure()
	if !t.each {
		return line
	}
	line += " in the " + t.per.String() + " " + t.bucket()
	if t.Exceeded > 0 {
		line += fmt.Sprintf(" (exceeded in %s of %s)", number(t.Exceeded), plural(t.Judged, t.per.String()))
	}
	return line
}

// figure returns the worst figure, with all digits where fewer would be those of the threshold itself.
func (t *thresholdResult) figure() string {
	if !t.share && !t.attr {
		return number(int64(*t.Value))
	}
	text := significant(*t.Value)
	if *t.Value != t.number && text == significant(t.number) {
		text = strconv.FormatFloat(*t.Value, 'g', -1, 64)
	}
	if t.share {
		text += "%"
	}
	return text
}

// bucket names the bucket of the worst figure.
func (t *thresholdResult) bucket() string {
	if t.per < day {
		return t.Start.Format("2006-01-02 15:04")
	}
	date := t.Start.Format(time.DateOnly)
	if t.per == week {
		return "from " + date
	}
	return date
}

// title names the files.
func (r *result) title() string {
	switch names := r.Files.Names; {
	case len(names) == 1 && names[0] == "-":
		return "standard input"
	case len(names) == 0:
		return "no file (all were last written to before --since)"
	case len(names) == 1:
		return cli.Printable(names[0])
	default:
		return fmt.Sprintf("%s and %s", cli.Printable(names[len(names)-1]), plural(int64(len(names)-1), "other file"))
	}
}

func number(n int64) string { return humanize.Comma(n) }

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

func percent(share float64) string {
	switch {
	case share > 0 && share < 0.001:
		return "<0.1%"
	case share == 1:
		return "100%"
	}
	return strconv.FormatFloat(share*100, 'f', 1, 64) + "%"
}

// significant returns a number with four digits that count, or all before the point.
func significant(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a >= 1e12 || a < 1e-4:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	text := strconv.FormatFloat(v, 'f', max(0, 3-int(math.Floor(math.Log10(a)))), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return number(n) + " " + unit + "s"
}

func stamp(t time.Time) string { return t.Format(time.DateTime) }

func zoneName(t time.Time) string {
	name, _ := t.Zone()
	if name == "" || name[0] == '+' || name[0] == '-' {
		return "UTC" + t.Format("-07:00")
	}
	return name
}

// length returns how long it is from the first to the last, with the two largest units. It may be more than a time.Duration holds.
func (t *timeResult) length() string {
	micros := t.Last.UnixMicro() - t.First.UnixMicro()
	if micros < 60e6 {
		return (time.Duration(micros) * time.Microsecond).Round(time.Millisecond).String()
	}
	seconds := micros / 1e6
	units := []struct {
		name string
		n    int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	i := 0
	for seconds < units[i].n {
		i++
	}
	text := number(seconds/units[i].n) + units[i].name
	if rest := seconds % units[i].n / units[i+1].n; rest > 0 {
		text += fmt.Sprintf(" %d%s", rest, units[i+1].name)
	}
	return text
}

// shortPath returns the last two elements of a path: what tells files apart.
func shortPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return path
	}
	return path[strings.LastIndexByte(path[:i], '/')+1:]
}
