package rotate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/rotate"
)

const jobVariable = "ROTATE_TEST_JOB"

// A job is what a child process does: it writes lines to a log file.
type job struct {
	Path     string
	Writer   string // in every line
	Lines    int    // to write; 0: until told to stop
	Steady   bool   // about ten thousand a second, not as fast as it goes
	Buffered bool   // behind an asyncbuf.Writer
	Rotating bool   // call Rotate every few lines, as a schedule would
	Ack      int    // after so many lines, say how many are written; 0: never
	Batch    int    // lines to give to each Write; 0: one
	MayFail  bool   // go on after an error of Write, of a single line

	MaxSize          int64
	MaxBackups       int
	Compress         rotate.Compression
	SyncEveryWrite   bool
	RemoveOnFullDisk bool
	MultiProcess     bool
	PerProcess       bool
}

func (j job) options() *rotate.Options {
	return &rotate.Options{
		MaxSize:          j.MaxSize,
		MaxBackups:       j.MaxBackups,
		Compress:         j.Compress,
		SyncEveryWrite:   j.SyncEveryWrite,
		RemoveOnFullDisk: j.RemoveOnFullDisk,
		MultiProcess:     j.MultiProcess,
		PerProcess:       j.PerProcess,
	}
}

// A result is what a child says in the end.
type result struct {
	Written []int // lines for which Write, or Flush behind a buffer, has returned
	Refused int
	Stats   rotate.Stats
	Error   string // the last one
}

// noSleep in the environment of a child keeps the race detector from making it
// wait for a second in the end.
const noSleep = "GORACE=atexit_sleep_ms=0"

// TestTortureChild is the process that the fault runs start, and often kill. It
// writes when it gets a line on its standard input, until it has written all or
// the input ends. SIGHUP makes it reopen the file. When it prints "ack n", the
// file has taken n lines.
func TestTortureChild(t *testing.T) {
	spec := os.Getenv(jobVariable)
	if spec == "" {
		t.Skip("runs as a child of the fault runs only")
	}
	var j job
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		t.Fatal(err)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	f, err := rotate.Open(j.Path, j.options())
	if err != nil {
		t.Fatal(err)
	}
	f.WaitForRoom(time.Minute) // the others may be slow
	input := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	if _, err := input.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(stop)
	}()
	var end result
	j.run(t, f, hangups, stop, &end)
	mustClose(t, f)
	end.Stats = f.Stats()
	if err := end.Stats.LastError; err != nil {
		end.Error, end.Stats.LastError = err.Error(), nil
	}
	out, err := json.Marshal(end)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("end %s\n", out)
}

// run writes the lines of j to f.
func (j job) run(t *testing.T, f *rotate.File, hangups <-chan os.Signal, stop <-chan struct{}, end *result) {
	t.Helper()
	var w io.Writer = f
	flush := func() {}
	if j.Buffered {
		buffer := asyncbuf.NewWriter(f, nil)
		defer mustClose(t, buffer)
		w = buffer
		flush = func() {
			if err := buffer.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	const perTick = 10
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	defer flush()
	var lines []byte
	var unwritten []int
	reopened := 0
	for i := 0; j.Lines == 0 || i < j.Lines; i++ {
		if j.Steady && i%perTick == 0 {
			<-ticker.C
		}
		select {
		case <-hangups:
			if err := f.Reopen(); err != nil {
				t.Fatal(err)
			}
			reopened++
			fmt.Printf("reopened %d\n", reopened)
		case <-stop:
			return
		default:
		}
		if j.Rotating && i%20 == 19 {
			mustRotate(t, f)
		}
		lines = append(lines, lineOf(j.Writer, i)...)
		unwritten = append(unwritten, i)
		if len(unwritten) < j.Batch {
			continue
		}
		if _, err := w.Write(lines); err == nil {
			end.Written = append(end.Written, unwritten...)
		} else if end.Refused += len(unwritten); !j.MayFail {
			t.Fatalf("%v: %+v", err, f.Stats())
		}
		lines, unwritten = lines[:0], unwritten[:0]
		if j.Ack > 0 && i%j.Ack == j.Ack-1 {
			flush()
			fmt.Printf("ack %d\nrefused %d\n", len(end.Written), end.Refused)
		}
	}
}

// needsLocks skips t where MultiProcess is an error.
func needsLocks(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no locks between processes here")
	}
}

// A child is a process that does a job.
type child struct {
	job
	cmd   *exec.Cmd
	input io.WriteCloser
	lines *bufio.Scanner // of its output

	acked, refused int    // lines of which it said that they are written, or not
	reopened       int    // times that it said so
	other          string // what else it printed
	end            result
}

// startChild starts a process for j, and returns when it has opened the file.
func startChild(t *testing.T, j job) *child {
	t.Helper()
	if j.MultiProcess {
		needsLocks(t)
	}
	spec, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // if it hangs
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestTortureChild$")
	cmd.Env = append(os.Environ(), jobVariable+"="+string(spec), noSleep)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // a second time, unless the test has failed
	})
	c := &child{job: j, cmd: cmd, input: input, lines: bufio.NewScanner(output)}
	c.lines.Buffer(nil, 1<<24)
	if !c.follow(func() bool { return c.other == "ready\n" }) {
		t.Fatalf("%s did not start: %s", j.Writer, c.other)
	}
	c.other = ""
	return c
}

// begin lets c write.
func (c *child) begin(t *testing.T) {
	t.Helper()
	mustWrite(t, c.input, "go\n")
}

// follow reads what c says until enough does so, and reports whether it does.
func (c *child) follow(enough func() bool) bool {
	for !enough() {
		if !c.lines.Scan() {
			return false
		}
		word, rest, _ := strings.Cut(c.lines.Text(), " ")
		n, err := strconv.Atoi(rest)
		switch {
		case word == "ack" && err == nil:
			c.acked = max(c.acked, n) // the last one may be cut
		case word == "refused" && err == nil:
			c.refused = max(c.refused, n)
		case word == "reopened" && err == nil:
			c.reopened = n
		case word == "end" && json.Unmarshal([]byte(rest), &c.end) == nil:
		default:
			c.other += c.lines.Text() + "\n"
		}
	}
	return true
}

// kill ends c at once, as soon as it has said that n lines are written.
// Afterwards acked is how many it has got to say.
func (c *child) kill(t *testing.T, n int) {
	t.Helper()
	if !c.follow(func() bool { return c.acked >= n }) {
		t.Fatalf("%s ended before it was killed: %s", c.Writer, c.other)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.follow(func() bool { return false })
	_ = c.cmd.Wait() // it was killed
}

// wait returns when c has ended by itself, and fails t if it was not content.
func (c *child) wait(t *testing.T) {
	t.Helper()
	c.follow(func() bool { return false })
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("%s: %v: %s", c.Writer, err, c.other)
	}
	checkSum(t, c.end.Stats)
	got := [2]uint64{c.end.Stats.Written, c.end.Stats.Dropped}
	want := [2]uint64{uint64(len(c.end.Written)), uint64(c.end.Refused)}
	if got != want {
		t.Errorf("%s: the file has counted %d lines written and dropped, want %d", c.Writer, got, want)
	}
	if c.end.Error != "" && !c.MayFail {
		t.Errorf("%s: %s", c.Writer, c.end.Error)
	}
}

// stop makes c stop writing, and waits.
func (c *child) stop(t *testing.T) {
	t.Helper()
	mustClose(t, c.input)
	c.wait(t)
}
