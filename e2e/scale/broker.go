package main

// broker is Kafka or Redis in front of the receivers.
type broker struct {
	n          int
	partitions int
	ingress    float64 // bytes a second at the peak, compressed, one copy
	disk       float64 // bytes of all, with all copies
	redis      float64 // bytes of a list that takes the peak while nobody reads
	direct     producers
	shared     producers // by producers that many hosts share
}

// producers are those of a broker.
type producers struct {
	n           int
	connections int     // of a broker at most
	events      float64 // of a request at most, at the peak
	requests    float64 // a second of a broker, at the peak
	ids         float64 // entries of producers and partitions in a broker at most
}

const (
	inRedis    = 1.4 // times the bytes of an event; docs/redis.md has the same
	leastNodes = 3   // of a cluster that bears the loss of one
)

func (p plan) broker(r receivers) broker {
	l := p.load()
	b := broker{ingress: l.wire, redis: l.peak * p.away.Seconds() * p.eventBytes * inRedis}
	b.disk = l.day / p.compression * p.retention.Hours() / 24 * float64(p.replication)
	b.n = max(leastNodes, p.replication, ceil(b.disk/p.disk), ceil(b.ingress*float64(p.replication)/p.writes))
	b.partitions = max(r.n*p.threads, ceil(b.ingress/p.partition))
	b.partitions = b.n * ceil(float64(b.partitions)/float64(b.n)) // as many on each broker
	b.direct = p.producers(b, p.hosts)
	b.shared = p.producers(b, ceil(float64(p.hosts)/float64(p.fanIn)))
	return b
}

// producers returns what n of them mean to a broker, each with an equal part of the load.
func (p plan) producers(b broker, n int) producers {
	perSecond := p.load().peak / float64(n) // events of each
	flushes := min(perSecond, 1/p.flush.Seconds())
	return producers{
		n:           n,
		connections: n,
		events:      max(perSecond/flushes, 1),
		requests:    float64(n) * flushes / float64(b.n),
		ids:         float64(n) * float64(b.partitions) * float64(p.replication) / float64(b.n),
	}
}
