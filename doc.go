/*
Package sluice is a suite of [log/slog] handlers for programs in production. This
package holds no code, only this guide: each piece is a package of its own, a
plain slog.Handler or io.Writer that works alone, in any order, over anybody's
handler and under anybody's.

# Which piece do I need?

	JSON lines, faster than slog's and right where it is not      handler.NewJSONHandler
	lines for people, in color on a terminal                      handler.NewConsoleHandler
	records of some levels only                                   handler.NewGate
	several outputs                                               fanout.NewHandler
	an output for some records, as for an audit log               fanout.When, fanout.HasTag
	another output when one fails                                 fanout.NewFailover
	passwords and tokens masked in every output                   redact.NewHandler
	a log call that does not wait for the disk                    asyncbuf.NewWriter
	a log call that does not wait for a slow handler              asyncbuf.NewHandler
	the last lines before a signal ends the process               asyncbuf.FlushOnSignal
	a log file that rotates and loses nothing                     rotate.Open
	events in Logstash's format                                   logstash.NewHandler
	events shipped to Logstash, kept until it has them            logstash.Dial
	events that outlive the program on their way there            logstash.SpoolAlways
	all of it from a description or the environment               pipeline.Load, pipeline.FromEnv, pipeline.Open
	to know before the start what is missing                      pipeline.Config.Check
	another configuration without a restart                       pipeline.Pipeline.Reload
	a logger although the configuration is wrong                  pipeline.OpenOrEmergency
	counts, rates and thresholds                                  monitor.NewHandler
	a health check                                                monitor.Handler.HealthHandler
	a page in the browser that shows all of it                    monitor.NewPage
	to write out what is buffered, now                            handler.Flush
	to test a handler of one's own                                handlertest.Run

# A pipeline

	logger → redact → monitor → fan-out ┬→ gate INFO → console → stdout
	                                    ├→ gate WARN → JSON → asyncbuf.Writer → rotate.File   app.log
	                                    ├→ gate ERROR → JSON → rotate.File                    errors.log
	                                    ├→ when tagged "security" → JSON → rotate.File        audit.log
	                                    └→ logstash → Shipper ⇄ spool → beats://…

This is what package pipeline builds. Redact stands before the fan-out, so that one
decision covers every branch, and before the monitor, which shows no secret. The
buffer stands behind the encoder and holds bytes: nothing that belongs to the
caller is kept after the log call.

# Where to read on

docs/guide.md goes through the situations of a program in production, each with a
program under examples that runs. docs/configuration.md has every field and every
variable, docs/guarantees.md each promise with the test behind it, docs/sluice.md the
tool that reads, checks, archives and replays the logs.

# What holds everywhere

A record of any shape costs a placeholder at worst, never the record, never the
program. A record is one line. Handlers are immutable; loggers derived from one
another never see each other's attrs. Every stage that can keep, drop or fail has
Stats, and in each of them what was accepted is what was written, dropped and
still queued. Whoever opens something closes it; wrapping closes nothing.

The tests of this package run testing/slogtest and handlertest over each encoder
alone, under each wrapper, and under each ordered pair of wrappers.
*/
package sluice
