package rotate

import (
	"fmt"
	"sync"

	"github.com/sluicelog/sluice/internal/panics"
)

// maxReports is how many errors wait for OnError.
const maxReports = 256

// reporter tells OnError what has failed, one error at a time and in order, on a
// goroutine that lives as long as there is something to tell. So no Write waits
// for the hook, and nothing that takes long, or hangs, keeps an error back.
type reporter struct {
	hook func(error) // nil if there is nobody to tell

	mu      sync.Mutex
	waiting []error
	busy    chan struct{} // closed when all has been told; nil if it has
}

func (r *reporter) report(err error) {
	if r.hook == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == maxReports { // it hangs, or everything fails: the newest say more
		r.waiting = r.waiting[1:]
	}
	r.waiting = append(r.waiting, err)
	if r.busy == nil {
		r.busy = make(chan struct{})
		go r.tell()
	}
}

func (r *reporter) tell() {
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 {
			close(r.busy)
			r.busy = nil
			r.mu.Unlock()
			return
		}
		err := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.mu.Unlock()
		_ = guard("OnError", func() { r.hook(err) }) // there is nobody left to tell
	}
}

// idle returns a channel that is closed when all has been told, nil if it has.
func (r *reporter) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy
}

// guard calls a hook, and returns an error if it panics, or ends its goroutine,
// which is therefore not the caller's.
func guard(hook string, call func()) error {
	ended := make(chan error)
	go func() {
		err := fmt.Errorf("rotate: %s has ended its goroutine", hook)
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("rotate: %s panicked: %s", hook, panics.Text(v))
			}
			ended <- err
		}()
		call()
		err = nil
	}()
	return <-ended
}
