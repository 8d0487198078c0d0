// Command scale sizes senders, spools, brokers and Logstashes for a fleet.
//
//	go run ./scale [-hosts 1000 -rate 10 -event-bytes 500 -outage 1h …] [-write]
//
// It runs in e2e. Every flag is an assumption, which the last table repeats with the
// reason for its default; go run ./scale -help lists them. Without -hosts the tables
// have a row for 1 to 100,000 hosts. With -write, which allows no other flag, they go
// into docs/scale.md, between the lines <!-- scale:begin --> and <!-- scale:end -->,
// with what the model says of the last run of ./fleet, beside what that has measured.
// The exit status is 2 if a flag is wrong, and 1 if that was not what the model says: the
// page then has it all the same.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/e2e/internal/harness"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	var wrong *usageError
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "scale: %v\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "scale: %v\n", err)
		os.Exit(1)
	}
}

// usageError says what is wrong with the arguments.
type usageError struct{ error }

// options are what the arguments ask for.
type options struct {
	plan  plan
	tiers []int
	rates []float64
	write bool
}

// parse writes the usage to usage if it is asked for.
func parse(args []string, usage io.Writer) (options, error) {
	o := options{plan: defaults(), tiers: tiers(), rates: rates()}
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	flags.BoolVar(&o.write, "write", false, "write the tables into docs/scale.md; without other flags")
	for _, a := range o.plan.assumptions() {
		a.define(flags)
	}
	err := harness.Parse(flags, args, usage)
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case errors.Is(err, flag.ErrHelp):
		return o, err
	case err != nil:
	case o.write && len(given) > 1:
		err = errors.New("-write: the page has the defaults; leave out the other flags")
	default:
		err = o.plan.check()
	}
	if err != nil {
		return o, &usageError{err}
	}
	if given["hosts"] {
		o.tiers = []int{o.plan.hosts}
	}
	if given["hosts"] || given["rate"] || given["peak"] {
		o.rates = []float64{o.plan.rate, o.plan.rate * o.plan.peak}
	}
	return o, nil
}

// run prints the tables, or writes them into the page.
func run(args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.write {
		docs := filepath.Join("..", "docs")
		text, off, err := written(docs)
		if err != nil {
			return err
		}
		return errors.Join(append(off, block.Write(filepath.Join(docs, "scale.md"), text))...)
	}
	var t table
	t.sized(o.plan, o.tiers, o.rates)
	t.assumed(o.plan)
	_, err = io.WriteString(stdout, t.String())
	return err
}

// block is where the tables are in docs/scale.md.
const block = harness.Block("scale")

// written returns what belongs into the page, and what of the last run of the fleet is not as
// the model says. There need not be one.
func written(docs string) (text string, off []error, err error) {
	last, err := readRun(filepath.Join(docs, "img", "fleet.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	var t table
	t.sized(defaults(), tiers(), rates())
	if err == nil {
		t.compared(last)
	}
	t.assumed(defaults())
	return t.String(), t.off, nil
}
