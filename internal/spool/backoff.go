package spool

import "time"

const (
	minPause = time.Second
	maxPause = 30 * time.Second
)

// backoff keeps a disk in trouble from being tried again with every call.
type backoff struct {
	err   error
	until time.Time
	pause time.Duration
}

// wait returns the last error while it is too early for another attempt.
func (b *backoff) wait() error {
	if b.err != nil && time.Now().Before(b.until) {
		return b.err
	}
	return nil
}

// note takes down how an attempt ended.
func (b *backoff) note(err error) {
	if err == nil {
		*b = backoff{}
		return
	}
	b.err = err
	b.pause = min(max(2*b.pause, minPause), maxPause)
	b.until = time.Now().Add(b.pause)
}
