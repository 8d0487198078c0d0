package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/internal/lstest"
)

// server is a redis-server, or a redis-sentinel, that runs as a child of the test.
type server struct {
	t      testing.TB
	binary string
	addr   string
	dir    string
	args   []string
	cmd    *exec.Cmd
	done   chan struct{}
}

// newServer starts a redis-server with further arguments.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := prepare(t, "redis-server")
	s.args = append([]string{
		"--port", s.port(), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--repl-diskless-sync-delay", "0",
	}, args...)
	s.start()
	return s
}

// newSentinel starts a sentinel that watches a master.
func newSentinel(t testing.TB, master *server, settings ...string) *server {
	t.Helper()
	s := prepare(t, "redis-sentinel")
	lines := append([]string{
		"port " + s.port(), "bind 127.0.0.1", "dir " + s.dir,
		"sentinel monitor orders 127.0.0.1 " + master.port() + " 1",
		"sentinel down-after-milliseconds orders 300",
		"sentinel failover-timeout orders 2000",
	}, settings...)
	path := filepath.Join(s.dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{path}
	s.start()
	return s
}

func prepare(t testing.TB, binary string) *server {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt install redis-server redis-sentinel nutcracker)", binary)
	}
	return &server{t: t, binary: path, addr: freeAddr(t), dir: t.TempDir()}
}

// freeAddr returns an address on which nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	addr, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// start starts the process and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	cmd := exec.Command(s.binary, s.args...) // it is killed below
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	eventually(s.t, s.binary+" listens", func() bool {
		select {
		case <-done:
			said, _ := os.ReadFile(log.Name())
			s.t.Fatalf("%s ended: %v\n%s", s.binary, cmd.ProcessState, said)
		default:
		}
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// kill ends the process at once, as a crash does.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	<-s.done
}

// client returns a client of the test's own.
func (s *server) client(options ...func(*client.Options)) *client.Client {
	o := &client.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1}
	for _, set := range options {
		set(o)
	}
	c := client.NewClient(o)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// do executes a command, which has to work.
func (s *server) do(args ...any) any {
	s.t.Helper()
	c := client.NewClient(&client.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	v, err := c.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, client.Nil) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return v
}

// length returns how many entries the list "logs" has.
func (s *server) length() int {
	s.t.Helper()
	n, err := strconv.Atoi(fmt.Sprint(s.do("llen", "logs")))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// list returns the entries of a list.
func (s *server) list(key string) (entries []string) {
	s.t.Helper()
	all, _ := s.do("lrange", key, 0, -1).([]any)
	for _, entry := range all {
		entries = append(entries, fmt.Sprint(entry))
	}
	return entries
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to this: %s", what)
		}
		<-tick.C
	}
}

// stream returns the events of a stream.
func (s *server) stream(key string) []string { return s.streamIn(0, key) }

// streamIn returns the events of a stream in a database.
func (s *server) streamIn(db int, key string) []string {
	s.t.Helper()
	got, err := s.client(func(o *client.Options) { o.DB = db }).XRange(context.Background(), key, "-", "+").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return eventsOf(got)
}

// eventsOf returns the events of entries of a stream.
func eventsOf(entries []client.XMessage) (events []string) {
	for _, entry := range entries {
		events = append(events, fmt.Sprint(entry.Values["event"]))
	}
	return events
}

// entries returns the events of a stream or a list.
func (s *server) entries(key string, stream bool) []string {
	s.t.Helper()
	if stream {
		return s.stream(key)
	}
	return s.list(key)
}
