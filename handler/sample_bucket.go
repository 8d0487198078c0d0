package handler

import (
	"math"
	"sync/atomic"
	"time"
)

// A tokenBucket lets so many records pass a second. It has no lock: all it keeps
// is the time at which it will be full again.
type tokenBucket struct {
	every, room int64 // the time that one record takes, and that all do for which there is room
	full        atomic.Int64
}

func newTokenBucket(rate float64, burst int) *tokenBucket {
	const longest = 1 << 61 // 73 years
	b := &tokenBucket{every: int64(min(max(math.Round(1e9/rate), 1), longest))}
	size := float64(burst)
	if burst <= 0 {
		size = max(math.Ceil(rate), 1)
	}
	b.room = int64(min(float64(b.every)*size, longest))
	return b
}

// take reports whether there is room for a record now, and takes it.
func (b *tokenBucket) take(now time.Duration) bool {
	for {
		full := b.full.Load()
		next := max(full, int64(now)) + b.every
		if next-int64(now) > b.room {
			return false
		}
		if b.full.CompareAndSwap(full, next) {
			return true
		}
	}
}
