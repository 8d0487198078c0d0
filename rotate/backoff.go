package rotate

import "time"

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Minute
)

// backoff spaces out attempts at something that fails. The zero value is ready
// for the first attempt.
type backoff struct {
	delay time.Duration
	until time.Time
}

func (b *backoff) ready() bool { return b.delay == 0 || !time.Now().Before(b.until) }

// failed returns how long to wait before the next attempt.
func (b *backoff) failed() time.Duration {
	b.delay = min(max(2*b.delay, firstBackoff), maxBackoff)
	b.until = time.Now().Add(b.delay)
	return b.delay
}

func (b *backoff) succeeded() { *b = backoff{} }
