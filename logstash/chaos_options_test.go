package logstash_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// Whatever the options are, no event is lost.
func TestChaosOptions(t *testing.T) {
	schemes := []string{"beats", "beats+tls", "http", "http+tls", "tcp", "tcp+tls"}
	ca, certs := newAuthority(t), t.TempDir()
	ca.client(certs, "sender")
	for i := range torture(10, 200) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			var ledger lstest.Ledger
			c := newChaos(t, nil, &ledger)
			c.scheme = schemes[c.rnd.IntN(len(schemes))]
			server := ca.server()
			first, second := c.listen(server), c.listen(server)
			c.victim = first
			other := newChaos(t, second, &ledger)
			o := c.options(certs)
			t.Logf("%s, %v, %d connections, pipeline %d, batches of %d, %d in memory, spool %v, compression %d, for %v",
				c.scheme, o.Strategy, o.Connections, o.Pipeline, o.BatchSize, o.MaxEvents, o.SpoolMode, o.CompressionLevel, o.ConnectionTTL)
			s, err := logstash.Dial(c.addr(first, second), &o)
			if err != nil {
				t.Fatal(err)
			}
			const events = 2000
			var wg sync.WaitGroup
			wg.Go(func() { other.run(4, events) })
			c.writeAll(s, 4, events)
			wg.Wait()
			waitFor(t, "the last events", func() bool { return ledger.Unique() == events }) // over tcp there are no acks
			c.overtake = o.Strategy == logstash.LoadBalance
			c.check(s, events)
			ctx, cancel := context.WithTimeout(t.Context(), chaosTime)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// listen starts a receiver of the scheme.
func (c *chaos) listen(server *tls.Config) victim {
	c.t.Helper()
	scheme, secure := strings.CutSuffix(c.scheme, "+tls")
	if !secure {
		server = nil
	}
	var v interface {
		victim
		Close() error
	}
	var err error
	const addr, buffer = "127.0.0.1:0", 32 << 10
	switch receive := c.ledger.Receiver(); scheme {
	case "beats":
		v, err = lstest.ListenBeats(addr, &lstest.BeatsOptions{
			TLS: server, AckHighest: c.rnd.IntN(2) == 0, OnEvent: receive, Forget: true, ReadBuffer: buffer,
		})
	case "http":
		v, err = lstest.ListenHTTP(addr, &lstest.HTTPOptions{TLS: server, OnEvent: receive, Forget: true, ReadBuffer: buffer})
	default:
		v, err = lstest.ListenTCP(addr, &lstest.TCPOptions{TLS: server, OnLine: receive, Forget: true, ReadBuffer: buffer})
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = v.Close() })
	return v
}

// addr is the address of receivers of the scheme.
func (c *chaos) addr(all ...victim) string {
	var addrs []string
	for _, v := range all {
		addrs = append(addrs, v.Addr())
	}
	scheme := map[string]string{"http+tls": "https", "tcp+tls": "tls"}[c.scheme]
	return cmp.Or(scheme, c.scheme) + "://" + strings.Join(addrs, ",")
}

// options makes options at random.
func (c *chaos) options(certs string) logstash.DialOptions {
	one := func(of ...int) int { return of[c.rnd.IntN(len(of))] }
	o := chaosOptions()
	o.BatchSize = one(1, 7, 256, 2048)
	o.MaxEvents = one(10, 300, 4096)
	o.FlushInterval = time.Duration(one(-1, int(time.Millisecond)))
	o.ConnectionTTL = time.Duration(one(0, int(3*time.Millisecond)))
	switch {
	case strings.HasPrefix(c.scheme, "tcp"):
		o.ResendBytes = 512 << 10 // more than the buffers on the way hold
		o.ConnectionTTL *= 1000   // it takes a while to trust one that does not ack, longer on a busy machine
	case strings.HasPrefix(c.scheme, "beats"):
		o.Pipeline = one(0, 1, 2, 16)
		fallthrough
	default:
		o.CompressionLevel = one(0, 1)
	}
	if strings.HasSuffix(c.scheme, "+tls") {
		o.CAFile = filepath.Join(certs, "ca.pem")
		o.CertFile, o.KeyFile = filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	}
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
