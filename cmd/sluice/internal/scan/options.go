package scan

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
)

// options are the flags.
type options struct {
	recursive     bool
	config        string
	rules, skip   []string
	listRules     bool
	maxFindings   int
	json, sarif   bool
	baseline      string
	writeBaseline string
	color         string
}

func (o *options) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.BoolVarP(&o.recursive, "recursive", "R", false, "scan what is below the directories too, as directory/... does")
	f.StringVar(&o.config, "config", "", "look for what the redaction of this configuration `file` says")
	f.StringSliceVar(&o.rules, "rule", nil, "report only what these `rules` or groups of rules find, also those that are off otherwise")
	f.StringSliceVar(&o.skip, "skip-rule", nil, "do not report what these `rules` or groups of rules find")
	f.BoolVar(&o.listRules, "list-rules", false, "print the names of the rules with their groups, and scan nothing")
	f.IntVar(&o.maxFindings, "max-findings", 100, "print at most this `number` of secrets of each file, and count the others; 0 is no limit, and what --json and --sarif have if it is not given")
	f.BoolVarP(&o.json, "json", "j", false, "print a JSON object for each secret")
	f.BoolVar(&o.sarif, "sarif", false, "print one report in the format SARIF, as GitHub's code scanning reads it")
	f.StringVar(&o.baseline, "baseline", "", "do not report what is in this `file`")
	f.StringVar(&o.writeBaseline, "write-baseline", "", "write all that was found to this `file`, as a baseline for later; what it has of logs that were not read stays")
	f.StringVar(&o.color, "color", "auto", "colors: `when` is auto, always or never")
	always := cobra.FixedCompletions([]cobra.Completion{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)
	_ = c.RegisterFlagCompletionFunc("color", always) // these fail only if there is no such flag
	rules := cobra.FixedCompletions(ruleSet{all: redact.DefaultRules()}.names(), cobra.ShellCompDirectiveNoFileComp)
	_ = c.RegisterFlagCompletionFunc("rule", rules)
	_ = c.RegisterFlagCompletionFunc("skip-rule", rules)
}

// settings are what the flags come to.
type settings struct {
	redactor *redact.Redactor
	rules    ruleSet
	mask     string
	known    *baseline
	limit    int  // of what is printed of each file; 0 is none
	timed    bool // findings are to say when they were logged
}

// settings returns what the flags say. The error has all that is wrong with them.
func (o *options) settings(f *pflag.FlagSet) (*settings, error) {
	var errs []error
	wrong := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	if o.json && o.sarif {
		wrong("--json and --sarif: want one of them")
	}
	if o.maxFindings < 0 {
		wrong("--max-findings is %d: want 0 (no limit) or more", o.maxFindings)
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.color) {
		wrong("--color is %q: want auto, always or never", o.color)
	}
	var own pipeline.Redaction
	if o.config != "" {
		cfg, err := pipeline.Load(o.config)
		if err != nil {
			wrong("--config: %w", err)
		}
		own = cfg.Redaction
	}
	s := &settings{
		rules: ruleSet{all: redact.DefaultRules(), only: o.rules, skip: o.skip}, mask: cmp.Or(own.Mask, "[REDACTED]"),
		limit: o.maxFindings, timed: o.sarif || o.baseline != "" || o.writeBaseline != "",
	}
	if (o.json || o.sarif) && !f.Changed("max-findings") {
		s.limit = 0
	}
	if len(own.Keys) > 0 {
		s.rules.all = append([]redact.Rule{{Name: "keys"}}, s.rules.all...)
	}
	for _, flag := range []struct {
		name  string
		rules []string
	}{{"rule", o.rules}, {"skip-rule", o.skip}} {
		for _, name := range flag.rules {
			if !slices.Contains(s.rules.names(), name) {
				wrong("--%s: there is no rule or group %q: --list-rules prints them", flag.name, name)
			}
		}
	}
	if !s.rules.any() {
		wrong("--skip-rule: there is nothing to look for, of what --rule names")
	}
	if o.baseline != "" {
		known, err := readBaseline(o.baseline)
		if err != nil {
			wrong("--baseline: %w", err)
		}
		s.known = known
	}
	opts := redact.Options{Keys: own.Keys, AllowKeys: own.AllowKeys, Enable: own.Enable, Disable: own.Disable, Mask: own.Mask}
	s.rules.apply(&opts)
	redactor, err := redact.New(&opts)
	if err != nil {
		wrong("--config: %w", err) // nothing else can be wrong with them
	}
	s.redactor = redactor
	return s, errors.Join(errs...)
}

// printer returns what prints the findings.
func (o *options) printer(w io.Writer, mask string) printer {
	switch {
	case o.json:
		return newJSONPrinter(w)
	case o.sarif:
		return newSARIFPrinter(w)
	}
	terminal := cli.IsTerminal(w)
	return &linePrinter{w: w, grouped: terminal, colored: o.colored(terminal), mask: mask}
}

// colored reports whether to print in color, by the rules of handler.ConsoleOptions.
func (o *options) colored(terminal bool) bool {
	switch force := os.Getenv("FORCE_COLOR"); {
	case o.color != "auto":
		return o.color == "always"
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case os.Getenv("TERM") == "dumb":
		return false
	}
	return terminal
}
