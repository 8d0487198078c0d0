// Package bench is the command bench: a configuration, measured on the disks and with the Logstash that it names.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/pipeline"
)

// flags are those of the command.
type flags struct {
	env        bool
	duration   cli.Duration
	rate       float64
	goroutines int
	like       string
	ship       bool
	noSteps    bool
	maxBytes   pipeline.Size
	keep       bool
	json       bool
	svg        string
	baseline   string
	tolerance  string
}

// Command returns the command.
func Command() *cobra.Command { return command(os.Getenv, nil) }

// command returns the command of a program with an environment. A test may edit the configurations that are run.
func command(getenv func(string) string, edit func(*pipeline.Config)) *cobra.Command {
	f := &flags{duration: cli.Duration(5 * time.Second), maxBytes: pipeline.GB}
	c := &cobra.Command{
		Use:   "bench [config.json]",
		Short: "Measure a configuration on this disk",
		Long: `Opens the pipeline of a configuration and logs to it: as fast as it goes, then at half
of that rate, and then through growing parts of it, which says where the time goes.

No log of a service is touched. Files are written in a hidden directory beside the
configured one, on the same file system, which is removed at the end. The console is
printed to nowhere. In place of a Logstash, a Kafka or a Redis there is a receiver in
this process that takes everything, unless --ship says to ship to the real one.`,
		Example: `  sluice bench logging.json
  sluice bench --duration 30s --rate 20000 --goroutines 8 logging.json
  sluice bench --like /var/log/app/app.log logging.json
  sluice bench --ship --rate 1000 logging.json
  sluice bench --json logging.json > before.json
  sluice bench --baseline before.json --tolerance 30% --svg bench.svg logging.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usagef("%d configurations: want one", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return run(c, f, args, getenv, edit)
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.BoolVar(&f.env, "env", false, "take the configuration from the variables LOG_*, in place of a file")
	fs.TextVar(&f.duration, "duration", f.duration, "how long each part takes, as a `time`")
	fs.Float64Var(&f.rate, "rate", 0, "log this `number` of records a second (default as fast as it goes, and then half of that)")
	fs.IntVar(&f.goroutines, "goroutines", 0, "this `number` of goroutines log at the same time (default one for each CPU)")
	fs.StringVar(&f.like, "like", "", "log records like those of this log `file` (default a mix of 300 bytes each: 8 % WARN, 2 % ERROR)")
	fs.BoolVar(&f.ship, "ship", false, "ship to the configured Logstash, with the tag sluice-bench on every event")
	fs.BoolVar(&f.noSteps, "no-steps", false, "leave out where the time goes")
	fs.TextVar(&f.maxBytes, "max-bytes", pipeline.GB, "end a part that has written this `size`, with --keep a third of it; unless given, a tenth of the free space at most")
	fs.BoolVar(&f.keep, "keep", false, "keep what the parts have written, but for where the time goes, and say where it is")
	fs.BoolVarP(&f.json, "json", "j", false, "print JSON")
	fs.StringVar(&f.svg, "svg", "", "write a picture to this `file`")
	fs.StringVar(&f.baseline, "baseline", "", "compare with this `file`, what --json has printed before, at its rate; exit with 1 if something is worse")
	fs.StringVar(&f.tolerance, "tolerance", "20%", "how much worse is not worse, as a `share`")
	for _, name := range []string{"duration", "rate", "goroutines", "max-bytes", "tolerance"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return c
}

const (
	mostRate       = 1e9
	mostGoroutines = 10000
)

// run is the command.
func run(c *cobra.Command, f *flags, args []string, getenv func(string) string, edit func(*pipeline.Config)) error {
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	tolerance, err := f.validate()
	if err != nil {
		return err
	}
	cfg, name, err := load(f, args, getenv)
	if err != nil {
		return err
	}
	var before *report
	if f.baseline != "" {
		if before, err = readBaseline(f.baseline); err != nil {
			return err
		}
		if n := before.Goroutines; n > 0 && n <= mostGoroutines {
			f.goroutines = cmp.Or(f.goroutines, n)
		}
	}
	f.goroutines = cmp.Or(f.goroutines, runtime.GOMAXPROCS(0))
	records, err := f.records(ctx, c)
	if err != nil {
		return err
	}
	stderr := c.ErrOrStderr()
	p, err := newPlan(cfg, f.ship, int64(f.maxBytes), c.Flags().Changed("max-bytes"))
	if err != nil {
		return err
	}
	p.edit = edit
	b := &benchmark{flags: f, plan: p, records: records, size: meanSize(records), say: func(string) {}}
	if before != nil {
		b.paced = before.rate()
		if err := b.comparable(before); err != nil {
			return errors.Join(err, p.remove(), p.close())
		}
	}
	if cli.IsTerminal(stderr) {
		b.say = func(text string) { _, _ = io.WriteString(stderr, "\r\x1b[K"+text) } // in place of the one before
	}
	r, err := b.run(ctx)
	b.say("")
	if f.keep {
		_, _ = fmt.Fprintf(stderr, "what was written is in %s\n", cli.Printable(strings.Join(p.order, ", ")))
	} else {
		err = errors.Join(err, p.remove())
	}
	err = errors.Join(err, p.close())
	if err != nil {
		return err
	}
	r.Config = name
	if before != nil {
		r.compare(before, tolerance)
	}
	if f.json {
		err = r.writeJSON(c.OutOrStdout())
	} else {
		err = r.writeText(c.OutOrStdout())
	}
	if err == nil && f.svg != "" {
		if err = r.picture().WriteFile(f.svg); err != nil {
			err = fmt.Errorf("--svg: %w", err)
		}
	}
	return cmp.Or(err, r.exit())
}

// validate returns all that is wrong with the flags, and the tolerance.
func (f *flags) validate() (tolerance float64, err error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if d := time.Duration(f.duration); d < 10*time.Millisecond || d > 24*time.Hour {
		wrong("--duration: %v: want 10ms to 24h", f.duration)
	}
	if !(f.rate >= 0) || f.rate > mostRate {
		wrong("--rate: %v: want 1 to 1000000000 records a second, or 0 for as fast as it goes", f.rate)
	} else if f.rate > 0 && f.rate*time.Duration(f.duration).Seconds() < 1 {
		wrong("--rate: %v records a second make none in --duration %v", f.rate, f.duration)
	}
	if f.ship && f.rate == 0 {
		wrong("--ship: as fast as it goes would flood the receiver: say with --rate how many records a second it can take")
	}
	if f.goroutines < 0 || f.goroutines > mostGoroutines {
		wrong("--goroutines: %d: want 1 to 10000, or 0 for one for each CPU", f.goroutines)
	}
	if f.maxBytes < leastBytes {
		wrong("--max-bytes: %v: want %v and more", f.maxBytes, leastBytes)
	}
	if f.svg != "" { // to be known before the measuring
		if err := chart.CheckFile(f.svg); err != nil {
			wrong("--svg: %w", err)
		}
	}
	tolerance, err = share(f.tolerance)
	if err != nil {
		wrong("--tolerance: %w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return 0, &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return tolerance, nil
}

// load returns the configuration, and what it is called.
func load(f *flags, args []string, getenv func(string) string) (cfg pipeline.Config, name string, err error) {
	switch {
	case f.env && len(args) > 0:
		return cfg, "", cli.Usagef("--env takes the configuration from the variables, and %s is a file: want one of them", cli.Printable(args[0]))
	case f.env:
		name = "the variables LOG_*"
		cfg, err = pipeline.FromEnv(getenv)
	case len(args) == 1:
		name = cli.Printable(args[0])
		cfg, err = pipeline.Load(args[0])
	default:
		return cfg, "", cli.Usagef("no configuration: give a file, or --env for the variables LOG_*")
	}
	if err != nil {
		return cfg, "", &cli.ExitError{Code: cli.Usage, Err: errors.New(strings.ReplaceAll(err.Error(), "pipeline: ", ""))}
	}
	return cfg, name, nil
}
