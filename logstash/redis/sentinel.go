package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	client "github.com/redis/go-redis/v9"
)

// sentinelTime is the most that one sentinel may take while there are others.
const sentinelTime = 5 * time.Second

// master asks the sentinels for the address of the master, from one on that has told no
// wrong address so far.
func (t *transport) master(ctx context.Context) (addr string, err error) {
	failures := fmt.Errorf("no sentinel knows a master %q", t.opts.MasterName)
	for range t.to.Hosts {
		host := t.to.Hosts[t.sentinel%len(t.to.Hosts)]
		if addr, err = t.ask(ctx, host); err == nil {
			return addr, nil
		}
		failures = fmt.Errorf("%w; %s: %w", failures, host, err)
		t.sentinel++
	}
	return "", failures
}

// ask asks one sentinel.
func (t *transport) ask(ctx context.Context, host string) (string, error) {
	limit := min(t.to.Options.Timeout, sentinelTime)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	c, err := open(ctx, &t.to, host, login{username: t.opts.SentinelUsername, password: t.opts.SentinelPassword})
	if err != nil {
		return "", err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.cut)()
	addr, err := c.client.Do(ctx, "sentinel", "get-master-addr-by-name", t.opts.MasterName).StringSlice()
	switch {
	case errors.Is(err, client.Nil):
		return "", errors.New("it watches none of that name")
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", hint(err, t.opts.MasterName)
	case len(addr) != 2:
		return "", fmt.Errorf("it says %q in place of a host and a port", addr)
	}
	return net.JoinHostPort(addr[0], addr[1]), nil
}
