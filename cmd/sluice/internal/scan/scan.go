// Package scan is the command scan: it looks for secrets in logs that are written already.
package scan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// Command returns the command.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "scan [file]...",
		Short: "Look for secrets in logs",
		Long: `Scan looks for passwords, keys, tokens, cards and the like in logs of any format, plain or compressed with gzip
or zstd, and prints where they are. What it prints is masked: no secret that it knows is in its output.

Of a directory it takes the files in it, with /... or --recursive those below it too. Without arguments, and
for -, it reads standard input. A baseline holds what is known, so that only what is new is reported: it has no
secret in it, and goes on to fit when files rotate, are compressed or are moved. It knows a secret by when it was
logged: one in a log without times is always reported.`,
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
	s, err := o.settings(c.Flags())
	if err == nil && o.listRules {
		return s.rules.list(c.OutOrStdout())
	}
	a := &account{command: c.CommandPath(), stderr: c.ErrOrStderr(), hide: redact.String}
	if err == nil {
		a.hide = s.redactor.String
	}
	sources, missing := o.sources(c, args, a)
	if err := errors.Join(err, missing); err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	var draft *draft
	if o.writeBaseline != "" {
		if draft, err = newDraft(o.writeBaseline); err != nil {
			return err
		}
		defer draft.file.Discard()
	}
	a.bar = cli.NewProgress(a.stderr, "scanning", total(sources))
	p := o.printer(c.OutOrStdout(), s.mask)
	logs := make(map[string]bool) // of which something was read
	err = scanAll(c.Context(), s, c.InOrStdin(), sources, &events{
		finding: func(f finding) error {
			if !s.rules.wanted(f.Rule) {
				return nil
			}
			draft.add(f)
			if s.known.take(f) {
				a.known++
				return nil
			}
			if n := a.add(f); s.limit > 0 && n > s.limit {
				return nil
			}
			a.bar.Clear()
			return p.finding(f)
		},
		end: func(from source, err error) error {
			logs[logOf(shown(s.redactor, from.name))] = true
			if err != nil {
				a.fail(err)
			}
			return p.end(a.end(s.limit))
		},
		progress: a.bar.Set,
	})
	a.bar.Close()
	interrupted := errors.Is(err, context.Canceled)
	if interrupted {
		if a.open {
			err = errors.Join(p.end(a.end(s.limit)), err)
		}
		a.failures = append(a.failures, "interrupted before all was scanned")
	}
	if err == nil || interrupted {
		err = errors.Join(p.close(a), err)
	}
	if interrupted {
		a.say("interrupted before all was scanned")
	}
	if s.known != nil || draft != nil {
		a.sayTimeless()
	}
	if err == nil && draft != nil {
		draft.keep(s.known, func(f fingerprint) bool { return a.failed > 0 || !logs[f.Log] || !s.rules.wanted(f.Rule) })
		err = draft.publish()
	}
	if err != nil {
		return err
	}
	return a.exit()
}

// sources returns what there is to scan, and what is wrong with the arguments.
func (o *options) sources(c *cobra.Command, args []string, a *account) ([]source, error) {
	if err := cli.CheckInput(c, args); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{stdin}
	}
	sources, err := find(args, o.recursive, a.fail)
	if err == nil && len(sources) == 0 && a.failed == 0 { // no secret in no file is no good news
		err = fmt.Errorf("there is no file to scan in %s: directory/... takes those below it too", cli.Printable(strings.Join(args, " ")))
	}
	return sources, err
}

// total returns how many bytes there are to read, -1 if nobody knows.
func total(sources []source) (sum int64) {
	for _, s := range sources {
		if s.size < 0 {
			return -1
		}
		sum += s.size
	}
	return sum
}
