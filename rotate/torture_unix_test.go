//go:build unix

package rotate_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

// logrotate returns a function that runs the real logrotate once on the log at
// path, with the given directives, and what else it needs.
func logrotate(t *testing.T, path, directives string) func() {
	t.Helper()
	program, err := exec.LookPath("logrotate")
	if err != nil {
		// Debian has it where only root's PATH leads.
		if program, err = exec.LookPath("/usr/sbin/logrotate"); err != nil {
			t.Skip("logrotate is not installed")
		}
	}
	dir := t.TempDir()
	config, state := filepath.Join(dir, "config"), filepath.Join(dir, "state")
	writeFile(t, config, fmt.Sprintf("%q {\n\trotate 1000\n\t%s\n}\n", path, directives))
	return func() {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, "-f", "-s", state, config)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("logrotate: %v: %s", err, out)
		}
	}
}

// logrotated returns the files that logrotate has made of the log at path,
// oldest first, and the log, if it has been made again.
func logrotated(t *testing.T, path string) []string {
	t.Helper()
	var all []string
	for n := 1; ; n++ {
		found, err := filepath.Glob(fmt.Sprintf("%s.%d*", path, n))
		if err != nil {
			t.Fatal(err)
		}
		found = slices.DeleteFunc(found, func(file string) bool {
			return strings.TrimSuffix(file, ".gz") != fmt.Sprintf("%s.%d", path, n)
		})
		if len(found) == 0 {
			slices.Reverse(all)
			if _, err := os.Stat(path); err == nil {
				all = append(all, path)
			}
			return all
		}
		all = append(all, found...)
	}
}

func TestLogrotateCreates(t *testing.T) {
	for _, directives := range []string{
		"create\n\tpostrotate\n\t\tkill -HUP %d\n\tendscript",
		"create\n\tcompress\n\tdelaycompress\n\tpostrotate\n\t\tkill -HUP %d\n\tendscript",
		"create", // nobody says anything: noticed within a second
		"nocreate",
	} {
		name, _, _ := strings.Cut(strings.ReplaceAll(directives, "\n\t", " "), "kill")
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(logDir(t), "app.log")
			c := startChild(t, job{Path: path, Writer: "w", MaxSize: -1, Steady: true, Ack: 1})
			signalled := strings.Contains(directives, "%d")
			if signalled {
				directives = fmt.Sprintf(directives, c.cmd.Process.Pid)
			}
			run := logrotate(t, path, "missingok\n\t"+directives)
			c.begin(t)
			for i := range torture(5, 100) {
				from := c.acked
				c.follow(func() bool { return c.acked > from+200 })
				run()
				if signalled && !c.follow(func() bool { return c.reopened > i }) {
					t.Fatalf("not reopened: %s", c.other)
				}
			}
			c.stop(t)
			got := auditFiles(t, logrotated(t, path)...)
			got.whole(t)
			got.exactly(t, "w", c.end.Written)
			got.nobodyElse(t)
		})
	}
}

// logDir returns a directory that logrotate trusts.
func logDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// With copytruncate, logrotate loses what is written between its copy and its
// truncation, as its manual says, and nobody else loses anything.
func TestLogrotateCopiesAndTruncates(t *testing.T) {
	path := filepath.Join(logDir(t), "app.log")
	c := startChild(t, job{Path: path, Writer: "w", MaxSize: -1, Steady: true, Ack: 1})
	run := logrotate(t, path, "copytruncate")
	c.begin(t)
	const each = 200 // lines that are there before each copy
	rounds := torture(10, 200)
	for range rounds {
		c.follow(func() bool { return strings.Count(read(t, path), "\n") > each })
		run()
	}
	c.stop(t)
	next, lost, cut := 0, 0, 0
	paths := logrotated(t, path)
	for _, file := range paths {
		got := auditFiles(t, file)
		if file != path && len(got.torn) == 1 && !strings.HasSuffix(read(t, file), "\n") {
			got.torn = nil // copied in the middle of a line being written
			cut++
		}
		got.whole(t)
		if lines := got.lines["w"]; len(lines) > 0 {
			if lines[0] < next {
				t.Errorf("%s begins with line %d, which an older file has", filepath.Base(file), lines[0])
			}
			lost += lines[0] - next
			next = lines[0] + len(lines)
			got.exactly(t, "w", upTo(next)[lines[0]:]) // without a gap
		}
		got.nobodyElse(t)
	}
	all := len(c.end.Written)
	lost += all - next
	t.Logf("%d lines, %d files: %d lines lost by logrotate, %d copies cut", all, len(paths), lost, cut)
	if all-lost < rounds*each {
		t.Errorf("%d of %d lines are lost", lost, all)
	}
}

// A process that is stopped, perhaps while it holds the lock, keeps nobody from
// writing.
func TestStoppedProcessHoldsUpNobody(t *testing.T) {
	j := job{
		Path:         filepath.Join(t.TempDir(), "app.log"),
		MaxSize:      100_000,
		Ack:          100,
		MayFail:      true, // to get the lock
		MultiProcess: true,
		Compress:     rotate.Gzip,
	}
	j.Writer = "stopped"
	stopped := startChild(t, j)
	j.Writer = "other"
	other := startChild(t, j)
	stopped.begin(t)
	other.begin(t)
	for range torture(5, 30) {
		acked := stopped.acked
		stopped.follow(func() bool { return stopped.acked >= acked+100 })
		if err := stopped.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		acked = other.acked
		if !other.follow(func() bool { return other.acked >= acked+2000 }) {
			t.Fatal("a process that was stopped has held up another one")
		}
		if err := stopped.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	stopped.stop(t)
	other.stop(t)
	got := auditFiles(t, files(t, j.Path)...)
	got.whole(t)
	for _, c := range []*child{stopped, other} {
		got.exactly(t, c.Writer, upTo(len(c.end.Written)))
		if c.end.Refused > 0 {
			t.Errorf("%s: %d lines refused", c.Writer, c.end.Refused)
		}
	}
	got.nobodyElse(t)
}

// While all processes are stopped, as on a machine that stands still, nobody can let go of the lock: nobody has waited
// too long for it.
func TestStandstillOfAllProcesses(t *testing.T) {
	shareAFile(t, false, rotate.None, false, func(children []*child) {
		for range torture(2, 10) {
			<-time.After(30 * time.Millisecond)
			for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
				for _, c := range children {
					_ = c.cmd.Process.Signal(signal) // it may have ended, of which there is no doubt below
				}
				if signal == syscall.SIGSTOP {
					<-time.After(1200 * time.Millisecond)
				}
			}
		}
	})
}

func TestFileSizeLimit(t *testing.T) {
	const limited = "ROTATE_TEST_LIMITED"
	if os.Getenv(limited) == "" { // the limit is one of the whole process
		child := exec.Command(os.Args[0], "-test.run=^TestFileSizeLimit$", "-test.v")
		child.Env = append(os.Environ(), limited+"=1", noSleep)
		if out, err := child.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{MaxSize: -1})
	w := &lineWriter{f: f, name: "w", failure: syscall.EFBIG}
	for range 4 {
		withFileSizeLimit(t, func() {
			for dropped := w.dropped; w.dropped < dropped+100; {
				w.write(t, 1)
			}
		})
		before := len(w.written)
		w.write(t, 10)
		if got := len(w.written) - before; got != 30 {
			t.Errorf("%d lines were written without the limit, want 30", got)
		}
		withFileSizeLimit(t, func() { mustRotate(t, f) })
	}
	w.check(t, path)
}

// withFileSizeLimit calls f while no file of this process may grow beyond 256 KiB.
func withFileSizeLimit(t *testing.T, f func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Skip(err)
	}
	low := before
	low.Cur = 256 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}()
	f()
}

// A lineWriter writes three lines at a time, and keeps account of what a File
// says about them.
type lineWriter struct {
	f       *rotate.File
	name    string
	failure error // that is expected
	next    int
	written []int
	dropped int64
}

func (w *lineWriter) write(t *testing.T, times int) {
	t.Helper()
	const lines = 3
	for range times {
		var p []byte
		for i := range lines {
			p = append(p, lineOf(w.name, w.next+i)...)
		}
		n, err := w.f.Write(p)
		if (n == len(p)) != (err == nil) || err != nil && !errors.Is(err, w.failure) {
			t.Errorf("Write = %d of %d, %v, want %v if any error", n, len(p), err, w.failure)
		}
		if n > 0 && p[n-1] != '\n' {
			t.Errorf("Write = %d, which is not at the end of a line", n)
		}
		done := strings.Count(string(p[:n]), "\n")
		for i := range done {
			w.written = append(w.written, w.next+i)
		}
		w.dropped += int64(lines - done)
		w.next += lines
	}
}

// check closes the file and fails t unless exactly what Write has taken is in
// the files of path.
func (w *lineWriter) check(t *testing.T, path string) {
	t.Helper()
	mustClose(t, w.f)
	tidy(t, path)
	checkStats(t, w.f, int64(len(w.written)), w.dropped)
	got := auditFiles(t, files(t, path)...)
	got.whole(t)
	got.exactly(t, w.name, w.written)
	got.nobodyElse(t)
}
