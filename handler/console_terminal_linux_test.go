package handler_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/handler"
)

// pseudoTerminal returns both ends of a terminal with so many columns.
func pseudoTerminal(t *testing.T, columns uint16) (screen, program *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminals: ", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skip("no pseudo terminals: ", err)
	}
	t.Cleanup(func() { program.Close() })
	resize(t, program, columns)
	return screen, program
}

func resize(t *testing.T, terminal *os.File, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// TestConsoleHandlerOnATerminal prints to a terminal of 80 columns, then makes it
// wider.
func TestConsoleHandlerOnATerminal(t *testing.T) {
	for name, value := range map[string]string{"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm-256color"} {
		t.Setenv(name, value)
	}
	screen, program := pseudoTerminal(t, 80)
	logger := slog.New(handler.NewConsoleHandler(program, nil))
	long := strings.Repeat("x", 60)
	logger.Info("narrow", "value", long)
	resize(t, program, 200)
	logger.Info("wide", "value", long)

	var lines []string
	for in := bufio.NewScanner(screen); len(lines) < 3 && in.Scan(); {
		lines = append(lines, in.Text())
	}
	for i, want := range []string{"\x1b[32mINF\x1b[0m narrow", "\x1b[2m  │\x1b[0m \x1b[2mvalue=\x1b[0m" + long, "wide                                     \x1b[2mvalue=\x1b[0m" + long} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d of %q lacks %q", i, lines, want)
		}
	}
}
