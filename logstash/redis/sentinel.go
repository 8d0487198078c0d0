package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/logstash"
)

const (
	// sentinelTime is the most that a sentinel may take, and the longest pause between two
	// questions to one that does not answer.
	sentinelTime = 5 * time.Second
	// sentinelPause is the longest pause between two questions to one that answers, and half
	// of it the shortest, so that a fleet does not ask all at once.
	sentinelPause = time.Second
	// sentinelMemory is how long the last answer of a sentinel counts when it gives no other:
	// those that do may be the ones that are cut off.
	sentinelMemory = 30 * time.Second
)

// sentinels keeps asking all sentinels where the master is. Each has a goroutine and a
// connection, which end with stop.
type sentinels struct {
	to   *logstash.Remote
	opts Options
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu     sync.Mutex
	told   []told        // what each has said last
	news   chan struct{} // closed, and replaced, when one has said something
	change chan struct{} // the same when one has changed its mind, so that the others are asked
	used   string        // the address of the master in use, "" for none
	cut    func()        // ends the connection to it
}

// told is what a sentinel has said last. The zero value stands for nothing.
type told struct {
	addr string
	at   time.Time
	err  error // why it has not said it again
}

// newSentinels starts to ask.
func newSentinels(to *logstash.Remote, opts Options) *sentinels {
	ctx, end := context.WithCancel(context.Background())
	s := &sentinels{
		to: to, opts: opts, end: end, told: make([]told, len(to.Hosts)),
		news: make(chan struct{}), change: make(chan struct{}),
	}
	for i := range to.Hosts {
		s.wg.Go(func() { s.watch(ctx, i) })
	}
	return s
}

// stop ends the goroutines.
func (s *sentinels) stop() {
	s.end()
	s.wg.Wait()
}

// masters returns the address of the master: the one that most of the sentinels name, or all
// of which as many do. It waits for their first answers.
func (s *sentinels) masters(ctx context.Context) ([]string, error) {
	late := time.NewTimer(sentinelPause)
	defer late.Stop()
	for waiting := true; ; {
		s.mu.Lock()
		named, most := s.named()
		all := !slices.ContainsFunc(s.told, func(t told) bool { return t.addr == "" && t.err == nil })
		news, failure := s.news, s.failure()
		s.mu.Unlock()
		switch {
		case most > 0 && (all || !waiting || 2*most > len(s.told)):
			return named, nil
		case all:
			return nil, failure
		}
		select {
		case <-news:
		case <-late.C:
			waiting = false
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// named returns the addresses that most sentinels name, and how many these are.
func (s *sentinels) named() (addrs []string, most int) {
	votes := make(map[string]int)
	for _, t := range s.told {
		if time.Since(t.at) < sentinelMemory {
			votes[t.addr]++
			most = max(most, votes[t.addr])
		}
	}
	for _, t := range s.told {
		if n := votes[t.addr]; n == most && n > 0 && !slices.Contains(addrs, t.addr) {
			addrs = append(addrs, t.addr)
		}
	}
	return addrs, most
}

// failure returns why no sentinel names a master.
func (s *sentinels) failure() error {
	err := fmt.Errorf("no sentinel knows a master %q", s.opts.MasterName)
	for i, t := range s.told {
		if t.err != nil {
			err = fmt.Errorf("%w; %s: %w", err, s.to.Hosts[i], t.err)
		}
	}
	return err
}

// use says which master is in use, and how to end the connection to it; "" stands for none.
func (s *sentinels) use(addr string, cut func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used, s.cut = addr, cut
}

// isSuperseded reports whether more sentinels name another master than name the one in use.
func (s *sentinels) isSuperseded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.superseded()
}

func (s *sentinels) superseded() bool {
	named, most := s.named()
	return s.used != "" && most > 0 && !slices.Contains(named, s.used)
}

// watch asks one sentinel until ctx is done.
func (s *sentinels) watch(ctx context.Context, i int) {
	var c *conn
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := sentinelPause; ; {
		select {
		case <-timer.C:
		case <-s.changed():
		case <-ctx.Done():
			return
		}
		var addr string
		var err error
		if c, addr, err = s.ask(ctx, c, s.to.Hosts[i]); err == nil {
			pause = sentinelPause
		} else {
			pause = min(2*pause, sentinelTime)
		}
		s.hear(i, addr, err)
		timer.Reset(pause/2 + rand.N(pause/2)) //nolint:gosec // chance is enough
	}
}

func (s *sentinels) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.change
}

// hear takes what a sentinel has said, and ends what is under way to a master that is none
// any more.
func (s *sentinels) hear(i int, addr string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := &s.told[i]; err != nil {
		t.err = err
	} else {
		if t.addr != "" && t.addr != addr {
			close(s.change)
			s.change = make(chan struct{})
		}
		*t = told{addr: addr, at: time.Now()}
	}
	close(s.news)
	s.news = make(chan struct{})
	if s.superseded() {
		s.cut()
	}
}

// ask asks one sentinel, over a connection that stays unless there is an error.
func (s *sentinels) ask(ctx context.Context, c *conn, host string) (_ *conn, addr string, err error) {
	limit := min(s.to.Options.Timeout, sentinelTime)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	if c == nil {
		c, err = open(ctx, s.to, host, login{username: s.opts.SentinelUsername, password: s.opts.SentinelPassword})
		if err != nil {
			return nil, "", err
		}
	}
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	named, err := c.client.Do(ctx, "sentinel", "get-master-addr-by-name", s.opts.MasterName).StringSlice()
	if err == nil && len(named) == 2 {
		return c, net.JoinHostPort(named[0], named[1]), nil
	}
	c.close()
	switch {
	case errors.Is(err, client.Nil):
		err = errors.New("it watches none of that name")
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil:
		err = fmt.Errorf("it says %q in place of a host and a port", named)
	case strings.HasPrefix(answerOf(err), "NOPERM"):
		err = fmt.Errorf("%w; the user of the sentinel needs sentinel|get-master-addr-by-name", err)
	default:
		err = hint(err, s.opts.MasterName)
	}
	return nil, "", err
}
