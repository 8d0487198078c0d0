//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// While the replicas hang, a batch is sent once, not once for each attempt, and not again when
// they have it in the end.
func TestReplicasHang(t *testing.T) {
	t.Parallel()
	master := newServer(t)
	replica := newServer(t, "--replicaof", "127.0.0.1 "+master.port())
	const batch = 50
	ship := dial(t, addrOf(master.addr, "logs"), &redis.Options{Replicas: 1},
		logstash.DialOptions{BatchSize: batch, Timeout: 4 * time.Second})
	eventually(t, "the replica is there", func() bool {
		return strings.Contains(fmt.Sprint(replica.do("info", "replication")), "master_link_status:up")
	})
	ship.write(1000)
	ship.flush()
	before := master.length() - 1000 // one that has just come may be slow to begin with
	replica.signal(syscall.SIGSTOP)
	sent := waits(master)
	ship.write(1000)
	eventually(t, "it tries some times", func() bool { return waits(master) > sent+2 })
	ship.awaitError("0 replicas have the events, want Options.Replicas, 1")
	if n, written := master.length(), int(ship.Stats().Written); n > before+written+batch {
		t.Errorf("%d entries while no replica answers, and %d events are acked: %q", n, written, ship.troubles())
	}
	replica.signal(syscall.SIGCONT)
	if n := ship.check(func() []string { return replica.list("logs") }); n > before {
		t.Errorf("%d duplicates, want those of the beginning, %d", n, before)
	}
}

// waits returns how often WAIT was called.
func waits(s *server) (n int) {
	_, stats, _ := strings.Cut(fmt.Sprint(s.do("info", "commandstats")), "cmdstat_wait:calls=")
	_, _ = fmt.Sscanf(stats, "%d", &n)
	return n
}

// A server that stands still for longer than the Timeout is left; what it does when it goes
// on is bounded by one batch.
func TestPaused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const batch = 100
	ship := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{BatchSize: batch, Timeout: 2 * time.Second})
	ship.write(100)
	ship.flush()
	s.signal(syscall.SIGSTOP)
	ship.write(1000)
	ship.awaitError("timeout", s.addr)
	watch := testlog.StartStopwatch(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err, took := ship.Flush(ctx), watch.Elapsed(); err == nil || took > time.Second {
		t.Errorf("Flush took %v: %v", took, err)
	}
	s.signal(syscall.SIGCONT)
	if n := ship.check(func() []string { return s.list("logs") }); n > batch {
		t.Errorf("%d duplicates, want at most one batch", n)
	}
}

// signal stops the process, or lets it go on.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}
