package logstash

import (
	"fmt"
	"sync"
	"time"
)

const (
	// maxReports is how many errors wait for OnError.
	maxReports = 64
	// burst is how many errors OnError is told of in a row. After that it is one
	// for each reportSpan.
	burst      = 20
	reportSpan = 5 * time.Second
)

// hooks tells OnError and OnState, one after the other, on a goroutine that lives
// as long as there is something to tell, so that nothing waits for them.
type hooks struct {
	onError func(error)  // may be nil
	onState func(Health) // may be nil
	health  func() Health
	told    State // the last one that onState was told

	mu       sync.Mutex
	errs     []error
	changed  bool          // there is a new state
	busy     chan struct{} // closed when all has been told; nil if it has
	budget   int           // how many more errors are told now
	refilled time.Time
	unsaid   int // errors that were not told
}

// failed tells OnError of err, unless there is too much to tell.
func (h *hooks) failed(err error) {
	if h.onError == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refill()
	if h.budget == 0 || len(h.errs) == maxReports {
		h.unsaid++
		return
	}
	h.budget--
	if h.unsaid > 0 {
		err = fmt.Errorf("%w (and %d more errors before)", err, h.unsaid)
		h.unsaid = 0
	}
	h.errs = append(h.errs, err)
	h.begin()
}

func (h *hooks) refill() {
	now := time.Now()
	if n := int(now.Sub(h.refilled) / reportSpan); n > 0 {
		h.budget = min(burst, h.budget+n)
		h.refilled = now
	}
}

// stateChanged tells OnState.
func (h *hooks) stateChanged() {
	if h.onState == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed = true
	h.begin()
}

// begin starts the goroutine if there is none. It is called with mu.
func (h *hooks) begin() {
	if h.busy == nil {
		h.busy = make(chan struct{})
		go h.tell()
	}
}

func (h *hooks) tell() {
	over := false
	defer func() {
		if !over { // a hook has ended this goroutine
			go h.tell()
		}
	}()
	for h.more() {
		h.tellOne()
	}
	over = true
}

// more reports whether there is something to tell. If not, the goroutine is over.
func (h *hooks) more() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.errs) > 0 || h.changed {
		return true
	}
	if h.busy != nil {
		close(h.busy)
		h.busy = nil
	}
	return false
}

func (h *hooks) tellOne() {
	defer func() { _ = recover() }() // the hook's own trouble must not stop the shipping
	h.mu.Lock()
	if len(h.errs) == 0 {
		h.changed = false
		h.mu.Unlock()
		if now := h.health(); now.State != h.told { // it may have changed again, and back
			h.told = now.State
			h.onState(now)
		}
		return
	}
	err := h.errs[0]
	h.errs = h.errs[1:]
	h.mu.Unlock()
	h.onError(err)
}

// idle returns a channel that is closed when all has been told, nil if it has.
func (h *hooks) idle() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.busy
}
