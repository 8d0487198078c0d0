/*
Package pipeline builds a whole logging pipeline from a description, changes it
while it runs, and takes it down in the right order.

	p, err := pipeline.OpenOrEmergency(pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "console", Type: pipeline.Console, Format: pipeline.Text},
		{Name: "app", Type: pipeline.File, Path: "/var/log/app/app.log", Level: pipeline.At(slog.LevelWarn), Async: true},
		{Name: "errors", Type: pipeline.Errors, Path: "/var/log/app/errors.log"},
		{Name: "audit", Type: pipeline.Audit, Path: "/var/log/app/audit.log"},
		{Name: "ship", Type: pipeline.Logstash, Addr: "beats://logstash:5044"},
	}})
	defer p.Close()
	slog.SetDefault(p.Logger())
	if err != nil {
		slog.Error("going on with standard error", "error", err)
	}

makes

	redact → monitor → fan-out ┬→ console → standard output
	                           ├→ JSON → buffer → app.log
	                           ├→ ERROR and above → JSON → errors.log
	                           ├→ when tagged "security" → JSON → audit.log, synced
	                           └→ events → shipper → Logstash

[Load] reads the description from a JSON file, [FromEnv] from environment
variables, and any library for YAML or TOML into a [Config]. [Config.Check] says
what is missing on a machine, [Pipeline.Describe] what is running, and
[Pipeline.Monitor] how it is doing.

Not for: a pipeline of another shape. Each stage is a package of its own, made to
be put together by hand.

# Guarantees

Secrets are masked before the fan-out, so no sink gets one. A sink's own Level
decides; Config.Level is only for sinks without one. Open opens every sink or
leaves none open, and never waits for Logstash. One sink that fails or panics does
not keep a record from the others.

A sink is its match, sampling, level, encoder, buffer and file or shipper, in this
order. [Pipeline.Reload] exchanges them without losing or doubling a record; what it
does not change stays open.

Shutdown takes all sinks down at the same time, each in the order of its stages:
what is buffered is written, then the file is closed. The pipeline's goroutines are
those of its buffers, files and shippers, and two that log what the monitor has to
say, if they are asked for.

# Failure

What a sink does not take is printed to Config.Fallback, standard error unless it
says otherwise: a line that says which sink fails and why, up to ten records a
second as JSON, and when it works again, and once a minute until then, how many were
not printed. While the file behind a buffer cannot be written, records at its sink's
level are printed as well, though the buffer may still get rid of them. A Logstash
that is down is no failure while its queue or spool takes the events. A fallback
that fails costs nothing, and one that hangs holds up one caller at a time.

Each failure goes to Config.OnError too, with the sink's name. The accounts of
[Pipeline.Stats] add up at every moment, whatever fails, and over every Reload.
*/
package pipeline
