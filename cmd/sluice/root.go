package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/archive"
	"github.com/sluicelog/sluice/cmd/sluice/internal/bench"
	"github.com/sluicelog/sluice/cmd/sluice/internal/clean"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/doctor"
	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/cmd/sluice/internal/scan"
	"github.com/sluicelog/sluice/cmd/sluice/internal/stat"
	"github.com/sluicelog/sluice/cmd/sluice/internal/view"
)

// run is the program, with its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// A closed pipe is an error of writing, not the end of the process with something half done.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// The second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)

	begun := false
	root := newRoot()
	root.PersistentPreRun = func(c *cobra.Command, _ []string) {
		begun = true
		if _, set := os.LookupEnv("GOMEMLIMIT"); !set && c.GroupID == "read" {
			debug.SetMemoryLimit(memory)
		}
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.InitDefaultCompletionCmd() // which prints to what has just been set
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.RunE = func(_ *cobra.Command, args []string) error {
			return cli.Usagef("%q is no shell: want bash, zsh, fish or powershell", strings.Join(args, " "))
		}
		completion.Args = cobra.ArbitraryArgs
	}
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return cli.OK
	}
	if cli.IsClosed(err) {
		return cli.Closed
	}
	exit := &cli.ExitError{Code: cli.Partial, Err: err}
	var path *fs.PathError
	switch {
	case errors.As(err, &exit):
	case errors.Is(err, context.Canceled):
		return cli.Interrupted
	case !begun && !errors.As(err, &path): // of --version to a full disk
		exit.Code = cli.Usage
	}
	if exit.Err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", command.CommandPath(), exit.Err)
	}
	if exit.Code == cli.Usage {
		fmt.Fprintf(stderr, "See %s --help.\n", command.CommandPath())
	}
	return exit.Code
}

// memory is how much view and stat aim to have: logs may be read on a machine that is short of it.
const memory = 36 << 20

// newRoot returns the tree of commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Read, check, keep and replay JSON logs",
		Long: `sluice reads, checks, keeps and replays JSON logs: those of sluice, log/slog, zap, zerolog,
logrus, pino, Logstash and ECS, told apart line by line; plain, gzip and zstd.

It takes files, directories and patterns, or reads standard input. It never holds more of
them than a few MiB, goes on behind what it cannot read and says what that was, and masks
the secrets that it finds.`,
		Example: `  sluice view -f app.log                          follow a log, through its rotations
  sluice view --level error --since 15m app.log   the errors of the last quarter of an hour
  kubectl logs deploy/shop | sluice view          what comes in a pipe
  sluice stat --rotated app.log                   what has gone wrong, when, where and how often
  sluice doctor /etc/shop/logging.json            is this machine ready to log?
  sluice scan /var/log/shop                       is there a secret in the logs?`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("sluice {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: "read", Title: "Read logs:"},
		&cobra.Group{ID: "check", Title: "Check a machine and its logs:"},
		&cobra.Group{ID: "keep", Title: "Keep, remove and ship logs:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	for _, c := range []struct {
		group   string
		command *cobra.Command
	}{
		{"read", view.Command()},
		{"read", stat.Command()},
		{"check", doctor.Command()},
		{"check", scan.Command()},
		{"check", bench.Command()},
		{"keep", clean.Command()},
		{"keep", archive.Command()},
		{"keep", replay.Command()},
		{"more", man()},
	} {
		c.command.GroupID = c.group
		c.command.DisableFlagsInUseLine = true
		root.AddCommand(c.command)
	}
	root.SetHelpCommand(help())
	root.SetCompletionCommandGroupID("more")
	root.AddCommand(topics()...)
	root.Flags().Bool("version", false, "print the version") // without a letter: -v is --except
	return root
}
