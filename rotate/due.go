package rotate

import "time"

// maxNap is the longest that the alarm sleeps, since it does not see the clock
// being set, nor the machine being suspended.
const maxNap = time.Minute

// deadline is when a file has to be rotated, by the clock.
type deadline struct {
	at, set time.Time
}

// startClock rotates the file that Open has found if that is due, and sees to
// the times to come.
func (f *File) startClock() {
	now := time.Now()
	if f.opts.Schedule != "" {
		began := now
		if f.size > 0 {
			if info, err := f.live.probe.Stat(); err == nil && info.ModTime().Before(now) {
				began = info.ModTime()
			}
		}
		f.setDeadline(began)
	}
	switch {
	case f.opts.RotateAtOpen:
		_ = f.rotate(AtOpen) // reported there
	case f.opts.Schedule != "" && !f.due.at.After(now):
		_ = f.rotate(Scheduled)
	}
	if f.opts.Schedule != "" {
		f.alarm = time.AfterFunc(f.nap(), f.ring)
	}
	if f.opts.SyncInterval > 0 {
		f.syncDue = time.AfterFunc(f.opts.SyncInterval, f.syncSoon)
		f.syncDue.Stop()
	}
}

// setDeadline gives the live file, which began at a time, the next one there is.
func (f *File) setDeadline(began time.Time) {
	if f.opts.Schedule == "" {
		return
	}
	f.due = deadline{at: f.plan.next(began), set: time.Now().Round(0)}
}

// nap returns how long to sleep until the next look at the clock.
func (f *File) nap() time.Duration {
	until := time.Until(f.due.at)
	if until <= 0 { // it could not be rotated
		until = max(time.Until(f.rotating.until), firstBackoff)
	}
	return min(until, maxNap)
}

// ring rotates the file if it is due, idle as it may be.
func (f *File) ring() {
	f.mu.Lock()
	defer f.unlock()
	if f.closed {
		return
	}
	defer func() { f.alarm.Reset(f.nap()) }()
	now := time.Now().Round(0)
	if now.Before(f.due.set.Add(-maxNap)) { // the clock was set back
		f.setDeadline(now)
	}
	if !f.overdue() {
		return
	}
	if f.turns != nil {
		defer f.turn()()
	}
	// Looking at the path may find that another process has rotated it.
	if err := f.check(); err != nil || !f.overdue() {
		return
	}
	if f.size == 0 {
		f.setDeadline(now)
	} else if f.rotating.ready() {
		_ = f.rotate(Scheduled) // reported there
	}
}

func (f *File) overdue() bool { return !f.due.at.After(time.Now().Round(0)) }
