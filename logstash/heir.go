package logstash

import (
	"context"
	"io"
	"time"
)

// heirPatience is how long a lane waits for the connection that is to take the place of
// its own. Most are made by then; for another one it does not wait, and goes on.
const heirPatience = 100 * time.Millisecond

// opener opens the connection of a turn.
type opener func(context.Context, *turn) (io.Closer, error)

// heir is the connection that is to take the place of that of a turn which has expired.
// It is made while that one goes on: what works is not given up for what is dead.
type heir struct {
	turn   *turn
	cancel context.CancelFunc
	over   chan struct{} // closed when the attempt is

	// What follows is guarded by the lock of the endpoints.

	conn io.Closer // nil until it is made
	took time.Duration
	used bool // it has taken over
}

// succeed ends a turn that has expired, and returns the connection that takes its place
// and the turn of that. It returns nil if the turn goes on, as that connection could not
// be made, or not yet.
func (t *turn) succeed(ctx context.Context, open opener) (io.Closer, *turn) {
	h := t.heirOf(ctx, open)
	if h == nil {
		return nil, nil
	}
	timer := time.NewTimer(heirPatience)
	defer timer.Stop()
	select {
	case <-h.over:
	case <-timer.C:
	case <-ctx.Done():
	}
	e := t.of
	e.mu.Lock()
	h.used = t.heir == h && h.conn != nil
	if h.used {
		h.turn.since = time.Now().Add(-h.took)
	}
	e.mu.Unlock()
	if !h.used {
		return nil, nil
	}
	t.done(nil)
	return h.conn, h.turn
}

// heirOf returns the heir of t, and begins to make it where there is none. It returns
// nil if there is no address for it.
func (t *turn) heirOf(ctx context.Context, open opener) *heir {
	e := t.of
	e.mu.Lock()
	h := t.heir
	e.mu.Unlock()
	if h != nil {
		return h
	}
	next := e.successor(t)
	if next == nil {
		t.stay()
		return nil
	}
	h = &heir{turn: next, over: make(chan struct{})}
	ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx)) // until t ends
	e.mu.Lock()
	t.heir = h
	e.mu.Unlock()
	go t.raise(ctx, h, open)
	return h
}

// raise makes the connection of an heir.
func (t *turn) raise(ctx context.Context, h *heir, open opener) {
	begun := time.Now()
	conn, err := io.Closer(nil), errEnded // by a dialer of the user's
	defer func() { t.settle(ctx, h, conn, time.Since(begun), err) }()
	conn, err = open(ctx, h.turn)
}

// settle keeps the connection of an heir until that takes over. It closes it if t ends in
// another way, or has no use for it until something on the way may have forgotten it.
func (t *turn) settle(ctx context.Context, h *heir, conn io.Closer, took time.Duration, err error) {
	e := t.of
	e.mu.Lock()
	wanted := t.heir == h
	made := wanted && err == nil
	if made {
		h.conn, h.took = conn, took
	}
	e.mu.Unlock()
	if made {
		close(h.over)
		timer := time.NewTimer(idleLimit)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if !t.disown(h) {
		return
	}
	switch {
	case err == nil:
		_ = conn.Close() // nothing was sent over it
		h.turn.done(nil)
	case wanted:
		h.turn.done(err)
		e.tellOf(h.turn.to)
	default:
		h.turn.done(nil) // nothing that the endpoint has done
	}
	t.stay()
	if !made {
		close(h.over)
	}
}

// disown makes t go on without an heir, unless that has taken over.
func (t *turn) disown(h *heir) bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if t.heir == h {
		t.heir = nil
	}
	h.cancel()
	return !h.used
}
