package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"app.log":            "app.log",
		"журнал 1.log":       "журнал 1.log",
		"a\nb":               `"a\nb"`,
		"\x1b[31mred":        `"\x1b[31mred"`,
		"\u202egol":          `"\u202egol"`,
		"not utf-8 \xff.log": `"not utf-8 \xff.log"`,
	} {
		if got := cli.Printable(in); got != want {
			t.Errorf("Printable(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestConfirmAsksNobody(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if cli.Confirm(t.Context(), strings.NewReader("yes\n"), &out, "remove?") || out.Len() > 0 {
		t.Errorf("asked where there is no terminal, and printed %q", out.String())
	}
}

func TestIsClosed(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		fmt.Errorf("write: %w", syscall.EPIPE): true, io.ErrClosedPipe: true, io.EOF: false, errors.New("no space"): false,
	} {
		if got := cli.IsClosed(err); got != want {
			t.Errorf("IsClosed(%v) = %v", err, got)
		}
	}
}

func TestExit(t *testing.T) {
	t.Parallel()
	var exit *cli.ExitError
	if err := cli.Usagef("--rate: %d is less than 1", 0); !errors.As(err, &exit) || exit.Code != cli.Usage || err.Error() != "--rate: 0 is less than 1" {
		t.Errorf("Usagef is %v", err)
	}
	if err := (&cli.ExitError{Code: cli.No, Err: io.EOF}); !errors.Is(err, io.EOF) {
		t.Error("an ExitError does not wrap its error")
	}
}

func TestProgressIsQuietWhereThereIsNoTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := cli.NewProgress(&out, "reading", 100)
	p.Set(50)
	p.Total(200)
	p.Set(200)
	p.Clear()
	p.Close()
	if out.Len() > 0 {
		t.Errorf("printed %q", out.String())
	}
}
