// Package harness has what the programs of e2e share that run for long and write what
// they find into a page.
package harness

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Parse parses arguments that are flags and nothing else. It writes to usage if that is
// asked for, and returns flag.ErrHelp then.
func Parse(flags *flag.FlagSet, args []string, usage io.Writer) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(usage)
		_, _ = fmt.Fprintf(usage, "usage: %s [flags]\n", flags.Name())
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("argument %q: there are none, only flags; -help lists them", flags.Arg(0))
	}
	return err
}

// System returns what the program runs on, as in "linux/amd64, 2 CPUs, go1.26.8".
func System() string {
	return fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// Resident returns the resident memory of the process in bytes, 0 where that cannot be
// known.
func Resident() int64 {
	file, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(file), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
