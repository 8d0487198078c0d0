package stat

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// grammar is how a threshold is written, for those who have written another.
const grammar = `WHAT > NUMBER [per minute|hour|day|week], where WHAT is errors, warnings, lines, text, broken, a level such as critical, ` +
	`or p99(ATTR), p50(ATTR) …, mean(ATTR), min(ATTR), max(ATTR), sum(ATTR), count(ATTR); > may be >=, < or <=; NUMBER may be a share of the lines ` +
	`as in "errors > 1%", and of an ATTR a duration as in "p99(took) > 500ms"`

var thresholdForm = regexp.MustCompile(`(?i)^\s*(?:(p[0-9]+(?:\.[0-9]+)?|mean|min|max|sum|count)\s*\(\s*([^()]*[^()\s])\s*\)|([a-z]+))\s*(>=|<=|>|<)` +
	`\s*([+-]?[0-9][0-9_,]*(?:\.[0-9]+)?|[+-]?\.[0-9]+)\s*(%|[a-zµ]+[0-9a-zµ.]*)??\s*(?:(?:per|/|an?|in\s+an?)\s*(minute|hour|day|week))?\s*$`)

// A threshold is a limit for one figure, of all lines or of those of each minute, hour, day or week.
type threshold struct {
	text   string
	what   string // lines, errors, warnings, text, broken, level or the name of a function
	cl     class
	part   float64 // of a percentile
	path   string  // of the attr of a function
	attr   int     // among the attrs; -1 for what is none's
	over   bool    // it is exceeded by what is more, not less
	equal  bool    // and by the number itself
	number float64
	share  bool
	each   bool
	per    step

	windows windows // of the attr, if each bucket has a figure
	result  verdict
}

// A verdict is what has come of a threshold.
type verdict struct {
	judged, exceeded int64   // buckets, or 1
	worst            float64 // of the figures
	at, end          int64   // of the worst one's bucket
}

// parseThreshold reads a threshold. Its attr is yet to be set.
func parseThreshold(text string) (*threshold, error) {
	m := thresholdForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%q is not a threshold, which is %s", text, grammar)
	}
	function, path, what, operator, number, unit, per := strings.ToLower(m[1]), m[2], strings.ToLower(m[3]), m[4], m[5], m[6], strings.ToLower(m[7])
	t := &threshold{
		text: strings.Join(strings.Fields(text), " "), what: what, path: path, attr: -1,
		over: operator[0] == '>', equal: len(operator) == 2,
	}
	switch {
	case function != "":
		t.what = function
		if function[0] == 'p' {
			percent, err := strconv.ParseFloat(function[1:], 64)
			if err != nil || percent > 100 {
				return nil, fmt.Errorf("%q: there is no percentile %s, only p0 to p100", text, function)
			}
			t.what, t.part = "p", percent/100
		}
	case what != "errors" && what != "warnings" && what != "lines" && what != "text" && what != "broken":
		level, err := handler.ParseLevel(what)
		if err != nil || classOf(level).level() != level {
			return nil, fmt.Errorf("%q: %q is neither a figure nor a level with a name of its own; a threshold is %s", text, what, grammar)
		}
		t.what, t.cl = "level", classOf(level)
	}
	t.each = per != ""
	t.per = map[string]step{"minute": minute, "hour": hour, "day": day, "week": week}[per]
	if t.each && (what == "text" || what == "broken") {
		return nil, fmt.Errorf("%q: lines that are not JSON have no time, so there is no number of them per %s", text, per)
	}
	err := t.setNumber(number, unit)
	return t, err
}

// setNumber reads the number with its unit.
func (t *threshold) setNumber(number, unit string) (err error) {
	number = strings.NewReplacer(",", "", "_", "").Replace(number)
	switch {
	case unit != "" && unit != "%" && t.path != "":
		d, err := time.ParseDuration(number + unit)
		if err != nil {
			return fmt.Errorf("%q: %s%s is neither a number nor a duration as 500ms or 1m30s", t.text, number, unit)
		}
		t.number = d.Seconds()
		return nil
	case unit == "%" && t.path == "" && t.what != "lines":
		t.share = true
	case unit != "":
		return fmt.Errorf("%q: the number has no unit %q; a threshold is %s", t.text, unit, grammar)
	}
	if t.number, err = strconv.ParseFloat(number, 64); err != nil {
		return fmt.Errorf("%q: %s is too large", t.text, number)
	}
	return nil
}

// value adds a number of the threshold's attr.
func (t *threshold) value(zone *time.Location, v *value) {
	if !t.each || v.at == noTime {
		return
	}
	if old, ok := t.windows.add(t.per.floor(zone, v.at), v.v, t.what == "p"); ok {
		t.judge(t.figure(old), old.start, t.per.next(zone, old.start))
	}
}

// figure returns what the function says of a window.
func (t *threshold) figure(w *window) float64 {
	switch t.what {
	case "mean":
		return w.sum / float64(w.count)
	case "min":
		return w.min
	case "max":
		return w.max
	case "sum":
		return w.sum
	case "count":
		return float64(w.count)
	}
	return w.dist.quantile(t.part)
}

// of returns the figure of some lines. It is false if there is none, as a share of no lines.
func (t *threshold) of(b *bucket, s *sums) (figure float64, ok bool) {
	c := b.counts()
	switch t.what {
	case "lines":
		return float64(c.Lines), true
	case "errors":
		figure = float64(c.Errors)
	case "warnings":
		figure = float64(c.Warnings)
	case "level":
		figure = float64(b.lines[t.cl])
	case "text":
		figure = float64(s.text)
	case "broken":
		figure = float64(s.wrong() + s.cut)
	}
	if !t.share {
		return figure, true
	}
	lines := c.Lines
	if s != nil {
		lines = s.lines()
	}
	return figure / float64(lines) * 100, lines > 0
}

func (t *threshold) judge(figure float64, start, end int64) {
	v := &t.result
	worse := t.over && figure > v.worst || !t.over && figure < v.worst
	if v.judged == 0 || worse || figure == v.worst && start < v.at {
		v.worst, v.at, v.end = figure, start, end
	}
	v.judged++
	if t.exceeds(figure) {
		v.exceeded++
	}
}

func (t *threshold) exceeds(figure float64) bool {
	switch {
	case figure == t.number:
		return t.equal
	case t.over:
		return figure > t.number
	}
	return figure < t.number
}

// finish judges what has been counted. The error says why that is not possible.
func (t *threshold) finish(all *total) error {
	switch {
	case t.attr >= 0 && !t.each:
		d := all.dists[t.attr]
		if d.count() == 0 && t.what != "count" && t.what != "sum" {
			return t.nothing(all)
		}
		t.judge(t.figure(d.window()), 0, 0)
	case t.attr >= 0:
		open := t.windows.ordered()
		readings := make([]reading, 0, len(open))
		for _, w := range open {
			readings = append(readings, reading{w.start, t.figure(w)})
		}
		t.judgeEach(all.times.zone, readings)
		switch {
		case len(open) == 0:
			return t.nothing(all)
		case t.windows.incomplete && t.result.exceeded == 0:
			return fmt.Errorf("%q: cannot be judged: the lines are in too many different %ss, and not in their order", t.text, t.per)
		}
	case !t.each:
		whole := bucket{lines: all.classes}
		if t.what == "lines" {
			t.judge(float64(all.lines()), 0, 0)
		} else if figure, ok := t.of(&whole, &all.sums); ok {
			t.judge(figure, 0, 0)
		}
	case t.per < all.times.unit:
		return fmt.Errorf("%q: cannot be judged: lines in more than %d different minutes are counted by the %s", t.text, maxBuckets, all.times.unit)
	default:
		var readings []reading
		for _, b := range all.times.merged(t.per) {
			if v, ok := t.of(&b, nil); ok {
				readings = append(readings, reading{b.start, v})
			}
		}
		t.judgeEach(all.times.zone, readings)
	}
	return nil
}

// nothing is the error for an attr that no line has: it is a wrong name more often than not. Without lines there is nothing wrong.
func (t *threshold) nothing(all *total) error {
	if all.json == 0 {
		return nil
	}
	if t.each && all.dists[t.attr].count() > 0 {
		return fmt.Errorf("%q: no line with a number at %q has a time", t.text, t.path)
	}
	return fmt.Errorf("%q: no line has a number at %q", t.text, t.path)
}

// A reading is the figure of the bucket that begins at start.
type reading struct {
	start int64
	v     float64
}

// judgeEach judges bucket by bucket. Where it is too little that is wrong, those without lines in between are judged as well, and the
// first and the last one are not, as nobody knows when they began and ended.
func (t *threshold) judgeEach(zone *time.Location, readings []reading) {
	silence := !t.over && t.adds()
	end := int64(0)
	for i, r := range readings {
		if gap := t.per.between(end, r.start); i > 0 && gap > 0 && silence {
			t.judge(0, end, t.per.next(zone, end))
			t.result.judged += gap - 1
			if t.exceeds(0) {
				t.result.exceeded += gap - 1
			}
		}
		end = t.per.next(zone, r.start)
		if !silence || i > 0 && i < len(readings)-1 {
			t.judge(r.v, r.start, end)
		}
	}
}

// adds reports whether the figure is less if there are less lines.
func (t *threshold) adds() bool {
	switch t.what {
	case "p", "mean", "min", "max":
		return false
	}
	return !t.share
}
