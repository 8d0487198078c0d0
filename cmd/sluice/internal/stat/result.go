package stat

import (
	"cmp"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/redact"
)

// A result is what --json prints. The text and the picture are made of it, too.
type result struct {
	Files      filesResult       `json:"files"`
	Lines      linesResult       `json:"lines"`
	Bytes      bytesResult       `json:"bytes"`
	Time       *timeResult       `json:"time"` // null if no line has one
	Levels     []levelResult     `json:"levels"`
	Makes      []makeResult      `json:"makes"`
	By         string            `json:"by"`
	Buckets    []bucketResult    `json:"buckets"`
	Errors     namesResult       `json:"errors"`
	Messages   namesResult       `json:"messages"`
	Sources    namesResult       `json:"sources"`
	Loggers    namesResult       `json:"loggers"`
	Packages   namesResult       `json:"packages"`
	GroupBy    string            `json:"group_by,omitempty"`
	Groups     *namesResult      `json:"groups,omitempty"`
	Attrs      []attrResult      `json:"attrs"`
	Thresholds []thresholdResult `json:"thresholds"`

	rows     []row
	by       step
	zone     *time.Location
	unjudged int64 // lines that are broken and not counted
	coarse   int64 // not 0 if by is longer than was asked for, which makes more rows than this
}

type filesResult struct {
	Names  []string `json:"names"`
	Failed int      `json:"failed"`
	Read   int64    `json:"bytes_read"`
}

type linesResult struct {
	Counted      int64  `json:"counted"`
	JSON         int64  `json:"json"`
	Text         int64  `json:"text"`
	Broken       int64  `json:"broken"`
	Cut          int64  `json:"cut"`
	Filtered     int64  `json:"filtered"`
	WithoutTime  int64  `json:"without_time"`
	WithoutLevel int64  `json:"without_level"`
	OutOfOrder   int64  `json:"out_of_order"`
	FirstBroken  string `json:"first_broken,omitempty"` // file:line
}

type bytesResult struct {
	Counted int64   `json:"counted"`
	Mean    float64 `json:"mean"`
	Longest int64   `json:"longest"`
}

type timeResult struct {
	First         time.Time   `json:"first"`
	Last          time.Time   `json:"last"`
	LinesASecond  float64     `json:"lines_per_second"`
	BusiestMinute *busyResult `json:"busiest_minute"`
	BusiestSecond *busyResult `json:"busiest_second"`
}

type busyResult struct {
	Start time.Time `json:"start"`
	Lines int64     `json:"lines"`
	Exact bool      `json:"exact"` // or there were more
}

type levelResult struct {
	Level string  `json:"level"`
	Lines int64   `json:"lines"`
	Share float64 `json:"share"` // of the lines counted
}

type makeResult struct {
	Make  string `json:"make"`
	Lines int64  `json:"lines"`
}

type bucketResult struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	counts
}

// A namesResult has the top of a table.
type namesResult struct {
	Distinct int          `json:"distinct"` // as many as are known; there are more if some are missed
	Missed   int64        `json:"missed"`   // at most so many lines of a name that is not here; 0 means that all figures are exact
	Top      []nameResult `json:"top"`
}

type nameResult struct {
	Name    string     `json:"name"`
	Example string     `json:"example,omitempty"` // of a message
	Level   string     `json:"level,omitempty"`   // of a message
	Share   float64    `json:"share"`
	First   *time.Time `json:"first"`
	Last    *time.Time `json:"last"`
	Missed  int64      `json:"missed"` // at most so many lines are not counted
	counts
}

type attrResult struct {
	Attr    string        `json:"attr"`
	All     *distResult   `json:"all"` // null if no line has a number there
	Refused int64         `json:"refused"`
	Groups  []groupResult `json:"groups,omitempty"`
	Rest    *distResult   `json:"rest,omitempty"` // of groups that were too many to be kept
	dist    *dist
}

type groupResult struct {
	Name string `json:"name"`
	distResult
}

type distResult struct {
	Count int64   `json:"count"`
	Min   float64 `json:"min"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
}

type thresholdResult struct {
	Threshold string     `json:"threshold"`
	Verdict   string     `json:"verdict"` // exceeded, held or unknown
	Value     *float64   `json:"value"`   // the worst
	Start     *time.Time `json:"start,omitempty"`
	End       *time.Time `json:"end,omitempty"`
	Judged    int64      `json:"judged"`
	Exceeded  int64      `json:"exceeded"`
	Why       string     `json:"why,omitempty"` // it is unknown
	number    float64
	share     bool
	per       step
	each      bool
	attr      bool
}

// A look is how a result is looked at.
type look struct {
	by      step
	chosen  bool // by is, by who calls
	top     int
	secrets bool // are shown
	rows    int64
}

// mask hides the secrets in a text.
func (v *look) mask(s string) string {
	if v.secrets {
		return s
	}
	return redact.String(s)
}

// result makes the result of all that was counted.
func (t *total) result(names []string, stats input.Stats, v *look) *result {
	mask := v.mask
	for i, name := range names {
		names[i] = mask(name)
	}
	zone := t.times.zone
	r := &result{
		Files: filesResult{Names: names, Failed: stats.Failed, Read: stats.Read},
		Lines: linesResult{
			Counted: t.lines(), JSON: t.json, Text: t.text, Broken: t.wrong(), Cut: t.cut, Filtered: t.filtered,
			WithoutTime: t.timeless, WithoutLevel: t.classes[unleveled], OutOfOrder: t.disordered,
		},
		Bytes:  bytesResult{Counted: t.bytes, Longest: t.longest},
		zone:   zone,
		Levels: []levelResult{}, Makes: []makeResult{}, Buckets: []bucketResult{}, Attrs: []attrResult{}, Thresholds: []thresholdResult{},
	}
	r.unjudged = t.unjudged
	if t.wrong() > 0 {
		r.Lines.FirstBroken = mask(t.wrongFile)
		if t.wrongLine > 0 {
			r.Lines.FirstBroken += ":" + strconv.FormatInt(t.wrongLine, 10)
		}
	}
	if n := t.lines(); n > 0 {
		r.Bytes.Mean = float64(t.bytes-n) / float64(n) // without the newline, as the longest
	}
	for cl := classCount; cl > 0; cl-- {
		if n := t.classes[cl-1]; n > 0 {
			r.Levels = append(r.Levels, levelResult{(cl - 1).String(), n, t.share(n)})
		}
	}
	for m, n := range t.makes {
		if n > 0 {
			r.Makes = append(r.Makes, makeResult{jsonlog.Make(m).String(), n})
		}
	}
	slices.SortStableFunc(r.Makes, func(a, b makeResult) int { return cmp.Compare(b.Lines, a.Lines) })
	t.timeResult(r, v)

	all := append(t.errors.by(moreLines), t.messages.by(moreLines)...)
	slices.SortStableFunc(all, moreLines)
	r.Errors = t.messagesResult(t.errors.by(moreLines), v, mask, t.errors)
	r.Messages = t.messagesResult(all, v, mask, t.errors, t.messages)
	r.Sources = t.namesResult(t.sources, v, mask)
	r.Loggers = t.namesResult(t.loggers, v, mask)
	r.Packages = t.namesResult(t.packages, v, mask)
	if t.groupBy != "" {
		if !v.secrets {
			mask = func(s string) string { return maskGroup(t.groupBy, s) }
		}
		groups := t.namesResult(t.groups, v, mask)
		r.GroupBy, r.Groups = t.groupBy, &groups
	}
	for i, path := range t.attrs[:t.shown] {
		r.Attrs = append(r.Attrs, t.attrResult(i, path, v, mask))
	}
	return r
}

// share returns how much of the lines n is, from 0 to 1.
func (t *total) share(n int64) float64 {
	if t.lines() == 0 {
		return 0
	}
	return float64(n) / float64(t.lines())
}

func (t *total) timeResult(r *result, v *look) {
	if t.span.isEmpty() {
		return
	}
	zone := t.times.zone
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).In(zone) }
	r.Time = &timeResult{First: micros(t.span.first, zone), Last: micros(t.span.last, zone)}
	if d := t.span.last - t.span.first; d > 0 {
		r.Time.LinesASecond = float64(t.json-t.timeless) / float64(d) * 1e6
	}
	if start, n, ok := t.times.busiest(); ok {
		r.Time.BusiestMinute = &busyResult{at(start), n, true}
	}
	if start, n, exact := t.times.seconds.busiest(); n > 0 {
		r.Time.BusiestSecond = &busyResult{at(start), n, exact}
	}
	all, by := t.times.choose(v.by, v.chosen, math.MaxInt64)
	r.By = by.String()
	for _, b := range all {
		r.Buckets = append(r.Buckets, bucketResult{at(b.start), at(b.end), b.counts})
	}
	r.rows, r.by = t.times.choose(v.by, v.chosen, v.rows)
	if v.chosen && r.by != v.by {
		r.coarse = v.rows
	}
}

// messagesResult returns the first of the messages. What is shown of one is folded after its secrets are masked, so that
// none is there of which only a part was left to be known by.
func (t *total) messagesResult(all []*entry, v *look, mask func(string) string, tables ...*table) namesResult {
	out := namesResult{Distinct: len(all), Top: []nameResult{}}
	for _, table := range tables {
		out.Missed = max(out.Missed, table.floor)
	}
	for _, e := range all[:min(len(all), v.top)] {
		example := masked(e.name, mask)
		name := string(fold(nil, []byte(example)))
		if name == "" {
			name = "(no message)"
		}
		table := tables[0]
		if !e.cl.isError() {
			table = tables[len(tables)-1]
		}
		n := t.nameResult(e, table)
		n.Name, n.Example, n.Level = name, example, e.cl.String()
		out.Top = append(out.Top, n)
	}
	return out
}

func (t *total) namesResult(table *table, v *look, mask func(string) string) namesResult {
	out := namesResult{Distinct: len(table.entries), Missed: table.floor, Top: []nameResult{}}
	for i, e := range table.by(moreErrors) {
		if i == v.top {
			break
		}
		n := t.nameResult(e, table)
		n.Name = masked(e.name, mask)
		out.Top = append(out.Top, n)
	}
	return out
}

func (t *total) nameResult(e *entry, table *table) nameResult {
	n := nameResult{counts: e.counts, Share: t.share(e.Lines), Missed: table.missedOf(e)}
	if !e.isEmpty() {
		first, last := micros(e.first, t.times.zone), micros(e.last, t.times.zone)
		n.First, n.Last = &first, &last
	}
	return n
}

// masked masks the secrets of a name. Of one that is cut off the last word is left out, as it may be half a secret. In a language
// that has no spaces it is the last that is ASCII.
func masked(name string, mask func(string) string) string {
	out := mask(name)
	if len(name) < maxName {
		return out
	}
	end := strings.LastIndexFunc(out, func(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf }) + 1
	return strings.TrimRight(strings.ToValidUTF8(out[:end], ""), " \t\n") + "…"
}

// maskGroup masks what lines are grouped by, as the value that it is of its key.
func maskGroup(path, value string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	return redact.ReplaceAttr(nil, slog.String(key, value)).Value.String()
}

func (t *total) attrResult(i int, path string, v *look, mask func(string) string) attrResult {
	a := attrResult{Attr: path, All: t.dists[i].result(), Refused: t.dists[i].refused, dist: t.dists[i]}
	if t.groupBy == "" {
		return a
	}
	rest := newDist()
	rest.merge(t.rest[i])
	shown := 0
	for _, e := range t.groups.by(moreLines) {
		if len(e.dists) == 0 || e.dists[i] == nil {
			continue
		}
		if shown++; shown > v.top {
			rest.merge(e.dists[i])
			continue
		}
		if d := e.dists[i].result(); d != nil {
			a.Groups = append(a.Groups, groupResult{masked(e.name, mask), *d})
		}
	}
	a.Rest = rest.result()
	return a
}

// result returns the figures of a distribution, nil if there is nothing in it.
func (d *dist) result() *distResult {
	if d.count() == 0 {
		return nil
	}
	return &distResult{
		Count: d.count(), Min: d.min(), Mean: d.mean(), Max: d.max(),
		P50: d.quantile(0.5), P90: d.quantile(0.9), P95: d.quantile(0.95), P99: d.quantile(0.99), P999: d.quantile(0.999),
	}
}

// judge adds what has come of the thresholds.
func (r *result) judge(t *total) {
	for _, th := range t.thresholds {
		err := th.finish(t)
		v := &th.result
		out := thresholdResult{
			Threshold: th.text, Verdict: "held", Judged: v.judged, Exceeded: v.exceeded,
			number: th.number, share: th.share, per: th.per, each: th.each, attr: th.attr >= 0,
		}
		if v.judged > 0 {
			out.Value = &v.worst
		}
		if v.judged > 0 && th.each {
			start, end := time.Unix(v.at, 0).In(r.zone), time.Unix(v.end, 0).In(r.zone)
			out.Start, out.End = &start, &end
		}
		switch {
		case err != nil:
			out.Verdict, out.Why = "unknown", err.Error()
		case v.exceeded > 0:
			out.Verdict = "exceeded"
		}
		r.Thresholds = append(r.Thresholds, out)
	}
}
