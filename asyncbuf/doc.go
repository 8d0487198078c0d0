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
//	logger := slog.New(slog.NewJSONHandler(buf, nil))
//
// # When not to use it
//
// A program that is killed, or that leaves through os.Exit or a panic, loses
// what is buffered: with a sink that keeps up, what was logged below SyncLevel
// within the last [WriterOptions.FlushInterval]. Where that is too much, as for
// an audit log, write to the file directly. Where the sink is fast and lines are
// few, a buffer saves nothing.
//
// # Guarantees
//
//   - Order. Lines reach the sink in the order in which the Writer took them,
//     so the lines of one goroutine stay in order, whatever their levels.
//   - Whole lines. What one Write was given stays together: it is never split
//     over two batches. After a write that the sink cut short, the next one
//     continues at the first byte that is missing.
//   - No silent loss. At every moment, and after every fault,
//     Accepted = Written + Dropped + Queued in [Stats]; what was refused with an
//     error is in Refused.
//   - Bounded memory, bounded age. Size and MaxLines bound what is queued,
//     FlushInterval bounds how long a line waits for a sink that works, under
//     continuous load too.
//   - Concurrency. Every method may be called by several goroutines at once.
//     Each Writer runs one goroutine, which sleeps without a ticker while there
//     is nothing to write and ends in Close.
//
// # Failure
//
// A write that fails, is cut short or panics is reported to OnError and tried
// again, at once as long as the sink takes some bytes, then with growing pauses
// of 10 ms to 1 s. Once the sink has taken nothing for RetryFor, the queued
// lines are given up and counted, except for the rest of a line that the sink
// has begun. Lines that found no room, or were given up, form a drop episode.
// When it ends OnDrop is told, and one summary line goes to the sink. A sink
// must not end its goroutine with runtime.Goexit: callers would wait for it for
// ever.
//
// A sink or a hook may log into the Writer that called it. A call made from
// inside any Writer's sink or hook never waits, since it could be waiting for
// itself: its line is buffered if there is room, and refused with an error if
// not. Such calls are found by looking at the stack of the calling goroutine.
// A sink that starts another goroutine, lets that one log and waits for it is
// not found; give its Writer the policy [DropNewest] or a BlockTimeout. Nor is
// the help of any use through an encoder that holds a lock while it writes, as
// those of log/slog do: a hook that logs through one waits for that lock. Those of
// package handler and package logstash hold none over a Writer.
//
// One Writer may wrap another one. The inner one then refuses what it has no
// room for, and the outer one keeps it and tries again every millisecond.
package asyncbuf
