package logstash

import (
	"context"
	"errors"
	"fmt"
	"io"
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

	onFailure func(error)          // is told of an endpoint that fails while others work
	onReturn  func(EndpointHealth) // is told of how that was before it worked again

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
	missing time.Time  // when an answer first had no ip any more, zero while they have
	gone    bool       // and that for so long that the connections are to end
	key     string     // the same for those with the same address, however it was given
	load    *int       // turns that are not about to end, also those of others with the same key

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
	told     bool  // that it fails
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

		onFailure: func(error) {},
		onReturn:  func(EndpointHealth) {},
	}
	for i, host := range hosts {
		p := &endpoint{host: host, place: i, pace: backoff{least: o.MinBackoff, most: o.MaxBackoff}}
		if o.Strategy == LoadBalance && o.DialContext == nil {
			if p.site = siteOf(p); p.site != nil {
				e.sites = append(e.sites, p.site)
			}
		}
		e.add(p)
	}
	if o.Strategy == RoundRobin {
		e.next = rand.IntN(len(hosts)) //nolint:gosec // no secret; or else a fleet begins with the same one
	}
	return e
}

// add adds an endpoint. The lock is held, if need be.
func (e *endpoints) add(p *endpoint) {
	p.key = keyOf(p.dialled())
	for _, q := range e.all {
		if q.key == p.key {
			p.load = q.load
		}
	}
	if p.load == nil {
		p.load = new(int)
	}
	e.all = append(e.all, p)
}

// connect opens a connection to the endpoint whose turn it is, or else to any
// other that may be tried, within the timeout: then it is time to tell of it. Names are
// looked up again each time. A nil files means no TLS. Until ctx is done names may be
// looked up again and again.
func (e *endpoints) connect(ctx context.Context, network string, files *tlsFiles) (*link, error) {
	e.lookUp(ctx)
	w := walk{endpoints: e, since: time.Now()}
	for {
		t, err := w.take()
		if err != nil {
			return nil, &dialError{err}
		}
		conn, err := e.open(ctx, network, t, files)
		if err == nil {
			w.tellOf(w.tried...)
			return e.link(t, conn, files), nil
		}
		err = fmt.Errorf("logstash: connect to %s: %w", t.addr(), err)
		if ctx.Err() != nil {
			t.done(nil) // nothing that the endpoint has done
			return nil, &dialError{err}
		}
		w.failed(t, err)
	}
}

// link returns the connection of a turn, which begins.
func (e *endpoints) link(t *turn, conn net.Conn, files *tlsFiles) *link {
	t.begin(files.reloadError())
	return &link{&steadyConn{Conn: conn, timeout: e.timeout}, t}
}

// move returns the connection in place of that of a turn which has expired, and ends
// that, or nil if that goes on.
func (e *endpoints) move(ctx context.Context, network string, files *tlsFiles, old *turn) *link {
	conn, t := old.succeed(ctx, func(ctx context.Context, t *turn) (io.Closer, error) {
		conn, err := e.open(ctx, network, t, files)
		if err != nil {
			err = fmt.Errorf("logstash: connect to %s: %w", t.addr(), err)
		}
		return conn, err
	})
	if t == nil {
		return nil
	}
	return e.link(t, conn.(net.Conn), files) //nolint:forcetypeassert // it is that of open
}

// successor takes the turn that is to follow old, nil if there is none: with
// PreferPrimary, of an address before its own; for a move, of another one that has fewer
// turns, unless that of old is gone; for ConnectionTTL, of any.
func (e *endpoints) successor(old *turn) *turn {
	var not []*endpoint
	e.mu.Lock()
	switch {
	case e.strategy == PreferPrimary:
		not = e.all[old.to.place:]
	case old.moving:
		not = []*endpoint{old.to}
	}
	e.mu.Unlock()
	t, err := e.takeBut(not)
	if err != nil {
		return nil
	}
	e.mu.Lock()
	better := !old.moving || old.to.gone || *t.to.load <= *old.to.load
	e.mu.Unlock()
	if !better {
		t.done(nil)
		return nil
	}
	return t
}

// tellOf tells of endpoints that fail, each once until it has worked again. If there is
// no other, the failure of the attempt to send tells.
func (e *endpoints) tellOf(failed ...*endpoint) {
	for _, p := range failed {
		e.mu.Lock()
		err := p.lastErr
		news := !p.told && err != nil && p.isOffered()
		p.told = p.told || news
		e.mu.Unlock()
		if news {
			e.onFailure(err)
		}
	}
}

// walk is the attempts to make one connection.
type walk struct {
	*endpoints

	since time.Time
	tried []*endpoint
}

// take takes a turn with an endpoint that was not tried yet, unless it is time to tell of
// the others: what is left of the timeout is too short for one more, or an address
// that has worked may be tried again, while others never have.
func (w *walk) take() (*turn, error) {
	spent := time.Since(w.since)
	if len(w.tried) > 0 && (w.timeout-spent < w.short() || spent >= briefLife && w.isBack()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return nil, w.blocked(time.Now())
	}
	t, err := w.takeBut(w.tried)
	if err == nil {
		t.limit = min(t.limit, w.timeout-spent)
	}
	return t, err
}

// isBack reports whether an address that was tried has worked once, and its backoff is
// over.
func (w *walk) isBack() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	return w.strategy == LoadBalance && slices.ContainsFunc(w.tried, func(p *endpoint) bool {
		return !p.workedAt.IsZero() && p.wait(now) == 0
	})
}

// failed notes that an attempt has.
func (w *walk) failed(t *turn, err error) {
	t.done(err)
	w.tried = append(w.tried, t.to)
}

// open opens the connection of a turn, with the handshake of TLS if there are
// files.
func (e *endpoints) open(ctx context.Context, network string, t *turn, files *tlsFiles) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.limit)
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
	e.changeFamilies(isFree, tried)
	var free []*endpoint
	others := 0 // of the other family
	for _, p := range e.all {
		switch {
		case !isFree(p):
		case p.isOffered():
			free = append(free, p)
		case p.missing.IsZero():
			others++
		}
	}
	if len(free) == 0 {
		return nil, e.blocked(now)
	}
	e.events++
	p := e.choose(free)
	t := &turn{
		of: e, to: p, since: now, begun: e.events, limit: e.dialTimeout(p, len(free)+others > 1, now),
		ttl: e.ttl + min(rand.N(e.ttl/4+1), math.MaxInt64-e.ttl), //nolint:gosec // no secret
	}
	p.turns = append(p.turns, t)
	*p.load++
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
		if i := slices.IndexFunc(least, e.acksNow); i >= 0 && *least[i].load > 0 {
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
		case len(out) == 0 || *p.load < *out[0].load:
			out = append(out[:0], p)
		case *p.load == *out[0].load:
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

// blocked says why there is no connection, and when the first endpoint may be tried. The
// lock is held.
func (e *endpoints) blocked(now time.Time) error {
	first := time.Duration(math.MaxInt64)
	var errs []error
	for _, p := range e.all {
		if !p.missing.IsZero() {
			continue
		}
		first = min(first, p.wait(now))
		if p.lastErr != nil {
			errs = append(errs, p.lastErr)
		}
	}
	if more := len(errs) - maxErrors; more > 1 {
		errs = append(errs[:maxErrors], fmt.Errorf("and %d more addresses failed", more))
	}
	return &retryError{errors.Join(errs...), first}
}

// maxErrors is of how many addresses an error tells.
const maxErrors = 3

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

// keyOf returns the key of an address that is dialled.
func keyOf(addr string) string {
	if at, err := netip.ParseAddrPort(addr); err == nil {
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
	}
	return addr
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
