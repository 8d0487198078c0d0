package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// gate is what connections to brokers are made through. The client wants them for several
// purposes, each of which has a backoff of its own that begins anew now and then. Here all of them
// share one for each broker. It is a hook of the client.
type gate struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	pace func(fails int) time.Duration

	mu   sync.Mutex
	away map[string]*away      // brokers that could not be reached, by address
	work map[net.Conn]struct{} // connections that brokers have answered on
	news chan struct{}         // closed when there is one more of these
}

// away is a broker that could not be reached.
type away struct {
	fails int
	next  time.Time // when it may be tried again
	err   error
}

func newGate(dial func(context.Context, string, string) (net.Conn, error), pace func(int) time.Duration) *gate {
	return &gate{
		dial: dial, pace: pace,
		away: make(map[string]*away), work: make(map[net.Conn]struct{}), news: make(chan struct{}),
	}
}

// DialContext makes a connection, after the backoff of the broker. What it fails with is an error of the network,
// whatever it is, such as one of a certificate: the client gives up what it has for others, and tries
// again after these.
func (g *gate) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	err := g.pass(ctx, addr)
	if err == nil {
		var conn net.Conn
		if conn, err = g.dial(ctx, network, addr); err == nil {
			return conn, nil
		}
		if !isOver(ctx) {
			g.failed(addr, err)
		} else if known := g.reason(addr); known != nil {
			err = known // it was given up before it could tell more
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

// isOver reports whether ctx has ended, or is about to: what is bound by its deadline may notice that first.
func isOver(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// reason returns why a broker is away, nil if it is not.
func (g *gate) reason(addr string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.away[addr]; a != nil {
		return a.err
	}
	return nil
}

// pass waits until a broker may be tried. It does not while there are others to be asked, or when ctx
// ends before: then it returns why that broker is away.
func (g *gate) pass(ctx context.Context, addr string) error {
	for {
		wait, news, err := g.look(ctx, addr)
		if wait <= 0 || news == nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-news:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		timer.Stop()
	}
}

// look returns how long to wait for a broker, or no news to wait for and why it is away. Who need not
// wait is the only one until the next backoff is over.
func (g *gate) look(ctx context.Context, addr string) (wait time.Duration, news <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.away[addr]
	if a == nil {
		return 0, nil, nil
	}
	if wait = time.Until(a.next); wait <= 0 {
		a.fails++
		a.next = time.Now().Add(g.pace(a.fails))
		return 0, nil, nil
	}
	if end, ok := ctx.Deadline(); len(g.work) > 0 || ok && end.Before(a.next) {
		return wait, nil, a.err
	}
	return wait, g.news, a.err
}

// failed notes that a broker could not be reached.
func (g *gate) failed(addr string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.away[addr]
	if a == nil {
		a = &away{fails: 1}
		g.away[addr] = a
	}
	a.err = err
	if now := time.Now(); a.next.Before(now) {
		a.next = now.Add(g.pace(a.fails))
	}
}

// OnBrokerConnect is told of a connection on which a broker has answered, or has not.
func (g *gate) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, conn net.Conn, err error) {
	addr := hostPort(meta)
	switch {
	case conn == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed):
		// DialContext has noted what there is to note.
	case err != nil:
		g.failed(addr, err)
	default:
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.away, addr)
		g.work[conn] = struct{}{}
		close(g.news)
		g.news = make(chan struct{})
	}
}

// OnBrokerDisconnect is told of the end of a connection.
func (g *gate) OnBrokerDisconnect(_ kgo.BrokerMetadata, conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.work, conn)
}
