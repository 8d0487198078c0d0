/*
Package fanout hands one record to several handlers: to all of them, to those
whose condition holds, or to the first that takes it.

	h := fanout.NewHandler(nil,
		handler.NewConsoleHandler(os.Stderr, nil),
		handler.NewGate(file, &handler.GateOptions{Level: slog.LevelWarn}),
		fanout.When(fanout.HasTag("security"), audit),
	)
	slog.New(h).Warn("login failed", "tags", []string{"security"}, "user", "mallory")

reaches all three.

Not for: two handlers without conditions, where [slog.NewMultiHandler] of the
standard library does; but that passes one attr slice to all, which a handler
may legally change, and lets a handler's panic through.

# Guarantees

Handlers are called one after the other, in the order they were given, on the
goroutine that logs. Each gets a clone of the record and of the slices given to
WithAttrs. One that returns an error or panics does not keep the record from the
others: the failure is counted, given to OnError and returned, joined with the
rest. Nothing here takes a lock or starts a goroutine, and nothing is closed:
whoever opened a handler closes it.

An error from an asynchronous handler comes too late to be seen here, so a
[Failover] belongs behind the buffer, or needs a handler that writes at once.
*/
package fanout
