package rotate

import (
	"context"
	"fmt"
	"time"
)

const (
	cleanInterval = time.Hour // between looks for backups that have become too old
	maxEvents     = 1024      // that wait for OnRotate
)

// work is the worker goroutine of f. It ends when ctx does, after a last round
// that passes on the events and removes what exceeds the limits: a program that
// runs only for moments would never remove anything otherwise.
func (f *File) work(ctx context.Context) {
	defer close(f.done)
	clean := time.NewTicker(cleanInterval)
	defer clean.Stop()
	for last := false; !last; {
		select {
		case <-f.wake:
		case <-clean.C:
		case <-ctx.Done():
			last = true
		}
		f.prepare()
		f.deliver()
		f.retain(ctx)
		f.catchUp(ctx)
	}
}

// kick tells the worker that there is work.
func (f *File) kick() {
	select {
	case f.wake <- struct{}{}:
	default: // it knows
	}
}

// announce queues e for OnRotate. If that hook is so slow that too many events
// wait, the oldest is given up.
func (f *File) announce(e Event) {
	if len(f.events) == maxEvents {
		f.problem(fmt.Errorf("rotate: OnRotate is too slow: it will not be told of %s", f.events[0].Backup))
		f.events = f.events[1:]
	}
	f.events = append(f.events, e)
}

// deliver passes the queued events on.
func (f *File) deliver() {
	for {
		f.mu.Lock()
		if len(f.events) == 0 {
			f.mu.Unlock()
			return
		}
		e := f.events[0]
		f.events = f.events[1:]
		f.mu.Unlock()
		f.notify(e)
	}
}

func (f *File) notify(e Event) {
	defer func() {
		if v := recover(); v != nil {
			f.fail(fmt.Errorf("rotate: OnRotate panicked: %v", v))
		}
	}()
	f.opts.OnRotate(e)
}

// prepare makes the next rotation fast, if there has been one before.
func (f *File) prepare() {
	f.mu.Lock()
	needed := preparing && !f.closed && f.standby == nil && !f.last.IsZero()
	f.mu.Unlock()
	if !needed {
		return
	}
	next, err := newStandby(f.dir, f.names)
	if err != nil {
		f.fail(fmt.Errorf("rotate: prepare the next %s: %w", f.path, err))
		return
	}
	f.mu.Lock()
	if !f.closed && f.standby == nil {
		f.standby, next = next, nil
	}
	f.mu.Unlock()
	if next != nil {
		if err := next.discard(); err != nil {
			f.fail(fmt.Errorf("rotate: %w", err))
		}
	}
}
