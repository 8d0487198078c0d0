package broker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sluicelog/sluice/pipeline"
)

// redis asks a Redis for the list, or the sentinels for the master first. Without these, several hosts are nodes of a cluster.
func (q *question) redis(ctx context.Context) {
	if q.settings.Redis.MasterName != "" {
		if addr := q.master(ctx); addr != "" {
			q.server(ctx, addr)
		}
		return
	}
	each := make([]question, len(q.to.Hosts))
	var asked sync.WaitGroup
	for i, host := range q.to.Hosts {
		each[i] = question{to: q.to, settings: q.settings}
		asked.Go(func() { each[i].server(ctx, host) })
	}
	asked.Wait()
	for i := range each {
		q.found = append(q.found, each[i].found...)
	}
}

// server asks a server.
func (q *question) server(ctx context.Context, addr string) {
	o := &q.settings.Redis
	c, err := q.connect(ctx, addr, &client.Options{Username: q.to.Username, Password: q.to.Password, DB: o.DB})
	if err != nil {
		if o.MasterName != "" { // else it is a receiver of the address, of which Probe says so
			q.add(pipeline.Fail, "redis "+addr, "see to the address that the sentinels tell: sentinel announce-ip, or announce-hostnames", "is the master, and cannot be reached: %v", late(ctx, err))
		}
		return
	}
	defer c.Close() //nolint:errcheck // nothing was written
	q.key(ctx, c, addr)
}

// connect connects to a server. A client that cannot would write a line to stderr.
func (q *question) connect(ctx context.Context, addr string, o *client.Options) (*client.Client, error) {
	conn, err := q.to.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	first := make(chan net.Conn, 1)
	first <- conn
	o.Addr, o.Protocol, o.MaxRetries, o.DialerRetries, o.PoolSize, o.PipelinePoolSize = addr, 2, -1, 1, 1, -1
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.Dialer = func(context.Context, string, string) (net.Conn, error) {
		select {
		case conn := <-first:
			return conn, nil
		default:
			return nil, net.ErrClosed
		}
	}
	return client.NewClient(o), nil
}

// master returns the address of the master, "" if there is none to be asked.
func (q *question) master(ctx context.Context) string {
	var addr string
	for _, host := range q.to.Hosts {
		what := "sentinel " + host
		o := &q.settings.Redis
		c, err := q.connect(ctx, host, &client.Options{Username: o.SentinelUsername, Password: o.SentinelPassword})
		if err != nil {
			continue // Probe says so
		}
		if at, err := c.Do(ctx, "sentinel", "get-master-addr-by-name", o.MasterName).StringSlice(); err != nil || len(at) != 2 {
			if errors.Is(err, client.Nil) {
				err = errors.New("it watches none of that name")
			}
			q.add(pipeline.Fail, what, "want another name, or the password of the sentinels", "does not tell where %q is: %v", o.MasterName, late(ctx, err))
		} else {
			addr = net.JoinHostPort(at[0], at[1])
			q.add(pipeline.Pass, what, "", "says that %q is at %s", o.MasterName, addr)
		}
		_ = c.Close() // nothing was written
	}
	return addr
}

// masters returns which masters a sentinel watches, and an error of what is none.
func masters(ctx context.Context, c *client.Client) (names []string, err error) {
	all, err := c.Do(ctx, "sentinel", "masters").Slice()
	for _, one := range all {
		fields, _ := one.([]any)
		for i := 0; i+1 < len(fields); i += 2 {
			if name, _ := fields[i+1].(string); fields[i] == "name" {
				names = append(names, name)
			}
		}
	}
	return names, err
}

// sentinel says what is known of a sentinel whose master is not named. A program may name it, of which the address is all that is
// known.
func (q *question) sentinel(what string, names []string) {
	watched := "is a sentinel, which watches " + strings.Join(names, ", ")
	if q.settings.guessed {
		q.add(pipeline.Pass, what, "", "%s: one of these is the MasterName of the program", watched)
		return
	}
	q.add(pipeline.Fail, what, "name the master, with --redis master=name", "%s, and takes no events", watched)
}

// isAnswer reports whether a server answered with an error that begins with a word.
func isAnswer(err error, word string) bool {
	var answer client.Error
	return errors.As(err, &answer) && strings.HasPrefix(answer.Error(), word)
}

// key says what is known of the list or stream, and of the server. A user that may not ask may well be allowed to send.
func (q *question) key(ctx context.Context, c *client.Client, addr string) {
	what := "redis " + addr
	kind, err := c.Type(ctx, q.to.Path).Result()
	switch {
	case isAnswer(err, "NOPERM"):
		kind = ""
	case isAnswer(err, "NOAUTH"), isAnswer(err, "WRONGPASS"), isAnswer(err, "ERR AUTH"):
		if q.settings.guessed && len(q.to.Hosts) > 1 {
			q.add(pipeline.Warn, what, "see to the user and the password; those of sentinels only the program has", "%v", err)
			return
		}
		q.add(pipeline.Fail, what, "see to the user and the password", "%v", err)
		return
	case isAnswer(err, "MOVED"):
		q.add(pipeline.Pass, what, "", "is of a cluster, of which another node has the key")
		return
	case isAnswer(err, "ERR unknown command"):
		if names, err := masters(ctx, c); err == nil {
			q.sentinel("sentinel "+addr, names)
			return
		}
		fallthrough
	case err != nil:
		q.add(pipeline.Fail, what, "see whether it is a Redis, and what its own log says", "%v", late(ctx, err))
		return
	}
	var parts []string
	want, count := "list", c.LLen
	if o := &q.settings.Redis; o.Stream || q.settings.guessed && kind == "stream" {
		want, count = "stream", c.XLen
	}
	switch kind {
	case "": // nobody knows
	case "none":
		parts = append(parts, "the "+want+" "+q.to.Path+" has no entry")
	case want:
		if n, err := count(ctx, q.to.Path).Result(); err == nil {
			parts = append(parts, "the "+want+" "+q.to.Path+" has "+english.Plural(int(n), "entry", "entries"))
		}
	default:
		q.add(pipeline.Fail, what, "want another key", "%q is no %s, but a %s", q.to.Path, want, kind)
	}
	info, err := c.Info(ctx).Result()
	if err == nil {
		parts = append(parts, q.about(what, fieldsOf(info))...)
	}
	if len(parts) == 0 {
		parts = append(parts, "answers; the user may not ask for more")
	}
	q.add(pipeline.Pass, what, "", "%s", strings.Join(parts, ", "))
}

// about returns what a server says of itself, and notes what is wrong with it.
func (q *question) about(what string, info map[string]string) (parts []string) {
	if v := info["redis_version"]; v != "" {
		parts = append(parts, "Redis "+v)
	}
	if info["role"] == "slave" {
		q.add(pipeline.Fail, what, "name the master, or the sentinels", "is a replica, which takes no events")
	}
	if info["loading"] == "1" {
		q.add(pipeline.Warn, what, "wait until it has: events wait as well", "reads its data from disk")
	}
	most, _ := strconv.ParseUint(info["maxmemory"], 10, 64) // 0 is no limit
	policy := info["maxmemory_policy"]
	if most > 0 && strings.HasPrefix(policy, "allkeys") {
		q.add(pipeline.Warn, what, "CONFIG SET maxmemory-policy noeviction: docs/redis.md", "removes the whole key when its memory is full: maxmemory-policy is %s", policy)
	}
	if most > 0 {
		parts = append(parts, "maxmemory "+humanize.IBytes(most))
	}
	if info["aof_enabled"] == "0" {
		parts = append(parts, "appendonly no")
	}
	if info["aof_last_write_status"] == "err" || info["rdb_last_bgsave_status"] == "err" {
		q.add(pipeline.Warn, what, "see its own log: it may refuse events until it can", "could not write to its disk the last time")
	}
	return parts
}

// fieldsOf returns the fields of what INFO has printed.
func fieldsOf(info string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}
