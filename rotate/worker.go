package rotate

import (
	"context"
	"fmt"
	"time"
)

const (
	cleanInterval = time.Hour // between looks for backups that have become too old
	maxNotices    = 1024      // that wait for the hooks
)

// work is the worker goroutine of f. It ends when ctx does, after a last round
// that passes on the events and removes what exceeds the limits: a program that
// runs only for moments would never remove anything otherwise.
func (f *File) work(ctx context.Context) {
	defer close(f.done)
	defer opened.remove(f)
	again := time.NewTimer(cleanInterval)
	defer again.Stop()
	for last := false; !last; {
		select {
		case <-f.wake:
		case <-again.C:
		case <-ctx.Done():
			last = true
		}
		f.prepare()
		f.deliver()
		f.catchUp(ctx)
		again.Reset(f.lookAfterBackups(ctx))
	}
	_ = f.releaseWork() // gives up the locks, if nothing else
}

// kick tells the worker that there is work.
func (f *File) kick() {
	select {
	case f.wake <- struct{}{}:
	default: // it knows
	}
}

// A notice is what a hook is still to be told of.
type notice struct {
	hook, about string
	call        func()
}

// announce queues a call of a hook about a backup. If the hooks are so slow that
// too many wait, the oldest is given up.
func (f *File) announce(hook, about string, call func()) {
	if len(f.notices) == maxNotices {
		f.problem(fmt.Errorf("rotate: %s is too slow: it will not be told of %s", f.notices[0].hook, f.notices[0].about))
		f.notices = f.notices[1:]
	}
	f.notices = append(f.notices, notice{hook, about, call})
}

// deliver makes the calls that wait.
func (f *File) deliver() {
	for {
		f.mu.Lock()
		if len(f.notices) == 0 {
			f.mu.Unlock()
			return
		}
		n := f.notices[0]
		f.notices = f.notices[1:]
		f.mu.Unlock()
		f.notify(n.hook, n.call)
	}
}

// notify calls one of the worker's hooks.
func (f *File) notify(hook string, call func()) {
	if err := guard(hook, call); err != nil {
		f.problem(err)
	}
}

// prepare makes the next rotation fast, if there has been one before, after it has
// ended the last one.
func (f *File) prepare() {
	f.mu.Lock()
	retired := f.retired
	f.retired = nil
	f.closing.Lock()
	f.mu.Unlock()
	f.closeBackup(retired)
	f.closing.Unlock()
	f.mu.Lock()
	needed := preparing && f.turns == nil && !f.closed && f.standby == nil && f.retired == nil && f.tally.get().Rotations > 0
	var perm permissions
	if needed {
		perm = f.perm()
	}
	f.mu.Unlock()
	if !needed {
		return
	}
	next, err := newStandby(f.dir, f.names, perm)
	if err != nil {
		f.problem(fmt.Errorf("rotate: prepare the next %s: %w", f.path, err))
		return
	}
	f.mu.Lock()
	if !f.closed && f.standby == nil {
		f.standby, next = next, nil
	}
	f.mu.Unlock()
	if next != nil {
		if err := next.discard(); err != nil {
			f.problem(fmt.Errorf("rotate: %w", err))
		}
	}
}
