package logstash_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// Whatever the options are, no event is lost.
func TestChaosOptions(t *testing.T) {
	for i := range torture(10, 200) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			var ledger lstest.Ledger
			c := newChaos(t, nil, &ledger)
			first, second := c.listen(), c.listen()
			c.victim = first
			other := newChaos(t, second, &ledger)
			o := c.options()
			t.Logf("%v, %d connections, pipeline %d, batches of %d, %d in memory, spool %v, compression %d, for %v",
				o.Strategy, o.Connections, o.Pipeline, o.BatchSize, o.MaxEvents, o.SpoolMode, o.CompressionLevel, o.ConnectionTTL)
			s, err := logstash.Dial(c.scheme+"://"+first.Addr()+","+second.Addr(), &o)
			if err != nil {
				t.Fatal(err)
			}
			const events = 5000
			var wg sync.WaitGroup
			wg.Go(func() { other.run(4, events) })
			st := c.writeAll(s, 4, events)
			wg.Wait()
			if missing := ledger.Missing(0, events); len(missing) > 0 || st.Dropped > 0 || st.Written != events {
				t.Errorf("%d are missing, %d dropped, %d written", len(missing), st.Dropped, st.Written)
			}
			if dup := uint64(ledger.Duplicates()); dup > st.Resent {
				t.Errorf("%d duplicates, but only %d events were sent again", dup, st.Resent)
			}
			if o.Strategy != logstash.LoadBalance && ledger.OrderBreaks() > 0 {
				t.Errorf("%d events out of order: %s", ledger.OrderBreaks(), ledger.FirstOdd())
			}
			ctx, cancel := context.WithTimeout(t.Context(), chaosTime)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// listen starts a receiver of the scheme, which is chosen with the first.
func (c *chaos) listen() victim {
	c.t.Helper()
	if c.scheme == "" {
		c.scheme = []string{"beats", "http"}[c.rnd.IntN(2)]
	}
	if c.scheme == "http" {
		srv, err := lstest.ListenHTTP("127.0.0.1:0", &lstest.HTTPOptions{OnEvent: c.ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10})
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(srv.Kill)
		return srv
	}
	return listenBeats(c.t, &lstest.BeatsOptions{
		AckHighest: c.rnd.IntN(2) == 0, OnEvent: c.ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10,
	})
}

// options makes options at random.
func (c *chaos) options() logstash.DialOptions {
	one := func(of ...int) int { return of[c.rnd.IntN(len(of))] }
	o := chaosOptions()
	o.BatchSize = one(1, 7, 256, 2048)
	o.MaxEvents = one(10, 300, 4096)
	if c.scheme == "beats" {
		o.Pipeline = one(0, 1, 2, 16)
	}
	o.FlushInterval = time.Duration(one(-1, int(time.Millisecond)))
	o.CompressionLevel = one(0, 1)
	o.ConnectionTTL = time.Duration(one(0, int(3*time.Millisecond)))
	o.MinConnectionTime = time.Duration(one(1, int(time.Millisecond), int(time.Second)))
	o.Strategy = logstash.Strategy(c.rnd.IntN(4))
	if o.Strategy == logstash.LoadBalance {
		o.Connections = one(0, 1, 3)
	}
	if o.SpoolMode = logstash.SpoolMode(c.rnd.IntN(3)); o.SpoolMode != logstash.SpoolOff {
		o.SpoolDir = c.t.TempDir()
		o.SpoolSync = logstash.SpoolSync(c.rnd.IntN(3))
	}
	return o
}
