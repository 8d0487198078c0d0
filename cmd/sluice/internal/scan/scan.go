// Package scan is the command scan: it looks for secrets in logs that are written already.
package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// Command returns the command.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "scan [file | directory | pattern]...",
		Short: "Look for secrets in logs",
		Long: `Scan looks for passwords, keys, tokens, cards and the like in logs of any format, plain or compressed with gzip
or zstd, and prints where they are. What it prints is masked: no secret that it knows is in its output.

Of a directory it takes the files in it, with /... or --recursive those below it too. Without arguments, and
for -, it reads standard input. A baseline holds what is known, so that only what is new is reported: it has no
secret in it, and goes on to fit when files rotate, are compressed or are moved.`,
		Example: `  sluice scan /var/log/app
  sluice scan ./log/... --baseline known.json
  sluice scan --write-baseline known.json './log/*.log*'
  kubectl logs deploy/app | sluice scan
  sluice scan /var/log/app --rule credentials,jwt --json
  sluice scan /var/log/app --config /etc/app/logging.json --sarif > scan.sarif`,
		RunE: func(c *cobra.Command, args []string) error { return run(c, args, &o) },
	}
	o.addFlags(c)
	return c
}

func run(c *cobra.Command, args []string, o *options) error {
	if len(args) == 0 {
		args = []string{stdin}
	}
	s, err := o.settings(c.Flags())
	if err == nil && o.listRules {
		return s.rules.list(c.OutOrStdout())
	}
	a := &account{stderr: c.ErrOrStderr()}
	sources, missing := find(args, o.recursive, a.fail)
	if slices.Contains(args, stdin) && cli.IsTerminal(c.InOrStdin()) {
		missing = append(missing, errors.New("want files, directories or patterns, or text on standard input, which is a terminal"))
	}
	if err := errors.Join(append([]error{err}, missing...)...); err != nil {
		return &cli.Exit{Code: cli.Usage, Err: err}
	}
	if len(sources) == 0 && a.failed == 0 { // no secret in no file is no good news
		return cli.Usagef("there is no file to scan in %s: directory/... takes those below it too", cli.Printable(strings.Join(args, " ")))
	}
	var draft *draft
	if o.writeBaseline != "" {
		if draft, err = newDraft(o.writeBaseline); err != nil {
			return err
		}
		defer draft.discard()
	}
	total := int64(0)
	for _, src := range sources {
		if total += src.size; src.size < 0 {
			total = -1
			break
		}
	}
	a.bar = cli.NewProgress(a.stderr, "scanning", total)
	p := o.printer(c.OutOrStdout(), s.mask)
	err = scanAll(c.Context(), s.redactor, c.InOrStdin(), sources, &events{
		finding: func(f redact.Finding) error {
			if !s.rules.wanted(f.Rule) {
				return nil
			}
			if draft != nil {
				draft.add(f)
			}
			if s.known.take(f) {
				a.known++
				return nil
			}
			a.add(f)
			a.bar.Clear()
			return p.finding(f)
		},
		end: func(file string, err error) error {
			a.files++
			if err != nil {
				a.fail(err)
			}
			return p.end()
		},
		progress: a.bar.Set,
	})
	a.bar.Close()
	if err == nil && draft != nil {
		if failed := draft.publish(); failed != nil {
			a.fail(failed)
		}
	}
	return a.finish(err, p)
}

// finish prints the summary, and returns the exit code.
func (a *account) finish(err error, p printer) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if failed := p.close(a); failed != nil {
		return failed
	}
	switch {
	case err != nil:
		fmt.Fprintf(a.stderr, "interrupted: %s\n", a)
		return err
	case a.secrets > 0:
		return &cli.Exit{Code: cli.No}
	case a.failed > 0:
		return &cli.Exit{Code: cli.Partial}
	}
	return nil
}
