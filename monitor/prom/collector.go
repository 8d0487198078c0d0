package prom

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice/monitor"
)

// Options are options for a [Collector]. A zero Options consists entirely of
// default values.
type Options struct {
	// Namespace is what all names begin with, followed by an underscore. Empty means
	// sluice. One that Prometheus does not take is an error of Register.
	Namespace string

	// ConstLabels are added to all metrics; see prometheus.Opts.
	ConstLabels prometheus.Labels
}

// Collector is a [prometheus.Collector]. It is safe for concurrent use. Its metrics
// are, with the default namespace,
//
//	sluice_records_total{level}                 records by level, since NewHandler
//	sluice_records_failed_total                 of which the next handler had an error
//	sluice_state                                0 healthy, 1 degraded, 2 failing
//	sluice_sink_state{sink}                     the same for one sink
//	sluice_sink_up{sink}                        0 while it is down
//	sluice_sink_info{sink,type}                 1
//	sluice_sink_lines_accepted_total{sink}      lines, or records, or events
//	sluice_sink_lines_written_total{sink}
//	sluice_sink_lines_dropped_total{sink}
//	sluice_sink_written_bytes_total{sink}
//	sluice_sink_queued_lines{sink}              in memory
//	sluice_sink_queue_bytes{sink}
//	sluice_sink_queue_limit_bytes{sink}
//	sluice_sink_spooled_lines{sink}             on disk
//	sluice_sink_spool_bytes{sink}
//	sluice_sink_file_bytes{sink}
//	sluice_sink_backups{sink}
//	sluice_sink_backup_bytes{sink}
//	sluice_sink_rotations_total{sink}
//	sluice_sink_last_rotation_timestamp_seconds{sink}
//	sluice_sink_last_error_timestamp_seconds{sink}
//	sluice_sink_disk_free_bytes{sink}
//
// The last three are left out while there is none, or it is not known. Levels are
// named as log/slog does, and the four names are always there. Two sinks of one
// name are told apart by a number.
type Collector struct {
	handler *monitor.Handler
	records *prometheus.Desc
	failed  *prometheus.Desc
	state   *prometheus.Desc
	info    *prometheus.Desc
	sinks   []sinkMetric
}

var _ prometheus.Collector = (*Collector)(nil)

// A sinkMetric is a number that each sink has.
type sinkMetric struct {
	desc *prometheus.Desc
	numberOfSink
}

// NewCollector returns a Collector of what h knows. Nil opts are the default
// options. It panics if h is nil.
func NewCollector(h *monitor.Handler, opts *Options) *Collector {
	if h == nil {
		panic("prom: NewCollector: nil handler")
	}
	if opts == nil {
		opts = &Options{}
	}
	namespace := opts.Namespace
	if namespace == "" {
		namespace = "sluice"
	}
	labels := maps.Clone(opts.ConstLabels)
	desc := func(name, help string, names ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, names, labels)
	}
	c := &Collector{
		handler: h,
		records: desc("records_total", "Records by level.", "level"),
		failed:  desc("records_failed_total", "Records for which a handler had an error."),
		state:   desc("state", "State of logging: 0 healthy, 1 degraded, 2 failing."),
		info:    desc("sink_info", "Type of the sink.", "sink", "type"),
	}
	for _, n := range numbersOfSink() {
		c.sinks = append(c.sinks, sinkMetric{desc("sink_"+n.name, n.help, "sink"), n})
	}
	return c
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.records, c.failed, c.state, c.info} {
		ch <- d
	}
	for _, m := range c.sinks {
		ch <- m.desc
	}
}

// Collect asks the Handler and sends all metrics.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	totals, health := c.handler.Totals(), c.handler.Health()
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		totals.ByLevel[level] += 0 // a rate needs to know that there were none
	}
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		m, err := prometheus.NewConstMetric(d, kind, v, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(d, err)
		}
		ch <- m
	}
	for level, n := range totals.ByLevel {
		send(c.records, prometheus.CounterValue, float64(n), level.String())
	}
	send(c.failed, prometheus.CounterValue, float64(totals.Failed))
	send(c.state, prometheus.GaugeValue, float64(health.State))
	names := make(map[string]bool, len(health.Sinks))
	for i := range health.Sinks {
		s := &health.Sinks[i]
		name := unique(names, strings.ToValidUTF8(s.Sink.Name, "\uFFFD"))
		send(c.info, prometheus.GaugeValue, 1, name, strings.ToValidUTF8(s.Sink.Type, "\uFFFD"))
		for _, m := range c.sinks {
			if v, has := m.value(s); has {
				send(m.desc, m.kind, v, name)
			}
		}
	}
}

// unique returns name, with a number if it is taken, and takes it.
func unique(taken map[string]bool, name string) string {
	free := name
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s#%d", name, i)
	}
	taken[free] = true
	return free
}
