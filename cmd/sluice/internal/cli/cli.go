// Package cli is what the commands have in common: exit codes, values of flags, questions and progress.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/term"
)

// The exit codes of sluice, which "sluice help" explains. Others are those of a shell: 128 and the
// number of a signal.
const (
	OK          = 0
	No          = 1   // all was done, and the answer is no: a threshold exceeded, a secret found, an event refused
	Usage       = 2   // a flag, an argument or a configuration is wrong: nothing was done
	Partial     = 3   // something could not be read, written or removed; the rest was done
	Interrupted = 130 // by Ctrl-C, SIGTERM or SIGHUP: what was under way was ended or given up properly
	Closed      = 141 // who reads the output has gone
)

// An ExitError is an error that ends the program with a code.
type ExitError struct {
	Code int
	Err  error // what to print; nil if all is said
}

// Error returns what to print.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }

// Usagef returns the error of a wrong flag or argument. It should name what is wrong, and what is allowed.
func Usagef(format string, args ...any) error {
	return &ExitError{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// IsClosed reports whether an error of writing says that who reads has gone.
func IsClosed(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// IsTerminal reports whether a reader or writer is a terminal.
func IsTerminal(rw any) bool {
	f, ok := rw.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// CheckInput returns an error if there is nothing to read: no name, and a terminal for standard input.
func CheckInput(c *cobra.Command, names []string) error {
	if len(names) == 0 && IsTerminal(c.InOrStdin()) {
		return Usagef("no file is given, and standard input is a terminal: name a file, or pipe a log into %s", c.CommandPath())
	}
	return nil
}

// Width returns the columns of a terminal; 80 of what is none or does not say.
func Width(w any) int {
	if f, ok := w.(*os.File); ok {
		if n := term.Width(f.Fd()); n > 0 {
			return n
		}
	}
	return 80
}

// Confirm asks a question on a terminal and reports whether the answer is yes. Where in or out is none, there
// is nobody to ask, and the answer is no; as it is when the context is done first. A goroutine then waits for the
// rest of the line until the process ends.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question string) bool {
	if !IsTerminal(in) || !IsTerminal(out) {
		return false
	}
	fmt.Fprintf(out, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes"
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false
	}
}

// Printable returns a text from outside, such as the name of a file, as one line that does nothing to a terminal: as it
// is, or in quotes if it is not all printable.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
}
