package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

const (
	redisKey   = "logs"
	redisField = "event" // of an entry of a stream
)

// redisBroker is a redis-server, a process of its own.
func redisBroker() Broker {
	version, err := redisVersion()
	return Broker{
		Name: "Redis", Server: "redis-server", Version: version, Missing: err,
		Setting: "The broker is a redis-server, a process of its own that keeps everything in memory: its work and allocations are in no figure. " +
			"All send a batch when the one before is acked. go-redis has its default buffers, does not retry, and one of its pipelines is a batch.",
		Cases: []BrokerCase{
			redisCase("list", nil,
				redisPeer("go-redis, pipelined RPUSH", func(ctx context.Context, c *goredis.Client, events [][]byte) error {
					_, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
						for _, event := range events {
							p.RPush(ctx, redisKey, event)
						}
						return nil
					})
					return err
				}),
				redisPeer("go-redis, variadic RPUSH", func(ctx context.Context, c *goredis.Client, events [][]byte) error {
					return c.RPush(ctx, redisKey, anything(events)...).Err()
				})),
			redisCase("stream", &redis.Options{Stream: true, Field: redisField},
				redisPeer("go-redis, pipelined XADD", func(ctx context.Context, c *goredis.Client, events [][]byte) error {
					_, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
						for _, event := range events {
							p.XAdd(ctx, &goredis.XAddArgs{Stream: redisKey, Values: []any{redisField, event}})
						}
						return nil
					})
					return err
				})),
		},
	}
}

// redisVersion asks the redis-server of this machine, which prints
// "Redis server v=7.0.15 sha=...".
func redisVersion() (string, error) {
	out, err := exec.CommandContext(context.Background(), "redis-server", "--version").Output()
	_, rest, _ := strings.Cut(string(out), "v=")
	version, _, _ := strings.Cut(rest, " ")
	return version, err
}

// redisCase is about the clients given, and ours with the same result.
func redisCase(name string, opts *redis.Options, clients ...BrokerClient) BrokerCase {
	o := logstash.DialOptions{BatchSize: BrokerBatch}
	return BrokerCase{
		Name: name, start: startRedis, Peers: clients,
		Ours: ours("redis", redis.Scheme(opts), o, func(addr string) string { return "redis://" + addr + "/" + redisKey }),
	}
}

// redisPeer is go-redis' own client, which sends a batch when the one before is acked.
func redisPeer(name string, push func(ctx context.Context, c *goredis.Client, events [][]byte) error) BrokerClient {
	return BrokerClient{name, version("github.com/redis/go-redis/v9"), func(addr string) (shipment, error) {
		return pusher{goredis.NewClient(&goredis.Options{Addr: addr, MaxRetries: -1}), push}, nil
	}}
}

type pusher struct {
	*goredis.Client

	push func(ctx context.Context, c *goredis.Client, events [][]byte) error
}

func (p pusher) send(events [][]byte, times int) error {
	for range times {
		if err := p.push(context.Background(), p.Client, events); err != nil {
			return err
		}
	}
	return nil
}

// redisStore is a redis-server that keeps everything in memory alone.
type redisStore struct {
	command *exec.Cmd
	exited  chan struct{}
	client  *goredis.Client
}

// startRedis starts one, on another port when somebody else was quicker to take the first.
func startRedis() (s store, err error) {
	for range 3 {
		if s, err = tryRedis(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func tryRedis() (store, error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	if err := ln.Close(); err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.Background(), "redis-server", //nolint:gosec // the port is a number
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := redisStore{c, make(chan struct{}), goredis.NewClient(&goredis.Options{Addr: addr})}
	go func() {
		defer close(s.exited)
		_ = c.Wait() // it is killed in the end
	}()
	if err := s.await(); err != nil {
		return nil, errors.Join(fmt.Errorf("redis-server on port %s: %w", port, err), s.close())
	}
	return s, nil
}

// await returns when the server answers.
func (s redisStore) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := s.client.Info(ctx, "server").Result()
		if strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.command.Process.Pid)) {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return errors.Join(errors.New("it has ended"), err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func (s redisStore) addr() string { return s.client.Options().Addr }

func (s redisStore) each(f func(event []byte)) error {
	ctx := context.Background()
	kind, err := s.client.Type(ctx, redisKey).Result()
	if err != nil {
		return err
	}
	if kind == "stream" {
		return s.eachEntry(ctx, f)
	}
	for from := int64(0); ; from += BrokerBatch {
		events, err := s.client.LRange(ctx, redisKey, from, from+BrokerBatch-1).Result()
		if err != nil || len(events) == 0 {
			return err
		}
		for _, event := range events {
			f([]byte(event))
		}
	}
}

func (s redisStore) eachEntry(ctx context.Context, f func(event []byte)) error {
	for from := "-"; ; {
		entries, err := s.client.XRangeN(ctx, redisKey, from, "+", BrokerBatch).Result()
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			event, ok := e.Values[redisField].(string)
			if !ok {
				return errors.New("an entry without the field " + strconv.Quote(redisField))
			}
			f([]byte(event))
		}
		from = "(" + entries[len(entries)-1].ID
	}
}

func (s redisStore) close() error {
	_ = s.command.Process.Kill() // fails if it has ended
	<-s.exited
	return s.client.Close()
}
