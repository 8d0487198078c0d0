package main

import (
	"math"
	"time"
)

// load is what a fleet sends.
type load struct {
	average, peak float64 // events a second
	wire          float64 // bytes a second at the peak, compressed
	day           float64 // bytes, not compressed
}

func (p plan) load() load {
	average := float64(p.hosts) * p.rate
	peak := average * p.peak
	return load{average, peak, peak * p.eventBytes / p.compression, average * p.eventBytes * day}
}

// perConnection returns the events a second of a connection at the peak.
func (p plan) perConnection() float64 { return p.rate * p.peak / float64(p.connections) }

// receivers are the Logstashes of a fleet.
type receivers struct {
	n           int           // that are enough for all that follows
	ofPeak      int           // that take the peak while some are away
	connections int           // of all
	each        int           // connections of one
	batchSize   int           // of the senders, with which a part of the heap holds what is under way while all are behind
	windows     float64       // that one acks in a second at the peak
	ack         time.Duration // how long one takes while all are behind, with as much under way as may be
	atAverage   time.Duration
	atPeak      time.Duration
}

// ofHeap is the part of the heap that may hold windows.
const ofHeap = 0.25

// windows returns what a Beats input holds of so many connections while all senders are behind:
// each window that is under way, and the one that is being decompressed once more.
func (p plan) windows(connections float64, batchSize int) float64 {
	return connections * float64(p.pipeline+1) * float64(batchSize) * p.eventBytes
}

// receivers returns as many as take the peak while some are away, catch up in time and
// have files for the connections.
func (p plan) receivers() receivers {
	l := p.load()
	connections := p.hosts * p.connections
	r := receivers{ofPeak: ceil(l.peak/p.capacity) + p.spare, connections: connections}
	r.n = max(
		r.ofPeak,
		ceil((l.average+p.backlog(l, l.average)/(p.catchUp-p.backoff.most).Seconds())/p.capacity),
		ceil(float64(connections)/float64(p.files/2))+p.spare,
	)
	r.each = ceil(float64(connections) / float64(r.n))
	r.batchSize = p.batchSize
	for r.batchSize > 1 && p.windows(float64(r.each), r.batchSize) > p.heap*ofHeap {
		r.batchSize /= 2
	}
	r.windows = float64(r.each) * min(p.perConnection(), 1/p.flush.Seconds())
	underWay := min(float64(p.pipeline*p.batchSize), p.perConnection()*p.away.Seconds())
	r.ack = seconds(float64(r.each) * underWay / p.capacity)
	r.atAverage = p.catchesUp(l, l.average, r.n)
	r.atPeak = p.catchesUp(l, l.peak, r.n)
	return r
}

// backlog returns how many events wait when the last sender is back after the busiest
// hour.
func (p plan) backlog(l load, arriving float64) float64 {
	return l.peak*p.away.Seconds() + arriving*p.backoff.most.Seconds()
}

// catchesUp returns how long the backlog of the busiest hour lasts while events go on
// arriving. It is negative for ever.
func (p plan) catchesUp(l load, arriving float64, n int) time.Duration {
	spare := float64(n)*p.capacity - arriving
	if spare <= 0 {
		return -1
	}
	return p.backoff.most + seconds(p.backlog(l, arriving)/spare)
}

// restart is what a rolling restart of all receivers does.
type restart struct {
	breaks float64 // of connections
	last   float64 // connections of the one that is restarted last
	moved  float64 // connections that each of the others gets at once when the first one goes
	twice  float64 // events that can be expected twice
	atMost float64 // events that may arrive twice
}

func (p plan) restart(r receivers) restart {
	breaks, last := rolled(r.n)
	breaks *= float64(r.connections)
	atMost := breaks * float64(p.pipeline*p.batchSize)
	return restart{
		breaks: breaks,
		last:   last * float64(r.connections) / float64(r.n),
		moved:  float64(r.connections) / float64(r.n*max(r.n-1, 1)),
		twice:  min(breaks*p.perConnection()*p.ack.Seconds(), atMost),
		atMost: atMost,
	}
}

// herd is what comes after a long time in which everything was away.
type herd struct {
	all    float64       // connections a second, behind one address
	each   float64       // of that, for one receiver
	known  float64       // connections of a receiver in its busiest second, when senders know all addresses
	last   time.Duration // the last sender, behind one address
	enough time.Duration // MaxBackoff with which TLS does not hold up a receiver, whatever senders know

	first   float64 // connections of the one that is back first, when senders know all addresses and the others follow one by one
	windows float64 // bytes of these there while all are behind
}

func (p plan) herd(r receivers) herd {
	long := p.backoff.most * 1000
	behind := p.backoff.comeback(long, 1)
	connections := float64(r.connections)
	all := connections * behind.busiest(time.Second)
	starts := []time.Duration{0}
	for len(starts) < r.n && starts[len(starts)-1] < p.backoff.most { // by then all are back
		starts = append(starts, time.Duration(len(starts))*p.apart)
	}
	_, first := behind.staggered(starts)
	return herd{
		first:   first * connections,
		windows: p.windows(first*connections, r.batchSize),

		all:    all,
		each:   all / float64(r.n),
		known:  connections * p.backoff.comeback(long, r.n).busiest(time.Second) / float64(r.n),
		last:   behind.last(r.connections),
		enough: p.backoff.enough(p.handshakes, r),
	}
}

// enough returns the least MaxBackoff, doubling from the one there is, with which no
// receiver has more than so many handshakes in a second.
func (b backoff) enough(handshakes float64, r receivers) time.Duration {
	each := func(b backoff) float64 {
		return float64(r.connections) * b.comeback(b.most*1000, r.n).busiest(time.Second) / float64(r.n)
	}
	for each(b) > handshakes && b.most < time.Hour {
		b.most *= 2
	}
	return b.most
}

func ceil(v float64) int { return int(math.Ceil(v - 1e-9)) }
