package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/internal/lstest"
)

// Redis is a redis-server, or a redis-sentinel, that runs as a child of the test.
type Redis struct {
	binary, addr, dir string
	args              []string
	options           redis.Options
	cmd               *exec.Cmd
	done              chan struct{}
}

// NewRedis starts a redis-server with further arguments, which is killed at the end of the test. It skips the test where there is none.
func NewRedis(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	r := prepare(tb, "redis-server")
	r.args = append([]string{"--port", r.port(), "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--repl-diskless-sync-delay", "0"}, args...)
	for i, arg := range args {
		if arg == "--requirepass" {
			r.options.Password = args[i+1]
		}
	}
	r.Start(tb)
	return r
}

// NewSentinel starts a sentinel that watches a master by the name orders.
func NewSentinel(tb testing.TB, master *Redis, settings ...string) *Redis {
	tb.Helper()
	r := prepare(tb, "redis-sentinel")
	path := filepath.Join(r.dir, "sentinel.conf")
	lines := append([]string{"port " + r.port(), "bind 127.0.0.1", "dir " + r.dir, "sentinel monitor orders 127.0.0.1 " + master.port() + " 1"}, settings...)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	r.args = []string{path}
	r.Start(tb)
	return r
}

func prepare(tb testing.TB, binary string) *Redis {
	tb.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		tb.Skipf("%s is not installed (Debian: apt install redis-server redis-sentinel)", binary)
	}
	return &Redis{binary: path, addr: net.JoinHostPort("127.0.0.1", FreePort(tb)), dir: tb.TempDir()}
}

// FreePort returns a port for a server of this test: nobody listens there, and no connection is given it.
func FreePort(tb testing.TB) string {
	tb.Helper()
	addr, err := lstest.FreeAddr()
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func (r *Redis) port() string {
	_, port, _ := net.SplitHostPort(r.addr)
	return port
}

// Start starts it, also again after Kill, and waits until it listens.
func (r *Redis) Start(tb testing.TB) {
	tb.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), r.binary, r.args...) //nolint:gosec // it is killed below
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	r.cmd, r.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
	tb.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	Await(tb, r.binary+" listens", func() bool {
		select {
		case <-done:
			tb.Fatalf("%s ended: %v\n%s", r.binary, cmd.ProcessState, said.String())
		default:
		}
		conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(tb.Context()), "tcp", r.addr)
		return err == nil && conn.Close() == nil
	})
}

// Kill ends the process at once, as a crash does.
func (r *Redis) Kill(tb testing.TB) {
	tb.Helper()
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Fatal(err)
	}
	<-r.done
}

// Addr returns host:port.
func (r *Redis) Addr() string { return r.addr }

// Client returns a client for a database, which ends with the test.
func (r *Redis) Client(tb testing.TB, db int) *redis.Client {
	tb.Helper()
	o := r.options
	o.Addr, o.DB, o.Protocol, o.DisableIdentity = r.addr, db, 2, true
	c := redis.NewClient(&o)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Do executes a command, which has to work.
func (r *Redis) Do(tb testing.TB, args ...any) any {
	tb.Helper()
	v, err := r.Client(tb, 0).Do(context.WithoutCancel(tb.Context()), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		tb.Fatalf("%v: %v", args, err)
	}
	return v
}

// List returns the entries of a list.
func (r *Redis) List(tb testing.TB, db int, key string) [][]byte {
	tb.Helper()
	all, err := r.Client(tb, db).LRange(context.WithoutCancel(tb.Context()), key, 0, -1).Result()
	if err != nil {
		tb.Fatal(err)
	}
	entries := make([][]byte, len(all))
	for i, e := range all {
		entries[i] = []byte(e)
	}
	return entries
}

// Stream returns a field of the entries of a stream.
func (r *Redis) Stream(tb testing.TB, key, field string) [][]byte {
	tb.Helper()
	all, err := r.Client(tb, 0).XRange(context.WithoutCancel(tb.Context()), key, "-", "+").Result()
	if err != nil {
		tb.Fatal(err)
	}
	entries := make([][]byte, len(all))
	for i, m := range all {
		entries[i] = fmt.Append(nil, m.Values[field])
	}
	return entries
}

// Length returns how many entries a list has.
func (r *Redis) Length(tb testing.TB, key string) int {
	tb.Helper()
	n, _ := r.Do(tb, "llen", key).(int64)
	return int(n)
}
