// Command fleet lets up to 200 senders ship to a few receivers while these fail in
// ways that a fleet meets, and says what became of the events.
//
//	go run ./fleet [-scenario all] [-senders 200] [-receivers 4] [-write]
//
// It runs in e2e. The senders are processes in network namespaces of their own where
// that is allowed, which takes root and Linux. The receivers take a set number of
// events a second. Outages, backoffs and timeouts are divided by -compress. With -write
// the result goes into docs/fleet.md, between the lines <!-- fleet:begin --> and
// <!-- fleet:end -->, and beside its plots into docs/img/fleet.json. The exit status is
// 1 if something happened that must not: docs/fleet.md says what that is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/e2e/fleet/result"
	"github.com/sluicelog/sluice/e2e/internal/harness"
)

func main() {
	if spec := os.Getenv(senderVariable); spec != "" {
		if err := runSender(spec, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o, err := parseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "fleet: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = fleet(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "fleet: %v\n", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	scenario, as, namespaces string
	over                     string // of the scenario; "" for that which it has by itself
	senders, receivers       int
	rate, capacity, compress float64
	bytes                    int
	ttl                      time.Duration // without compression
	json                     string
	write                    bool

	processes, netns bool // what as and namespaces have come to
}

// wholeFleet is how many senders there are at least in what goes into the page.
const wholeFleet = 200

// The words that flags take.
const (
	all          = "all"
	asProcesses  = "processes"
	asGoroutines = "goroutines"
	auto         = "auto"
	on           = "on"
	off          = "off"
)

// parseFlags writes the usage to usage if it is asked for.
func parseFlags(args []string, usage io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.StringVar(&o.scenario, "scenario", all, "`what` goes wrong: rolling, herd, stagger, slow, dead, partition, broker or all; several with commas")
	flags.StringVar(&o.over, "over", "", "what the senders ship over: beats, kafka or redis; by default beats, and kafka for broker, for which alone it is with all")
	flags.IntVar(&o.senders, "senders", 200, "how many senders there are, from 2 to 900")
	flags.IntVar(&o.receivers, "receivers", 4, "how many receivers there are, from 1 to 8")
	flags.Float64Var(&o.rate, "rate", 50, "events per second of each sender, from 1 to 10000")
	flags.IntVar(&o.bytes, "event-bytes", 300, "length of an event, from 64 to 4096")
	flags.Float64Var(&o.capacity, "capacity", 0, "events per second of each receiver; 0 is 1.2 times what the others need when one is away")
	flags.Float64Var(&o.compress, "compress", 20, "by what outages, backoffs and timeouts are divided, from 1 to 100")
	flags.DurationVar(&o.ttl, "ttl", realTTL, "the ConnectionTTL of the senders, before it is divided, from 10s to 1h")
	flags.StringVar(&o.as, "as", asProcesses, "what the senders are: processes or goroutines")
	flags.StringVar(&o.namespaces, "netns", auto, "network namespaces for processes: auto, on or off")
	flags.StringVar(&o.json, "json", "", "a `file` for the result as JSON")
	flags.BoolVar(&o.write, "write", false, "write the result into docs/fleet.md, with plots")
	if err := harness.Parse(flags, args, usage); err != nil {
		return o, err
	}
	if o.capacity == 0 {
		o.capacity = o.enough()
	}
	return o, o.check()
}

// check returns an error that names every flag that is wrong.
func (o options) check() error {
	var errs []error
	want := func(ok bool, name string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("-%s %v: want %s", name, value, want))
		}
	}
	_, err := o.chosen()
	if err != nil {
		errs = append(errs, err)
	}
	want(slices.Contains([]string{"", overBeats, overKafka, overRedis}, o.over), "over", o.over, "beats, kafka or redis")
	want(o.senders >= 2 && o.senders <= 900, "senders", o.senders, "2 to 900")
	want(o.receivers >= 1 && o.receivers <= 8, "receivers", o.receivers, "1 to 8")
	want(o.rate >= 1 && o.rate <= 10_000, "rate", o.rate, "1 to 10000")
	want(o.bytes >= 64 && o.bytes <= 4096, "event-bytes", o.bytes, "64 to 4096")
	want(o.capacity >= 1 && o.capacity <= 1e7, "capacity", o.capacity, "1 to 10000000")
	want(o.compress >= 1 && o.compress <= 100, "compress", o.compress, "1 to 100")
	want(o.ttl >= 10*time.Second && o.ttl <= time.Hour, "ttl", o.ttl, "10s to 1h")
	want(o.as == asProcesses || o.as == asGoroutines, "as", o.as, "processes or goroutines")
	want(o.namespaces == auto || o.namespaces == on || o.namespaces == off, "netns", o.namespaces, "auto, on or off")
	if o.write && (o.scenario != all || o.as != asProcesses || o.senders < wholeFleet) {
		errs = append(errs, fmt.Errorf("-write: want -scenario all, -as processes and -senders %d or more with it", wholeFleet))
	}
	want(o.namespaces != on || o.as == asProcesses, "netns", o.namespaces, "auto or off for goroutines")
	return errors.Join(errs...)
}

// chosen returns the scenarios that are asked for.
func (o options) chosen() ([]scenario, error) {
	every := scenarios()
	if o.scenario == all {
		return every, nil
	}
	var some []scenario
	for name := range strings.SplitSeq(o.scenario, ",") {
		i := slices.IndexFunc(every, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-scenario %s: want rolling, herd, stagger, slow, dead, partition, broker or all", name)
		}
		some = append(some, every[i])
	}
	return some, nil
}

// of returns the options for a scenario, or why there is none with these.
func (o options) of(s scenario) (options, error) {
	switch {
	case s.name != scenarioBroker && (o.over == "" || o.scenario == all):
		o.over = overBeats
	case s.name == scenarioBroker && (o.over == "" || o.scenario == all && o.over == overBeats):
		o.over = overKafka
	}
	compare := s.name == scenarioStagger || s.name == scenarioSlow || s.name == scenarioDead
	switch {
	case s.name == scenarioBroker && o.over == overBeats:
		return o, errors.New("broker: want -over kafka or redis")
	case (compare || s.name == scenarioCut) && o.over != overBeats:
		return o, fmt.Errorf("%s: want -over beats", s.name)
	case compare && o.receivers < 2:
		return o, fmt.Errorf("%s: want -receivers 2 or more", s.name)
	case s.name == scenarioCut && !o.netns:
		return o, errors.New("partition: it takes network namespaces")
	}
	if o.over == overRedis {
		if _, err := exec.LookPath("redis-server"); err != nil {
			return o, fmt.Errorf("%s over redis: %w", s.name, err)
		}
	}
	if o.write && !o.tells(s) {
		return o, fmt.Errorf("-write: with -compress %v and %d senders, a herd in %s could not be told from what chance makes of it", o.compress, o.senders, s.name)
	}
	return o, nil
}

// tells reports whether a herd could be told from chance, or is not to be.
func (o options) tells(s scenario) bool {
	backoff := result.Options{MaxBackoff: seconds(o.senderOptions().MaxBackoff)}
	r := result.Result{Scenario: s.name, Over: o.over, Receivers: o.receivers, Options: backoff}
	return !r.Herd() || r.Tells(o.senders)
}

// fleet runs the scenarios and reports them to w, and to the page if that is wanted. It
// says to progress how far it is.
func fleet(ctx context.Context, o options, w, progress io.Writer) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	if err := o.settleNamespaces(progress); err != nil {
		return err
	}
	dir, err := temporary()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the next run does it otherwise
	run := result.Run{System: harness.System(), As: o.as, Namespaces: o.netns}
	plans, err := o.plans(chosen, progress)
	if err != nil {
		return err
	}
	fault := o.live(ctx, plans, dir, &run, progress)
	if _, err := io.WriteString(w, markdown(run)); err != nil {
		return errors.Join(fault, err)
	}
	if o.json != "" {
		if err := writeJSON(run, o.json); err != nil {
			return errors.Join(fault, err)
		}
	}
	if fault != nil || !o.write {
		return fault
	}
	_, _ = fmt.Fprintln(progress, "docs/fleet.md is written; docs/scale.md is checked against it: go run ./scale -write")
	return write(run, docs())
}

// docs is where the page is.
func docs() string { return filepath.Join("..", "docs") }

// plan is a scenario that is to run, with its options.
type plan struct {
	scenario
	o options
}

// plans returns what of the scenarios can run, or an error that says why one that was asked for
// by its name cannot, or the page cannot be written.
func (o options) plans(chosen []scenario, progress io.Writer) ([]plan, error) {
	var some []plan
	for _, s := range chosen {
		mine, err := o.of(s)
		switch {
		case err == nil:
			some = append(some, plan{s, mine})
		case o.scenario == all && !o.write:
			_, _ = fmt.Fprintf(progress, "%v: left out\n", err)
		default:
			return nil, err
		}
	}
	if o.write {
		if _, err := block.Read(filepath.Join(docs(), "fleet.md")); err != nil {
			return nil, fmt.Errorf("-write: %w", err)
		}
	}
	if o.json != "" {
		if err := touch(o.json); err != nil {
			return nil, fmt.Errorf("-json: %w", err)
		}
	}
	return some, nil
}

// live runs scenarios one after the other, adds their results to a run, and returns what
// is wrong with them. It ends at one that has none.
func (o options) live(ctx context.Context, plans []plan, dir string, run *result.Run, progress io.Writer) error {
	var faults []error
	for i := range plans {
		p := &plans[i]
		_, _ = fmt.Fprintf(progress, "%s: %d senders, %d receivers, over %s …\n", p.name, p.o.senders, p.o.receivers, p.o.over)
		sub := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(sub, 0o700); err != nil {
			return errors.Join(append(faults, err)...)
		}
		r, err := live(ctx, p.o, p.scenario, sub)
		if err == nil {
			run.Results = append(run.Results, r)
			faults = append(faults, r.Check())
			err = os.RemoveAll(sub)
		}
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
	}
	return errors.Join(faults...)
}

// touch makes a file if there is none.
func touch(path string) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // for all
	if err != nil {
		return err
	}
	return f.Close()
}

// settleNamespaces finds out whether there are network namespaces.
func (o *options) settleNamespaces(progress io.Writer) error {
	o.processes = o.as == asProcesses
	if !o.processes || o.namespaces == off {
		return nil
	}
	n, err := buildNetwork(1)
	if err == nil {
		err = n.destroy()
	}
	switch {
	case err == nil:
		o.netns = true
	case o.namespaces == on:
		return err
	default:
		_, _ = fmt.Fprintf(progress, "no network namespaces: %v\n", err)
	}
	return nil
}
