// Package archive is the command archive: it copies closed log files to another directory, and says first which.
package archive

import (
	"context"
	"errors"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/rotate"
)

// Command returns the command.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "archive source destination",
		Short: "Copy closed log files to an archive, verified",
		Long: `Archive copies the log files of one directory to another, which it creates if need be. A file that is there
already is not copied again, nothing there is replaced, and a file that a program has open for writing is left out.

First it prints what it would do, and does nothing. On a terminal it asks then; elsewhere, as in a cron job,
it copies only with --yes. Each copy is synced, read back and compared with the file before it gets its name,
and only then --remove-source removes the file. A copy that is interrupted or does not fit leaves nothing.`,
		Example: `  sluice archive /var/log/app /backup/app
  sluice archive /var/log/app /backup/app --min-age 1d --compress zstd --yes
  sluice archive /var/log/app /backup/app --min-age '30 days' --compress gzip --level 9 --remove-source
  sluice archive /var/log/app /backup/app --pattern 'app-*' --mode 0640 --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usagef("want two directories, the source and the destination, not %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) < 2 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return run(c, args[0], args[1], &o) },
	}
	o.addFlags(c)
	return c
}

func run(c *cobra.Command, src, dst string, o *options) error {
	if err := o.check(src, dst, c.Flags()); err != nil {
		return err
	}
	ctx, out, stderr := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	r := report{command: c.CommandPath(), Source: src, Destination: dst}
	r.plan(ctx, o, stderr)
	if err := ctx.Err(); err != nil {
		return err
	}
	r.warn(stderr)
	if !o.json {
		if err := r.print(out); err != nil {
			return err
		}
	}
	r.warnOfSpace(stderr, o)
	agreed := r.work() > 0 && o.consent.Agreed(c, !o.json, r.question(), "nothing was done", "does what is listed")
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	if agreed {
		r.copy(ctx, o, stderr)
		r.warn(stderr)
		if !o.json {
			err = r.account(out)
		}
	}
	if o.json {
		err = r.encode(out)
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if r.failed() {
		return &cli.ExitError{Code: cli.Partial}
	}
	return nil
}

// plan finds out what would be done.
func (r *report) plan(ctx context.Context, o *options, stderr io.Writer) {
	// The total is not known yet, nor whether there is anything to compare.
	bar := cli.NewProgress(stderr, "looking", -1)
	defer bar.Close()
	t := tally{show: bar.Set}
	a := o.archive()
	a.DryRun = true
	a.OnProgress = t.add
	r.DryRun = true
	done, err := rotate.Archive(ctx, r.Source, r.Destination, a)
	r.take(ctx, done, err)
}

// copy does what is planned, and takes what has become old enough meanwhile.
func (r *report) copy(ctx context.Context, o *options, stderr io.Writer) {
	bar := cli.NewProgress(stderr, "copying", r.Bytes+r.known)
	defer bar.Close()
	t := tally{show: bar.Set}
	a := o.archive()
	a.OnProgress = t.add
	r.DryRun, r.planned = false, r.Copied
	done, err := rotate.Archive(ctx, r.Source, r.Destination, a)
	r.take(ctx, done, err)
}

// tally adds up what is done of each file.
type tally struct {
	show func(int64)
	file string
	of   int64 // of the file
	all  int64
}

func (t *tally) add(source string, done int64) {
	if source != t.file {
		t.file, t.of = source, 0
	}
	t.all += done - t.of
	t.of = done
	t.show(t.all)
}

// size returns a number of bytes in words.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// files returns a number of files in words.
func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return humanize.Comma(int64(n)) + " files"
}
