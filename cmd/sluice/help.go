package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// heading is that of a topic in the manual.
const heading = "heading"

// topics are pages of help that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "filters", Annotations: map[string]string{heading: "FILTERS"},
			Short: "which lines view and stat look at, and replay sends",
			Long: `Which lines view and stat look at, and replay sends:

  --level error             of this level and above: TRACE DEBUG INFO NOTICE SUCCESS WARN ERROR
                            FAIL CRITICAL FATAL, the names of other libraries, INFO+2, a number
  --since 15m, --until      from a time on, before a time: how long ago ("90s", "2h30m", "3 days"), a clock
                            (10:30: the last one), today, yesterday, 2026-11-22, "2026-11-22 10:30", RFC 3339;
                            without a zone, the time zone of this machine
  --grep, --except          a regular expression (Go's, RE2) that matches somewhere in the line, or that does not
  --tag security            with this tag
  --where EXPRESSION        for which an expression over the attrs holds

All flags that are given have to agree, each of those that are given several times too.
A line that does not say what is asked for, because it has no level or no time, is not wanted.

Expressions are those of https://expr-lang.org:

  status >= 500                              == != < <= > >=
  status in 500..599 and not (path == "/")   and or not in
  request.user.name == "ann"                 an attr within a group
  $env["http.status"] == 404                 a key with dots in it
  path matches "^/api/" or msg contains "timeout"
                                             matches contains startsWith endsWith
  error                                      the attr is there
  "security" in tags and len(items) > 3

The keys are those of the line. level, msg and message can be had of all lines, however they call it:
level is a name in capitals, for == and in; --level is for "and above".
An expression that makes no sense for a line, such as a comparison of a missing attr with a number,
does not hold.`,
		},
		{
			Use: "exit", Annotations: map[string]string{heading: "EXIT STATUS"},
			Short: "what the exit codes say",
			Long: `What the exit codes say:

  0    all was done, and there is nothing to complain of
  1    all was done, and the answer is no: nothing matched (view), a threshold was exceeded (stat), a secret
       was found (scan), a check failed (doctor), something got worse (bench), an event was refused (replay)
  2    a flag, an argument or a configuration is wrong; nothing was done
  3    something could not be read, written or removed; the rest was done
  130  ended by Ctrl-C, SIGTERM or SIGHUP, properly; a second Ctrl-C ends at once
  141  who reads the output has gone`,
		},
	}
}

// help returns the command that explains the others.
func help() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command or topic]",
		Short:   "Help about any command",
		Long:    "Help about any command, or topic.",
		Example: "  sluice help view\n  sluice help filters",
		GroupID: "more",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			for _, c := range c.Root().Commands() {
				if len(args) == 0 && !c.Hidden {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 && about.Name() != rest[0] {
				return cli.Usagef("there is no help about %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

// man returns the command that writes the pages of the manual.
func man() *cobra.Command {
	return &cobra.Command{
		Use:   "man directory",
		Short: "Write the pages of the manual",
		Long: `Write the pages of the manual, sluice.1 and one for each command, into a directory.

A package of a Linux distribution has them in /usr/share/man/man1.`,
		Example: `  sluice man /usr/local/share/man/man1
  man sluice-view`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // pages of a manual are for everybody
				return &cli.ExitError{Code: cli.Usage, Err: err}
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			root.InitDefaultVersionFlag()
			for _, topic := range topics() {
				root.Long += "\n\n# " + topic.Annotations[heading] + "\n```\n" + topic.Long + "\n```"
			}
			for _, c := range append(root.Commands(), root) {
				if c.Runnable() && c.Name() != "help" && c.Name() != "completion" || c == root {
					if err := page(c, args[0]); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
}

// page writes the page about a command.
func page(c *cobra.Command, dir string) error {
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	f, err := cli.CreateFile(filepath.Join(dir, name+".1"), 0o644)
	if err != nil {
		return err
	}
	defer f.Discard()
	header := &doc.GenManHeader{Section: "1", Source: "sluice " + c.Root().Version, Manual: "sluice"}
	if err := doc.GenMan(c, header, f); err != nil {
		return err
	}
	return f.Publish()
}

// version returns the version that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
