package logstash

import (
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// shortTimeout is how long a dial may take while there is another endpoint: an attempt to
// see whether a host is there must not hold up what the others would take. It is shorter
// than Close, so that a short program has time for another. That an endpoint has worked
// until now does not mean that it is there: its host may have been shut down in good order.
const shortTimeout = 3 * time.Second

// maxRestart is after how many failures in a row an endpoint which refuses connections
// is not taken to be restarting any more.
const maxRestart = 8

// turn is the time in which an endpoint serves one lane, over one connection.
type turn struct {
	of    *endpoints
	to    *endpoint
	limit time.Duration // the longest that the dial may take
	ttl   time.Duration // ConnectionTTL and a little more, so that those which began together do not end so
	trial time.Duration // how long what was written first has to wait until it counts, where nothing is acked

	// What follows is guarded by of.mu.

	since     time.Time // when it was taken, or connected
	begun     uint64    // the event that this was
	connected bool      // over a connection of endpoints.connect
	proven    bool      // it has worked
	leaving   bool      // it has expired
	moving    bool      // and is to go on unless there is a better place
	heir      *heir     // nil while there is none under way
	over      bool
}

// addr returns the address of the endpoint for people. Where nothing is looked up
// that is what is dialled.
func (t *turn) addr() string { return t.to.name() }

// short returns how long a dial may take while there is another endpoint.
func (e *endpoints) short() time.Duration { return min(shortTimeout, e.timeout/2) }

// dialTimeout returns how long a dial to p may take, while others may be tried or may
// not. If none may, one that is likely to be back before p has an answer counts too. The
// lock is held.
func (e *endpoints) dialTimeout(p *endpoint, others bool, now time.Time) time.Duration {
	limit := e.timeout
	if others {
		return e.short()
	}
	for _, q := range e.all {
		if q != p && q.isOffered() && q.isRestarting() {
			limit = min(limit, max(e.short(), q.wait(now)))
		}
	}
	return limit
}

// isRestarting reports whether p has worked, and has refused connections since rather
// than been silent.
func (p *endpoint) isRestarting() bool {
	return !p.workedAt.IsZero() && p.failures > 0 && p.failures < maxRestart && !isTimeout(p.lastErr)
}

// begin notes that there is a connection. An error is about files of TLS that
// could not be read again for it.
func (t *turn) begin(fileErr error) {
	e := t.of
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	t.connected = true
	t.trial = min(max(settleTime, 2*now.Sub(t.since), 2*t.to.brief), maxTrial)
	t.since = now
	t.to.fileErr = fileErr
	e.made++
	e.now++
	e.peak = max(e.peak, e.now)
}

// worked notes that the receiver has taken something for good, which ends the
// backoff of the endpoint. A connection alone says nothing: there are proxies
// that take it while nobody is behind them.
func (t *turn) worked() {
	e, p := t.of, t.to
	e.mu.Lock()
	now := time.Now()
	back, was := p.told, EndpointHealth{}
	if back {
		was = p.health()
	}
	t.proven = true
	p.workedAt = now
	p.failures, p.told = 0, false
	p.pace.reset()
	p.retryAt = time.Time{}
	if p.wait(now) == 0 {
		p.lastErr = nil // nor is it why p may not be tried
	}
	e.mu.Unlock()
	if back {
		e.onReturn(was)
	}
}

// isProven reports whether the receiver has acked something over this connection.
func (t *turn) isProven() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	return t.proven
}

// done ends the turn. A nil error says that this is nobody's failure. With
// another one the endpoint goes into backoff; only if it has worked in this
// turn, and has neither been silent nor broken the protocol, it may be tried
// again at once: it has probably been restarted.
func (t *turn) done(err error) { t.end(err, 0) }

// failed is done for a receiver that says how long it wants to be left alone.
func (t *turn) failed(err error, after time.Duration) {
	if err == nil {
		err = errors.New("logstash: the receiver asks for a pause")
	}
	t.end(err, after)
}

func (t *turn) end(err error, after time.Duration) {
	e, p := t.of, t.to
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	if t.heir != nil {
		t.heir.cancel()
		t.heir = nil
	}
	p.turns = slices.DeleteFunc(p.turns, func(u *turn) bool { return u == t })
	if !t.leaving {
		*p.load--
	}
	if t.connected {
		e.now--
	}
	if err == nil {
		return
	}
	now := time.Now()
	p.brief = 0
	if !t.proven {
		p.misses++
		if t.connected {
			p.brief = now.Sub(t.since)
		}
	}
	if held := now.Add(after); after > 0 && held.After(p.heldTo) {
		p.heldTo = held
	}
	p.lastErr = err
	p.failures++
	if t.begun > p.failedAt { // or else what has ended other lanes' turns has ended this one
		t.punish(err, now)
	}
	e.events++
	p.failedAt = e.events
}

// punish makes the endpoint wait for what ended the turn, if that is due.
func (t *turn) punish(err error, now time.Time) {
	e, p := t.of, t.to
	brief := now.Sub(t.since) < e.least
	if brief {
		e.next = (p.place + 1) % len(e.all)
	}
	again := p.excused && brief
	p.excused = t.proven && !again && !isTimeout(err) && !errors.Is(err, lumber.ErrProtocol)
	if !p.excused {
		p.retryAt = now.Add(p.pace.next())
	}
}

// isTimeout reports whether err says that something took too long.
func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// expired reports whether the turn is to end as soon as nothing is under way, see
// succeed: after ConnectionTTL, or because another endpoint is to have its turn. Once it
// has said so it goes on saying so, but for the time in which its heir is made.
func (t *turn) expired() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	now := time.Now()
	t.of.askAgain(now)
	if !t.leaving && !t.over && t.isDue(now) {
		t.leaving = true
		*t.to.load--
	}
	return t.leaving && (t.heir == nil || t.heir.conn != nil)
}

// stay makes a turn go on that was to end for another one.
func (t *turn) stay() {
	e := t.of
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.over {
		return
	}
	if t.leaving {
		*t.to.load++
	}
	t.leaving, t.moving = false, false
	e.moved = time.Now()
}

func (t *turn) isDue(now time.Time) bool {
	e := t.of
	old := e.ttl > 0 && now.Sub(t.since) >= t.ttl
	switch e.strategy {
	case PreferPrimary:
		better := func(p *endpoint) bool { return p.place < t.to.place && p.wait(now) == 0 }
		return old && slices.ContainsFunc(e.all, better)
	case LoadBalance:
		t.moving = !old && (t.to.gone || t.isOneTooMany(now))
		return old || t.moving
	default:
		return old
	}
}

// isOneTooMany reports whether t is the newest turn with an endpoint that has two more
// than another one which may be tried: one that has none, or one that works. It says
// so once in MinConnectionTime, as the other may turn out not to work for this one.
func (t *turn) isOneTooMany(now time.Time) bool {
	e, p := t.of, t.to
	n := *p.load
	if n < 2 || p.newest() != t || now.Sub(e.moved) < e.least {
		return false
	}
	isShort := func(q *endpoint) bool {
		return q.isOffered() && q.wait(now) == 0 && *q.load+2 <= n && (*q.load == 0 || e.acksNow(q))
	}
	if !slices.ContainsFunc(e.all, isShort) {
		return false
	}
	e.moved = now
	return true
}

// newest returns the last turn that is not about to end, nil if there is none.
func (p *endpoint) newest() *turn {
	for _, t := range slices.Backward(p.turns) {
		if !t.leaving {
			return t
		}
	}
	return nil
}
