// Package doctor is the command doctor: it looks over a machine, a configuration and the logs that are
// there, and answers the three checklists of the production guide.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/pipeline"
)

// smallest is a configuration to begin with.
const smallest = `{
  "sinks": [
    {"type": "console"},
    {"type": "file", "path": "/var/log/app/app.log", "rotation": "100 MB", "retention": "30 days, 5 GB"}
  ]
}`

// machine is what the doctor takes from where it runs.
type machine struct {
	environ []string
	now     func() time.Time
	check   func(cfg pipeline.Config, ctx context.Context) []pipeline.Finding // as Config.Check
	volume  func(dir string) (volume.Volume, error)
	probe   func(dir string) (times, error)
	client  *http.Client
}

// flags are those of the command.
type flags struct {
	env      bool
	lists    []string
	json     bool
	quiet    bool
	strict   bool
	offline  bool
	monitor  []string
	timeout  cli.Duration
	wait     cli.Duration
	fresh    cli.Duration
	tail     pipeline.Size
	original string // of what the configuration is, for people
	partial  bool   // a variable is wrong
}

// Command returns the command.
func Command() *cobra.Command {
	return command(&machine{
		environ: os.Environ(),
		now:     time.Now,
		check:   pipeline.Config.Check,
		volume:  volume.Of,
		probe:   probe,
		client:  &http.Client{},
	})
}

func command(m *machine) *cobra.Command {
	f := &flags{
		timeout: cli.Duration(30 * time.Second),
		fresh:   cli.Duration(time.Hour),
		tail:    4 * pipeline.MiB,
	}
	c := &cobra.Command{
		Use:   "doctor [config.json]",
		Short: "Answer the checklists of a deployment",
		Long: `Looks over this machine for what a configuration of logging needs, reads the logs
that are there, and answers the fifteen boxes of the production guide's three
checklists: pre (before a deployment), post (after it) and maintenance.

Each box is ` + "✔" + ` as it should be, ! to be looked at, ✘ failed, or ? for what no
program can see, with what was found and what to do about it.

Nothing is changed: no log is written to, and a Logstash, or the Kafka or Redis
before it, is connected to but sent no event. Run it as the user that the service runs as.`,
		Example: `  sluice doctor logging.json
  sluice doctor --list pre --strict logging.json
  sluice doctor --list post --wait 10s --monitor http://localhost:8080/healthz logging.json
  sluice doctor --env --quiet
  sluice doctor --offline --json logging.json | jq .summary`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usagef("%d configurations: want one", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			return run(c, m, f, args)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.BoolVar(&f.env, "env", false, "take the configuration from the variables LOG_*, in place of a file")
	fs.StringSliceVar(&f.lists, "list", nil, "only this `list`: pre, post or maintenance (default all)")
	fs.StringArrayVar(&f.monitor, "monitor", nil, "ask the running service at this `URL`: /healthz, its monitor page, or its metrics")
	fs.TextVar(&f.wait, "wait", cli.Duration(0), "see whether the log files grow within this `time`")
	fs.TextVar(&f.fresh, "fresh", f.fresh, "the greatest `age` of the last line of a log file in use")
	fs.TextVar(&f.tail, "tail", f.tail, "how much of the end of each log file to read, as a `size`")
	fs.BoolVar(&f.offline, "offline", false, "connect to nothing")
	fs.TextVar(&f.timeout, "timeout", f.timeout, "give up what takes longer than this `time`; for what --wait waits it adds to it")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print only what failed or is to be looked at")
	fs.BoolVar(&f.strict, "strict", false, "exit with 1 for what is to be looked at too")
	fs.BoolVarP(&f.json, "json", "j", false, "print JSON")
	fs.Lookup("wait").DefValue = "" // which is not to wait
	_ = c.RegisterFlagCompletionFunc("list", cobra.FixedCompletions([]string{"pre", "post", "maintenance"}, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"monitor", "wait", "fresh", "tail", "timeout"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return c
}

func run(c *cobra.Command, m *machine, f *flags, args []string) error {
	ctx, stdout := c.Context(), c.OutOrStdout()
	if ctx == nil {
		ctx = context.Background()
	}
	if err := f.validate(); err != nil {
		return err
	}
	cfg, path, err := load(c, m, f, args)
	if err != nil {
		return err
	}
	x := newExam(m, f, cfg, path)
	limited, cancel := context.WithTimeout(ctx, time.Duration(f.timeout)+time.Duration(f.wait))
	defer cancel()
	lists := x.answer(limited)
	if err := ctx.Err(); err != nil {
		return err
	}
	r := newReport(f.original, x.began, lists)
	if f.json {
		err = r.writeJSON(stdout)
	} else {
		err = r.writeText(stdout, newLook(stdout, m, f))
	}
	switch {
	case err != nil:
		return err
	case r.Summary.Fail > 0, f.partial, f.strict && r.Summary.Warn > 0:
		return &cli.ExitError{Code: cli.No}
	}
	return nil
}

// validate returns all that is wrong with the flags.
func (f *flags) validate() error {
	var errs []error
	for _, name := range f.lists {
		if !slices.Contains([]string{"pre", "post", "maintenance"}, name) {
			errs = append(errs, fmt.Errorf("--list: there is no list %q: want pre, post or maintenance", name))
		}
	}
	for _, d := range []struct {
		flag  string
		value cli.Duration
		least cli.Duration
	}{{"timeout", f.timeout, 1}, {"wait", f.wait, 0}, {"fresh", f.fresh, 1}} {
		if d.value < d.least {
			errs = append(errs, fmt.Errorf("--%s: %v: want more than 0", d.flag, d.value))
		}
	}
	if f.tail < pipeline.KiB || f.tail > pipeline.GiB {
		errs = append(errs, fmt.Errorf("--tail: %v: want 1 KiB to 1 GiB", f.tail))
	}
	for _, text := range f.monitor {
		if _, err := monitorURL(text); err != nil {
			errs = append(errs, fmt.Errorf("--monitor: %w", err))
		}
	}
	if f.offline && len(f.monitor) > 0 {
		errs = append(errs, errors.New("--monitor asks a service, and --offline connects to nothing: want one of them"))
	}
	if f.json && f.quiet {
		errs = append(errs, errors.New("--json has all, and --quiet leaves some out: want one of them"))
	}
	if err := errors.Join(errs...); err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return nil
}

// load returns the configuration, and the path of its file if it has one.
func load(c *cobra.Command, m *machine, f *flags, args []string) (cfg pipeline.Config, path string, err error) {
	var wrong []string // variables
	switch {
	case f.env && len(args) > 0:
		return cfg, "", cli.Usagef("--env takes the configuration from the variables, and %s is a file: want one of them", harmless(args[0]))
	case f.env:
		f.original = "the variables LOG_*"
		path = m.getenv("LOG_CONFIG")
		cfg, wrong, err = m.variables()
	case len(args) == 1:
		path, f.original = args[0], cli.Printable(args[0])
		cfg, err = pipeline.Load(path)
	default:
		return cfg, "", cli.Usagef("no configuration: give a file, or --env for the variables LOG_*%s. The smallest file that makes sense:\n\n%s",
			m.hint(), smallest)
	}
	for _, name := range wrong {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s is wrong, as --list pre says: the rest is answered without it\n", c.CommandPath(), name)
	}
	f.partial = len(wrong) > 0
	broker.Complete(&cfg)
	if err != nil {
		return cfg, path, &cli.ExitError{Code: cli.Usage, Err: errors.New(harmlessLines(strings.ReplaceAll(err.Error(), "pipeline: ", "")))}
	}
	return cfg, path, nil
}

// variables returns the configuration of the variables, without those that are wrong: Config.Check says so in their box.
func (m *machine) variables() (cfg pipeline.Config, wrong []string, err error) {
	for {
		cfg, err = pipeline.FromEnv(func(name string) string {
			if slices.Contains(wrong, name) {
				return ""
			}
			return m.getenv(name)
		})
		if err == nil || strings.Contains(err.Error(), "LOG_CONFIG is ") { // a file that is wrong is another matter
			return cfg, wrong, err
		}
		known := len(wrong)
		for line := range strings.Lines(err.Error()) {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "pipeline: "), " ")
			if !slices.Contains(wrong, name) && m.getenv(name) != "" {
				wrong = append(wrong, name)
			}
		}
		if len(wrong) == known {
			return cfg, nil, err
		}
	}
}

func (m *machine) getenv(name string) string {
	for _, v := range m.environ {
		if key, value, ok := strings.Cut(v, "="); ok && key == name {
			return value
		}
	}
	return ""
}

// hint says which variables there are that may be what is meant.
func (m *machine) hint() string {
	var set []string
	for _, v := range m.environ {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "LOG_") && value != "" {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return ""
	}
	slices.Sort(set)
	return " (here " + strings.Join(set, ", ") + " is set)"
}

// newLook says how to print to w.
func newLook(w io.Writer, m *machine, f *flags) look {
	terminal := cli.IsTerminal(w)
	return look{
		width: min(max(cli.Width(w), 40), 120),
		color: terminal && m.getenv("NO_COLOR") == "" && m.getenv("TERM") != "dumb",
		ascii: terminal && m.getenv("TERM") == "dumb",
		quiet: f.quiet,
	}
}
