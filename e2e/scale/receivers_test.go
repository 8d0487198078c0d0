package main

import (
	"testing"
	"time"
)

// plans are those of the page, and some that other limits decide.
func plans() map[string]plan {
	all := make(map[string]plan)
	page := defaults().variants(tiers())
	for i := range page {
		all[page[i].name] = page[i].plan
	}
	brief, slow, busy := defaults(), defaults(), defaults()
	brief.hosts, brief.peak, brief.catchUp = 5000, 1, 10*time.Minute
	slow.hosts, slow.capacity, slow.spare = 300, 50, 3
	busy.rate, busy.connections = 2000, 4
	all["one that must catch up soon"], all["slow Logstashes"], all["busy hosts"] = brief, slow, busy
	return all
}

// The Logstashes take the peak while some are away, catch up in time, and have files and
// memory for their connections.
func TestReceiversAreEnough(t *testing.T) {
	t.Parallel()
	for name, p := range plans() {
		l, r := p.load(), p.receivers()
		if left := float64(r.n-p.spare) * p.capacity; left < l.peak {
			t.Errorf("%s: %d Logstashes take %v events a second while %d are away, want %v", name, r.n, left, p.spare, l.peak)
		}
		// The longest backoff is on top of what the spare capacity takes.
		if most := p.catchUp + 3*p.backoff.most; r.atAverage < 0 || r.atAverage > most {
			t.Errorf("%s: caught up after %v, want %v at most", name, r.atAverage, most)
		}
		if r.atPeak >= 0 && r.atPeak < r.atAverage {
			t.Errorf("%s: caught up sooner at the peak, %v, than at the average, %v", name, r.atPeak, r.atAverage)
		}
		if ceil(float64(r.connections)/float64(r.n-p.spare)) > p.files/2+1 {
			t.Errorf("%s: %d connections on %d Logstashes are more than they have files for", name, r.connections, r.n-p.spare)
		}
		if memory := float64(r.each*r.batchSize*copies) * p.eventBytes; memory > p.direct/2 && r.batchSize > 1 {
			t.Errorf("%s: batches of %d take %v bytes of %v", name, r.batchSize, memory, p.direct)
		}
		if h := p.herd(r); h.known > p.handshakes && h.enough == p.backoff.most {
			t.Errorf("%s: %v handshakes a second, and no longer backoff", name, h.known)
		}
	}
}

// The brokers have the disk, and as many partitions as there are Logstashes to read them.
func TestBrokersAreEnough(t *testing.T) {
	for name, p := range plans() {
		r := p.receivers()
		b := p.broker(r)
		if float64(b.n)*p.disk < b.disk || float64(b.n)*p.writes < b.ingress*float64(p.replication) {
			t.Errorf("%s: %d brokers are too few", name, b.n)
		}
		if b.partitions < r.n || b.partitions%b.n != 0 {
			t.Errorf("%s: %d partitions on %d brokers for %d Logstashes", name, b.partitions, b.n, r.n)
		}
		if b.shared.n > b.direct.n || b.shared.requests > b.direct.requests {
			t.Errorf("%s: %+v are more than %+v", name, b.shared, b.direct)
		}
	}
}
