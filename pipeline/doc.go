/*
Package pipeline builds a whole logging pipeline from a description, and takes it
down in the right order.

	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Type: pipeline.Console, Format: pipeline.Text},
		{Type: pipeline.File, Path: "/var/log/app/app.log", Level: pipeline.At(slog.LevelWarn), Buffer: &asyncbuf.WriterOptions{}},
		{Type: pipeline.File, Path: "/var/log/app/audit.log", Match: pipeline.Match{Match: pipeline.Match{Tag: "security"}}, Rotate: rotate.Options{SyncEveryWrite: true}},
		{Type: pipeline.Logstash, Addr: "beats://logstash:5044"},
	}})
	if err != nil {
		return err
	}
	defer p.Close()
	slog.SetDefault(p.Logger())

makes

	redact → fan-out ┬→ console → standard output
	                 ├→ JSON → buffer → app.log
	                 ├→ when tagged "security" → JSON → audit.log, synced
	                 └→ events → shipper → Logstash

[FromEnv] reads the description from environment variables.

Not for: a pipeline of another shape. Each stage is a package of its own, made to
be put together by hand; what this package does is in one short function.

# Guarantees

Secrets are masked before the fan-out, so no sink gets one. A sink's own Level
decides; Config.Level is only for sinks without one. Open opens every sink or
leaves none open, and never waits for Logstash. One sink that fails does not keep
a record from the others.

Shutdown takes all sinks down at the same time, each in the order of its stages:
what is buffered is written, then the file is closed. The pipeline's own
goroutines are those of its buffers, files and shippers.
*/
package pipeline
