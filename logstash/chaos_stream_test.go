package logstash_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestChaosHTTP(t *testing.T) {
	testlog.CheckGoroutines(t)
	events, breaks := torture(40_000, 1_000_000), torture(20, 200)
	var ledger lstest.Ledger
	srv, err := lstest.ListenHTTP("127.0.0.1:0", &lstest.HTTPOptions{
		OnEvent: ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	c := newChaos(t, srv, &ledger)
	wrong := []lstest.HTTPAnswer{
		{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}, Refuse: true},
		{Status: http.StatusServiceUnavailable, Unread: true},
		{Status: http.StatusBadGateway, Body: "<html>no backend</html>", Close: true}, // it has taken the events all the same
		{Status: http.StatusInternalServerError, Close: true},
		{Reset: true},
		{Reset: true, Refuse: true},
		{Status: http.StatusOK, Close: true},
		{Delay: 5 * time.Millisecond},
	}
	answer := func() {
		a := wrong[c.rnd.IntN(len(wrong))]
		once := make(chan struct{}, 1)
		once <- struct{}{}
		srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
			select {
			case <-once:
				return a
			default:
				return lstest.HTTPAnswer{}
			}
		})
	}
	c.ills = append(c.ills, answer, answer, answer, answer, answer)
	s := dialShipper(t, "http://"+srv.Addr(), chaosOptions())
	c.writeAll(s, breaks, events)
	st := c.check(s, events)
	if most := uint64(srv.Requests()) * 256; st.Reconnects == 0 || st.Resent > most {
		t.Errorf("%d events sent again over %d reconnects, want some of these, and at most a batch for each of %d requests",
			st.Resent, st.Reconnects, srv.Requests())
	}
}

// With more ResendBytes than the buffers on the way hold, nothing is lost that
// a receiver had not read when it went away.
func TestChaosStream(t *testing.T) {
	ca, certs := newAuthority(t), t.TempDir()
	for _, tt := range []struct {
		scheme string
		conns  int
	}{{"tcp", 1}, {"unix", 1}, {"tcp", 3}, {"tls", 3}} {
		t.Run(fmt.Sprintf("%s, %d", tt.scheme, tt.conns), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			events, breaks := torture(20_000, 1_000_000), torture(8, 200)
			var ledger lstest.Ledger
			opts := &lstest.TCPOptions{OnLine: ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10}
			listen, addr, o := lstest.ListenTCP, "127.0.0.1:0", chaosOptions()
			switch tt.scheme {
			case "unix":
				listen, addr = lstest.ListenUnix, filepath.Join(t.TempDir(), "logstash.sock")
			case "tls":
				opts.TLS, o.CAFile = ca.server(), filepath.Join(certs, "ca.pem")
				ca.client(certs, "sender")
				o.CertFile, o.KeyFile = filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
			}
			srv, err := listen(addr, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Kill()
			c := newChaos(t, srv, &ledger)
			if c.overtake = tt.conns > 1; c.overtake {
				o.Strategy, o.Connections = logstash.LoadBalance, tt.conns
			}
			o.ResendBytes = 512 << 10
			s := dialShipper(t, tt.scheme+"://"+srv.Addr(), o)
			c.writeAll(s, breaks, events)
			waitFor(t, "the last events", func() bool { return ledger.Unique() >= events })
			if st := c.check(s, events); st.Resent == 0 {
				t.Error("nothing was sent again")
			}
			t.Logf("%d half lines", len(srv.Torn()))
		})
	}
}
