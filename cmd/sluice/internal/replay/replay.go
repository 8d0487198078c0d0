// Package replay is the command replay.
package replay

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

const long = `Send to Logstash, or to the Kafka or Redis in front of it, what never got there: the spool of a program
that is gone, a quarantine file, or log files of any library, old and new.

A source is a spool's directory, a log file (plain, gzip or zstd) or a directory of log files; - and no
source at all are standard input. A line that is a Logstash event already, as those of a quarantine file,
is sent byte for byte; a line of any other JSON log becomes the event that its program would have sent.
Secrets are masked.

Over beats:// and http:// an event is done when Logstash has acked it, over kafka:// and redis:// when the
broker in front of it has. How far that has got is kept, in the spool itself or in a state file, so that the
same command goes on where it was interrupted. What is refused is counted with its reasons, and kept with
--rejects.`

const example = `  sluice replay /var/spool/app --to beats://logstash:5044
  sluice replay /var/log/app -r --to beats+tls://a,b --ca ca.pem --since 2026-11-20 --rate 2000
  sluice replay app.log --to https://logstash/in --credentials /run/secrets/logstash --rejects refused.json
  sluice replay refused.json --to beats://logstash
  sluice replay app.log --to kafka+tls://kafka-1:9093,kafka-2:9093/logs --sasl scram-sha-512 --credentials /run/secrets/kafka
  sluice replay app.log --to redis://redis-1/logstash --redis threshold=5000000
  sluice replay app.log --to beats://logstash --dry-run
  kubectl logs app | sluice replay - --to tcp://logstash:5000 --text`

// Command returns the command.
func Command() *cobra.Command {
	o := newOptions()
	c := &cobra.Command{
		Use:     "replay [source]... --to address",
		Short:   "Send a spool, a quarantine file or log files to Logstash",
		Long:    long,
		Example: example,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(c, args); err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"-"}
			}
			return run(c, o, args)
		},
	}
	o.addFlags(c)
	return c
}

// run opens what is needed, sends, and prints the account.
func run(c *cobra.Command, o *options, args []string) error {
	errs := &warnings{out: c.ErrOrStderr(), who: c.CommandPath(), quiet: o.quiet}
	dest, err := o.destination()
	if err != nil {
		return err
	}
	sources, err := openSources(args, o, c.InOrStdin(), errs)
	if err != nil {
		return err
	}
	defer func() {
		for _, s := range sources {
			if err := s.close(); err != nil {
				errs.warn(err)
			}
		}
	}()
	rejects, err := o.openRejects(args, sources)
	if err != nil {
		return err
	}
	places, err := o.openState(dest.place, sources)
	if err != nil {
		return err
	}
	defer places.close()

	r := &replay{o: o, dest: dest, sources: sources, places: places, warnings: errs, rejects: rejects, left: make(map[uint32]bool)}
	work := r.run
	if o.dryRun {
		work = r.rehearse
	}
	a, err := work(c.Context())
	if err != nil {
		return err
	}
	if a.ended != completed && !o.dryRun && !slices.Contains(args, "-") {
		a.goOn = again(c, args, dest)
	}
	if err := a.print(c.OutOrStdout(), o.json); err != nil {
		return err
	}
	if code := a.exitCode(); code != cli.OK {
		return &cli.ExitError{Code: code}
	}
	return nil
}

// openSources opens what the arguments stand for: consecutive log files as one source.
func openSources(args []string, o *options, stdin io.Reader, errs *warnings) (all []source, err error) {
	var names []string
	defer func() {
		if err != nil {
			for _, s := range all {
				_ = s.close() // nothing was done with it
			}
		}
	}()
	flush := func() error {
		if len(names) == 0 {
			return nil
		}
		s := &logFiles{names: names, o: o, stdin: stdin, warnings: errs}
		all, names = append(all, s), nil
		return s.check()
	}
	for _, arg := range args {
		spool, err := isSpool(arg)
		if err != nil {
			return all, &cli.ExitError{Code: cli.Partial, Err: err}
		}
		if arg != "-" && !spool {
			names = append(names, arg)
			continue
		}
		if err := flush(); err != nil {
			return all, err
		}
		if arg == "-" {
			all = append(all, &logFiles{names: []string{arg}, o: o, stdin: stdin, warnings: errs})
			continue
		}
		s, err := openSpool(arg, o, errs)
		if err != nil {
			return all, &cli.ExitError{Code: cli.Partial, Err: err}
		}
		all = append(all, s)
	}
	return all, flush()
}

// openState opens the state of the log files, if there are any whose state is to be kept.
func (o *options) openState(to string, sources []source) (*state, error) {
	key := stateKey{To: to, Settings: o.settings()}
	for _, s := range sources {
		files, ok := s.(*logFiles)
		if !ok || files.isStream() {
			continue
		}
		for _, name := range files.names {
			path, err := filepath.Abs(name)
			if err != nil {
				return nil, cli.Usagef("%s: %w", cli.Printable(name), err)
			}
			key.Sources = append(key.Sources, path)
		}
	}
	switch {
	case o.noState:
		return nil, nil
	case len(key.Sources) > 0:
		return openState(o.state, key, o.dryRun)
	case o.state != "":
		return nil, cli.Usagef("--state: want none, as there are no log files: a spool keeps its own, and standard input cannot be read again")
	}
	return nil, nil
}

// again returns the command line, to go on with. What may be secret in the address is not in it.
func again(c *cobra.Command, args []string, dest *destination) string {
	words := append(strings.Fields(c.CommandPath()), args...)
	for _, w := range givenFlags(c) {
		if w == "--to="+dest.addr && dest.addr != dest.name {
			w = "--to=" + dest.name + "?..."
		}
		words = append(words, w)
	}
	for i, w := range words {
		words[i] = shellWord(w)
	}
	if dest.addr != dest.name {
		words = append(words, "# complete --to: what is behind its ? is not shown")
	}
	return strings.Join(words, " ")
}

// shellWord returns a word as a shell reads it.
func shellWord(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=+./:,@%", r)
	}
	if w != "" && !strings.ContainsFunc(w, func(r rune) bool { return !plain(r) }) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// warnings prints what is not right while the rest goes on.
type warnings struct {
	who   string
	quiet bool

	mu  sync.Mutex // for the output
	out io.Writer
	bar *meter // to be taken off the terminal before, nil for none
}

func (w *warnings) warn(err error) {
	if w.quiet {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bar.clear()
	fmt.Fprintf(w.out, "%s: %s\n", w.who, harmless(err.Error()))
}

// show lets a bar be taken off the terminal before a warning is printed.
func (w *warnings) show(bar *meter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bar = bar
}
