//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sluicelog/sluice/internal/testlog"
)

// A terminal is a process in a pseudo-terminal, and all that it has printed there.
type terminal struct {
	t       *testing.T
	process *exec.Cmd
	keys    *os.File

	mu      sync.Mutex
	printed bytes.Buffer
	more    chan struct{} // has room for one: there is more than before
	ended   chan struct{}
}

// open runs a command line in a terminal of 100 columns.
func open(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	bin := install(t)
	term := &terminal{t: t, more: make(chan struct{}, 1), ended: make(chan struct{})}
	term.process = exec.CommandContext(t.Context(), filepath.Join(bin, "sluice"), args...)
	term.process.Dir = dir
	term.process.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "TERM=xterm-256color"}
	var err error
	if term.keys, err = pty.StartWithSize(term.process, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	t.Cleanup(func() {
		_ = term.process.Process.Kill()
		<-term.ended
		term.keys.Close()
	})
	go func() {
		defer close(term.ended)
		buf := make([]byte, 4096)
		for {
			n, err := term.keys.Read(buf)
			term.mu.Lock()
			term.printed.Write(buf[:n])
			term.mu.Unlock()
			select {
			case term.more <- struct{}{}:
			default:
			}
			if err != nil { // EIO when the process has ended
				return
			}
		}
	}()
	return term
}

// text is all that was printed so far.
func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.printed.String()
}

// wait waits until all texts were printed.
func (term *terminal) wait(want ...string) {
	term.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		missing := ""
		for _, w := range want {
			if !strings.Contains(term.text(), w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-term.more:
		case <-term.ended:
			if !strings.Contains(term.text(), missing) {
				term.t.Fatalf("%v ended without %q:\n%s", term.process.Args, missing, term.text())
			}
		case <-limit:
			term.t.Fatalf("%v did not print %q:\n%s", term.process.Args, missing, term.text())
		}
	}
}

// press writes to the terminal as its user does.
func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// exit waits for the end, and checks the exit code.
func (term *terminal) exit(want int) {
	term.t.Helper()
	select {
	case <-term.ended:
	case <-time.After(30 * time.Second):
		term.t.Fatalf("%v does not end:\n%s", term.process.Args, term.text())
	}
	_ = term.process.Wait()
	if got := term.process.ProcessState.ExitCode(); got != want {
		term.t.Errorf("%v: exit code %d, want %d:\n%s", term.process.Args, got, want, term.text())
	}
}

const ctrlC = "\x03"

func line(message string) string {
	return fmt.Sprintf(`{"time":"2026-11-22T14:00:00Z","level":"ERROR","msg":%q,"password":"tiger"}`+"\n", message)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestViewFollowsInATerminal(t *testing.T) {
	t.Parallel()
	dir := demo(t)
	log := filepath.Join(dir, "log", "app", "app.log")
	appendTo(t, log, line("there before"))
	term := open(t, dir, "view", "-f", "log/app/app.log")
	term.wait("there before")
	appendTo(t, log, line("one more"))
	term.wait("one more")
	appendTo(t, log, line("the last of this file"))
	if err := os.Rename(log, filepath.Join(dir, "log", "app", "app-20261122T140000.000000Z.log")); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, line("the first of the next"))
	term.wait("the last of this file", "the first of the next")
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, line("cut"))
	term.wait("cut")
	term.press(ctrlC)
	term.exit(130)
	text := term.text()
	if !strings.Contains(text, "\x1b[") {
		t.Errorf("there is no color:\n%s", text)
	}
	if strings.Contains(text, "tiger") {
		t.Errorf("there is a secret:\n%s", text)
	}
	for _, once := range []string{"one more", "the last of this file", "the first of the next"} {
		if n := strings.Count(text, once); n != 1 {
			t.Errorf("%q is there %d times:\n%s", once, n, text)
		}
	}
}

func TestCleanAsks(t *testing.T) {
	t.Parallel()
	dir := demo(t)
	backups := func() int {
		names, err := filepath.Glob(filepath.Join(dir, "log", "app", "app-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	for _, tt := range []struct {
		answer string
		code   int
		left   int
	}{{"\r", 0, 2}, {"no\r", 0, 2}, {ctrlC, 130, 2}, {"y\r", 0, 0}} {
		term := open(t, dir, "clean", "log/app", "--pattern", "app-*", "--max-total-size", "1")
		term.wait("[y/N]")
		term.press(tt.answer)
		term.exit(tt.code)
		if got := backups(); got != tt.left {
			t.Errorf("%q leaves %d files, want %d:\n%s", tt.answer, got, tt.left, term.text())
		}
	}
}

func TestArchiveAsks(t *testing.T) {
	t.Parallel()
	dir := demo(t)
	for _, tt := range []struct {
		answer string
		there  bool
	}{{"n\r", false}, {"y\r", true}} {
		term := open(t, dir, "archive", "log/app", "backup", "--pattern", "app-*", "--compress", "zstd")
		term.wait("[y/N]")
		term.press(tt.answer)
		term.exit(0)
		_, err := os.Stat(filepath.Join(dir, "backup", "app-20261122T110000.000000Z.log.zst"))
		if there := err == nil; there != tt.there {
			t.Errorf("%q: the archive is there: %v\n%s", tt.answer, there, term.text())
		}
	}
}

// TestInterrupted ends commands that wait for more input.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"view", "pipe"}, {"stat", "pipe"}, {"scan", "pipe"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			// Opened for both, it does not wait for the other end.
			w, err := os.OpenFile(pipe, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			term := open(t, dir, args...)
			// More than a pipe holds: when it is written, the process reads.
			if _, err := w.WriteString(strings.Repeat(line("so far"), 4000)); err != nil {
				t.Fatal(err)
			}
			term.press(ctrlC)
			term.exit(130)
		})
	}
}

// TestClosedPipe has a reader that goes away early.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), strings.Repeat(line("again"), 50_000))
	for _, args := range []string{"view app.log", "view --raw app.log", "scan app.log"} {
		c := exec.CommandContext(t.Context(), "sh", "-c", "{ sluice "+args+"; echo $? >code; } | head -n 1")
		c.Dir, c.Env, c.WaitDelay = dir, environment(install(t), t.TempDir()), 10*time.Second
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil || bytes.Count(out, []byte("\n")) != 1 || errs.Len() > 0 {
			t.Errorf("%s: %v, printed %d lines, %s", args, err, bytes.Count(out, []byte("\n")), errs.String())
		}
		if code, err := os.ReadFile(filepath.Join(dir, "code")); err != nil || string(code) != "141\n" {
			t.Errorf("%s: exit code %s%v", args, code, err)
		}
	}
}

// junk is so many bytes without a meaning, in lines of a length.
type junk struct{ left, line, at int64 }

func (j *junk) Read(p []byte) (n int, err error) {
	p = p[:min(int64(len(p)), j.left)]
	for i := 0; i < len(p); {
		i += copy(p[i:], "\x80\xfe\x00\x91\xaa\x1b[31m\x07\xff\xf0\x9f")
	}
	for i := j.line - 1 - j.at%j.line; i < int64(len(p)); i += j.line {
		p[i] = '\n'
	}
	j.at += int64(len(p))
	if j.left -= int64(len(p)); len(p) == 0 {
		err = io.EOF
	}
	return len(p), err
}

// TestMemory gives a process a gigabyte of binary junk in one line, and less of it in lines of a megabyte and of 200 bytes.
func TestMemory(t *testing.T) {
	if testing.Short() || testlog.Race {
		t.Skip("reads gigabytes; memory is another under the race detector")
	}
	t.Parallel()
	bin := install(t)
	for _, tt := range []struct {
		args        string
		bytes, line int64
		code        int
		most        int // MiB
	}{
		{"view", 1 << 30, 1 << 40, 0, 64},
		{"view --level error", 1 << 30, 1 << 40, 1, 64},
		{"stat", 1 << 30, 1 << 40, 0, 64},
		{"scan", 1 << 30, 1 << 40, 0, 64},
		{"view --level error --context 9", 128 << 20, 1 << 20, 1, 96}, // it keeps ten lines of a megabyte
		{"stat", 128 << 20, 1 << 20, 0, 64},
		{"view --level error --last 1000", 256 << 20, 200, 1, 64},
		{"stat", 256 << 20, 200, 0, 64},
	} {
		t.Run(fmt.Sprintf("%s, lines of %d", tt.args, tt.line), func(t *testing.T) {
			c := exec.CommandContext(t.Context(), filepath.Join(bin, "sluice"), strings.Fields(tt.args)...)
			c.Env = environment(bin, t.TempDir())
			name := filepath.Join(t.TempDir(), "status")
			if runtime.GOOS == "linux" {
				c.Env = append(c.Env, statusTo+"="+name)
			}
			c.Stdin = &junk{left: tt.bytes, line: tt.line}
			c.Stdout = io.Discard
			err := c.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) || c.ProcessState.ExitCode() != tt.code {
				t.Fatalf("%v, want exit code %d", err, tt.code)
			}
			if runtime.GOOS != "linux" {
				t.Skip("nobody says how much memory it was")
			}
			status, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var peak int // in KiB; that of ProcessState is the parent's if that had more
			_, line, _ := strings.Cut(string(status), "VmHWM:")
			if _, err := fmt.Sscan(line, &peak); err != nil {
				t.Fatalf("%v in %s", err, status)
			}
			t.Logf("%d MiB", peak>>10)
			if peak>>10 > tt.most {
				t.Errorf("it took %d MiB, want at most %d", peak>>10, tt.most)
			}
		})
	}
}
