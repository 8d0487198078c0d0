package stat_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/stat"
	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files")

// maxRows is how many rows a text has at most.
const maxRows = 10_000

const demo = "../../testdata/demo/log/"

// run runs the command and returns what it prints and its exit code.
func run(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	t.Setenv("FORCE_COLOR", "")
	c := stat.Command()
	var out, errs bytes.Buffer
	c.SetArgs(args)
	c.SetIn(stdin)
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SilenceUsage, c.SilenceErrors = true, true
	err := c.ExecuteContext(t.Context())
	var exit *cli.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.Code
		if exit.Err != nil {
			fmt.Fprintln(&errs, exit.Err)
		}
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	app := demo + "app/app.log"
	for _, test := range []struct {
		name string
		args []string
		code int
	}{
		{"help.golden", []string{"--help"}, 0},
		{"rotated_80.golden", []string{"--rotated", app}, 0},
		{"rotated_120.golden", []string{"--rotated", "--width", "120", "--examples", app}, 0},
		{"ascii.golden", []string{"--rotated", "--ascii", "--by", "day", app}, 0},
		{"color.golden", []string{"--color", "always", "--show", "time,errors", "--by", "hour", app}, 0},
		{"hour.golden", []string{"--rotated", "--show", "time", "--by", "hour", "--since", "2026-11-22 06:00", "--until", "2026-11-22 11:00", app}, 0},
		{"errors.golden", []string{"--rotated", "--level", "error", app}, 0},
		{"attr.golden", []string{"--rotated", "--show", "packages,groups,attrs", "--attr", "duration_ms", "--attr", "nothing", "--group-by", "path", "--top", "3", app}, 0},
		{"makes.golden", []string{"--show", "all", demo + "makes"}, 0},
		{"json.golden", []string{
			"--rotated", "--json", "--by", "day", "--top", "3", "--attr", "duration_ms", "--group-by", "method",
			"--fail", "errors > 1000 per day", "--fail", "p99(duration_ms) > 1 per hour", "--fail", "p99(none) > 1", app,
		}, cli.No},
		{"picture.svg", []string{"--rotated", "--svg", "-", "--attr", "duration_ms", "--group-by", "path", app}, 0},
		{"thresholds.golden", []string{
			"--rotated", "--show", "levels", "--fail", "errors > 10 per day", "--fail", "errors>1%", "--fail", "warnings >= 43", "--fail", "error < 1 per week",
			"--fail", "p99(duration_ms) > 1s per hour", "--fail", "mean(duration_ms) < 5", "--fail", "broken > 0", app,
		}, cli.No},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if args[0] != "--help" {
				args = append([]string{"--utc"}, args...)
			}
			stdout, stderr, code := run(t, nil, args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d; %s", code, test.code, stderr)
			}
			if stderr != "" {
				stdout += "# stderr\n" + stderr
			}
			golden(t, test.name, stdout)
		})
	}
}

// lines returns lines at a level, so many from a time on, in steps.
func lines(b *strings.Builder, n int, level string, start string, step time.Duration) {
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		panic(err)
	}
	for i := range n {
		fmt.Fprintf(b, `{"time":"%s","level":"%s","msg":"m %d","took":%d}`+"\n", at.Add(time.Duration(i)*step).Format(time.RFC3339Nano), level, i, i)
	}
}

// sevenOf returns so many lines, of which seven are errors.
func sevenOf(n int) string {
	var b strings.Builder
	lines(&b, 7, "ERROR", "2026-11-21T00:00:00Z", time.Second)
	lines(&b, n-7, "INFO", "2026-11-21T00:00:00Z", time.Second)
	return b.String()
}

func TestThresholds(t *testing.T) {
	var hundred, more strings.Builder
	lines(&hundred, 100, "ERROR", "2026-11-21T00:00:00Z", time.Second)
	lines(&hundred, 300, "INFO", "2026-11-21T00:00:00Z", time.Second)
	more.WriteString(hundred.String())
	lines(&more, 101, "FATAL", "2026-11-22T10:00:00Z", time.Second)
	lines(&more, 1, "WARN", "2026-11-22T13:00:00Z", time.Second)
	for _, test := range []struct {
		name, log, threshold string
		code                 int
		want                 string
	}{
		{"as many as there may be", hundred.String(), "errors > 100 per day", 0, "held      errors > 100 per day: 100 in the day 2026-11-21"},
		{"one more", more.String(), "errors > 100 per day", 1, "exceeded  errors > 100 per day: 101 in the day 2026-11-22 (exceeded in 1 of 2 days)"},
		{"as many, with >=", hundred.String(), "errors >= 100 per day", 1, "exceeded  errors >= 100 per day: 100 in the day 2026-11-21 (exceeded in 1 of 1 day)"},
		{"another way to write it", hundred.String(), "ERRORS>99/day", 1, "exceeded  ERRORS>99/day: 100 in the day 2026-11-21 (exceeded in 1 of 1 day)"},
		{"thousands", hundred.String(), "lines > 1,000", 0, "held      lines > 1,000: 400"},
		{"all lines", hundred.String(), "lines > 399", 1, "exceeded  lines > 399: 400"},
		{"a level", more.String(), "fatal >= 101", 1, "exceeded  fatal >= 101: 101"},
		{"a level is not those above", more.String(), "error > 100", 0, "held      error > 100: 100"},
		{"a broken line is a line", "{\"a\":\n" + hundred.String(), "lines > 400", 1, "exceeded  lines > 400: 401"},
		{"a share", hundred.String(), "errors > 25%", 0, "held      errors > 25%: 25%"},
		{"a share that is too much", hundred.String(), "errors > 24.9%", 1, "exceeded  errors > 24.9%: 25%"},
		{"a share that is as much as there may be", sevenOf(100), "errors > 7%", 0, "held      errors > 7%: 7%"},
		{"a share that is as much, with >=", sevenOf(1000), "errors >= 0.7%", 1, "exceeded  errors >= 0.7%: 0.7%"},
		{"a share that is as little as there may be", sevenOf(12), "errors <= 58.333333333333336%", 1, "exceeded  errors <= 58.333333333333336%: 58.33%"},
		{"a share that is little more", sevenOf(6999), "errors > 0.1%", 1, "exceeded  errors > 0.1%: 0.10001428775539363%"},
		{"a share per hour", more.String(), "errors >= 100 % per hour", 1, "exceeded  errors >= 100 % per hour: 100% in the hour 2026-11-22 10:00 (exceeded in 1 of 3 hours)"},
		{"per minute", hundred.String(), "lines > 119 per minute", 1, "exceeded  lines > 119 per minute: 120 in the minute 2026-11-21 00:00 (exceeded in 1 of 5 minutes)"},
		{"per week", more.String(), "errors > 200 per week", 1, "exceeded  errors > 200 per week: 201 in the week from 2026-11-16 (exceeded in 1 of 1 week)"},
		{"hours of silence", more.String(), "lines < 1 per hour", 1, "exceeded  lines < 1 per hour: 0 in the hour 2026-11-21 01:00 (exceeded in 35 of 36 hours)"},
		{"the first and the last hour say nothing", hundred.String(), "lines < 1000 per hour", cli.Partial, "unknown   lines < 1000 per hour: no whole hour is known"},
		{"no lines per hour", "", "lines < 1 per hour", cli.Partial, "unknown   lines < 1 per hour: no whole hour is known"},
		{"a percentile", hundred.String(), "p50(took) > 150", 0, "held      p50(took) > 150"},
		{"the largest", hundred.String(), "max(took) >= 299", 1, "exceeded  max(took) >= 299: 299"},
		{"the largest as a duration", hundred.String(), "max( took ) > 4m59s", 0, "held      max( took ) > 4m59s: 299"},
		{"the least per minute", hundred.String(), "min(took) > 200 per minute", 1, "exceeded  min(took) > 200 per minute: 240 in the minute 2026-11-21 00:04 (exceeded in 1 of 5 minutes)"},
		{"how many per minute", more.String(), "count(took) < 1 per hour", 1, "exceeded  count(took) < 1 per hour: 0 in the hour 2026-11-21 01:00 (exceeded in 35 of 36 hours)"},
		{"how many", hundred.String(), "count(took) < 401", 1, "exceeded  count(took) < 401: 400"},
		{"a sum", hundred.String(), "sum(took) > 49800", 0, "held      sum(took) > 49800: 49800"},
		{"no such attr", hundred.String(), "p99(tock) > 1", cli.Partial, `unknown   p99(tock) > 1: no line has a number at "tock"`},
		{"no such attr to count", hundred.String(), "count(tock) > 0", cli.Partial, `unknown   count(tock) > 0: no line has a number at "tock"`},
		{"no such attr to sum up", hundred.String(), "sum(tock) > 5", cli.Partial, `unknown   sum(tock) > 5: no line has a number at "tock"`},
		{"no such attr, and some wanted", hundred.String(), "count(tock) < 1", 1, "exceeded  count(tock) < 1: 0"},
		{"a number that is too large", `{"took":1e300}` + "\n", "max(took) > 5", cli.Partial, `unknown   max(took) > 5: 1 number above 1e+290 cannot be counted`},
		{"a number that is too large, and another", `{"took":1e300}` + "\n" + `{"took":7}`, "max(took) > 5", 1, `exceeded  max(took) > 5: 7`},
		{"no lines at all", "", "p99(took) > 1", 0, "held      p99(took) > 1: nothing to judge"},
		{"no lines, and some wanted", "", "lines < 1", 1, "exceeded  lines < 1: 0"},
		{"a share of nothing", "", "errors > 1%", 0, "held      errors > 1%: nothing to judge"},
		{"text", "panic: x\n\ngoroutine\n", "text > 2", 1, "exceeded  text > 2: 3"},
		{"broken", "{\"a\":\n", "broken > 0", 1, "exceeded  broken > 0: 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, code := run(t, strings.NewReader(test.log), "--utc", "--show", "loggers", "--fail", test.threshold)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if got := strings.TrimSpace(strings.TrimPrefix(stdout, "Thresholds\n")); !strings.HasPrefix(got, test.want) || stderr != "" {
				t.Errorf("mismatch (-want +got):\n%s%s", cmp.Diff(test.want, got), stderr)
			}

			stdout, stderr, code = run(t, strings.NewReader(test.log), "--utc", "--quiet", "--fail", test.threshold)
			if want := code == cli.No; code != test.code || (stdout != "") != want || (stderr != "") != (code == cli.Partial) {
				t.Errorf("quiet: exit code %d, printed %q and %q", code, stdout, stderr)
			}
		})
	}
}

func TestWrongFlags(t *testing.T) {
	log := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(log, []byte(sevenOf(9)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--fail", "errors", "--by", "year", "--top", "0", "--level", "loud", "--color", "no", "--width", "3", "--show", "all,none", "--zone", "Atlantis"}, []string{
			`--fail: "errors" is not a threshold, which is WHAT > NUMBER [per minute|hour|day|week]`, `--by: "year" is none of auto, minute,`, "--top: 0 is not from 1",
			`--level: `, `--color: "no" is none of`, "--width: 3 is not from 40", `--show: "none" is none of summary,`, `--zone: "Atlantis" is no time zone`,
		}},
		{[]string{"--fail", "mistakes > 3"}, []string{`"mistakes" is neither a figure nor a level with a name of its own; a threshold is WHAT`}},
		{[]string{"--fail", "alert > 3"}, []string{`"alert" is neither a figure nor a level with a name of its own`}},
		{[]string{"--fail", "p101(x) > 3"}, []string{"no percentile p101"}},
		{[]string{"--fail", "p99(x) > 3 parsecs"}, []string{"3parsecs is neither a number nor a duration"}},
		{[]string{"--fail", "p99(x) > 0,5"}, []string{"is not a threshold", "1,000 or 0.5"}},
		{[]string{"--fail", "p99(x) > 0,500"}, []string{"is not a threshold"}},
		{[]string{"--fail", "errors > 1,5%"}, []string{"is not a threshold"}},
		{[]string{"--fail", "errors > 1,0000"}, []string{"is not a threshold"}},
		{[]string{"--svg", log}, []string{"--svg: ", "no picture"}},
		{[]string{"--svg", filepath.Dir(log)}, []string{"--svg: ", "is no file"}},
		{[]string{"--svg", filepath.Join("none", "app.svg")}, []string{"--svg: ", "none"}},
		{[]string{"--fail", "errors > 3s"}, []string{`the number has no unit "s"`}},
		{[]string{"--fail", "lines > 3%"}, []string{`the number has no unit "%"`}},
		{[]string{"--fail", "broken > 3 per day"}, []string{"lines that are not JSON have no time"}},
		{[]string{"--fail", "errors > 3 per month"}, []string{"is not a threshold"}},
		{[]string{"--quiet"}, []string{"--quiet: there is no --fail"}},
		{[]string{"--quiet", "--json", "--fail", "errors > 1"}, []string{"--quiet: not together with --json"}},
		{[]string{"--json", "--show", "time", "--width", "80"}, []string{"--show: not together with --json", "--width: not together with --json"}},
		{[]string{"--json", "--svg", "-"}, []string{"--svg: - is not possible together with --json"}},
		{[]string{"--utc", "--zone", "UTC"}, []string{"--zone: not together with --utc"}},
		{[]string{"-a", "a", "-a", "b", "-a", "c", "-a", "d", "-a", "e", "-a", "f", "-a", "g", "-a", "h", "--fail", "p1(i) > 1"}, []string{"9 paths, at most 8"}},
		{[]string{"--attr", ""}, []string{"--attr: no path"}},
		{[]string{"no/such.log"}, []string{"no/such.log"}},
	} {
		stdout, stderr, code := run(t, strings.NewReader(""), test.args...)
		if code != cli.Usage || stdout != "" {
			t.Errorf("%q: exit code %d, printed %q", test.args, code, stdout)
		}
		for _, want := range test.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%q: no %q in %q", test.args, want, stderr)
			}
		}
	}
}

// document is of the JSON what the tests look at.
type document struct {
	Lines struct {
		Counted, JSON, Text, Broken, Cut, Filtered int64
		WithoutTime                                int64 `json:"without_time"`
		WithoutLevel                               int64 `json:"without_level"`
		OutOfOrder                                 int64 `json:"out_of_order"`
	}
	Bytes struct{ Counted, Longest int64 }
	Time  struct {
		First, Last   time.Time
		BusiestMinute *busy `json:"busiest_minute"`
		BusiestSecond *busy `json:"busiest_second"`
	}
	Levels []struct {
		Level string
		Lines int64
	}
	By      string
	Buckets []struct {
		Start, End              time.Time
		Lines, Warnings, Errors int64
	}
	Errors, Messages, Sources, Groups names
	Attrs                             []struct {
		All, Rest dist
		Groups    []dist
	}
}

type busy struct {
	Start time.Time
	Lines int64
	Exact bool
}

type names struct {
	Distinct, Missed int64
	Top              []struct {
		Name, Example, Level            string
		Lines, Warnings, Errors, Missed int64
		First, Last                     *time.Time
	}
}

type dist struct {
	Name           string
	Count          int64
	Min, Mean, Max float64
	P50, P90, P99  float64
}

func runJSON(t *testing.T, log io.Reader, args ...string) (d document) {
	t.Helper()
	stdout, stderr, code := run(t, log, append([]string{"--utc", "--json"}, args...)...)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What many workers count is what one counts that takes line by line.
func TestCountsAreThoseOfANaiveCount(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	levels := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	var log strings.Builder
	var want document
	byLevel, byMinute, byMessage, byPath := map[string]int64{}, map[time.Time]int64{}, map[string]int64{}, map[string][]float64{}
	at := time.Date(2026, 11, 21, 23, 50, 0, 0, time.UTC)
	before := at
	for range 60000 {
		begin := log.Len()
		switch random.IntN(100) {
		case 0:
			log.WriteString("panic: runtime error\n")
			want.Lines.Text++
		case 1:
			log.WriteString(`{"time":"2026-11-22T00:00:00Z","msg":"torn` + "\n")
			want.Lines.Broken++
		default:
			at = at.Add(time.Duration(random.IntN(100)-10) * time.Millisecond)
			if at.Before(before) {
				want.Lines.OutOfOrder++
			}
			before = at
			level, message, path := levels[random.IntN(len(levels))], random.IntN(40), fmt.Sprintf("/p%c", 'a'+rune(random.IntN(5)))
			took := random.Float64() * 1000
			fmt.Fprintf(&log, `{"time":"%s","level":"%s","msg":"message %s took %d ms","path":"%s","took":%g,"pad":"%s"}`+"\n",
				at.Format(time.RFC3339Nano), level, string(rune('a'+message%26))+"x", random.IntN(1000), path, took, strings.Repeat("x", random.IntN(100)))
			byLevel[level]++
			byMinute[at.Truncate(time.Minute)]++
			byMessage[fmt.Sprintf("%s message %cx took * ms", level, 'a'+rune(message%26))]++
			byPath[path] = append(byPath[path], took)
			want.Lines.JSON++
			if want.Time.First.IsZero() || at.Before(want.Time.First) {
				want.Time.First = at
			}
			if at.After(want.Time.Last) {
				want.Time.Last = at
			}
		}
		want.Bytes.Longest = max(want.Bytes.Longest, int64(log.Len()-begin-1))
	}
	want.Lines.Counted = want.Lines.JSON + want.Lines.Text + want.Lines.Broken
	want.Bytes.Counted = int64(log.Len())

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 4} {
		runtime.GOMAXPROCS(processors)
		got := runJSON(t, strings.NewReader(log.String()), "--by", "minute", "--top", "1000", "--attr", "took", "--group-by", "path")
		if got.Lines != want.Lines || got.Bytes != want.Bytes || !got.Time.First.Equal(want.Time.First.Truncate(time.Microsecond)) ||
			!got.Time.Last.Equal(want.Time.Last.Truncate(time.Microsecond)) {
			t.Errorf("%d processors: mismatch (-want +got):\n%s", processors, cmp.Diff(want, got))
		}
		gotLevels, gotMinutes, gotMessages := map[string]int64{}, map[time.Time]int64{}, map[string]int64{}
		for _, l := range got.Levels {
			gotLevels[l.Level] = l.Lines
		}
		busiest := int64(0)
		for _, b := range got.Buckets {
			gotMinutes[b.Start] = b.Lines
			busiest = max(busiest, b.Lines)
		}
		for _, m := range got.Messages.Top {
			gotMessages[m.Level+" "+m.Name] += m.Lines
		}
		for what, diff := range map[string]string{
			"levels": cmp.Diff(byLevel, gotLevels), "minutes": cmp.Diff(byMinute, gotMinutes), "messages": cmp.Diff(byMessage, gotMessages),
		} {
			if diff != "" {
				t.Errorf("%d processors: %s: mismatch (-want +got):\n%s", processors, what, diff)
			}
		}
		if b := got.Time.BusiestMinute; b == nil || b.Lines != busiest || byMinute[b.Start] != busiest {
			t.Errorf("the busiest minute is %+v, want %d lines", b, busiest)
		}
		if len(got.Attrs[0].Groups) != len(byPath) {
			t.Fatalf("%d groups, want %d", len(got.Attrs[0].Groups), len(byPath))
		}
		for _, g := range got.Attrs[0].Groups {
			values := slices.Sorted(slices.Values(byPath[g.Name]))
			n := len(values)
			if g.Count != int64(n) || g.Min != values[0] || g.Max != values[n-1] {
				t.Errorf("%s: %+v, want %d from %v to %v", g.Name, g, n, values[0], values[n-1])
			}
			for q, got := range map[float64]float64{0.5: g.P50, 0.9: g.P90, 0.99: g.P99} {
				if want := values[int(q*float64(n-1))]; got < want*0.99-1e-9 || got > want*1.01+1e-9 {
					t.Errorf("%s: p%v is %v, want %v and 1 %%", g.Name, q*100, got, want)
				}
			}
		}
	}
}

func TestAMillionMessages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	all, often := int64(1_000_000), int64(20_000)
	if testlog.Race { // which makes it ten times slower
		all, often = all/20, often/20
	}
	r, w := io.Pipe()
	go func() {
		var b []byte
		for i := range all {
			if i%(all/often) == 0 {
				b = append(b, `{"level":"ERROR","msg":"often","id":"often"}`+"\n"...)
				continue
			}
			name := []byte("gggggg") // in letters, as digits are folded
			for j, n := 0, i; n > 0; j, n = j+1, n/16 {
				name[j] += byte(n % 16)
			}
			b = append(append(append(append(append(b, `{"level":"ERROR","msg":"`...), name...), `","id":"`...), name...), "\"}\n"...)
			if len(b) > 1<<16 {
				if _, err := w.Write(b); err != nil {
					return
				}
				b = b[:0]
			}
		}
		_, _ = w.Write(b)
		w.Close()
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := runJSON(t, r, "--group-by", "id")
	runtime.GC()
	runtime.ReadMemStats(&after)
	if d.Lines.JSON != all {
		t.Errorf("%d lines, want %d", d.Lines.JSON, all)
	}
	for what, n := range map[string]names{"errors": d.Errors, "groups": d.Groups} {
		top := n.Top[0]
		if top.Name != "often" || top.Lines > often || top.Lines+top.Missed < often {
			t.Errorf("%s: the first is %+v, want often with %d lines", what, top, often)
		}
		if n.Distinct > 10_000 || n.Missed == 0 {
			t.Errorf("%s: %d are kept, %d missed", what, n.Distinct, n.Missed)
		}
	}
	if d.Errors.Missed > all/2000 {
		t.Errorf("up to %d lines missed, want %d at most", d.Errors.Missed, all/2000)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes of memory are kept", grown)
	}
}

// With --since, the time till now is judged, so that a log that has ended is silent.
func TestSilence(t *testing.T) {
	now := time.Now().UTC()
	var fresh, ended, gap, most strings.Builder
	begin := now.Add(-2 * time.Hour)
	lines(&fresh, 130, "INFO", begin.Format(time.RFC3339), time.Minute)
	lines(&ended, 60, "INFO", begin.Format(time.RFC3339), time.Minute)
	lines(&gap, 30, "INFO", begin.Format(time.RFC3339), time.Minute)
	lines(&gap, 90, "INFO", begin.Add(33*time.Minute).Format(time.RFC3339), time.Minute)
	lines(&most, 10, "INFO", "2026-11-21T10:00:30Z", time.Minute)
	for _, test := range []struct {
		name, log string
		args      []string
		code      int
		want      string
	}{
		{"never silent", fresh.String(), []string{"--since", "1h"}, 0, ""},
		{"ended", ended.String(), []string{"--since", "1h 30m"}, cli.No, "(exceeded in "},
		{"ended long before", ended.String(), []string{"--since", "15m"}, cli.No, "(exceeded in 1"},
		{"no lines", "", []string{"--since", "15m"}, cli.No, "(exceeded in 1"},
		{"a gap", gap.String(), []string{"--since", "2h"}, cli.No, "(exceeded in "},
		{"in time", most.String(), []string{"--since", "2026-11-21 10:01", "--until", "2026-11-21 10:10"}, 0, ""},
		{"later", most.String(), []string{"--since", "2026-11-21 10:01", "--until", "2026-11-21 10:13"}, cli.No, "0 in the minute 2026-11-21 10:10 (exceeded in 3 of 12 minutes)"},
		{"earlier", most.String(), []string{"--since", "2026-11-21 09:58:30", "--until", "2026-11-21 10:10"}, cli.No, "0 in the minute 2026-11-21 09:59 (exceeded in 1 of 11 minutes)"},
		{"only the end is known", most.String(), []string{"--until", "2026-11-21 10:11"}, cli.No, "0 in the minute 2026-11-21 10:10 (exceeded in 1 of 10 minutes)"},
	} {
		stdout, stderr, code := run(t, strings.NewReader(test.log), append(test.args, "--utc", "--quiet", "--fail", "lines < 1 per minute")...)
		if code != test.code || stderr != "" || !strings.Contains(stdout, test.want) {
			t.Errorf("%s: exit code %d, printed %s%s", test.name, code, stdout, stderr)
		}
	}
}

// A log that was last written to before --since is not read, and is silent.
func TestALogThatIsPassedOver(t *testing.T) {
	name := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(name, []byte(sevenOf(9)), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, nil, "--utc", "--since", "15m", "--fail", "lines < 1 per minute", name)
	if code != cli.No || stderr != "" || !strings.Contains(stdout, "no file (") || !strings.Contains(stdout, "Lines       0") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
}

func TestMessagesOfAnyLanguage(t *testing.T) {
	messages := []string{
		"数据库连接失败请稍后再试一次谢谢", "用户登录超时请检查网络连接状态吧", "データベースへの接続に失敗しました", "Высокопревосходительствующее-исключение",
		"HttpMediaTypeNotAcceptableExceptionHandler", "SqlIntegrityConstraintViolationException", strings.Repeat("很长的消息", 60),
	}
	var log strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&log, `{"level":"ERROR","msg":"%s"}`+"\n", m)
	}
	for i := range 5 {
		fmt.Fprintf(&log, `{"level":"ERROR","msg":"订单%d失败，用户ann%d@example.com登录"}`+"\n", i*4711, i)
	}
	d := runJSON(t, strings.NewReader(log.String()))
	var got []string
	for _, m := range d.Errors.Top {
		got = append(got, m.Name)
	}
	want := append([]string{"订单*失败，用户*登录"}, messages...)
	last := len(want) - 1
	want[last] = got[len(got)-1]
	if n := len(want[last]); n < 250 || n > 256 || !strings.HasPrefix(messages[last-1], want[last]) {
		t.Errorf("of the long one %d bytes are left: %s", n, want[last])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// The numbers of groups that are not kept are among the others.
func TestNoNumberIsLost(t *testing.T) {
	const groups = 5000
	var log strings.Builder
	for i := range groups {
		fmt.Fprintf(&log, `{"level":"INFO","id":"id%d","a":%d,"b":1}`+"\n", i, i)
	}
	d := runJSON(t, strings.NewReader(log.String()), "--group-by", "id", "--attr", "a", "--attr", "b")
	if len(d.Attrs) != 2 || d.Groups.Missed == 0 {
		t.Fatalf("%d attrs, %d missed", len(d.Attrs), d.Groups.Missed)
	}
	for _, a := range d.Attrs {
		if n := int64(len(a.Groups)); a.All.Count != groups || n != 10 || a.Rest.Count != groups-n {
			t.Errorf("%d numbers, %d groups, %d others, want %d, 10 and all but these", a.All.Count, n, a.Rest.Count, groups)
		}
	}
	stdout, _, _ := run(t, strings.NewReader(log.String()), "--group-by", "id", "--attr", "a", "--attr", "b", "--show", "groups")
	if want := fmt.Sprintf("By id, the first 10 of at least %d\n", d.Groups.Distinct); !strings.HasPrefix(stdout, want) {
		t.Errorf("it begins with %.60q, want %q", stdout, want)
	}
}

func TestOutliersMakeNoRows(t *testing.T) {
	var log strings.Builder
	lines(&log, 1, "INFO", "1970-01-01T00:00:00Z", 0)
	lines(&log, 600, "INFO", "2026-11-21T10:00:00Z", 6*time.Second)
	lines(&log, 1, "INFO", "9998-12-31T23:59:59Z", 0)
	lines(&log, 1, "INFO", "9999-12-31T23:59:59Z", 0) // too late to be a time
	stdout, _, _ := run(t, strings.NewReader(log.String()), "--utc", "--show", "summary,time")
	golden(t, "outliers.golden", stdout)

	stdout, _, _ = run(t, strings.NewReader(log.String()), "--utc", "--show", "time", "--by", "minute")
	if n := strings.Count(stdout, "\n"); n > 70 || n < 60 {
		t.Errorf("%d rows by minute", n)
	}
	runJSON(t, strings.NewReader(log.String()), "--by", "week")
	_, _, code := run(t, strings.NewReader(log.String()), "--utc", "--quiet", "--fail", "lines < 1 per minute")
	if code != cli.No {
		t.Errorf("exit code %d, want %d", code, cli.No)
	}
}

// Many rows are too many for a page, but not for a script.
func TestManyRowsAsJSON(t *testing.T) {
	var log strings.Builder
	lines(&log, maxRows+1, "INFO", "2026-11-21T00:00:00Z", time.Minute)
	picture := filepath.Join(t.TempDir(), "app.svg")
	if d := runJSON(t, strings.NewReader(log.String()), "--by", "minute", "--svg", picture); d.By != "minute" || len(d.Buckets) != maxRows+1 {
		t.Errorf("%d buckets by %s, want %d by minute", len(d.Buckets), d.By, maxRows+1)
	}
	stdout, _, _ := run(t, strings.NewReader(log.String()), "--by", "minute", "--show", "time")
	if !strings.HasPrefix(stdout, "By 5 minutes") || !strings.Contains(stdout, "a longer step than was asked for") {
		t.Errorf("the text is %.200s", stdout)
	}
}

// Minutes that are too many to be kept are counted by the hour, and so on.
func TestManyMinutes(t *testing.T) {
	var log strings.Builder
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const days = 47
	for i := range days * 24 * 60 {
		fmt.Fprintf(&log, `{"time":"%s","level":"ERROR","msg":"x"}`+"\n", at.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
	}
	d := runJSON(t, strings.NewReader(log.String()), "--by", "minute")
	if d.By != "hour" || len(d.Buckets) != days*24 {
		t.Errorf("%d buckets by %s, want %d by hour", len(d.Buckets), d.By, days*24)
	}
	for _, b := range d.Buckets {
		if b.Lines != 60 || b.Errors != 60 {
			t.Fatalf("%+v, want 60 lines", b)
		}
	}
	for threshold, want := range map[string]int{"errors > 60 per hour": 0, "errors > 59 per hour": cli.No, "errors > 1 per minute": cli.Partial} {
		_, stderr, code := run(t, strings.NewReader(log.String()), "--utc", "--quiet", "--fail", threshold)
		if code != want {
			t.Errorf("%s: exit code %d, want %d", threshold, code, want)
		}
		if code == cli.Partial && !strings.Contains(stderr, "more than 65536 different minutes") {
			t.Errorf("%s: %q", threshold, stderr)
		}
	}
}

// Where clocks are set, days have 23 or 25 hours.
func TestDaysOfAnotherLength(t *testing.T) {
	var log strings.Builder
	lines(&log, 24*6, "ERROR", "2026-03-28T00:00:00+01:00", 30*time.Minute) // three days, of which one has 23 hours
	lines(&log, 24*6, "ERROR", "2026-10-24T00:00:00+02:00", 30*time.Minute)
	stdout, stderr, code := run(t, strings.NewReader(log.String()), "--zone", "Europe/Berlin", "--json", "--by", "day")
	if code != 0 {
		t.Fatal(stderr)
	}
	var d document
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range d.Buckets {
		got = append(got, fmt.Sprintf("%s %v %d", b.Start.Format(time.RFC3339), b.End.Sub(b.Start), b.Lines))
	}
	if diff := cmp.Diff([]string{
		"2026-03-28T00:00:00+01:00 24h0m0s 48", "2026-03-29T00:00:00+01:00 23h0m0s 46", "2026-03-30T00:00:00+02:00 24h0m0s 48", "2026-03-31T00:00:00+02:00 24h0m0s 2",
		"2026-10-24T00:00:00+02:00 24h0m0s 48", "2026-10-25T00:00:00+02:00 25h0m0s 50", "2026-10-26T00:00:00+01:00 24h0m0s 46",
	}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	stdout, _, _ = run(t, strings.NewReader(log.String()), "--zone", "Europe/Berlin", "--by", "hour", "--show", "time", "--since", "2026-10-25", "--until", "2026-10-25 06:00")
	golden(t, "dst.golden", stdout)
}

func TestStepsOfEverySpan(t *testing.T) {
	for span, want := range map[time.Duration]string{
		20 * time.Second: "second", 2 * time.Minute: "5 seconds", 8 * time.Minute: "15 seconds", 30 * time.Minute: "minute", 3 * time.Hour: "5 minutes",
		8 * time.Hour: "15 minutes", 24 * time.Hour: "hour", 6 * 24 * time.Hour: "4 hours", 30 * 24 * time.Hour: "day", 200 * 24 * time.Hour: "week",
		1000 * 24 * time.Hour: "month", 9000 * 24 * time.Hour: "year",
	} {
		var log strings.Builder
		lines(&log, 400, "INFO", "2001-01-01T00:00:00Z", span/400)
		d := runJSON(t, strings.NewReader(log.String()))
		if d.By != want {
			t.Errorf("%v: by %s, want %s", span, d.By, want)
		}
		if n := len(d.Buckets); n > 41 || n < 8 {
			t.Errorf("%v: %d buckets", span, n)
		}
		sum := int64(0)
		for i, b := range d.Buckets {
			sum += b.Lines
			if i > 0 && b.Start.Before(d.Buckets[i-1].End) {
				t.Errorf("%v: %v begins before the end of the one before", span, b.Start)
			}
		}
		if sum != 400 {
			t.Errorf("%v: %d lines, want 400", span, sum)
		}
	}
}

func TestSecretsAndWhatATerminalObeysAreNotPrinted(t *testing.T) {
	const secret = "hunter2hunter"
	log := `{"level":"ERROR","msg":"login password=` + secret + ` of ann","logger":"\u001b[31mred\u202e","password":"` + secret + `","took":1}` + "\n" +
		`{"level":"ERROR","msg":"bad \u001b]0;x\u0007 \u009b1m \u202e","token":"` + secret + `","took":2}` + "\n" +
		`{"level":"ERROR","msg":"key ` + strings.Repeat("x", 500) + secret + `"}` + "\n" +
		`{"level":"ERROR","msg":"` + strings.Repeat("long ", 101) + ` password=` + secret + `"}` + "\n"
	for _, args := range [][]string{
		{"--examples"},
		{"--json"},
		{"--svg", "-"},
		{"--group-by", "password", "--attr", "took"},
		{"--group-by", "password", "--json"},
		{"--group-by", "password", "--svg", "-", "--attr", "took"},
		{"--color", "always"},
	} {
		if !slices.Contains(args, "--json") {
			args = append(args, "--width", "200")
		}
		stdout, stderr, code := run(t, strings.NewReader(log), args...)
		if code != 0 {
			t.Fatal(stderr)
		}
		if strings.Contains(stdout, secret) || strings.Contains(stdout, secret[:7]) {
			t.Errorf("%q: the secret is in %s", args, stdout)
		}
		for _, bad := range []string{"\x1b]", "\x1b[31mred", "\u009b", "\u202e", "\x07"} {
			if strings.Contains(stdout, bad) {
				t.Errorf("%q: %q is in %q", args, bad, stdout)
			}
		}
	}
	named := filepath.Join(t.TempDir(), "password="+secret+".log")
	if err := os.WriteFile(named, []byte("{\"a\":\n"+log), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"--json"}, {"--svg", "-"}} {
		stdout, stderr, _ := run(t, nil, append(args, named, filepath.Dir(named)+"/password="+secret+".lo[g]")...)
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%q: the secret of a name is in %s%s", args, stdout, stderr)
		}
	}
	stdout, _, _ := run(t, strings.NewReader(log), "--show-secrets", "--examples", "--group-by", "password")
	if strings.Count(stdout, secret) < 2 {
		t.Errorf("the secrets are not shown: %s", stdout)
	}
}

func TestLinesThatCannotBeRead(t *testing.T) {
	log := "\x80\xfe\x00binary\x00\n" + `{"msg":` + "\n" + `{"msg":"` + strings.Repeat("x", 3<<20) + `"}` + "\n" + `{"msg":"good","level":"INFO"}` + "\n\n{}"
	d := runJSON(t, strings.NewReader(log))
	want := document{}
	want.Lines.Counted, want.Lines.JSON, want.Lines.Text, want.Lines.Broken, want.Lines.Cut = 6, 2, 2, 1, 1
	want.Lines.WithoutTime, want.Lines.WithoutLevel = 2, 1
	if diff := cmp.Diff(want.Lines, d.Lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if d.Bytes.Longest != 3<<20+10 {
		t.Errorf("the longest has %d bytes, want %d", d.Bytes.Longest, 3<<20+10)
	}
	d = runJSON(t, strings.NewReader(log), "--level", "info")
	want.Lines.Counted, want.Lines.JSON, want.Lines.Text, want.Lines.Cut, want.Lines.Filtered = 1, 1, 0, 0, 4
	want.Lines.WithoutTime, want.Lines.WithoutLevel = 1, 0
	if diff := cmp.Diff(want.Lines, d.Lines); diff != "" {
		t.Errorf("--level: mismatch (-want +got):\n%s", diff)
	}
}

func TestATornArchiveIsPartial(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	var log strings.Builder
	lines(&log, 5000, "ERROR", "2026-11-21T00:00:00Z", time.Second)
	if _, err := io.WriteString(z, log.String()); err != nil {
		t.Fatal(err)
	}
	z.Close()
	name := filepath.Join(t.TempDir(), "torn.log.gz")
	if err := os.WriteFile(name, packed.Bytes()[:packed.Len()/2], 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, nil, "--utc", "--json", name)
	var d document
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	if code != cli.Partial || !strings.Contains(stderr, "torn.log.gz") || d.Lines.JSON < 100 {
		t.Errorf("exit code %d, %d lines, %q", code, d.Lines.JSON, stderr)
	}
	if _, _, code := run(t, nil, "--utc", "--fail", "errors > 5", name); code != cli.No {
		t.Errorf("with a threshold exceeded: exit code %d, want %d", code, cli.No)
	}
}

func TestPictureFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "app.svg")
	if err := os.WriteFile(name, []byte("<svg>old"), 0o640); err != nil {
		t.Fatal(err)
	}
	stdout, _, code := run(t, nil, "--utc", "--svg", name, demo+"app/app.log")
	got, err := os.ReadFile(name)
	if err != nil || code != 0 || !strings.HasPrefix(string(got), "<svg") || !strings.HasSuffix(string(got), "</svg>\n") || !strings.Contains(stdout, "Errors") {
		t.Errorf("exit code %d, %v: %.40q, printed %.40q", code, err, got, stdout)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}

	empty := filepath.Join(dir, "empty.log")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := run(t, nil, "--svg", empty, dir); code != cli.Usage || !strings.Contains(stderr, "one of the logs") {
		t.Errorf("the picture into a log: exit code %d, %s", code, stderr)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}

// endless is a log that cancels the context at some point and goes on.
type endless struct {
	cancel func()
	lines  int
}

func (e *endless) Read(b []byte) (int, error) {
	if e.lines++; e.lines == 1000 {
		e.cancel()
	}
	return copy(b, `{"level":"INFO","msg":"x"}`+"\n"), nil
}

func TestAnInterruptEndsIt(t *testing.T) {
	testlog.CheckGoroutines(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	picture := filepath.Join(t.TempDir(), "app.svg")
	c := stat.Command()
	c.SetArgs([]string{"--svg", picture})
	c.SetIn(&endless{cancel: cancel})
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(io.Discard)
	c.SilenceUsage, c.SilenceErrors = true, true
	if err := c.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(picture); !errors.Is(err, os.ErrNotExist) || out.Len() > 0 {
		t.Errorf("there is a picture, %v, or %q was printed", err, out.String())
	}
}

func TestAClosedPipeIsReturned(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	for _, args := range [][]string{{}, {"--json"}, {"--svg", "-"}, {"--quiet", "--fail", "lines > 1"}} {
		c := stat.Command()
		c.SetArgs(append(args, demo+"app/app.log"))
		c.SetOut(w)
		c.SetErr(io.Discard)
		c.SilenceUsage, c.SilenceErrors = true, true
		if err := c.ExecuteContext(t.Context()); !cli.IsClosed(err) {
			t.Errorf("%q: %v, want that the pipe is closed", args, err)
		}
	}
}

// The log is that of a web service, in memory, so that it is stat that is measured and not the disk.
func BenchmarkStat(b *testing.B) {
	var log bytes.Buffer
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for i := range 50000 {
		at = at.Add(37 * time.Millisecond)
		level, message := "INFO", "request served"
		if i%50 == 0 {
			level, message = "ERROR", fmt.Sprintf("payment %d failed after %d attempts", i*7919%100000, i%5)
		}
		fmt.Fprintf(&log, `{"time":"%s","level":"%s","source":{"function":"example.com/shop/web.serve","file":"/src/shop/web/serve.go","line":%d},"msg":"%s",`+
			`"method":"GET","path":"/orders/%d","status":200,"duration_ms":%d.5,"request":{"id":"%08x","user":"ann"}}`+"\n",
			at.Format(time.RFC3339Nano), level, 70+i%7, message, i%1000, i%977, uint32(i)*2654435761)
	}
	for _, args := range [][]string{{}, {"--attr", "duration_ms", "--group-by", "path"}, {"--level", "error"}} {
		b.Run(strings.Join(append([]string{"stat"}, args...), " "), func(b *testing.B) {
			b.SetBytes(int64(log.Len()))
			b.ReportAllocs()
			for b.Loop() {
				c := stat.Command()
				c.SetArgs(args)
				c.SetIn(bytes.NewReader(log.Bytes()))
				c.SetOut(io.Discard)
				if err := c.ExecuteContext(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
