package logstash

import (
	"fmt"
	"time"
)

// keepAlive writes a newline to a wire whenever nothing was written to it for
// some time.
type keepAlive struct {
	w     *wire
	every time.Duration

	timer *time.Timer // this and ended are for who has w.lock
	ended bool
}

// startKeepAlive starts the first wait.
func (w *wire) startKeepAlive(every time.Duration) {
	w.lock()
	defer w.unlock()
	w.keepAlive = &keepAlive{w: w, every: every}
	w.keepAlive.timer = time.AfterFunc(every, w.keepAlive.beat)
}

// beat writes a newline if it is time, and waits for the next time.
func (k *keepAlive) beat() {
	k.w.lock()
	defer k.w.unlock()
	if k.ended || k.w.ended() != nil {
		return
	}
	if quiet := k.w.quietFor(); quiet < k.every {
		k.timer.Reset(k.every - quiet)
		return
	}
	if _, err := k.w.Write([]byte{'\n'}); err != nil {
		k.w.fail(fmt.Errorf("keepalive: %w", err))
		return
	}
	if k.w.written() == nil {
		k.timer.Reset(k.every)
	}
}

// stop ends the waiting, and returns when nothing is being written.
func (k *keepAlive) stop() {
	if k == nil {
		return
	}
	k.w.lock()
	defer k.w.unlock()
	k.ended = true
	k.timer.Stop()
}
