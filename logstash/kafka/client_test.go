package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		least, most time.Duration
		fails       int
		want        time.Duration
	}{
		{"none", time.Second, time.Minute, 0, time.Second},
		{"the first", time.Second, time.Minute, 1, time.Second},
		{"the third", time.Second, time.Minute, 3, 4 * time.Second},
		{"the last that doubles", time.Second, time.Minute, 6, 32 * time.Second},
		{"the longest", time.Second, time.Minute, 7, time.Minute},
		{"after a year", time.Second, time.Minute, 1 << 20, time.Minute},
		{"one for all", time.Minute, time.Minute, 9, time.Minute},
	} {
		seen := make(map[time.Duration]bool)
		for range 100 {
			d := backoff(tt.least, tt.most)(tt.fails)
			if seen[d] = true; d < tt.want/2 || d > tt.want {
				t.Errorf("%s: %v, want %v to %v", tt.name, d, tt.want/2, tt.want)
			}
		}
		if len(seen) < 50 {
			t.Errorf("%s: only %d different ones of 100", tt.name, len(seen))
		}
	}
}

// A beat that is late, on a machine that stood still, does not count as two.
func TestLateBeat(t *testing.T) {
	t.Parallel()
	c, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:9"), kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no broker")
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const beat = 200 * time.Millisecond
	rung := make(chan time.Time, 1)
	ring := sync.OnceFunc(func() { rung <- time.Now() })
	w := newWatch(&logstash.Remote{Hosts: []string{"127.0.0.1:9"}, Options: logstash.DialOptions{
		MinBackoff: beat, MaxBackoff: beat, Timeout: time.Minute,
	}}, ring)
	w.mu.Lock() // which holds up the first beat
	w.under = 1
	go w.run(c)
	defer w.stop()
	begun := time.Now()
	w.start <- struct{}{}
	<-time.After(beat * 8 / 5)
	w.mu.Unlock()
	if took := (<-rung).Sub(begun); took < graceBeats*beat {
		t.Errorf("asked after %v, want %d beats of %v", took, graceBeats, beat)
	}
}

// A quota is the reason for the silence until brokers have had the time to ack without it.
func TestQuotaIsOver(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const limit = time.Minute
	for _, tt := range []struct {
		name  string
		until time.Duration // the end of the quota, from now
		said  error
		want  string
	}{
		{"lasts", limit, errors.New("said"), "used up"},
		{"is over", -limit / 2, nil, "used up"},
		{"is over, and brokers say why", -limit / 2, errors.New("said"), "said"},
		{"is long over", -limit - time.Second, nil, "none acks"},
	} {
		w := newWatch(&logstash.Remote{}, func() {})
		w.beat, w.limit, w.under, w.topic = time.Hour, limit, 1, "logs"
		w.quota, w.until, w.said = errors.New("used up"), time.Now().Add(tt.until), tt.said
		w.look(c, time.Now().Add(-3*limit))
		if err := w.told(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("a quota that %s: %v, want %q", tt.name, err, tt.want)
		}
		w.cancel()
	}
}
