package main

import (
	"fmt"
	"strings"
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
	brief, soon, slow, busy := defaults(), defaults(), defaults(), defaults()
	brief.hosts, brief.peak, brief.catchUp = 5000, 1, 10*time.Minute
	soon.catchUp = soon.backoff.most + time.Second
	slow.hosts, slow.capacity, slow.spare = 300, 50, 3
	busy.rate, busy.connections = 2000, 4
	all["one that must catch up soon"], all["one that must catch up at once"], all["slow Logstashes"], all["busy hosts"] = brief, soon, slow, busy
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
		if r.atAverage < 0 || r.atAverage > p.catchUp {
			t.Errorf("%s: caught up after %v, want %v at most", name, r.atAverage, p.catchUp)
		}
		if r.atPeak >= 0 && r.atPeak < r.atAverage {
			t.Errorf("%s: caught up sooner at the peak, %v, than at the average, %v", name, r.atPeak, r.atAverage)
		}
		if ceil(float64(r.connections)/float64(r.n-p.spare)) > p.files/2+1 {
			t.Errorf("%s: %d connections on %d Logstashes are more than they have files for", name, r.connections, r.n-p.spare)
		}
		if memory := p.windows(float64(r.each), r.batchSize); memory > p.heap/4 && r.batchSize > 1 {
			t.Errorf("%s: batches of %d take %v bytes of %v", name, r.batchSize, memory, p.heap)
		}
		if h := p.herd(r); h.first < float64(r.connections)/float64(r.n)-1e-6 || h.first > float64(r.connections) {
			t.Errorf("%s: the first one back has %v of %d connections on %d Logstashes", name, h.first, r.connections, r.n)
		}
		if h := p.herd(r); h.known > p.handshakes && h.enough == p.backoff.most {
			t.Errorf("%s: %v handshakes a second, and no longer backoff", name, h.known)
		}
	}
}

// A Beats input holds every window that is under way.
func TestMemoryIsForWindowsUnderWay(t *testing.T) {
	t.Parallel()
	p := defaults()
	p.hosts, p.rate = 100_000, 0.1
	batch := func(pipeline int) int {
		p.pipeline = pipeline
		return p.receivers().batchSize
	}
	if one, four, many := batch(1), batch(4), batch(64); one <= four || four <= many {
		t.Errorf("batches of up to %d with one under way, %d with four, %d with 64: want fewer events each time", one, four, many)
	}
	// 7,143 connections, each with four windows of 32 events and one more, of 500 bytes.
	p.pipeline = 4
	if got, want := p.windows(7143, 32), 7143*5*32*500.0; got != want {
		t.Errorf("%v bytes, want %v", got, want)
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
		if b.partitions < r.n*p.threads || b.partitions%b.n != 0 {
			t.Errorf("%s: %d partitions on %d brokers for %d Logstashes of %d threads", name, b.partitions, b.n, r.n, p.threads)
		}
		if b.shared.n > b.direct.n || b.shared.requests > b.direct.requests {
			t.Errorf("%s: %+v are more than %+v", name, b.shared, b.direct)
		}
	}
}

// The Logstash of the page about Kafka has the threads that are assumed.
func TestThreadsAreThoseOfThePage(t *testing.T) {
	if want := fmt.Sprintf("consumer_threads   => %d ", defaults().threads); !strings.Contains(page(t, "kafka.md"), want) {
		t.Errorf("docs/kafka.md has no %q", want)
	}
}
