// Package bench sets the encoders of sluice beside other handlers for log/slog,
// on the same records, in one run.
//
//	go run ./bench/report                     # all in turn, many short rounds, as a table of ratios
//	go test -bench 'Encode/10_attrs' ./bench  # one case the usual way
//
// A [Peer] is a handler, a [Case] a record and the way it is logged. Before a
// peer is timed, [Case.Check] reads what it writes: a handler that loses a key
// or writes something else than JSON would be timed for less than the work.
//
// What it measures is encoding. Each handler writes to a [Counter], which is
// safe for concurrent use and throws the lines away: log/slog and sluice lock it
// nevertheless, the others leave that to the writer. All are set up to write the
// same: the time in nanoseconds, a duration as a number of nanoseconds, no stack
// trace. What a file or a network costs, and what a buffer saves, is not in here.
package bench
