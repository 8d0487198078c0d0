package asyncbuf

import (
	"errors"
	"fmt"
)

// report tells OnError of err, unless it is nil or only says that a Writer
// below is full. It is called without w.mu.
func (w *Writer) report(err error) {
	if err == nil || w.opts.OnError == nil || errors.Is(err, errFull) {
		return
	}
	// Nobody is left to be told of a panic in OnError but LastError.
	w.remember(guard("OnError", func() error {
		w.opts.OnError(err)
		return nil
	}))
}

// reportDrop tells OnDrop of d, if d is an episode. It is called without w.mu.
func (w *Writer) reportDrop(d Drop) {
	if w.opts.OnDrop != nil && d.Lines > 0 {
		w.hook("OnDrop", func() { w.opts.OnDrop(d) })
	}
}

// hook calls f, and reports if it panics. It is called without w.mu.
func (w *Writer) hook(name string, f func()) {
	err := guard(name, func() error {
		f()
		return nil
	})
	if err != nil {
		err = fmt.Errorf("asyncbuf: %w", err)
		w.remember(err)
		w.report(err)
	}
}

// remember makes err, if it is one, Stats.LastError.
func (w *Writer) remember(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.LastError = err
}
