// Package clean is the command clean: it removes old log files, and says first which.
package clean

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// Command returns the command.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "clean [directory]...",
		Short: "Remove old log files, after showing which",
		Long: `Clean removes the oldest log files of each directory until what stays is within all limits that are given.

First it prints what would go and why, and removes nothing. On a terminal it asks then; elsewhere, as in a
cron job, it removes only with --yes. It removes what it has printed and nothing else, and no file that
a program has open for writing. Directories in a directory, links and hidden files are left alone.

With --config, the directories, names and limits are those of the retention of each file in a configuration.`,
		Example: `  sluice clean /var/log/app --max-age 30d
  sluice clean /var/log/app /var/log/proxy --max-total-size 10GB --yes
  sluice clean /var/log/app --pattern 'app-*.log.gz' --max-files 10
  sluice clean --config /etc/app/logging.json --yes
  sluice clean /var/log/app --max-age '2 weeks' --json`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error { return run(c, args, &o) },
	}
	o.addFlags(c)
	return c
}

func run(c *cobra.Command, args []string, o *options) error {
	targets, err := o.targets(args, c.Flags())
	if err != nil {
		return err
	}
	ctx, out, stderr := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	r := report{command: c.CommandPath(), DryRun: true}
	for _, t := range targets {
		r.Directories = append(r.Directories, t.plan(ctx))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.count()
	r.warn(stderr)
	if !o.json {
		if err := r.print(out); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("Remove %s, %s?", files(r.Removed), humanize.IBytes(bytes(r.Freed)))
	agreed := r.Removed > 0 && o.consent.Agreed(c, !o.json, question, "nothing was removed", "removes what is listed")
	if err := ctx.Err(); err != nil {
		return err
	}
	if agreed {
		if o.json {
			if err := r.begin(out); err != nil { // and nobody knows what would go
				return err
			}
		}
		remove(ctx, &r, targets, stderr)
		r.warn(stderr)
		if !o.json {
			err = r.account(out, ctx.Err() != nil)
		}
	}
	if o.json {
		err = r.end(out, agreed)
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if r.failed() {
		return &cli.ExitError{Code: cli.Partial}
	}
	return nil
}

// remove removes what is planned.
func remove(ctx context.Context, r *report, targets []target, stderr io.Writer) {
	done, all := int64(0), int64(0)
	for _, d := range r.Directories {
		_, size := d.count(planned)
		all += size
	}
	bar := cli.NewProgress(stderr, "removing", all)
	defer bar.Close()
	for i, t := range targets {
		t.remove(ctx, r.Directories[i], func(size int64) {
			done += size
			bar.Set(done)
		})
	}
	r.DryRun, r.planned = false, r.Removed
	r.count()
}
