// Package bench sets the encoders and the buffers of sluice beside others for
// log/slog, on the same records, in one run.
//
//	go run ./bench/report                     # encoders in turn, many short rounds, as a table of ratios
//	go run ./bench/report -buffers            # buffers, as tables of ratios
//	go test -bench 'Encode/10_attrs' ./bench  # one case the usual way
//
// # Encoders
//
// A [Peer] is a handler, a [Case] a record and the way it is logged. Before a
// peer is timed, [Case.Check] reads what it writes: a handler that loses a key
// or writes something else than JSON would be timed for less than the work.
//
// What is measured is encoding. Each handler writes to a [Counter], which is
// safe for concurrent use and throws the lines away: log/slog and sluice lock it
// nevertheless, the others leave that to the writer. All are set up to write the
// same: the time in nanoseconds, a duration as a number, no stack trace.
//
// # Buffers
//
// A [Buffer] is a handler with what stands between the caller and a file. It is
// checked, too, by [Buffer.Check], and after each measurement the lines in the
// file are counted: a buffer that loses some is not timed for the rest. All have
// a queue of the same size, write a new file of their own, which is opened to
// append, and are left at their defaults otherwise.
//
//   - [Buffer.Burst] is what a log call costs its caller while the queue has room.
//   - [Buffer.Sustained] is what a record costs in all, until it is in the file.
//   - [Buffer.Stall] is how long callers wait for a sink that is slow.
//   - [Synced] is a line that has to be in the file when the call returns.
//
// Nothing is synced to the disk.
package bench
