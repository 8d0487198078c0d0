// Package stat is the command stat: what a log holds, in one look.
package stat

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/filter"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// options are the flags.
type options struct {
	filter   filter.Options
	rotated  bool
	by       string
	zone     string
	utc      bool
	top      int
	attrs    []string
	groupBy  string
	fail     []string
	quiet    bool
	json     bool
	svg      string
	show     []string
	examples bool
	secrets  bool
	ascii    bool
	color    string
	width    int
}

// Command returns the command.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "stat [file]...",
		Short: "Count errors, messages and sources by time, with thresholds",
		Long: `Show what JSON logs hold: lines, warnings and errors by time, by level, by source and by logger, the most frequent
messages, with numbers, addresses, IDs and what is quoted left out, so that the same message counts as one, and the
percentiles of any number in the lines.

Files may be compressed, directories or patterns; standard input is read where none is given, and for "-". Lines that
are no JSON are counted. Secrets in messages are masked. Memory is bounded: what is counted by name is approximate
when there are thousands of names, and the output says so.

With --fail, the exit code is 1 when there is more than there may be, for a job that runs now and then.`,
		Example: `  sluice stat app.log
  sluice stat --rotated --since "7 days" --by day /var/log/app/app.log
  sluice stat --rotated --quiet --fail 'errors > 100 per day' app.log
  sluice stat --attr duration_ms --group-by path --top 20 app.log
  sluice stat --level error --svg errors.svg app.log
  kubectl logs deploy/shop | sluice stat --json | jq '.errors.top[].name'`,
		RunE: o.run,
	}
	f := c.Flags()
	f.SortFlags = false
	o.filter.AddFlags(f)
	f.BoolVarP(&o.rotated, "rotated", "r", false, "also read the rotated files of each log file")
	f.StringVarP(&o.by, "by", "b", "auto", "count by this `step` of time: minute, hour, day, week, month, or what makes 10 to 40 rows")
	f.BoolVar(&o.utc, "utc", false, "show times in UTC, and not in the local time zone")
	f.StringVar(&o.zone, "zone", "", "show times in the time zone with this `name`, such as Europe/Berlin")
	f.IntVar(&o.top, "top", 10, "show as `many` of each list")
	f.StringArrayVarP(&o.attrs, "attr", "a", nil, "show the percentiles of the numbers at this `path`, such as duration_ms or http.took")
	f.StringVar(&o.groupBy, "group-by", "", "count by the value at this `path`, or by message, level, logger, source or package; --attr too")
	f.StringArrayVar(&o.fail, "fail", nil, "exit with 1 if this `threshold` is exceeded: 'errors > 100 per day', 'warnings > 5%', 'p99(duration_ms) > 500'")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but the thresholds that are exceeded")
	f.BoolVarP(&o.json, "json", "j", false, "print all as JSON")
	f.StringVar(&o.svg, "svg", "", "draw a picture into this `file`, - for standard output")
	f.StringSliceVar(&o.show, "show", sections()[:len(sections())-2], "print these `sections`: "+strings.Join(sections(), ", "))
	f.BoolVar(&o.examples, "examples", false, "print an example of each message")
	f.BoolVar(&o.secrets, "show-secrets", false, "do not mask secrets")
	f.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters")
	f.StringVar(&o.color, "color", "auto", "print in color: auto, always or never, as a `choice`")
	f.IntVar(&o.width, "width", 0, "use as many `columns` instead of those of the terminal")
	complete(c, "by", steps())
	complete(c, "show", sections())
	complete(c, "color", []string{"auto", "always", "never"})
	complete(c, "group-by", []string{"message", "level", "logger", "source", "package"})
	return c
}

func complete(c *cobra.Command, flag string, values []string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is one of the command's
	}
}

// steps are the steps that --by takes.
func steps() []string { return []string{"auto", "minute", "hour", "day", "week", "month"} }

// maxAttrs is how many attrs have percentiles at most.
const maxAttrs = 8

// A job is what the flags ask for.
type job struct {
	plan       *plan
	zone       *time.Location
	look       look
	thresholds []*threshold
	show       map[string]bool
}

// job checks the flags. The error is all that is wrong with them.
func (o *options) job(given func(flag string) bool) (*job, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	j := &job{zone: time.Local, show: map[string]bool{}, look: look{top: o.top, secrets: o.secrets}}
	switch {
	case o.utc && o.zone != "":
		wrong("--zone: not together with --utc")
	case o.utc:
		j.zone = time.UTC
	case o.zone != "":
		zone, err := time.LoadLocation(o.zone)
		if err != nil {
			wrong("--zone: %q is no time zone known here, such as Europe/Berlin or UTC", o.zone)
		} else {
			j.zone = zone
		}
	}
	now := time.Now().In(j.zone)
	lines, err := o.filter.New(now)
	if err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains(steps(), o.by) {
		wrong("--by: %q is none of %s", o.by, strings.Join(steps(), ", "))
	}
	j.look.chosen = o.by != "auto"
	j.look.rows = maxRows
	if o.svg != "" {
		j.look.rows = drawn
	}
	j.look.by = map[string]step{"minute": minute, "hour": hour, "day": day, "week": week, "month": month}[o.by]
	if o.top < 1 || o.top > nameSize {
		wrong("--top: %d is not from 1 to %d", o.top, nameSize)
	}
	if o.width != 0 && (o.width < 40 || o.width > 1000) {
		wrong("--width: %d is not from 40 to 1000", o.width)
	}
	if o.color != "auto" && o.color != "always" && o.color != "never" {
		wrong("--color: %q is none of auto, always, never", o.color)
	}
	for _, s := range o.show {
		if !slices.Contains(sections(), s) {
			wrong("--show: %q is none of %s", s, strings.Join(sections(), ", "))
		}
		j.show[s] = true
	}
	if j.show[showAll] {
		for _, s := range sections() {
			j.show[s] = true
		}
	}
	j.plan = &plan{filter: lines, groupBy: o.groupBy, seed: maphash.MakeSeed()}
	for _, a := range o.attrs {
		if a == "" {
			wrong("--attr: no path is given")
		}
		if !slices.Contains(j.plan.attrs, a) {
			j.plan.attrs = append(j.plan.attrs, a)
		}
	}
	j.plan.shown = len(j.plan.attrs)
	for _, text := range o.fail {
		t, err := parseThreshold(text)
		if err != nil {
			wrong("--fail: %w", err)
			continue
		}
		if t.path != "" {
			if t.attr = slices.Index(j.plan.attrs, t.path); t.attr < 0 {
				t.attr = len(j.plan.attrs)
				j.plan.attrs = append(j.plan.attrs, t.path)
			}
		}
		j.thresholds = append(j.thresholds, t)
	}
	if n := len(j.plan.attrs); n > maxAttrs {
		wrong("--attr, --fail: %d paths, at most %d are counted at once", n, maxAttrs)
	}
	if o.svg != "" && o.svg != "-" {
		if err := chart.CheckFile(o.svg); err != nil {
			wrong("--svg: %w", err)
		}
	}
	switch {
	case o.json && o.svg == "-":
		wrong("--svg: - is not possible together with --json, which prints to standard output, too")
	case o.quiet && len(o.fail) == 0:
		wrong("--quiet: there is no --fail, so nothing would ever be printed")
	case o.quiet && (o.json || o.svg == "-"):
		wrong("--quiet: not together with --json or --svg -")
	}
	for _, flag := range []string{"show", "examples", "ascii", "width"} {
		if given(flag) && (o.json || o.quiet) {
			wrong("--%s: not together with --json or --quiet, which print no text", flag)
		}
	}
	if len(errs) > 0 {
		return nil, &cli.ExitError{Code: cli.Usage, Err: errors.Join(errs...)}
	}
	j.plan.since, j.plan.until = lines.Since(), o.until(lines, now)
	return j, nil
}

// until returns up to when the lines that are asked for have to be there, zero if that is not known.
func (o *options) until(lines *filter.Filter, now time.Time) time.Time {
	if o.filter.Until == "" {
		if lines.Since().IsZero() {
			return time.Time{}
		}
		return now
	}
	end, err := (&filter.Options{Since: o.filter.Until}).New(now) // a time is read as for --since
	if err != nil || end.Since().After(now) {
		return now
	}
	return end.Since()
}

func (o *options) run(c *cobra.Command, names []string) error {
	j, err := o.job(c.Flags().Changed)
	if err != nil {
		return err
	}
	if err := cli.CheckInput(c, names); err != nil {
		return err
	}
	reader, err := input.Open(names, &input.Options{
		Rotated: o.rotated, Since: j.plan.filter.Since(), Stdin: c.InOrStdin(),
		OnError: func(err error) { c.PrintErrf("%s: %s\n", c.CommandPath(), j.look.mask(err.Error())) },
	})
	if err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	defer func() { _ = reader.Close() }() // what is only read
	if o.svg != "" && slices.ContainsFunc(reader.Files(), func(name string) bool { return sameFile(name, o.svg) }) {
		return cli.Usagef("--svg: %q is one of the logs", o.svg)
	}
	all, err := j.count(c.Context(), reader, c.ErrOrStderr())
	if err != nil {
		return err
	}
	r := all.result(reader.Files(), reader.Stats(), &j.look)
	r.judge(all)
	if err := o.print(c, j, r); err != nil {
		return err
	}
	return r.exit(c, o)
}

// count reads all lines.
func (j *job) count(ctx context.Context, reader *input.Reader, stderr io.Writer) (*total, error) {
	all := newTotal(j.plan, j.zone, j.thresholds)
	progress := newProgress(stderr, reader)
	defer progress.close()
	_, err := input.Map(ctx, reader, func() *worker { return &worker{plan: j.plan} }, (*worker).chunk, func(p *part) error {
		all.add(p)
		progress.show()
		return nil
	})
	return all, err
}

// progress is a bar for what takes longer than a second.
type progress struct {
	stderr io.Writer
	reader *input.Reader
	begin  time.Time
	bar    *cli.Progress
}

func newProgress(stderr io.Writer, reader *input.Reader) *progress {
	return &progress{stderr: stderr, reader: reader, begin: time.Now()}
}

func (p *progress) show() {
	if p.bar == nil {
		if time.Since(p.begin) < time.Second {
			return
		}
		total := p.reader.Stats().Total
		if total <= 0 {
			total = -1
		}
		p.bar = cli.NewProgress(p.stderr, "reading", total)
	}
	p.bar.Set(p.reader.Stats().Read)
}

func (p *progress) close() {
	if p.bar != nil {
		p.bar.Close()
	}
}

// print prints the result in the form that is asked for. The picture is drawn first, so that it is there if nobody reads all of
// the text.
func (o *options) print(c *cobra.Command, j *job, r *result) error {
	var drawn error
	if o.svg != "" && o.svg != "-" {
		if err := r.picture().WriteFile(o.svg); err != nil {
			drawn = fmt.Errorf("--svg: %w", err)
		}
	}
	return errors.Join(o.printOut(c.OutOrStdout(), j, r), drawn)
}

func (o *options) printOut(out io.Writer, j *job, r *result) error {
	switch {
	case o.svg == "-":
		_, err := r.picture().WriteTo(out)
		return err
	case o.json:
		return printJSON(out, r)
	case o.quiet:
		for i := range r.Thresholds {
			if t := &r.Thresholds[i]; t.Verdict == "exceeded" {
				if _, err := fmt.Fprintln(out, t.text()); err != nil {
					return err
				}
			}
		}
		return nil
	}
	p := &page{result: r, width: o.width, show: j.show, examples: o.examples, style: chart.Style{
		ASCII: o.ascii || os.Getenv("TERM") == "dumb" && cli.IsTerminal(out), Color: o.colored(out),
	}}
	if p.width == 0 {
		p.width = cli.Width(out)
	}
	return p.text(out)
}

// colored reports whether to print in color, by the rules of handler.ConsoleOptions.
func (o *options) colored(out io.Writer) bool {
	force := os.Getenv("FORCE_COLOR")
	switch {
	case o.color != "auto":
		return o.color == "always"
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return os.Getenv("TERM") != "dumb" && cli.IsTerminal(out)
}

// exit returns the error that makes the exit code.
func (r *result) exit(c *cobra.Command, o *options) error {
	code := cli.OK
	if r.Files.Failed > 0 {
		code = cli.Partial
	}
	for i := range r.Thresholds {
		t := &r.Thresholds[i]
		if t.Verdict == "unknown" {
			code = max(code, cli.Partial)
		}
		// What is not printed to standard output as a text is said here.
		if t.Verdict == "unknown" && (o.quiet || o.json || o.svg == "-") || t.Verdict == "exceeded" && (o.json || o.svg == "-") {
			c.PrintErrf("%s: %s\n", c.CommandPath(), t.text())
		}
	}
	for i := range r.Thresholds {
		if r.Thresholds[i].Verdict == "exceeded" {
			code = cli.No
		}
	}
	if code == cli.OK {
		return nil
	}
	return &cli.ExitError{Code: code}
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
