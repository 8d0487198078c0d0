package spool_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/flock"
	"github.com/sluicelog/sluice/internal/spool"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A child process is the binary of the tests again, with what it is to do in
// these variables.
const (
	childDir  = "SPOOL_TEST_DIR"
	childSeed = "SPOOL_TEST_SEED"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childSeed)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// startChild starts one that appends and acknowledges at random until it is
// killed, and says what it has done: of an event "+number text" behind Append,
// of acknowledgements "-number", that of the first event not done, before Ack
// ("?") and behind it.
func startChild(t *testing.T, dir string, seed uint64) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childSeed+"="+strconv.FormatUint(seed, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func child(dir, seed string) error {
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(n, 2))
	q, err := spool.Open(dir, &spool.Options{
		SegmentBytes: 5000, Sync: spool.Sync(r.IntN(3)),
		OnError: func(err error) { fmt.Println("!", err) },
	})
	if err != nil {
		return err
	}
	head := q.Head()
	fmt.Println("open", head, q.End())
	for i := 0; ; i++ {
		if r.IntN(2) == 0 {
			var events [][]byte
			for j := range 1 + r.IntN(20) {
				events = append(events, fmt.Appendf(nil, "%s.%d.%d.%s", seed, i, j, strings.Repeat("x", r.IntN(50))))
			}
			end, err := q.Append(events)
			if err != nil {
				return err
			}
			var b []byte // in one write
			for j, e := range events {
				b = fmt.Appendf(b, "+%d %s\n", end-uint64(len(events)-j), e)
			}
			_, _ = os.Stdout.Write(b)
			continue
		}
		l, err := q.Read(1+r.IntN(25), 0, 0)
		if err != nil {
			return err
		}
		if l == nil {
			continue
		}
		n := 1 + r.IntN(len(l.Events))
		fmt.Printf("?%d\n", l.First+uint64(n))
		q.Ack(l, n)
		fmt.Printf("-%d\n", l.First+uint64(n))
		q.Release(l)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	if !flock.Supported {
		t.Skip("there are no locks here")
	}
	dir := t.TempDir()
	cmd, out := startChild(t, dir, 1)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, err := spool.Open(dir, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", cmd.Process.Pid)) {
		t.Errorf("opened by two processes: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	mustOpen(t, dir, nil) // nothing is left of it
}

// TestKilled kills a process that appends and acknowledges, again and again.
// With SLUICE_TORTURE set it does so 50 times.
func TestKilled(t *testing.T) {
	rounds := 6
	switch {
	case os.Getenv("SLUICE_TORTURE") != "":
		rounds = 50
	case testlog.Race:
		rounds = 3
	}
	dir := t.TempDir()
	var a ledger
	a.events = map[uint64]string{}
	for round := range rounds {
		cmd, out := startChild(t, dir, uint64(round))
		lines := 1 // which says that it is open
		if round > 0 {
			lines += rand.IntN(2000)
		}
		for range lines {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			a.take(t, strings.TrimSuffix(line, "\n"))
		}
		_ = cmd.Process.Kill()
		for { // what it has said before
			line, err := out.ReadString('\n')
			if err != nil {
				break
			}
			a.take(t, strings.TrimSuffix(line, "\n"))
		}
		_ = cmd.Wait()
		a.check(t, dir)
		if t.Failed() {
			t.Fatalf("round %d, after %d lines", round, lines)
		}
	}
}

// ledger is what a child has said.
type ledger struct {
	events map[uint64]string // for which Append has returned
	asked  uint64            // Ack was called up to this one
	acked  uint64            // Ack has returned for all before
	end    uint64
}

func (a *ledger) take(t *testing.T, line string) {
	t.Helper()
	if what, ok := strings.CutPrefix(line, "open "); ok {
		var head, end uint64
		if n, err := fmt.Sscan(what, &head, &end); n != 2 || a.end > 0 && (head != a.acked || end != a.end) {
			t.Errorf("a child opens %s (%v), want %d %d, as it was left", what, err, a.acked, a.end)
		}
		a.acked, a.end = head, end
		return
	}
	number, text, _ := strings.Cut(line[1:], " ")
	n, err := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil || line[0] == '!':
		t.Errorf("a child says %q", line)
	case line[0] == '+':
		a.events[n] = text
		a.end = max(a.end, n+1)
	case line[0] == '?':
		a.asked = n
	case line[0] == '-':
		a.acked = n
	}
}

// check reads all there is, and leaves it there.
func (a *ledger) check(t *testing.T, dir string) {
	t.Helper()
	q := mustOpen(t, dir, nil)
	defer mustClose(t, q)
	if head := q.Head(); head < a.acked || head > max(a.acked, a.asked) {
		t.Errorf("Head %d; acknowledged up to %d, perhaps to %d", head, a.acked, a.asked)
	}
	a.acked = q.Head()
	if q.End() < a.end {
		t.Errorf("End %d, want %d at least", q.End(), a.end)
	}
	next := q.Head()
	var leases []*spool.Lease
	for l := mustRead(t, q, 50, 0, 0); l != nil; l = mustRead(t, q, 50, 0, 0) {
		if l.First != next {
			t.Errorf("a lease begins with %d, want %d", l.First, next)
		}
		for _, e := range stringsOf(l) {
			if want, ok := a.events[next]; ok && e != want {
				t.Errorf("event %d is %q, want %q", next, e, want)
			}
			a.events[next] = e
			next++
		}
		leases = append(leases, l)
	}
	if next != q.End() {
		t.Errorf("read up to %d, want %d", next, q.End())
	}
	if s := q.Stats(); s.Damaged > 0 {
		t.Errorf("%+v", s)
	}
	for _, l := range leases {
		q.Release(l)
	}
	a.end = q.End()
}
