// Package asyncbuf takes the cost of a slow sink off the goroutines that log.
//
// A [Writer] stands between an encoder and a file, a pipe or a connection. It
// copies each line into a buffer of fixed size and returns; one goroutine hands
// the buffered lines to the sink, many of them in one Write. What must not wait
// does not: a line at or above [WriterOptions.SyncLevel] is in the sink, with
// everything before it, when WriteLevel returns.
//
//	buf := asyncbuf.NewWriter(file, nil)
//	defer buf.Close()
//	logger := slog.New(handler.NewJSONHandler(buf, nil))
//
// The encoder must tell the Writer each line's level, by WriteLevel, as those of
// this module do. Behind slog.NewJSONHandler every line counts as INFO.
//
// A [Handler] does the same for records, in front of a handler that is slow. It
// costs more than a Writer: what a record refers to is copied, or printed, before
// the call returns, so that the handler sees later what was true then. Where the
// end is an encoder with a writer, use a Writer.
//
//	buf := asyncbuf.NewHandler(slowHandler, nil)
//	defer buf.Close()
//	logger := slog.New(buf)
//
// # When not to use it
//
// A program that is killed, or that leaves through os.Exit, loses what is
// buffered: with a sink that keeps up, what was logged below SyncLevel within the
// last FlushInterval. [Writer.FlushOnPanic] is for panics, [FlushOnSignal] for
// signals; docs/exit.md says for each way a process can end what is on disk then,
// and that a file may end in a part of a line. Where that is too much, as for an
// audit log, write to the file directly. Where the sink is fast and lines are few,
// a buffer saves nothing.
//
// # Guarantees
//
//   - Order. Lines reach the sink in the order in which they were taken, so the
//     lines of one goroutine stay in order, whatever their levels.
//   - Whole lines. What one Write was given stays together: it is never split
//     over two batches. After a write that the sink cut short, the next one
//     continues at the first byte that is missing.
//   - No silent loss. At every moment, and after every fault,
//     Accepted = Written + Dropped + Queued in [Stats]; what was refused with an
//     error is in Refused.
//   - Bounded memory, bounded age. Size and MaxLines bound what is queued,
//     FlushInterval bounds how long a line waits for a sink that works, under
//     continuous load too.
//   - Concurrency. Every method may be called by several goroutines at once. Each
//     Writer and each Handler, with those derived from it, runs one goroutine,
//     which sleeps without a ticker while there is nothing to write and ends in
//     Close. Hooks are called by a second one, which is there while there is
//     something to tell them.
//
// # Failure
//
// A write that fails, is cut short or panics is reported to OnError and tried
// again, at once as long as the sink takes some bytes, then with growing pauses
// of 10 ms to 1 s. Once the sink has taken nothing for RetryFor, the queued
// lines are given up and counted, except for the rest of a line that the sink
// has begun. A record that a handler returns an error for is tried once, unless
// RetryFor says otherwise. Lines that found no room, or were given up, form a drop
// episode. When it ends OnDrop is told, and one summary goes to the sink, in the
// format of the lines around it where the encoder is one of this module.
//
// A sink or a handler may log into the buffer that called it. Such a call never
// waits, since it could be waiting for itself: its line is buffered if there is
// room, and refused with an error if not. Such calls are found by looking at the
// stack of the calling goroutine. One that starts another goroutine, lets that
// one log and waits for it is not found, nor is one that logs through an encoder
// that holds a lock while it writes, as those of log/slog do; give its buffer the
// policy [DropNewest] or a BlockTimeout. Hooks may log, and wait, as they like, and
// nothing waits for them but Close.
//
// One Writer may wrap another one. The inner one then refuses what it has no room
// for, and the outer one keeps it and tries again every millisecond. Behind a
// Handler, Writers and other Handlers wait.
package asyncbuf
