//go:build linux

package defects_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // a process that is started in another zone needs to know it
)

// childEnv holds, as JSON, what a process is to do that a scene has started.
const childEnv = "DEFECTS_CHILD"

// A task is what such a process is to do.
type task struct {
	Product   string
	Path      string
	Megabytes int
	Days      int
	Local     bool
	Gzip      bool
	Processes bool
	Lines     int
}

// child is such a process.
type child struct {
	s     *scene
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// child starts a process that opens the log with the same product and writes a
// line. When its standard input ends, it writes so many more, closes and ends.
func (s *scene) child(o settings, lines int, env ...string) *child {
	s.Helper()
	do, err := json.Marshal(task{s.name, o.path, o.megabytes, o.days, o.local, o.gzip, o.processes, lines})
	s.must(err)
	cmd := exec.CommandContext(s.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(append(os.Environ(), env...), childEnv+"="+string(do))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	s.must(err)
	stdout, err := cmd.StdoutPipe()
	s.must(err, cmd.Start())
	c := &child{s, cmd, stdin, bufio.NewReader(stdout)}
	if ready, err := c.out.ReadString('\n'); err != nil || ready != "ready\n" {
		s.Fatalf("the process said %q, %v", ready, err)
	}
	return c
}

// begin ends the input of the process.
func (c *child) begin() {
	c.s.Helper()
	c.s.must(c.stdin.Close())
}

// wait waits until the process has ended, and returns what it said.
func (c *child) wait() string {
	c.s.Helper()
	said, err := io.ReadAll(c.out)
	c.s.must(err, c.cmd.Wait())
	return string(said)
}

func (c *child) kill() {
	c.s.Helper()
	c.s.must(c.cmd.Process.Kill())
	_ = c.cmd.Wait() // it was killed
}

// TestChild is the process that a scene starts.
func TestChild(t *testing.T) {
	text := os.Getenv(childEnv)
	if text == "" {
		t.Skip("runs as a child of TestDefects only")
	}
	var do task
	if err := json.Unmarshal([]byte(text), &do); err != nil {
		t.Fatal(err)
	}
	all := products()
	p := all[slices.IndexFunc(all, func(p product) bool { return p.name == do.Product })]
	f, err := p.open(settings{
		path: do.Path, megabytes: do.Megabytes, days: do.Days, local: do.Local, gzip: do.Gzip, processes: do.Processes,
	})
	if err != nil {
		t.Fatal(err)
	}
	line := func(i int) error {
		_, err := fmt.Fprintf(f, "%d %d %s\n", os.Getpid(), i, strings.Repeat("x", 180))
		return err
	}
	if err := line(0); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range do.Lines {
		if line(i+1) != nil {
			failed++
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("failed", failed)
}

// losesToProcess has two processes write to one file.
func losesToProcess(s *scene) verdict {
	const n = 10_000
	o := settings{path: s.path, megabytes: 1, processes: true}
	children := []*child{s.child(o, n), s.child(o, n)}
	for _, c := range children {
		c.begin()
	}
	var said []string
	for _, c := range children {
		said = append(said, strings.Fields(c.wait())[:2]...)
	}
	lines := s.lines()
	want := len(children) * (n + 1)
	slices.Sort(lines)
	distinct := len(slices.Compact(slices.Clone(lines)))
	torn := 0
	for _, line := range lines {
		if len(strings.Fields(line)) != 3 || !strings.HasSuffix(line, strings.Repeat("x", 180)) {
			torn++
		}
	}
	return unless(len(lines) == want && distinct == want && torn == 0,
		"%d lines of %d, %d of them torn, %d twice, in %d files; %v", len(lines), want, torn, len(lines)-distinct, len(s.files()), said)
}
