package logstash_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

const chaosVariable = "LOGSTASH_TEST_JOB"

// chaosJob is what a child process does: it writes numbered events until it has
// written all, and flushes.
type chaosJob struct {
	Addr   string
	Spool  string // directory; every event goes there first
	Sender int    // in each event
	Events int    // 0 for those that it can write until it is killed
}

// TestChaosChild is the process that TestChaosKilledSender starts and kills. It
// prints the id of each event for which Write has returned, and "flushed" when
// all have been acked, those that were in the spool before included.
func TestChaosChild(t *testing.T) {
	spec := os.Getenv(chaosVariable)
	if spec == "" {
		t.Skip("runs as a child of the fault runs only")
	}
	var j chaosJob
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		t.Fatal(err)
	}
	o := chaosOptions()
	o.SpoolDir, o.SpoolMode = j.Spool, logstash.SpoolAlways
	s, err := logstash.Dial(j.Addr, &o)
	if err != nil {
		t.Fatal(err)
	}
	var event, out []byte
	pad := strings.Repeat("x", 60)
	for i := 0; i < j.Events || j.Events == 0; i++ {
		event = lstest.AppendEvent(event[:0], j.Sender, i, pad)
		if _, err := s.Write(event); err != nil {
			t.Fatal(err)
		}
		out = append(strconv.AppendInt(out[:0], int64(i), 10), '\n')
		if _, err := os.Stdout.Write(out); err != nil { // at once: the next line may be the kill
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), chaosTime)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	fmt.Println("flushed")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// run runs the job in a child, and calls started when that is there. When the child
// has written so many events, it is killed. It returns how many events Write has
// returned for, and whether the child has flushed them.
func (j chaosJob) run(t *testing.T, kill int, started func()) (written int, flushed bool) {
	t.Helper()
	spec, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChaosChild$")
	cmd.Env = append(os.Environ(), chaosVariable+"="+string(spec), "GORACE=atexit_sleep_ms=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started()
	var rest []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		switch id, err := strconv.Atoi(lines.Text()); {
		case err == nil && id == written:
			written++
			if written == kill {
				_ = cmd.Process.Kill() // what it has printed before is read to the end
			}
		case lines.Text() == "flushed":
			flushed = true
		default:
			rest = append(rest, lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil && kill == 0 {
		t.Errorf("child: %v: %s\n%s", err, stderr.String(), strings.Join(rest, "\n"))
	}
	return written, flushed
}

// The sender is killed again and again, while it writes and while it sends.
// Every event for which Write has returned arrives, whoever sends it in the end.
func TestChaosKilledSender(t *testing.T) {
	events, kills := torture(40_000, 1_000_000), torture(8, 50)
	var ledger lstest.Ledger
	order := &senderOrder{last: make(map[int]int)}
	receive := ledger.Receiver()
	srv := listenBeats(t, &lstest.BeatsOptions{
		Forget: true,
		OnEvent: func(conn int, event []byte) {
			receive(conn, event)
			order.note(conn, event)
		},
	})
	c := newChaos(t, srv, &ledger)
	dir := t.TempDir()
	written := make([]int, kills+1)
	begun, total := time.Now(), 0
	for sender := range kills + 1 {
		job := chaosJob{Addr: "beats://" + srv.Addr(), Spool: dir, Sender: sender}
		kill := 1 + c.rnd.IntN(2*events/(kills+1))
		if sender == kills { // the last one writes what is left
			kill, job.Events = 0, max(events-total, 1)
		}
		if c.rnd.IntN(4) == 0 { // while the receiver is down, too
			srv.Kill()
		}
		restarted := make(chan error, 1)
		var flushed bool
		written[sender], flushed = job.run(t, kill, func() { // not before: a child that begins has the port for a moment
			time.AfterFunc(50*time.Millisecond, func() { restarted <- restart(srv) })
		})
		total += written[sender]
		if err := <-restarted; err != nil {
			t.Fatal(err)
		}
		if flushed != (sender == kills) {
			t.Errorf("sender %d of %d has flushed: %t, want the last one alone to do so", sender, kills, flushed)
		}
	}
	for sender, n := range written {
		if missing := ledger.Missing(sender, n); len(missing) > 0 {
			t.Errorf("sender %d: %d of %d events are missing, the first is %d", sender, len(missing), n, missing[0])
		}
	}
	if ledger.OrderBreaks() > 0 || ledger.Strange() > 0 || order.breaks > 0 {
		t.Errorf("%d events out of order, %d behind those of a later sender, %d strange: %s",
			ledger.OrderBreaks(), order.breaks, ledger.Strange(), ledger.FirstOdd())
	}
	t.Logf("%d events written, %d arrived, %d twice, %d senders killed, in %v",
		total, ledger.Unique(), ledger.Duplicates(), kills, time.Since(begun).Round(time.Millisecond))
}

// restart starts a receiver that may be down.
func restart(srv *lstest.Beats) error {
	srv.Kill()
	return srv.Restart()
}

// senderOrder counts the events that come behind those of a later sender on the
// same connection.
type senderOrder struct {
	mu     sync.Mutex
	last   map[int]int // by connection
	breaks int
}

func (o *senderOrder) note(conn int, event []byte) {
	var sender int
	_, _ = fmt.Sscanf(string(event[:20]), `{"sender":%d`, &sender)
	o.mu.Lock()
	defer o.mu.Unlock()
	if sender < o.last[conn] {
		o.breaks++
	}
	o.last[conn] = sender
}
