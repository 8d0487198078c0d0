// Package bench sets the encoders, the buffers, the log file, the redaction, the
// senders of events and the handlers that stand before others of sluice beside those
// of other modules, on the same records, in one run.
//
//	go run ./bench/report                     # encoders in turn, many short rounds, as a table of ratios
//	go run ./bench/report -buffers            # buffers, as tables of ratios
//	go run ./bench/report -files              # log files, as a table of ratios
//	go run ./bench/report -redact             # redaction, as tables of ratios
//	go run ./bench/report -ship               # senders of events, as tables of ratios
//	go run ./bench/report -spool              # queues on disk, as a table of ratios
//	go run ./bench/report -handlers           # handlers before others, as tables
//	go run ./bench/report -pipeline           # all that a service logs through, as tables
//	go run ./bench/report -brokers            # clients of Kafka and Redis, as tables of ratios
//	go run ./bench/report -balance            # events spread over several receivers, as tables
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
// # Log files
//
// A [LogFile] is a way to write lines to a file: an os.File, or one that rotates.
// After each measurement all files are read, the compressed ones too, and the
// lines in them are counted; a torn one is an error.
//
//   - [Turns] is what a line costs in files that grow, without a buffer.
//   - [LogFile.Write] is that by itself, until all are in the file, or in one that rotates.
//   - [LogFile.Rotate] is how long a rotation takes.
//   - [LogFile.Stall] is how long a Write takes at worst while files rotate and are compressed.
//
// What is known to go wrong with such files is in the folder defects, as tests.
//
// # Redaction
//
// A redactor is a [Peer], too: [Redactors] has the handlers without redaction, and
// the ways to keep secrets out of their lines, which are timed as a whole, for the
// handler is what they are worth it for. [RedactionCases] has records without a
// secret, and with one. [Case.Check] finds a secret that is printed, and a line
// that is spoiled, before either would be timed. masq is told which names to look
// for; package redact has its default rules, so it looks for much more.
//
// A [Scanner] looks through a text alone.
//
// What others let through is in the folder leaks, as tests.
//
// # Shipping
//
// A [Sender] is a client of a Beats input. [Sender.Ship] is what an event costs it
// until it is acked. The receiver is the server of go-lumber, in the same process,
// so that its work is in the figures of all alike; it does not decode the events, for
// that would take longer than the rest and hide it. What arrives is added up and
// compared with what was sent.
//
// # Brokers
//
// A [Broker] is what keeps events until a Logstash takes them, and a [BrokerClient] what
// brings them there. [BrokerCase.Ship] is what an event costs it until it is acked. The
// broker's own clients guarantee what ours do, and are used in the fastest way that
// their documentation knows. What the broker has in the end is read and compared with what was sent,
// and so are the keys. Redis is a process of its own, and left out where it is not installed.
//
// # Several receivers
//
// A [Fleet] is Beats inputs that ack no more than so many events a second, and
// [Fleet.Balance] how fast a Shipper gets events acked that it spreads over them. Each
// event has a number: one that is lost, comes twice, or comes before an earlier one of its key is
// found out.
//
// # Spools
//
// A [Spool] is a queue of events on disk. [Spool.Append] is what an event of a batch
// costs it until the batch is written, or synced, and [Spool.Drain] until it has been
// read and deleted. What comes out is compared with what went in.
//
// # Handlers before others
//
// A [Task] is a log call that goes through handlers to sinks, which are handlers that
// write JSON, or do nothing but count; a [Way] is one way to do it, and a [Chapter] a
// table of them. Before a way is timed, [Task.Check] reads what arrives at each sink,
// and after each measurement the records are counted there: one that is to be let
// through is not to be lost, nor one that is to be kept out to pass. What prints for
// people is read for the message, the keys and the values. Each is left at its
// defaults otherwise.
//
// A [Memory] remembers records, and is filled with many different ones.
//
// What is known to go wrong with such handlers is in the folder faults, as tests.
//
// # All that a service logs through
//
// A [Whole] is the way from the handler of a logger to its files and its Logstash:
// log/slog's handler over a file, or a pipeline. [Whole.Measure] is what a record of
// a [Stream] costs, which is another one each time, as in a service. The receiver is
// an [Inbox], in a process of its own: neither its work nor its garbage is in the
// figures. After each measurement every file is read, and the Inbox asked, whether
// the records that belong there are there, in order. [Opening] is how long it takes
// to open a pipeline of five sinks, and [WatchChapter] is about its monitor.
//
// # Disks
//
// But for the archives of rotate.File, queues that are to, and what is flushed
// between bursts, nothing is synced to the disk.
package bench
