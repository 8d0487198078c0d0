/*
Package handler holds the encoders and the small wrappers of sluice: JSON lines
for machines, a console for people, and what stands before either.

	logger := slog.New(handler.NewJSONHandler(os.Stdout, nil))
	logger.Info("listening", "port", 8080)

prints

	{"time":"2026-11-21T23:30:00.123456789Z","level":"INFO","msg":"listening","port":8080}

Encoders: [JSONHandler] is a drop-in for [slog.JSONHandler]: the same bytes,
wherever those are valid JSON and in their place; faster, and right where the
standard library is not. [JSONOptions] has what slog's options lack.
[ConsoleHandler] prints for a terminal, or without color for whatever else reads
text.

Which records: [Gate] decides by level, with rules by package and by logger that
[Levels] changes at run time, over HTTP too; [Trigger] keeps the fine records of
a request until one fails; [Sample] thins out what comes too often, and [Dedup]
makes one of what comes again and again.

What is in them: [Context] adds attrs from the context; [Rename] rewrites attrs;
[ErrorStack] makes type, message and stack of an error.

The rest: [Func] makes a sink of a func, and [Test] one for tests; [Recover]
makes an error of a panic; [Flush] flushes all that a tree of handlers has
buffered, and [Fatal] does that before it ends the program. [LevelName] and
[ParseLevel] know the levels from TRACE to FATAL.

Not for: buffering (asyncbuf), files that rotate (rotate), several outputs
(fanout), secrets (redact).

# Guarantees

Each record is one Write and one line, several only in the wide layout of the
console. Handlers derived by With and WithGroup
share one lock a writer, so lines never mix; they are immutable and may be used
by any number of goroutines. Only timers run anything on a goroutine of its own:
that of [Dedup], and those of levels that expire.

A value that panics, loops, or cannot be encoded costs a placeholder that says
so, never the record. A writer that fails, writes short or
panics makes Handle return an error, which [slog.Logger] throws away: set
OnError to see it, and look at Stats to count it.

A writer with a method WriteLevel(level slog.Level, line []byte) (int, error)
is given each line's level that way. asyncbuf.Writer and logstash.Shipper have
it, to know which lines must not be dropped.

Package handlertest checks these rules on any handler, and those of a wrapper on
any wrapper. Which wrapper for which situation, and in what order, says
docs/handlers.md.
*/
package handler
