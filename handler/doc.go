/*
Package handler holds the encoders and the small wrappers of sluice: JSON lines
for machines, a console for people, a gate by level.

	logger := slog.New(handler.NewJSONHandler(os.Stdout, nil))
	logger.Info("listening", "port", 8080)

prints

	{"time":"2026-11-21T23:30:00.123456789Z","level":"INFO","msg":"listening","port":8080}

[JSONHandler] is a drop-in for [slog.JSONHandler]: the same bytes, wherever
those are valid JSON and in their place; faster, and right where the standard
library is not. [JSONOptions] has what slog's options lack: a policy for keys that
come twice, bounds, another form of times. [ConsoleHandler] prints for a terminal, or without color for
whatever else reads text. [Gate] keeps a record from the handler behind it by
level. [Flush] finds and flushes all that a tree of handlers has buffered.

Not for: buffering (asyncbuf), files that rotate (rotate), several outputs
(fanout), secrets (redact).

# Guarantees

Each record is one line and one Write. Handlers derived by With and WithGroup
share one lock a writer, so lines never mix; they are immutable and may be used
by any number of goroutines. Nothing here starts a goroutine.

A value that panics, loops, or cannot be encoded costs a placeholder that says
so, never the record. A writer that fails, writes short or
panics makes Handle return an error, which [slog.Logger] throws away: set
OnError to see it, and look at Stats to count it.

A writer with a method WriteLevel(level slog.Level, line []byte) (int, error)
is given each line's level that way. asyncbuf.Writer and logstash.Shipper have
it, to know which lines must not be dropped.

Package handlertest checks these rules on any handler.
*/
package handler
