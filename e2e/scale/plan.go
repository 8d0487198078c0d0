package main

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"time"
)

// plan is what is assumed of a fleet and of what it ships to.
type plan struct {
	hosts       int
	rate        float64 // events a second of a host, over a day
	peak        float64 // the busiest minutes, as a multiple of that
	eventBytes  float64
	compression float64
	connections int // of a host

	away, catchUp time.Duration

	backoff    backoff
	pipeline   int
	batchSize  int
	flush, ack time.Duration
	memory     float64 // Size
	reserve    float64

	capacity   float64       // events a second of a Logstash
	spare      int           // Logstashes that may be away at the peak
	heap       float64       // of a Logstash
	files      int           // of a Logstash
	handshakes float64       // a second of a Logstash
	apart      time.Duration // from the start of a Logstash to that of the next

	retention   time.Duration
	replication int
	disk        float64 // of a broker
	writes      float64 // bytes a second of a broker, replicas included
	partition   float64 // bytes a second of a partition
	threads     int     // of a Logstash that read, each with a partition of its own
	fanIn       int     // hosts that share a producer
}

// assumption is a value of a plan that anybody may replace by their own.
type assumption struct {
	flag        string
	value       any // *int, *float64 or *time.Duration
	least, most float64
	unit, why   string
}

// defaults returns the plan of the page.
func defaults() plan {
	return plan{
		hosts: 1000, rate: 10, peak: 4, eventBytes: 500, compression: 5, connections: 1,
		away: time.Hour, catchUp: time.Hour,
		backoff: backoff{time.Second, time.Minute}, pipeline: 4, batchSize: 2048,
		flush: 100 * time.Millisecond, ack: time.Second, memory: 64 << 20, reserve: 0.2,
		capacity: 10_000, spare: 1, heap: 4 << 30, files: 16_384, handshakes: 500, apart: 30 * time.Second,
		retention: 24 * time.Hour, replication: 3, disk: 4e12, writes: 50e6, partition: 10e6, threads: 4, fanIn: 500,
	}
}

// assumptions returns the values of the plan in the order of the page.
func (p *plan) assumptions() []assumption {
	return []assumption{
		{"hosts", &p.hosts, 1, 1e7, "senders", "one program with a shipper on each host; count programs if there are more"},
		{"rate", &p.rate, 0.001, 1e6, "events a second of a host", "a day's average: 864,000 events a day. Yours: `Stats().Accepted` over a day"},
		{"peak", &p.peak, 1, 1000, "times the average", "the fleet's busiest minutes. Yours: the highest rate of a week over its mean"},
		{"event-bytes", &p.eventBytes, 10, 1e6, "bytes", "an ECS event with an id and five attrs, and some to spare: `TestEventsAreAsLongAsAssumed` in `e2e/scale`"},
		{"compression", &p.compression, 1, 100, "to 1", "careful, with `CompressionLevel: 1` or Kafka's; the same test"},
		{"connections", &p.connections, 1, 64, "of a host", "`LoadBalance` with `Connections: 1`, or `PreferPrimary`"},
		{"outage", &p.away, 1, 30 * day, "", "that Logstash, or what is behind it, may be away in the busiest hour without a loss"},
		{"catch-up", &p.catchUp, 1, 30 * day, "", "in which an average day's load has caught up after that, with `MaxBackoff` before the last sender is back"},
		{"min-backoff", &p.backoff.least, 0.001, 3600, "", "default of `MinBackoff`"},
		{"max-backoff", &p.backoff.most, 0.001, 3600, "", "default of `MaxBackoff`"},
		{"pipeline", &p.pipeline, 1, 64, "batches under way", "default of `Pipeline`"},
		{"batch-size", &p.batchSize, 1, 2048, "events of a batch", "default of `BatchSize`"},
		{"flush-interval", &p.flush, 0.001, 60, "", "default of `FlushInterval`"},
		{"ack", &p.ack, 0.001, 3600, "", "from sending to the ack. Logstash acks when its queue has the events; a busy one is slow. Yours: `Health().OldestAge`"},
		{"size", &p.memory, 1 << 16, 1 << 40, "bytes", "default of `Size`, of which `Reserve` keeps a fifth for WARN and above"},
		{
			"capacity", &p.capacity, 1, 1e7, "events a second of a Logstash",
			"11,000 were measured with grok, date, geoip and useragent on 16 CPUs [logstash#7350], 10,000 with a persisted queue on one pipeline " +
				"[parallel pipelines]. **Measure yours**",
		},
		{"spare", &p.spare, 0, 1000, "Logstashes", "that are restarted, or dead, at the peak"},
		{
			"heap", &p.heap, 1 << 20, 1 << 44, "bytes of a Logstash", "for which Elastic advises [4 to 8 GB][jvm]; a quarter for the windows under way, " +
				"which are there from Logstash 9 on, and in as much direct memory before",
		},
		{"files", &p.files, 64, 1e7, "of a Logstash", "`LimitNOFILE` of a service as it is usually set up; half of it for connections"},
		{"handshakes", &p.handshakes, 1, 1e6, "a second of a Logstash", "careful for TLS in a JVM. Yours: `openssl s_time -connect logstash:5044 -new`"},
		{"apart", &p.apart, 1, 3600, "", "from the start of one Logstash to that of the next, after all were away. Yours: how long one takes to open its port"},
		{"retention", &p.retention, 1, 365 * day, "", "of the broker: long enough to read again what a bad deploy has spoilt"},
		{"replication", &p.replication, 1, 10, "copies", "with `min.insync.replicas=2`"},
		{"broker-disk", &p.disk, 1e6, 1e18, "bytes", "of a broker, for the topic"},
		{"broker-writes", &p.writes, 1e3, 1e12, "bytes a second of a broker", "copies included; careful, as the same disks are read. Yours: `kafka-producer-perf-test`"},
		{"partition-writes", &p.partition, 1e3, 1e12, "bytes a second of a partition", "careful: tens of MB are [usual][partitions]"},
		{"consumer-threads", &p.threads, 1, 64, "of a Logstash", "`consumer_threads` of its input, as [kafka.md](kafka.md#logstash) has it; a partition for each"},
		{"fan-in", &p.fanIn, 1, 1e6, "hosts of a producer", "a regional Logstash, or a Filebeat on the node, that produces for many"},
	}
}

const day = 24 * 60 * 60 // seconds

// check returns an error for the first value that is out of its range.
func (p *plan) check() error {
	for _, a := range p.assumptions() {
		if v := a.number(); math.IsNaN(v) || v < a.least || v > a.most {
			return fmt.Errorf("-%s %v: want %s to %s", a.flag, a.given(), a.show(a.least), a.show(a.most))
		}
	}
	if p.backoff.least > p.backoff.most {
		return fmt.Errorf("-min-backoff %v: want at most -max-backoff, %v", p.backoff.least, p.backoff.most)
	}
	if p.catchUp <= p.backoff.most {
		return fmt.Errorf("-catch-up %v: want more than -max-backoff, %v, after which the last sender is back", p.catchUp, p.backoff.most)
	}
	return nil
}

// define adds the flag of the value, whose default is what it is now.
func (a assumption) define(flags *flag.FlagSet) {
	usage := strings.TrimPrefix(a.unit+"; "+a.why, "; ")
	switch v := a.value.(type) {
	case *int:
		flags.IntVar(v, a.flag, *v, usage)
	case *float64:
		flags.Float64Var(v, a.flag, *v, usage)
	case *time.Duration:
		flags.DurationVar(v, a.flag, *v, usage)
	}
}

// number returns the value, in seconds if it is a duration.
func (a assumption) number() float64 {
	switch v := a.value.(type) {
	case *int:
		return float64(*v)
	case *float64:
		return *v
	case *time.Duration:
		return v.Seconds()
	}
	return 0
}

// given returns the value as it is, however odd.
func (a assumption) given() any {
	if v, ok := a.value.(*time.Duration); ok {
		return *v
	}
	return a.number()
}

// text returns the value as the page has it.
func (a assumption) text() string { return a.show(a.number()) }

func (a assumption) show(v float64) string {
	_, isTime := a.value.(*time.Duration)
	switch {
	case isTime:
		return span(time.Duration(v * float64(time.Second)))
	case strings.HasPrefix(a.unit, "bytes") && v >= 1e4:
		return volume(v)
	default:
		return number(v)
	}
}
