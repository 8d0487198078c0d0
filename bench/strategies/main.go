//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// abreast is how many runs with faults there are at once: what takes seconds there
// is waiting. Without faults there is one at a time.
const abreast = 3

func main() {
	if text := os.Getenv(orderVariable); text != "" {
		exit(carryOut(text))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = report(ctx, o, os.Stdout, os.Stderr)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "strategies: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type options struct {
	quick bool
	way   *regexp.Regexp // nil for all
}

// parseFlags writes the usage to usage if it is asked for.
func parseFlags(args []string, usage io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("strategies", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.BoolVar(&o.quick, "quick", false, "take a quarter of the time, and write nothing")
	expression := flags.String("way", "", "measure only ways whose names match this regular expression, and write nothing")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("argument %q: there are none, only the flags -quick and -way", flags.Arg(0))
	}
	if *expression != "" {
		if o.way, err = regexp.Compile(*expression); err != nil {
			return o, fmt.Errorf("-way: %w", err)
		}
	}
	return o, nil
}

func (o options) writes() bool { return !o.quick && o.way == nil }

// report measures, prints the tables, and puts them into the page.
func report(ctx context.Context, o options, stdout, progress io.Writer) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	root, err := findRoot(dir)
	if err != nil {
		return err
	}
	all, in := ways(), situations()
	if o.quick {
		for i := range in {
			in[i] = in[i].quick()
		}
	}
	var keep []string
	version, err := filebeatVersion(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(progress, "NO FILEBEAT: what the page says of it stays as it is: %v\n", err)
		keep = append(keep, filebeatLine)
	}
	var chosen []way
	for _, w := range all {
		switch {
		case w.beside && version == "":
			keep = append(keep, "| "+w.name+" |")
		case o.way == nil || o.way.MatchString(w.name):
			chosen = append(chosen, w)
		}
	}
	f, err := measureAll(ctx, chosen, in, root, progress)
	if err != nil {
		return err
	}
	tables := f.tables(all, in, version)
	if _, err := io.WriteString(stdout, tables); err != nil || !o.writes() {
		return err
	}
	page, err := os.ReadFile(pageOf(root))
	if err != nil {
		return err
	}
	text, err := rewrite(string(page), tables, keep)
	if err != nil {
		return fmt.Errorf("%s: %w", pageOf(root), err)
	}
	return os.WriteFile(pageOf(root), []byte(text), 0o644) //nolint:gosec // a page for everybody
}

// measureAll measures all ways in all situations.
func measureAll(ctx context.Context, chosen []way, in []situation, root string, progress io.Writer) (figures, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := make(figures)
	begun := time.Now()
	var mu sync.Mutex
	one := func(w way, i int) {
		if ctx.Err() != nil {
			return
		}
		res, err := measure(ctx, w, in[i], root)
		if err != nil {
			cancel(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		f[w.name][i] = res
		_, _ = fmt.Fprintf(progress, "%3.0f s  %s, %s: %d events, %d lost, %d twice\n",
			time.Since(begun).Seconds(), w.name, in[i].name, res.handled, res.lost, res.doubled)
	}
	for _, w := range chosen {
		f[w.name] = make([]result, len(in))
		one(w, 0)
	}
	var wg sync.WaitGroup
	free := make(chan struct{}, abreast)
	for i := 1; i < len(in); i++ {
		for _, w := range chosen {
			if w.listen == nil {
				continue
			}
			free <- struct{}{}
			wg.Go(func() {
				one(w, i)
				<-free
			})
		}
	}
	wg.Wait()
	return f, context.Cause(ctx)
}
