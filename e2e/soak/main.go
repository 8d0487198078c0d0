// Command soak ships events for a day that is compressed to ten minutes, with
// the troubles of a bad one, and says what became of them.
//
//	go run ./soak [-day 10m] [-peak 5000] [-write]
//
// It runs in e2e. The events come from a program of its own, in numbers that
// follow the hour, over beats:// and a proxy for each of two receivers; the
// spool is in the mode SpoolAlways. What goes wrong meanwhile is in the table it
// prints: receivers and networks fail, the sender is replaced and killed, and
// its disk is full, which takes root, for a file system of its own. With -write
// the table goes into docs/soak.md, between the lines <!-- soak:begin --> and
// <!-- soak:end -->. The exit status is 1 if an event is lost, or out of order
// without a reason.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/e2e/internal/harness"
)

func main() {
	if spec := os.Getenv(senderVariable); spec != "" {
		if err := runSender(spec, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "soak: sender: %v\n", err)
			os.Exit(1)
		}
		return
	}
	o, err := parseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, o, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

type options struct {
	day   time.Duration
	peak  int
	write bool
}

// parseFlags writes the usage to usage if it is asked for.
func parseFlags(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.DurationVar(&o.day, "day", 10*time.Minute, "how long 24 hours take, from 5s to 24h")
	flags.IntVar(&o.peak, "peak", 5000, "events per second in the busiest hour, from 10 to 100000")
	flags.BoolVar(&o.write, "write", false, "write the result into docs/soak.md")
	err := harness.Parse(flags, args, usage)
	switch {
	case err != nil:
	case o.day < 5*time.Second || o.day > 24*time.Hour:
		err = fmt.Errorf("-day %v: want 5s to 24h", o.day)
	case o.peak < 10 || o.peak > 100_000:
		err = fmt.Errorf("-peak %d: want 10 to 100000", o.peak)
	}
	return o, err
}

// soak lets the day pass and reports it to w, and to the page if that is wanted.
func soak(ctx context.Context, o options, w io.Writer) error {
	const block = harness.Block("soak")
	page := filepath.Join("..", "docs", "soak.md")
	if o.write { // a day is too long to find out in the evening
		if _, err := block.Read(page); err != nil {
			return fmt.Errorf("-write: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system's to clean up otherwise
	result, err := live(ctx, o, dir)
	if err != nil {
		return err
	}
	text := result.markdown()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if err := result.verdict(); err != nil {
		return err
	}
	if !o.write {
		return nil
	}
	return block.Write(page, text)
}
