/*
Package monitor says what a program's logs are doing: how many records there are of
which level, how fast they come, and how the outputs take them.

	mon := monitor.NewHandler(next, nil)
	logger := slog.New(mon)
	go mon.Watch(ctx, monitor.Threshold{Above: 10, Func: func(a monitor.Alert) { alert(a.String()) }})
	go mon.LogVolume(ctx, logger, time.Minute)
	go mon.LogHealth(ctx, logger, 5*time.Minute)
	http.Handle("/healthz", mon.HealthHandler())
	http.Handle("/logs/", http.StripPrefix("/logs", monitor.NewPage(mon, nil)))
	expvar.Publish("log", mon)

A [Handler] counts what it passes on. [Handler.Stats] is what it has counted since
the start or the last Reset, [Handler.Rates] how much of it lately, by seconds,
minutes and hours. [Handler.Health] says whether the outputs, and the process, are
well, and why not, by a rule that [SinkHealth] states; it needs [Options.Sinks],
which pipeline.Open sets. All else tells somebody of these: a function when there
are too many errors, the log itself, a probe, a [Page] in a browser, expvar; and
the module monitor/prom tells Prometheus.

Put it behind a redact.Handler, so that no secret is shown, and before whatever
leaves out records, so that all are counted. A record that is not enabled is never
seen, and not counted.

Not for: an audit of every record (read the log), figures that outlast the process
(have Prometheus keep them), or how long something takes.

# Guarantees

Each record is passed on as it is, at once, in the order in which it came, and
counted once, whatever time and level it has, and whatever the next handler does.
Handle takes no lock that anybody holds for long. It takes a record's word for the
second it is of, if that is the one noted last, 64 times a level, and reads the
clock otherwise: once a second, for all that have no time or an old one, and for
those that somebody wants to see. It allocates nothing but for these: those at ERROR
and above, of which no more than Options.Errors in a second are looked at, and all
that is watched on a Page, as far as the reader keeps up. Attrs bound by With are
encoded for these when they are bound, which costs as much as an encoder's With.

The memory is fixed: a storm of records makes none of it grow. Time is that of the
monotonic clock, so a clock that is set makes no count negative and no record come
twice.

There is no goroutine but the caller's: LogVolume, LogHealth and Watch return when
their context ends.

# Failure

A value that panics, loops or cannot be encoded costs a placeholder in the line that
is shown. A panic of Options.Sinks, of a Threshold's Func or of a logger that is
given to LogVolume or LogHealth is recovered and told to Options.OnError. What panics
in the next handler is that handler's, and passed up.
*/
package monitor
