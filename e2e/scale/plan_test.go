package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// events writes events as those of a service, with five attrs.
func events(t *testing.T, n int) []byte {
	t.Helper()
	var buf bytes.Buffer
	h := logstash.NewHandler(&buf, &logstash.Options{
		Profile: logstash.ECS, EventID: true, LoggerName: "orders/http", Service: logstash.Service{Name: "orders", Version: "1.14.2", Environment: "production"},
	})
	begin := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	paths := []string{"/orders", "/orders/17", "/customers/4711/address", "/health"}
	for i := range n {
		r := slog.NewRecord(begin.Add(time.Duration(i*i)*1711*time.Microsecond), slog.LevelInfo, "request served", 0)
		r.Add("method", "GET", "path", paths[i*7%5%4], "status", 200+i%3, "took", time.Duration(i*i%9973)*time.Microsecond, "request_id", rand.Text())
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

// The defaults are not smaller than an event with five attrs, nor larger than what such
// events can be compressed by.
func TestEventsAreAsLongAsAssumed(t *testing.T) {
	const n = 2048
	all := events(t, n)
	var small bytes.Buffer
	w, err := zlib.NewWriterLevel(&small, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p := defaults()
	length := float64(len(all)) / n
	ratio := float64(len(all)) / float64(small.Len())
	t.Logf("%.0f bytes, %.1f to 1", length, ratio)
	if length > p.eventBytes || length < p.eventBytes/2 {
		t.Errorf("an event has %.0f bytes, assumed are %v", length, p.eventBytes)
	}
	if ratio < p.compression || ratio > 3*p.compression {
		t.Errorf("they are compressed %.1f to 1, assumed is %v", ratio, p.compression)
	}
}

// Memory and spool hold what the model says: with the defaults of the library, of which
// only the size of the memory is another one.
func TestAShipperHoldsWhatIsReckoned(t *testing.T) {
	p := defaults()
	p.memory = 4 << 20
	event := []byte(`{"message":"` + strings.Repeat("m", int(p.eventBytes)-len(`{"message":""}`)) + `"}`)
	h := host{rate: 1, eventBytes: p.eventBytes}

	inMemory := holding(t, &logstash.DialOptions{Size: int64(p.memory), MaxEventBytes: 1 << 10})
	n := 0
	for ; ; n++ {
		if _, err := inMemory.Write(event); errors.Is(err, logstash.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if want := h.holds(p).Seconds(); float64(n) < want-1 || float64(n) > want+1 {
		t.Errorf("memory holds %d events, want %.0f", n, want)
	}

	const some = 10_000
	spooled := holding(t, &logstash.DialOptions{SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolAlways})
	for range some {
		if _, err := spooled.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	want := h.spool(some * time.Second)
	if got := float64(spooled.Stats().SpoolBytes); got > want*1.01 || got < want*0.9 {
		t.Errorf("the spool has %.0f bytes, want %.0f", got, want)
	}
}

// holding returns a shipper whose receiver is away.
func holding(t *testing.T, opts *logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	s, err := logstash.Dial("beats://127.0.0.1:1", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // it cannot deliver
	})
	return s
}

func TestPlansThatAreRefused(t *testing.T) {
	for name, wrong := range map[string]func(p *plan){
		"no hosts":                   func(p *plan) { p.hosts = 0 },
		"a peak below the average":   func(p *plan) { p.peak = 0.5 },
		"no capacity":                func(p *plan) { p.capacity = 0 },
		"a rate that is no number":   func(p *plan) { p.rate, _ = strconv.ParseFloat("NaN", 64) },
		"a batch that is too large":  func(p *plan) { p.batchSize = 4096 },
		"backoffs the other way":     func(p *plan) { p.backoff = backoff{time.Minute, time.Second} },
		"an outage that is negative": func(p *plan) { p.away = -time.Hour },
	} {
		p := defaults()
		if err := p.check(); err != nil {
			t.Fatal(err)
		}
		if wrong(&p); p.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
