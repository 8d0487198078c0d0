package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/internal/lstest"
)

// redisBroker is a redis-server, with everything on disk before it is acked, behind a
// proxy that notes who connects. The receivers read the list from its beginning and leave
// it as it is: one that took events out, as Logstash does, would lose those that it
// was being given when the server is killed.
type redisBroker struct {
	*readers
	proxy  *lstest.Proxy
	dir    string
	client *goredis.Client
	server *exec.Cmd     // nil while it is dead
	ended  chan struct{} // closed when it has

	up   atomic.Bool // it answers
	mu   sync.Mutex
	came []time.Time
}

// serverStart is how long a redis-server may take to answer.
const serverStart = 20 * time.Second

func openRedis(o options, addr, dir string, b *book) (broker, error) {
	r := &redisBroker{readers: newReaders(o, b), dir: dir}
	if err := r.startServer(); err != nil {
		return nil, err
	}
	var err error
	r.proxy, err = lstest.ListenProxy(addr, r.socket(), &lstest.ProxyOptions{
		Script: r.note,
		Dial: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", addr)
		},
	})
	if err != nil {
		r.close()
		return nil, err
	}
	chunks := make(chan [][]byte)
	r.wg.Go(func() { r.read(chunks) })
	for i := range o.receivers {
		r.wg.Go(func() {
			for events := range chunks {
				r.take(i, 1, events)
			}
		})
	}
	return r, nil
}

func (r *redisBroker) socket() string { return filepath.Join(r.dir, "redis.sock") }

// note puts down that somebody has connected.
func (r *redisBroker) note(int) lstest.Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.came = append(r.came, time.Now())
	return lstest.Fault{}
}

// startServer starts a redis-server on what another one has left, and returns when it
// answers.
func (r *redisBroker) startServer() error {
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket(), "--dir", r.dir, //nolint:gosec,noctx // it is killed
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel", "warning", "--maxclients", "4000")
	server.SysProcAttr = mortal()
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the server dies with this thread, which waits for it
		err := server.Start()
		started <- err
		if err == nil {
			_ = server.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("redis over a real server: %w", err)
	}
	r.server, r.ended = server, ended
	if r.client == nil {
		r.client = goredis.NewClient(&goredis.Options{Network: "unix", Addr: r.socket(), MaxRetries: -1, PoolSize: 2})
	}
	for begun := time.Now(); ; {
		err := r.ping()
		if err == nil {
			r.up.Store(true)
			return nil
		}
		select {
		case <-ended:
			return errors.New("redis-server does not start")
		default:
		}
		if time.Since(begun) > serverStart || !r.rest(watchInterval) {
			return fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

// ping asks the server whether it is there. The client itself complains on stderr when
// nobody listens.
func (r *redisBroker) ping() error {
	conn, err := new(net.Dialer).DialContext(r.ctx, "unix", r.socket())
	if err != nil {
		return err
	}
	_ = conn.Close() // it has served
	return r.client.Ping(r.ctx).Err()
}

// read reads the list and hands it to the receivers, until its end.
func (r *redisBroker) read(chunks chan<- [][]byte) {
	defer close(chunks)
	for next := int64(0); r.ctx.Err() == nil; {
		if !r.up.Load() {
			r.rest(watchInterval)
			continue
		}
		texts, err := r.client.LRange(r.ctx, topic, next, next+511).Result()
		if err != nil || len(texts) == 0 {
			r.rest(watchInterval) // it is away, or empty
			continue
		}
		next += int64(len(texts))
		events := make([][]byte, len(texts))
		for i, text := range texts {
			events[i] = []byte(text)
		}
		select {
		case chunks <- events:
		case <-r.ctx.Done():
		}
	}
}

func (r *redisBroker) address() string { return fmt.Sprintf("redis://%s/%s", r.proxy.Addr(), topic) }

// kill kills the server as a crash would, and nobody listens any more.
func (r *redisBroker) kill() error {
	r.proxy.Kill()
	return r.killServer()
}

func (r *redisBroker) killServer() error {
	if r.server == nil {
		return nil
	}
	r.up.Store(false)
	err := r.server.Process.Kill()
	<-r.ended
	r.server = nil
	return err
}

func (r *redisBroker) restart() error {
	if err := r.startServer(); err != nil {
		return err
	}
	return r.proxy.Restart()
}

func (r *redisBroker) accepts() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.came...)
}

func (r *redisBroker) close() {
	r.readers.close()
	if r.proxy != nil {
		r.proxy.Kill()
	}
	_ = r.killServer() // it is dead, whatever it says
	if r.client != nil {
		_ = r.client.Close() // nothing is under way
	}
}
