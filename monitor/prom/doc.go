/*
Package prom exports what a monitor.Handler knows as metrics for Prometheus.

	registry.MustRegister(prom.NewCollector(p.Monitor(), nil))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

It is a module of its own, so that only those who want it depend on the client of
Prometheus. Not for the process itself, its memory and its goroutines: the client
has collectors for these.

There is no goroutine, and nothing is kept: each collection asks the Handler for
its Totals and its Health, which ask the sinks. Resetting the Handler's Stats
changes nothing here. If the function that tells of the sinks panics, their metrics
are missing and the state is 1.

Alerts that most programs want:

	sum by (instance) (rate(sluice_records_total{level=~"ERROR.*"}[5m])) * 60 > 10
	increase(sluice_sink_lines_dropped_total[5m]) > 0
	sluice_state == 2

Levels between and above the four of log/slog are named as ERROR+4 is, and appear with
their first record.
*/
package prom
