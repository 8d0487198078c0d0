// Command report measures the handlers of package bench and prints how they
// compare, as Markdown.
//
//	go run ./bench/report [-rounds 100] [-benchtime 5ms] [-write]
//	go run ./bench/report -buffers [-rounds 25] [-write]
//	go run ./bench/report -files [-rounds 15] [-write]
//	go run ./bench/report -redact [-rounds 60] [-benchtime 5ms] [-write]
//	go run ./bench/report -ship [-rounds 15] [-write]
//	go run ./bench/report -spool [-rounds 15] [-write]
//	go run ./bench/report -handlers [-rounds 30] [-benchtime 5ms] [-write]
//	go run ./bench/report -pipeline [-rounds 20] [-benchtime 5ms] [-write]
//	go run ./bench/report -tool [-rounds 3] [-log 2000] [-write]
//	go run ./bench/report -brokers [-rounds 30] [-write]
//	go run ./bench/report -balance [-rounds 5] [-write]
//
// The first is about encoders, the second about buffers, the third about log
// files, the fourth about redaction, the fifth about senders of
// events, the sixth about queues on disk, the seventh about handlers that stand
// before others, the eighth about all that a service logs through, the ninth about the operator's
// tool, which reads a log of 2 GB in a temporary folder, the tenth about events that go to
// Kafka and, if there is a redis-server on this machine, to Redis, the last about events that are spread over
// several receivers. With -write it also puts the tables into the
// README of the repository, between the lines <!-- bench:begin --> and
// <!-- bench:end -->, or those of files, or, of all others, into
// docs/figures.md, the most important rows about redaction and about such handlers
// into the README, too, the chart of the encoders into bench/report.svg, and the plots of
// brokers and receivers into docs/img/brokers.svg and docs/img/balance.svg. It runs
// anywhere in the repository and takes a good minute, five, six, one, one, three, four, two, three, two, or three. Many short rounds give
// steadier ratios than few long ones: what else the machine does for a second
// then hits every peer alike.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice/bench"
)

func main() {
	if bench.IsInbox() {
		if err := bench.ServeInbox(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "report: inbox: %v\n", err)
			os.Exit(1)
		}
		return
	}
	if isToolPart() {
		if err := doToolPart(os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "report: %v\n", err)
			os.Exit(1)
		}
		return
	}
	o, err := parseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "report: %v\n", err)
		os.Exit(2)
	}
	if err := report(o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "report: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	rounds    int
	benchtime time.Duration
	write     bool
	buffers   bool
	files     bool
	redact    bool
	ship      bool
	spool     bool
	handlers  bool
	pipeline  bool
	tool      bool
	brokers   bool
	balance   bool
	megabytes int        // of the log for the tool
	keys      int        // for handlers
	load      bench.Load // for all whose records are counted
}

// parseFlags writes the usage to usage if it is asked for.
func parseFlags(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.rounds, "rounds", 100, "how often everything is measured, from 1 to 1000")
	flags.DurationVar(&o.benchtime, "benchtime", 5*time.Millisecond, "how long each time, from 1us to 1h")
	flags.BoolVar(&o.write, "write", false, "write the block in README.md or docs/figures.md, and the picture for encoders, brokers and balance")
	flags.BoolVar(&o.buffers, "buffers", false, "measure buffers instead of encoders; -rounds is 25 then, unless given")
	flags.BoolVar(&o.files, "files", false, "measure log files instead of encoders; -rounds is 15 then, unless given")
	flags.BoolVar(&o.redact, "redact", false, "measure redaction instead of encoders; -rounds is 60 then, unless given")
	flags.BoolVar(&o.ship, "ship", false, "measure senders of events instead of encoders; -rounds is 15 then, unless given")
	flags.BoolVar(&o.spool, "spool", false, "measure queues on disk instead of encoders; -rounds is 15 then, unless given")
	flags.BoolVar(&o.handlers, "handlers", false, "measure handlers before others instead of encoders; -rounds is 30 then, unless given")
	flags.BoolVar(&o.pipeline, "pipeline", false, "measure all that a service logs through instead of encoders; -rounds is 20 then, unless given")
	flags.BoolVar(&o.tool, "tool", false, "measure the operator's tool instead of encoders; -rounds is 3 then, unless given")
	flags.BoolVar(&o.brokers, "brokers", false, "measure clients of Kafka and Redis instead of encoders; -rounds is 30 then, unless given")
	flags.BoolVar(&o.balance, "balance", false, "measure events spread over several receivers instead of encoders; -rounds is 5 then, unless given")
	megabytes := flags.Int("log", 2000, "megabytes of the log that -tool reads, from 1 to 100000; as much again is needed for its other files")
	err := flags.Parse(args)
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	chosen := slices.DeleteFunc(parts(), func(name string) bool { return flags.Lookup(name).Value.String() != "true" })
	if o.buffers || o.files || o.ship || o.spool || o.pipeline || o.brokers || o.balance {
		o.load = bench.FullLoad()
	}
	if o.handlers {
		o.keys = bench.ManyKeys
	}
	if o.tool {
		o.megabytes = *megabytes
	}
	if !given["rounds"] {
		switch {
		case o.tool:
			o.rounds = 3
		case o.buffers:
			o.rounds = 25
		case o.pipeline:
			o.rounds = 20
		case o.files, o.ship, o.spool:
			o.rounds = 15
		case o.balance:
			o.rounds = 5
		case o.redact:
			o.rounds = 60
		case o.handlers, o.brokers:
			o.rounds = 30
		}
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(usage)
		_, _ = fmt.Fprintln(usage, "usage: report [flags]")
		flags.PrintDefaults()
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("argument %q: there are none, only the flags -rounds, -benchtime, -write, -buffers, -files, -redact, -ship, -spool, -handlers, -pipeline, -tool, -log, -brokers and -balance", flags.Arg(0))
	case len(chosen) > 1:
		err = fmt.Errorf("-%s and -%s: must be one of them", chosen[0], chosen[1])
	case given["log"] && !o.tool:
		err = fmt.Errorf("-log %d: only with -tool", *megabytes)
	case *megabytes < 1 || *megabytes > 100_000:
		err = fmt.Errorf("-log %d: must be from 1 to 100000", *megabytes)
	case given["benchtime"] && len(chosen) == 1 && counts(chosen[0]) != "":
		err = fmt.Errorf("-benchtime %s: not with -%s, %s", o.benchtime, chosen[0], counts(chosen[0]))
	case o.rounds < 1 || o.rounds > 1000:
		err = fmt.Errorf("-rounds %d: must be from 1 to 1000", o.rounds)
	case o.benchtime < time.Microsecond || o.benchtime > time.Hour:
		err = fmt.Errorf("-benchtime %s: must be from 1us to 1h", o.benchtime)
	}
	return o, err
}

// parts returns the flags of which there is to be no more than one.
func parts() []string {
	return []string{"buffers", "files", "redact", "ship", "spool", "handlers", "pipeline", "tool", "brokers", "balance"}
}

// counts says what a part has in place of a time; nothing, if it has one.
func counts(part string) string {
	switch part {
	case "tool":
		return "which reads whole logs"
	case "buffers":
		return "where records are counted"
	case "files":
		return "where lines are counted"
	case "ship", "spool", "brokers":
		return "where events are counted"
	case "balance":
		return "where receivers set the pace"
	default:
		return ""
	}
}

func report(o options, stdout, progress io.Writer) error {
	part := encoderBlock
	switch {
	case o.buffers:
		part = bufferBlock
	case o.files:
		part = fileBlock
	case o.redact:
		part = redactBlock
	case o.ship:
		part = shipBlock
	case o.spool:
		part = spoolBlock
	case o.handlers:
		part = handlerBlock
	case o.pipeline:
		part = wholeBlock
	case o.tool:
		part = toolBlock
	case o.brokers:
		part = brokerBlock
	case o.balance:
		part = balanceBlock
	}
	// Whether there is something to write to is better known before than after.
	var root string
	if o.write || o.tool {
		dir, err := os.Getwd()
		if err != nil {
			return err
		}
		if root, err = findRoot(dir); err != nil {
			return err
		}
	}
	if o.write {
		blocks := []block{part}
		if rows, ok := part.rows(); ok {
			blocks = append(blocks, rows)
		}
		for _, b := range blocks {
			if _, err := b.rebuilt(filepath.Join(root, b.page()), ""); err != nil {
				return err
			}
		}
	}

	s := setting{
		machine: fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version()),
		date:    time.Now().UTC().Format(time.DateOnly), rounds: o.rounds, time: o.benchtime.String(),
	}
	if part == encoderBlock || part == redactBlock || part == handlerBlock || part == wholeBlock {
		// Package testing knows the time of a benchmark by this flag alone.
		testing.Init()
		if err := flag.Set("test.benchtime", o.benchtime.String()); err != nil {
			return err
		}
	}
	var text, more, picture, rows string
	switch part {
	case bufferBlock:
		f := measureBuffers(bench.Buffers(), o.load, o.rounds, progress)
		text, more = bufferSummary(f, o.load, s), bufferDetails(f)
	case fileBlock:
		f := measureFiles(bench.LogFiles(), o.load, o.rounds, progress)
		text, more = fileSummary(f, o.load, s), fileDetails(f)
	case redactBlock:
		f := measureRedaction(o.rounds, progress)
		text, more, rows = redactSummary(f, s), redactDetails(f), redactShort(f, s)
	case shipBlock:
		f := measureShipping(bench.Senders(), o.load, o.rounds, progress)
		text, more = shipSummary(f, o.load, s), shipDetails(f)
	case spoolBlock:
		f := measureSpools(bench.Spools(), o.load, o.rounds, progress)
		text, more = spoolSummary(f, o.load, s), spoolDetails(f)
	case handlerBlock:
		f := measureHandlers(bench.Chapters(), bench.Memories(), o.keys, o.rounds, progress)
		text, more, rows = handlersSummary(f, s), handlersDetails(f), handlersShort(f, s)
	case wholeBlock:
		f, err := measureWholes(bench.Wholes(), o.load, o.rounds, progress)
		if err != nil {
			return err
		}
		text, more = wholeSummary(f, o.load, s), wholeDetails(f)
	case toolBlock:
		f, err := reportTool(root, o.megabytes, o.rounds, progress)
		if err != nil {
			return err
		}
		text, more = toolSummary(f, s), toolDetails(f)
	case brokerBlock:
		f := measureBrokers(bench.Brokers(), o.load, o.rounds, progress)
		text, more, picture = brokerSummary(f, o.load, s), brokerDetails(f), brokerPlot(f, s)
	case balanceBlock:
		f := measureBalance(bench.Fleets(), o.load, o.rounds, progress)
		text, more, picture = balanceSummary(f, o.load, s), balanceDetails(f), balancePlot(f, s)
	default:
		r := measure(bench.Cases(), bench.Peers(), o.rounds, progress)
		text, more, picture = summary(r, s), details(r), chart(r, s)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n%s", text, more); err != nil {
		return err
	}
	if !o.write {
		return nil
	}
	if picture != "" {
		line, err := part.draw(root, picture)
		if err != nil {
			return err
		}
		text += "\n" + line
	}
	if short, ok := part.rows(); ok {
		if err := short.write(root, rows); err != nil {
			return err
		}
	}
	return part.write(root, text)
}
