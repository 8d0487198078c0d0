package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// fatalFlush bounds the flush of Fatal where its context does not.
const fatalFlush = 5 * time.Second

// fatalGrace is how long Fatal waits for what does not heed its context.
const fatalGrace = 100 * time.Millisecond

// Fatal logs at [LevelFatal] with the place of the call, flushes the logger's handler
// and all behind it as [Flush] does, and ends the program with status 1, as
// log.Fatal does: deferred functions do not run. So it is for main and what only
// main calls; other code returns an error. A nil logger is slog.Default().
//
// It ends the program whatever the handlers do: a level that is not enabled, an
// error, a panic, a call that does not return. Together they have until the deadline
// of ctx, if that is yet to come, and 5 s otherwise; that ctx has been canceled does not
// matter. What goes wrong is a line on standard error, with msg if that could not be
// logged; it is not waited for where nobody reads that.
func Fatal(ctx context.Context, logger *slog.Logger, msg string, args ...any) {
	defer os.Exit(1) // also if a handler ends this goroutine
	if ctx == nil {
		ctx = context.Background()
	}
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) <= 0 {
		deadline = time.Now().Add(fatalFlush)
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	// What heeds the context is done by then and has said what was left. This is
	// for what does not.
	time.AfterFunc(time.Until(deadline)+fatalGrace, func() { exitUnreturned(msg) })

	if logger == nil {
		logger = slog.Default()
	}
	h := logger.Handler()
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	r := slog.NewRecord(time.Now(), LevelFatal, msg, pc[0])
	r.Add(args...)
	// Deferred, as Handle may end this goroutine.
	defer attempt("flush", func() error { return Flush(ctx, h) })
	attempt(fmt.Sprintf("handle %q", msg), func() error {
		if !h.Enabled(ctx, LevelFatal) {
			return nil
		}
		return h.Handle(ctx, r)
	})
}

// exitUnreturned ends the program although a handler has not returned.
func exitUnreturned(msg string) {
	said := make(chan struct{})
	go func() { // it may be standard error that somebody waits for
		fmt.Fprintf(os.Stderr, "handler: Fatal: a handler did not return in time, of %q\n", msg)
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(fatalGrace):
	}
	os.Exit(1)
}

// attempt calls f and says on standard error what goes wrong: there will be no
// other place for it.
func attempt(what string, f func() error) {
	err := errNoReturn
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("panic: " + panics.Text(p))
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "handler: Fatal: %s: %v\n", what, err)
		}
	}()
	err = f()
}
