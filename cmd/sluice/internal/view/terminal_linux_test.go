package view_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTerminal returns what the command prints to a terminal of so many columns.
func onTerminal(t *testing.T, columns uint16, stdin string, args ...string) string {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	printed := make(chan string, 1)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, terminal) // ends in EIO when the other end is closed
		printed <- b.String()
	}()
	call(t.Context(), strings.NewReader(stdin), tty, io.Discard, append([]string{"--utc"}, args...)...)
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(<-printed, "\r\n", "\n")
}

func TestATerminalGetsColumnsAndColor(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("FORCE_COLOR", "")
	t.Setenv("TERM", "xterm")
	const log = `{"time":"2026-11-22T10:00:00Z","level":"WARN","logger":"db","msg":"slow query","table":"orders","duration":0.81}` + "\ntext " + "of many words that are too long for a line of this terminal" + "\n"
	const want = "\x1b[2m2026-11-22 10:00:00.000\x1b[0m \x1b[1;33mWRN\x1b[0m \x1b[36m[db]\x1b[0m\x1b[33m slow query\x1b[0m\n" +
		"\x1b[2m  │\x1b[0m \x1b[2mtable=\x1b[0morders \x1b[2mduration=\x1b[0m0.81\n" +
		"\x1b[2m  │\x1b[0m   text of many words that are too long for a line of \n" +
		"\x1b[2m  ┊\x1b[0m   this terminal\n"
	if got := onTerminal(t, 60, log); got != want {
		t.Errorf("printed\n%q\nwant\n%q", got, want)
	}
	t.Setenv("NO_COLOR", "1")
	if got := onTerminal(t, 60, log); strings.Contains(got, "\x1b") || !strings.Contains(got, "\n  ┊   this terminal\n") {
		t.Errorf("with NO_COLOR, printed\n%q", got)
	}
}

// What is for programs does no harm to a terminal either, and stays JSON.
func TestFormsForProgramsAreHarmlessToATerminal(t *testing.T) {
	const log = "{\"msg\":\"\u202etxt.exe\u009b31m\u2066\u007f \U000e0001\",\"n\":1}\n"
	for _, form := range []string{"--raw", "--json"} {
		got := onTerminal(t, 80, log+hostileLog(), form)
		if i := strings.IndexFunc(got, func(r rune) bool { return acts(r) && r != '\n' }); i >= 0 {
			t.Errorf("%s: printed %q", form, got[max(0, i-50):min(len(got), i+50)])
		}
		first, _, _ := strings.Cut(got, "\n")
		var line struct {
			Message string `json:"msg"`
		}
		if err := json.Unmarshal([]byte(first), &line); err != nil || line.Message != "\u202etxt.exe\u009b31m\u2066\u007f \U000e0001" {
			t.Errorf("%s: printed %q, which is %q, %v", form, first, line.Message, err)
		}
	}
}
