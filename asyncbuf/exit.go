package asyncbuf

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// echoTime is how long the same signal may come again without being a second one:
// timeout(1) sends it to its child and at once to the group of processes around it.
const echoTime = 100 * time.Millisecond

// FlushOnPanic is for the goroutines that may panic, where no deferred Close runs
// before the process ends. It must be deferred directly:
//
//	go func() {
//		defer buf.FlushOnPanic()
//		work()
//	}()
//
// When the goroutine panics, FlushOnPanic flushes w, for 5 seconds at most, and
// panics again with the same value, so that the end of the process is the same
// and the trace still shows where the panic came from. What becomes of the flush
// changes nothing about that. Without a panic it does nothing, also in
// runtime.Goexit; nor does it know a panic(nil) under GODEBUG=panicnil=1, which ends
// in it. A panic in a goroutine that has not deferred it ends the process without
// a flush.
func (w *Writer) FlushOnPanic() {
	if v := recover(); v != nil {
		<-lastFlush(w.Flush)
		panic(v)
	}
}

// FlushOnSignal catches the first of the signals that comes, calls flush with a
// context that ends after 5 seconds, and then sends the signal to the process
// again, which ends as if it had not been caught: a parent sees that SIGTERM
// ended it. Without signals it catches [os.Interrupt] and SIGTERM.
//
//	stop := asyncbuf.FlushOnSignal(buf.Flush)
//	defer stop()
//
// It does not wait longer than 5 seconds for flush, which may also panic. A
// second signal that comes meanwhile ends the process at once, unless it
// comes within 100 ms of the first one: some senders send twice.
//
// Signals that are ignored at the time of the call, such as SIGHUP under nohup,
// stay ignored. Signals that do not end a Go program, such as SIGUSR1 and SIGPIPE, are
// of no use here. On Windows, where a process cannot send itself Ctrl+C, it ends
// with the status that Ctrl+C gives it, 0xC000013A.
//
// A program that handles a signal itself, with [signal.Notify] or
// [signal.NotifyContext], should not give it to FlushOnSignal, but call Flush or
// Close at its own end. It would get the signal twice, since there is no way
// to know of it, and the second time is often taken for impatience. For the same
// reason one call should serve the whole process, with a flush that flushes all there is
// to flush: of several calls side by side, one that needs more than 100 ms
// may be cut short by the signal that another one sends. In a program that catches
// signals, the runtime does not notice that all goroutines are asleep.
//
// FlushOnSignal starts one goroutine, which ends after the flush or when stop is
// called, and a second one for the time of the flush. When stop has returned,
// signals have their former effect. If one was caught before, stop waits for the
// end of the process. stop may be called several times, but not by flush.
// FlushOnSignal panics if flush is nil.
func FlushOnSignal(flush func(context.Context) error, signals ...os.Signal) (stop func()) {
	if flush == nil {
		panic("asyncbuf: FlushOnSignal: nil flush")
	}
	if len(signals) == 0 {
		signals = []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	signals = slices.DeleteFunc(slices.Clone(signals), signal.Ignored)
	if len(signals) == 0 { // Notify would take that for all signals
		return func() {}
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, signals...)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if sig := awaitSignal(caught, quit); sig != nil {
			sig = flushUnless(caught, sig, flush)
			signal.Stop(caught)
			raise(sig)
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-ended
	})
}

// awaitSignal returns the signal that comes before quit is closed, or nil.
func awaitSignal(caught chan os.Signal, quit <-chan struct{}) os.Signal {
	select {
	case sig := <-caught:
		return sig
	case <-quit:
	}
	signal.Stop(caught)
	select {
	case sig := <-caught: // has come before Stop, and would be lost
		return sig
	default:
		return nil
	}
}

// flushUnless flushes until it is done or a second signal comes, and returns the
// signal that is to end the process.
func flushUnless(caught <-chan os.Signal, first os.Signal, flush func(context.Context) error) os.Signal {
	start, done := time.Now(), lastFlush(flush)
	for {
		select {
		case <-done:
			return first
		case second := <-caught:
			if second != first || time.Since(start) > echoTime {
				return second
			}
		}
	}
}

// lastFlush calls flush in a goroutine of its own, since it may hang. The channel
// is closed when flush has returned or panicked, and after 5 seconds at the latest.
func lastFlush(flush func(context.Context) error) <-chan struct{} {
	ctx, done := context.WithTimeout(context.Background(), closeTimeout)
	go func() {
		defer func() {
			_ = recover() // the process is about to end for another reason
			done()
		}()
		_ = flush(ctx)
	}()
	return ctx.Done()
}
