package logstash

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// endpoints are the addresses of one receiver, in order of preference. All
// lanes of a Shipper share them: one that needs a connection takes a turn with
// an endpoint, says how it goes, and ends the turn. They are safe for
// concurrent use.
type endpoints struct {
	strategy Strategy
	dial     dialFunc // the user's, nil without one
	names    resolver
	timeout  time.Duration // of a dial with its handshake, and of a piece of a write
	ttl      time.Duration // of a turn; 0 for ever
	least    time.Duration // MinConnectionTime

	mu     sync.Mutex
	all    []*endpoint
	next   int             // of PreferPrimary and RoundRobin: the place to begin with
	sites  []*site         // of LoadBalance: those of which each address is an endpoint
	life   context.Context // of lookups
	moved  time.Time       // of LoadBalance: when a turn was last ended to spread them again
	events uint64          // turns begun and failures so far, for what came first

	made      uint64 // connections so far
	now, peak int    // connections now, and the most there were
}

// dialFunc opens a connection, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// endpoint is one address and what is known of it.
type endpoint struct {
	host    string
	place   int        // in the order of preference
	turns   []*turn    // those under way, the oldest first
	site    *site      // what ip is an address of, nil for none
	ip      netip.Addr // which is dialled in place of host, if it is valid
	missing int        // how many answers in a row have not had ip

	workedAt time.Time // when something worked last
	pace     backoff
	failures int           // since something worked
	misses   int           // failures of turns in which nothing had
	failedAt uint64        // the event that the last failure was
	excused  bool          // the last failure was followed by no backoff
	brief    time.Duration // how long the last connection lasted, if it never worked
	retryAt  time.Time     // the end of the backoff
	heldTo   time.Time     // what the receiver itself asked for
	lastErr  error
	fileErr  error // why the last connection was made with files of TLS read earlier
}

func newEndpoints(hosts []string, o *DialOptions) *endpoints {
	e := &endpoints{
		strategy: o.Strategy,
		dial:     o.DialContext,
		names:    newResolver(),
		timeout:  o.Timeout,
		ttl:      o.ConnectionTTL,
		least:    o.MinConnectionTime,
	}
	for i, host := range hosts {
		p := &endpoint{host: host, place: i, pace: backoff{least: o.MinBackoff, most: o.MaxBackoff}}
		if o.Strategy == LoadBalance && o.DialContext == nil {
			if p.site = siteOf(p); p.site != nil {
				e.sites = append(e.sites, p.site)
			}
		}
		e.all = append(e.all, p)
	}
	if o.Strategy == RoundRobin {
		e.next = rand.IntN(len(hosts)) //nolint:gosec // no secret; or else a fleet begins with the same one
	}
	return e
}

// connect opens a connection to the endpoint whose turn it is, or else to any
// other that may be tried. Names are looked up again each time. A nil files
// means no TLS. Until ctx is done names may be looked up again and again.
func (e *endpoints) connect(ctx context.Context, network string, files *tlsFiles) (*link, error) {
	e.lookUp(ctx)
	var tried []*endpoint
	for {
		t, err := e.takeBut(tried)
		if err != nil {
			return nil, &dialError{err}
		}
		conn, err := e.open(ctx, network, t, files)
		if err == nil {
			t.begin(files.reloadError())
			return &link{&steadyConn{Conn: conn, timeout: e.timeout}, t}, nil
		}
		err = fmt.Errorf("logstash: connect to %s: %w", t.addr(), err)
		if ctx.Err() != nil {
			t.done(nil) // nothing that the endpoint has done
			return nil, &dialError{err}
		}
		t.done(err)
		tried = append(tried, t.to)
	}
}

// open opens the connection of a turn, with the handshake of TLS if there are
// files.
func (e *endpoints) open(ctx context.Context, network string, t *turn, files *tlsFiles) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.dialTimeout())
	defer cancel()
	conn, err := e.callDial(ctx, network, t.to.dialled())
	if err != nil || files == nil {
		return conn, err
	}
	return files.handshake(ctx, conn, t.to.host)
}

// callDial holds the dialer, which may be the user's, to its contract.
func (e *endpoints) callDial(ctx context.Context, network, host string) (conn net.Conn, err error) {
	defer func() {
		if v := recover(); v != nil {
			conn, err = nil, errors.New("DialContext panicked: "+panics.Text(v))
		}
	}()
	if e.dial != nil {
		conn, err = e.dial(ctx, network, host)
	} else {
		conn, err = e.names.dialFrom(ctx, network, host, e.misses(host))
	}
	switch {
	case err != nil:
		return nil, err // conn may be a nil pointer in disguise
	case isNil(conn):
		return nil, errors.New("DialContext returned neither a connection nor an error")
	}
	return &guardedConn{conn}, nil
}

// misses returns how many turns with a host have ended before it had worked.
func (e *endpoints) misses(host string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.all {
		if p.host == host {
			return p.misses
		}
	}
	return 0 // that of a proxy
}

// isNil reports whether conn is nil, perhaps in disguise.
func isNil(conn net.Conn) bool {
	v := reflect.ValueOf(conn)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// take begins a turn with the endpoint that the strategy chooses among those
// that may be tried. If none may, the error says why, and when the first may.
func (e *endpoints) take() (*turn, error) { return e.takeBut(nil) }

// takeBut is take without some that were tried already.
func (e *endpoints) takeBut(tried []*endpoint) (*turn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	isFree := func(p *endpoint) bool { return p.wait(now) == 0 && !slices.Contains(tried, p) }
	e.changeFamilies(isFree)
	var free []*endpoint
	for _, p := range e.all {
		if p.isOffered() && isFree(p) {
			free = append(free, p)
		}
	}
	if len(free) == 0 {
		return nil, e.blocked(now)
	}
	e.events++
	p := e.choose(free)
	t := &turn{
		of: e, to: p, since: now, begun: e.events, suspect: !isGood(p) && slices.ContainsFunc(free, isGood),
		ttl: e.ttl + min(rand.N(e.ttl/4+1), math.MaxInt64-e.ttl), //nolint:gosec // no secret
	}
	p.turns = append(p.turns, t)
	return t, nil
}

// isGood reports whether nothing is known against p.
func isGood(p *endpoint) bool { return p.failures == 0 }

// choose returns the one of the free endpoints whose turn it is.
func (e *endpoints) choose(free []*endpoint) *endpoint {
	switch e.strategy {
	case RoundRobin:
		p := firstFrom(free, e.next)
		e.next = p.place + 1
		return p
	case Random:
		return anyOf(free)
	case LoadBalance:
		least := leastUsed(free)
		if i := slices.IndexFunc(least, e.acksNow); i >= 0 && least[i].load() > 0 {
			least = slices.DeleteFunc(least, func(p *endpoint) bool { return !e.acksNow(p) })
		}
		return anyOf(least)
	default: // PreferPrimary
		p := firstFrom(free, e.next)
		e.next = 0
		return p
	}
}

func anyOf(free []*endpoint) *endpoint {
	return free[rand.IntN(len(free))] //nolint:gosec // a choice needs no secret randomness
}

// leastUsed returns the endpoints with the fewest turns.
func leastUsed(free []*endpoint) (out []*endpoint) {
	for _, p := range free {
		switch {
		case len(out) == 0 || p.load() < out[0].load():
			out = append(out[:0], p)
		case p.load() == out[0].load():
			out = append(out, p)
		}
	}
	return out
}

// acksNow reports whether p has taken something a short while ago. One that is busy
// and has not is no place for one more connection.
func (e *endpoints) acksNow(p *endpoint) bool {
	return isGood(p) && !p.workedAt.IsZero() && time.Since(p.workedAt) < e.least
}

// firstFrom returns the first endpoint at a place or after it, around the end.
func firstFrom(free []*endpoint, place int) *endpoint {
	for _, p := range free {
		if p.place >= place {
			return p
		}
	}
	return free[0]
}

// blocked says that no endpoint may be tried, why, and when the first may.
func (e *endpoints) blocked(now time.Time) error {
	first := time.Duration(math.MaxInt64)
	var errs []error
	for _, p := range e.all {
		if p.missing == 0 {
			first = min(first, p.wait(now))
			errs = append(errs, p.lastErr)
		}
	}
	return &retryError{errors.Join(errs...), first}
}

// dialled returns the address that is dialled.
func (p *endpoint) dialled() string {
	if p.ip.IsValid() {
		return net.JoinHostPort(p.ip.String(), p.site.port)
	}
	return p.host
}

// name returns the address for people.
func (p *endpoint) name() string {
	if p.ip.IsValid() {
		return p.host + " (" + p.ip.String() + ")"
	}
	return p.host
}

// load returns how many turns there are that are not about to end.
func (p *endpoint) load() (n int) {
	for _, t := range p.turns {
		if !t.leaving {
			n++
		}
	}
	return n
}

// wait returns how long it is until p may be tried.
func (p *endpoint) wait(now time.Time) time.Duration {
	return max(p.retryAt.Sub(now), p.heldTo.Sub(now), 0)
}

// hurry makes all endpoints such that may be tried now, whatever they have done.
func (e *endpoints) hurry() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.all {
		p.retryAt, p.heldTo = time.Time{}, time.Time{}
	}
}

// reconnects returns how many connections have been made in place of others.
func (e *endpoints) reconnects() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.made - uint64(e.peak) //nolint:gosec // the peak is at most what was made
}

// health returns how the endpoints are doing, in order.
func (e *endpoints) health() []EndpointHealth {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []EndpointHealth
	for _, p := range e.all {
		if p.isOffered() || len(p.turns) > 0 {
			out = append(out, p.health())
		}
	}
	return out
}

func (p *endpoint) health() EndpointHealth {
	h := EndpointHealth{Addr: p.name(), Failures: p.failures, RetryAt: p.retryAt, LastError: p.lastErr}
	for _, t := range p.turns {
		if t.connected || t.proven {
			h.Connections++
		}
	}
	if p.heldTo.After(h.RetryAt) {
		h.RetryAt = p.heldTo
	}
	if p.fileErr != nil {
		h.LastError = errors.Join(p.lastErr, p.fileErr)
	}
	return h
}
