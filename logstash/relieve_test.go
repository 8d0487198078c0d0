package logstash_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// What one of several receivers does not ack while a Shutdown goes on, the others get
// in time.
func TestShutdownLeavesWhatIsSilent(t *testing.T) {
	const n = 5000
	for state, begin := range map[string]func(c *cluster){
		"silent":         func(c *cluster) { c.all[0].Stall(0) },
		"keepalives":     func(c *cluster) { c.all[0].Stall(time.Second) },
		"reads nothing":  func(c *cluster) { c.mute = 0; c.all[0].Kill() },
		"no packet back": func(c *cluster) { c.lost = 0; c.all[0].Kill() },
		"dead":           func(c *cluster) { c.all[0].Kill() },
	} {
		for keys, key := range map[string]func([]byte) []byte{
			"": nil, ", a key": func([]byte) []byte { return []byte("one") }, ", keys": func(e []byte) []byte { return e[len(`{"sender":0,"id":`):][:2] },
		} {
			for _, connections := range []int{0, 3, 4} {
				t.Run(fmt.Sprintf("%s%s, %d connections", state, keys, connections), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := newCluster(t, 2)
						s := c.shipper(t, logstash.DialOptions{Key: key, Connections: connections, BatchSize: 100})
						writeEvents(t, s, 0, 50)
						time.Sleep(time.Second)
						c.mu.Lock()
						begin(c)
						c.mu.Unlock()
						writeEvents(t, s, 50, n)
						time.Sleep(100 * time.Millisecond)
						start := time.Now()
						c.checkAll(t, s, n, max(connections, 2)*4*100)
						if d := time.Since(start); d > 4*time.Second {
							t.Errorf("Close took %v", d)
						}
					})
				})
			}
		}
	}
}

// A receiver that acks is not left, however slow it is, nor is any while none does.
func TestShutdownStaysWithWhatAcks(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 2)
			s := c.shipper(t, logstash.DialOptions{BatchSize: 10})
			c.ackAfter(0, 2*time.Second)
			writeEvents(t, s, 0, 1000)
			time.Sleep(100 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			c.checkAll(t, s, 1000, 0)
		})
	})
	t.Run("all silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 2)
			var resume []func()
			for _, b := range c.all {
				resume = append(resume, b.Stall(0))
			}
			s := c.shipper(t, logstash.DialOptions{BatchSize: 10})
			writeEvents(t, s, 0, 1000)
			time.AfterFunc(4*time.Second, func() {
				for _, f := range resume {
					f()
				}
			})
			c.checkAll(t, s, 1000, 0)
		})
	})
}

// A request that is not answered is broken off for that, too.
func TestShutdownLeavesARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		var ledger lstest.Ledger
		dials := make(map[string]func(ctx context.Context, network, addr string) (net.Conn, error))
		for _, host := range []string{"r0:1", "r1:1"} {
			srv := lstest.NewHTTP(&lstest.HTTPOptions{OnEvent: ledger.Receiver()})
			t.Cleanup(srv.Kill)
			if host == "r0:1" {
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Refuse: true, Delay: time.Hour} })
			}
			dials[host] = srv.Dial
		}
		s, err := logstash.Dial("http://r0:1,r1:1", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, BatchSize: 100,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return dials[addr](ctx, network, addr)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		writeEvents(t, s, 0, n)
		time.Sleep(100 * time.Millisecond)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := checkAccounts(t, s); st.Written != n || len(ledger.Missing(0, n)) > 0 || st.Resent != 100 {
			t.Errorf("written %d, sent again %d, missing %d", st.Written, st.Resent, len(ledger.Missing(0, n)))
		}
	})
}
