package logstash

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// suspectTimeout is how long a dial may take to an endpoint that has failed,
// while there is another one of which that is not known, or that has never worked, while
// there is any other: an attempt to see whether a host is there must not hold up what the
// others would take. It is shorter than Close, so that a short program has time for another.
const suspectTimeout = 3 * time.Second

// turn is the time in which an endpoint serves one lane, over one connection.
type turn struct {
	of      *endpoints
	to      *endpoint
	suspect bool          // the dial is not to take as long as it may otherwise
	limit   time.Duration // the longest that the dial may take
	ttl     time.Duration // ConnectionTTL and a little more, so that those which began together do not end so
	trial   time.Duration // how long what was written first has to wait until it counts, where nothing is acked

	// What follows is guarded by of.mu.

	since     time.Time // when it was taken, or connected
	begun     uint64    // the event that this was
	connected bool      // over a connection of endpoints.connect
	proven    bool      // it has worked
	leaving   bool      // it has expired
	moving    bool      // and may go on if there is no other
	over      bool
}

// addr returns the address of the endpoint for people. Where nothing is looked up
// that is what is dialled.
func (t *turn) addr() string { return t.to.name() }

// dialTimeout returns how long making the connection may take.
func (t *turn) dialTimeout() time.Duration {
	if t.suspect {
		return min(t.limit, t.of.short())
	}
	return t.limit
}

// short returns how long the dial of a suspect may take.
func (e *endpoints) short() time.Duration { return min(suspectTimeout, e.timeout/2) }

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
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	p := t.to
	now := time.Now()
	t.proven = true
	p.workedAt = now
	p.failures = 0
	p.pace.reset()
	p.retryAt = time.Time{}
	if p.wait(now) == 0 {
		p.lastErr = nil // nor is it why p may not be tried
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

// expired reports whether the turn is to end as soon as nothing is under way:
// after ConnectionTTL, or because another endpoint is to have its turn. Once it
// has said so it goes on saying so.
func (t *turn) expired() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	now := time.Now()
	t.of.askAgain(now)
	if !t.leaving && !t.over && t.isDue(now) {
		t.leaving = true
		*t.to.load--
	}
	return t.leaving
}

// isMove reports whether a turn that has expired, as others have fewer or the address is
// gone from the name, is to end only when there is a connection to another address.
func (t *turn) isMove() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	return t.moving
}

// leaveTo ends the turn for another one, unless the connection to that could not be
// made. It reports whether it has ended.
func (t *turn) leaveTo(ctx context.Context, other *turn, err error) bool {
	switch {
	case err == nil:
		t.done(nil)
		return true
	case ctx.Err() != nil:
		other.done(nil) // nothing that the endpoint has done
	default:
		other.done(err)
	}
	t.stay()
	return false
}

// stay makes a turn go on that was to end for another one.
func (t *turn) stay() {
	e := t.of
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.leaving && !t.over {
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
// so once in MinConnectionTime, as the other may turn out not to work for this one. It
// ends only when there is a connection to the other, see endpoints.move.
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
