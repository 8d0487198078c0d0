//go:build unix

package kafka_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// mock is the cluster that librdkafka has for tests, in a process of kcat that reads its topic logs.
// Topics have four partitions, and are there when they are asked for. It has nothing on disk, and
// writes an idempotent batch as often as it gets it.
type mock struct {
	brokers []string
	cmd     *exec.Cmd
	ended   chan struct{} // closed at the end of what is read

	mu  sync.Mutex
	got []message
}

func newMock(tb testing.TB, brokers int) *mock {
	tb.Helper()
	m := &mock{ended: make(chan struct{})}
	m.cmd = kcat(tb, "-C", "-b", "none", "-t", "logs", "-o", "beginning", "-u", "-q", "-X", fmt.Sprint("test.mock.num.brokers=", brokers),
		"-X", "check.crcs=true", "-X", "fetch.wait.max.ms=20", "-f", messageFormat)
	errs, err := m.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	said := bufio.NewReader(errs)
	line, err := said.ReadString('\n')
	_, brokersOf, ok := strings.Cut(strings.TrimSpace(line), "replaced with ")
	if !ok {
		tb.Fatalf("kcat: %q, %v; want the addresses of a mock cluster", line, err)
	}
	m.brokers = strings.Split(brokersOf, ",")
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(io.Discard, said) }) // until it ends
	wg.Go(func() {
		defer close(m.ended)
		for r := bufio.NewReader(out); ; {
			one, err := readMessage(r)
			if err != nil {
				return // it ends, maybe within a line
			}
			m.mu.Lock()
			m.got = append(m.got, one)
			m.mu.Unlock()
		}
	})
	tb.Cleanup(func() {
		_ = m.cmd.Process.Kill() // it may have ended
		wg.Wait()
		_ = m.cmd.Wait() // killed
	})
	return m
}

// signal sends a signal to the cluster.
func (m *mock) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		tb.Fatal(err)
	}
}

// stop makes the cluster stand still, and waits until it does.
func (m *mock) stop(tb testing.TB) {
	tb.Helper()
	m.signal(tb, syscall.SIGSTOP)
	var status syscall.WaitStatus
	for !status.Stopped() {
		if _, err := syscall.Wait4(m.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil && err != syscall.EINTR {
			tb.Fatal(err)
		}
	}
}

// messages returns what was read so far.
func (m *mock) messages() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

// holds waits until n different events are read, and returns a ledger of all that is.
func (m *mock) holds(tb testing.TB, n int) *lstest.Ledger {
	tb.Helper()
	var ledger *lstest.Ledger
	await(tb, fmt.Sprint(n, " events"), func() bool {
		messages := m.messages()
		if len(messages) < n {
			return false
		}
		ledger = new(lstest.Ledger)
		enter(ledger, messages)
		return ledger.Unique() >= n
	})
	return ledger
}

func enter(ledger *lstest.Ledger, messages []message) {
	arrived := ledger.Receiver()
	for _, one := range messages {
		arrived(one.Partition, []byte(one.Value))
	}
}

// account checks that there are n events, each once, those of a partition in order.
func (m *mock) account(tb testing.TB, n int) {
	tb.Helper()
	ledger := m.holds(tb, n)
	if d, b, missing := ledger.Duplicates(), ledger.OrderBreaks(), ledger.Missing(0, n); d+b+len(missing) > 0 {
		tb.Errorf("%d duplicates, %d missing, %d out of order: %s", d, len(missing), b, ledger.FirstOdd())
	}
}

// behind returns a gate to which the cluster is kafka:9092.
func (m *mock) behind(w *wire) *gate {
	g := &gate{wrote: w.wrote}
	g.route("kafka:9092", m.brokers[0])
	return g
}

// ofMocks are options for a mock. It answers a question for its versions that is newer than itself in a
// form which no Kafka has, so that the client must not ask that.
func ofMocks() []kgo.Opt { return []kgo.Opt{kgo.MaxVersions(kversion.V2_3_0())} }

// A cluster that has nothing in common with the client gets what is written, once and in order, with each
// compression.
func TestMockShips(t *testing.T) {
	t.Parallel()
	for name, codec := range codecs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w wire
			m := newMock(t, 3)
			s := m.behind(&w).dial(t, "kafka://kafka/logs", &kafka.Options{
				Topic: func(event []byte) string {
					if id(event) >= 3000 {
						return "audit"
					}
					return ""
				},
				Headers: func(event []byte) []kgo.RecordHeader {
					return []kgo.RecordHeader{{Key: "id", Value: fmt.Append(nil, id(event))}}
				},
				Client: append(ofMocks(), kgo.ProducerBatchCompression(codec), kgo.ClientID("orders")),
			}, logstash.DialOptions{Key: func(event []byte) []byte { return fmt.Append(nil, id(event)%100) }})
			write(t, s, 0, 4000)
			flush(t, s)
			balance(t, s, 4000, 0)
			m.account(t, 3000)
			audit := kcatReads(t, strings.Join(m.brokers, ","), "audit")
			if len(audit) != 1000 {
				t.Errorf("%d messages in audit, want 1000", len(audit))
			}
			partitions := make(map[string]int)
			for _, one := range slices.Concat(m.messages(), audit) {
				n := id([]byte(one.Value))
				if want := strconv.Itoa(n % 100); one.Key != want || one.Headers != fmt.Sprint("id=", n) {
					t.Fatalf("key %q and headers %q of %s", one.Key, one.Headers, one.Value)
				}
				if p, ok := partitions[one.Key]; ok && p != one.Partition {
					t.Fatalf("key %s in partitions %d and %d", one.Key, p, one.Partition)
				}
				partitions[one.Key] = one.Partition
			}
			if again := w.check(t, 4000); again != 0 {
				t.Errorf("%d events written again, want none", again)
			}
			if w.client != "orders" {
				t.Errorf("client %q, want that of the option", w.client)
			}
		})
	}
}

// A cluster that stands still is waited for. Nothing is written again within Timeout.
func TestMockStalls(t *testing.T) {
	t.Parallel()
	var w wire
	m := newMock(t, 2)
	s := m.behind(&w).dial(t, "kafka://kafka/logs", &kafka.Options{Client: ofMocks()}, logstash.DialOptions{
		BatchSize: 100, SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolOverflow, MaxEvents: 2000,
	})
	n := 0
	for range 2 {
		write(t, s, n, n+1000)
		m.stop(t)
		write(t, s, n+1000, n+5000)
		n += 5000
		awaitDown(t, s, "no broker of kafka:9092 has an answer")
		if st := s.Stats(); st.Spooled == 0 {
			t.Errorf("stats %+v; want events in the spool", st)
		}
		m.signal(t, syscall.SIGCONT)
		flush(t, s)
	}
	balance(t, s, uint64(n), 0)
	m.account(t, n)
	if again := w.check(t, n); again != 0 {
		t.Errorf("%d events written again, want none", again)
	}
}

// What is written again after Timeout is what a broker keeps once.
func TestMockStallsForLong(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	var w wire
	m := newMock(t, 2)
	s := m.behind(&w).dial(t, "kafka://kafka/logs", &kafka.Options{Client: ofMocks()}, logstash.DialOptions{BatchSize: 100, Timeout: timeout})
	write(t, s, 0, 1000)
	flush(t, s)
	m.stop(t)
	write(t, s, 1000, 5000)
	await(t, "a request", func() bool { return w.events() > 1000 })
	begun := time.Now()
	await(t, "the end of Timeout", func() bool { return time.Since(begun) > 3*timeout })
	m.signal(t, syscall.SIGCONT)
	flush(t, s)
	balance(t, s, 5000, 0)
	again := w.check(t, 5000)
	if again == 0 {
		t.Error("nothing was written again")
	}
	ledger := m.holds(t, 5000)
	if missing := ledger.Missing(0, 5000); len(missing) > 0 {
		t.Errorf("%d events missing", len(missing))
	}
	if d := ledger.Duplicates(); d > again {
		t.Errorf("%d duplicates, of %d events written again", d, again)
	}
}

// A cluster that is killed, and is at other addresses when it comes back, is found by the address of Dial.
// It has lost what it had acked; all else arrives.
func TestMockKilled(t *testing.T) {
	t.Parallel()
	const batch, pipeline, n = 100, 4, 20_000
	var w wire
	first := newMock(t, 3)
	g := first.behind(&w)
	s := g.dial(t, "kafka://kafka/logs", &kafka.Options{Client: ofMocks()}, logstash.DialOptions{
		BatchSize: batch, Pipeline: pipeline, SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolOverflow, MaxEvents: 2000,
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		write(t, s, 0, n/2)
	}()
	first.holds(t, 1000)
	first.signal(t, syscall.SIGKILL)
	<-first.ended
	<-done
	write(t, s, n/2, n)
	await(t, "state Down", func() bool { return s.Health().State == logstash.Down })
	acked := int(s.Stats().Written)
	second := newMock(t, 3)
	g.route("kafka:9092", second.brokers[0])
	flush(t, s)
	balance(t, s, n, 0)
	w.check(t, n)

	// Of what was under way, some partitions may have acked theirs.
	lost := acked + batch*pipeline
	var ledger *lstest.Ledger
	await(t, "all others", func() bool {
		ledger = new(lstest.Ledger)
		enter(ledger, second.messages())
		missing := ledger.Missing(0, n)
		return len(missing) == 0 || missing[len(missing)-1] < lost
	})
	if d, b := ledger.Duplicates(), ledger.OrderBreaks(); d+b > 0 {
		t.Errorf("%d duplicates and %d out of order in the second cluster: %s", d, b, ledger.FirstOdd())
	}
	enter(ledger, first.messages())
	if d := ledger.Duplicates(); d > batch*pipeline {
		t.Errorf("%d events in both clusters, want at most those under way", d)
	}
}
