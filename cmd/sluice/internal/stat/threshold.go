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
	`or p99(ATTR), p50(ATTR) …, mean(ATTR), min(ATTR), max(ATTR), sum(ATTR), count(ATTR); > may be >=, < or <=; NUMBER is as ` +
	`1000, 1,000 or 0.5, and may be a share of the lines as in "errors > 1%", and of an ATTR a duration as in "p99(took) > 500ms"`

var thresholdForm = regexp.MustCompile(`(?i)^\s*(?:(p[0-9]+(?:\.[0-9]+)?|mean|min|max|sum|count)\s*\(\s*([^()]*[^()\s])\s*\)|([a-z]+))\s*(>=|<=|>|<)` +
	`\s*([+-]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9][0-9_]*)(?:\.[0-9]+)?|[+-]?\.[0-9]+)` +
	`\s*(%|[a-zµ]+[0-9a-zµ.]*)??\s*(?:(?:per|/|an?|in\s+an?)\s*(minute|hour|day|week))?\s*$`)

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

	windows *windows // of the attr, if each bucket has a figure
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
	return figure * 100 / float64(lines), lines > 0 // exact, where a share before would not be
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
	if t.attr >= 0 {
		if err := t.finishAttr(all); err != nil {
			return err
		}
		if n := all.dists[t.attr].refused; n > 0 && t.result.exceeded == 0 {
			return fmt.Errorf("%s above %g cannot be counted", plural(n, "number"), tooLarge)
		}
		return nil
	}
	switch {
	case !t.each:
		whole := bucket{lines: all.classes}
		if t.what == "lines" {
			t.judge(float64(all.lines()), 0, 0)
		} else if figure, ok := t.of(&whole, &all.sums); ok {
			t.judge(figure, 0, 0)
		}
	case t.per < all.times.unit:
		return fmt.Errorf("lines in more than %d different minutes are counted by the %s", maxBuckets, all.times.unit)
	default:
		var readings []reading
		for _, b := range all.times.merged(t.per) {
			if v, ok := t.of(&b, nil); ok {
				readings = append(readings, reading{b.start, v})
			}
		}
		return t.judgeEach(all, readings)
	}
	return nil
}

// finishAttr judges a figure of an attr. One that no line has is a wrong name more often than not. Without lines there is nothing
// wrong.
func (t *threshold) finishAttr(all *total) error {
	d := all.dists[t.attr]
	var err error
	switch {
	case t.each:
		open := t.windows.ordered()
		readings := make([]reading, 0, len(open))
		for _, w := range open {
			readings = append(readings, reading{w.start, t.figure(w)})
		}
		if !t.windows.incomplete || !t.silent() {
			err = t.judgeEach(all, readings)
		}
		if t.windows.incomplete {
			err = fmt.Errorf("the lines are in too many different %ss, and not in their order", t.per)
		}
	case d.count() > 0 || t.silent() && t.exceeds(0):
		t.judge(t.figure(d.window()), 0, 0)
	}
	switch {
	case t.result.exceeded > 0:
		return nil
	case all.json > 0 && d.count()+d.refused == 0:
		return fmt.Errorf("no line has a number at %q", t.path)
	case all.json > 0 && t.each && t.result.judged == 0 && d.count() > 0 && err == nil:
		return fmt.Errorf("no line with a number at %q has a time", t.path)
	}
	return err
}

// A reading is the figure of the bucket that begins at start.
type reading struct {
	start int64
	v     float64
}

// judgeEach judges bucket by bucket. Where it is too little that is wrong, those without lines are judged as well, but only those
// of which the whole is known: between the first and the last one with lines, or between the times of --since and --until.
func (t *threshold) judgeEach(all *total, readings []reading) error {
	zone := all.times.zone
	if !t.silent() {
		for _, r := range readings {
			t.judge(r.v, r.start, t.per.next(zone, r.start))
		}
		return nil
	}
	var from, to int64
	if len(readings) > 0 {
		from, to = t.per.next(zone, readings[0].start), readings[len(readings)-1].start
	}
	if !all.since.IsZero() {
		from = t.per.next(zone, t.per.floor(zone, all.since.Add(-1).Unix())) // what has begun before is not whole
	}
	if !all.until.IsZero() {
		to = t.per.floor(zone, all.until.Unix())
	}
	if from >= to || len(readings) == 0 && all.since.IsZero() {
		return fmt.Errorf("no whole %s is known; with --since, all from then on are judged", t.per)
	}
	for _, r := range readings {
		if r.start >= from && r.start < to {
			t.judgeGap(zone, from, r.start)
			from = t.per.next(zone, r.start)
			t.judge(r.v, r.start, from)
		}
	}
	t.judgeGap(zone, from, to)
	return nil
}

// judgeGap judges the buckets between two times, which have no lines.
func (t *threshold) judgeGap(zone *time.Location, from, to int64) {
	gap := t.per.between(from, to)
	if gap <= 0 {
		return
	}
	t.judge(0, from, t.per.next(zone, from))
	t.result.judged += gap - 1
	if t.exceeds(0) {
		t.result.exceeded += gap - 1
	}
}

// silent reports whether too few lines are wrong, and so none at all.
func (t *threshold) silent() bool {
	switch t.what {
	case "p", "mean", "min", "max":
		return false
	}
	return !t.over && !t.share
}
