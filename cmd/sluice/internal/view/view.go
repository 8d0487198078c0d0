// Package view is the command view: it prints the lines of any JSON log for people, and in one form for programs.
package view

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// Command returns the command.
func Command() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "view [file]...",
		Short: "Print and follow logs",
		Long: `Prints the lines of JSON logs for people: in columns and in color on a terminal, one plain
line each into a pipe. It takes files, directories (DIR/... with all below), patterns and
standard input; plain, gzip and zstd.

Times are printed in the time zone of this machine, or with --utc. Secrets are masked. Lines
of text, as those of a panic, go with the JSON line before them. A line of broken JSON is
shown as that, unless something is asked that only JSON can answer.

There is no pager: sluice view --color always app.log | less -R`,
		Example: `  sluice view app.log
  sluice view -f -n 50 app.log                       the last 50 lines and what comes, through rotations
  sluice view -r -l error --since 15m app.log        errors, also from the rotated files
  sluice view -w 'status >= 500' -o path,status app.log
  sluice view -C 5 -g 'panic:' /var/log/shop
  sluice view --merge web.log pay.log                two logs in the order of time
  sluice view -j web.log | jq -c 'select(.msg == "slow query")'`,
		RunE: func(c *cobra.Command, args []string) error { return run(c, f, args) },
	}
	f.add(c)
	return c
}

// run prints what the flags ask for.
func run(c *cobra.Command, f *flags, args []string) error {
	s, err := f.settings(c)
	if err != nil {
		return err
	}
	if err := cli.CheckInput(c, args); err != nil {
		return err
	}
	a := &account{command: c.CommandPath(), w: c.ErrOrStderr(), quiet: f.quiet}
	logs, err := open(f, s, c.InOrStdin(), a, args)
	if err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	defer logs.close()
	files, first, n := logs.names()
	s.names = newNames(files, f.names(c, n))
	o := newOutput(c.OutOrStdout(), s, a, first)
	err = logs.print(c.Context(), s, o)
	if err == nil {
		err = o.end()
	}
	failed := a.report(logs)
	switch {
	case err != nil:
		return err
	case failed:
		return &cli.ExitError{Code: cli.Partial}
	case o.matched == 0 && !s.filter.Empty():
		return &cli.ExitError{Code: cli.No}
	}
	return nil
}

// logs are what is read: more than one only to be merged.
type logs []*input.Reader

// open opens the logs.
func open(f *flags, s *settings, stdin io.Reader, a *account, args []string) (logs, error) {
	opts := &input.Options{
		Rotated: f.rotated,
		Since:   s.filter.Since(),
		Follow:  f.follow,
		Tail:    s.tail,
		Stdin:   stdin,
		OnError: a.failure,
	}
	if !f.merge {
		r, err := input.Open(args, opts)
		return logs{r}, err
	}
	all, err := input.Open(args, &input.Options{Rotated: f.rotated, Since: opts.Since, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	sets := all.Logs()
	if err := all.Close(); err != nil {
		return nil, err
	}
	if len(sets) < 2 || len(sets) > maxMerged {
		return nil, fmt.Errorf("--merge: there are %d logs, and it takes from 2 to %d", len(sets), maxMerged)
	}
	var opened logs
	for _, files := range sets {
		r, err := input.Open(files, opts)
		if err != nil {
			opened.close()
			return nil, err
		}
		opened = append(opened, r)
	}
	return opened, nil
}

// print prints the lines.
func (l logs) print(ctx context.Context, s *settings, o *output) error {
	var err error
	switch {
	case s.merge:
		err = merge(ctx, l, s, o)
	case s.follow:
		err = follow(ctx, l[0], newWorker(s, o.blocks), o)
	default:
		_, err = input.Map(ctx, l[0], func() *worker { return newWorker(s, o.blocks) }, (*worker).chunk, o.block)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// follow prints the lines as they come. One worker sees them all, in their order.
func follow(ctx context.Context, r *input.Reader, w *worker, o *output) error {
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) { // of standard input
			return nil
		}
		if err != nil {
			return err
		}
		err = o.block(w.chunk(c))
		r.Release(c)
		if err != nil {
			return err
		}
	}
}

// close closes the logs. They were only read, so nothing is lost by what goes wrong.
func (l logs) close() {
	for _, r := range l {
		_ = r.Close()
	}
}

// names returns the names of the files, for each the first one of its log, and how many logs there are.
func (l logs) names() (files []string, first map[string]string, n int) {
	first = make(map[string]string)
	for _, r := range l {
		for _, log := range r.Logs() {
			for _, file := range log {
				files, first[file] = append(files, file), log[0]
			}
			n++
		}
	}
	return files, first, n
}
