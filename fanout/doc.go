/*
Package fanout hands one record to several handlers: to all of them ([Handler]), to
those whose condition holds ([When]), to the first whose condition holds
([FirstMatch]), or to the first that takes it ([Failover]).

	h := fanout.NewHandler(nil,
		handler.NewConsoleHandler(os.Stderr, nil),
		handler.NewGate(file, &handler.GateOptions{Level: slog.LevelWarn}),
		fanout.Named("audit", fanout.When(fanout.HasTag("security"), audit)),
	)
	slog.New(h).Warn("login failed", "tags", []string{"security"}, "user", "mallory")

reaches all three.

A condition is a [Match]: one of the functions below that look at the level, the
message, attrs, tags, the place of the call and the context, several of them joined
by [And], [Or] and [Not], or a func of one's own. It sees what With and WithGroup
have bound as well as what the record holds.

Not for: two handlers without conditions, where [slog.NewMultiHandler] of the
standard library does; but that passes one attr slice to all, which a handler
may legally change, and lets a handler's panic through. Not for levels alone either:
a gate of package handler decides on them in Enabled, before there is a record.

# Guarantees

Handlers are called one after the other, in the order they were given, on the
goroutine that logs. What one does to its record and to the slices given to
WithAttrs, the others do not see. One that returns an error, panics or ends the
goroutine does not keep the record from the others: the failure is counted, given to
OnError as an *[Error] and returned, joined with the rest. One that panics in WithAttrs
or WithGroup, which is reported once, stays as it was, and has what could not be bound
put into each of its records. A record that a Failover gets goes to one handler that
takes it, and is lost only if none does, not even those that it had given up on. To
hand a record on takes no lock, but where [InPackage] and [InFunction] see a place in
the program for the first time. Nothing here starts a goroutine, and nothing is closed:
whoever opened a handler closes it.

Stats of each are exact: what was handed to a handler was written or dropped.

An error from an asynchronous handler comes too late to be seen here, so a
[Failover] belongs behind the buffer, or needs a handler that writes at once.
*/
package fanout
