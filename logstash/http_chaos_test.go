package logstash_test

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// An input that fails in all its ways at random, and dies now and then, gets
// every event at least once, and those twice that were in the requests it
// failed.
func TestHTTPChaos(t *testing.T) {
	testlog.CheckGoroutines(t)
	const batch = 50
	n := 8_000
	if testlog.Race {
		n = 2_000
	}
	var (
		ledger lstest.Ledger
		failed atomic.Int64
		rnd    = rand.New(rand.NewPCG(1, 2))
	)
	srv := listenHTTP(t, "127.0.0.1:0", &lstest.HTTPOptions{OnEvent: ledger.Receiver(), Forget: true, MaxContentLength: 2000})
	answers := []lstest.HTTPAnswer{
		{Status: 503, Refuse: true},
		{Status: 503},
		{Status: 429, Refuse: true},
		{Status: 502, Body: "<html>", Unread: true},
		{Reset: true},
		{Reset: true, Refuse: true},
		{Reset: true, Unread: true},
		{Status: 500},
		{Status: 404, Refuse: true},
		{Delay: 200 * time.Millisecond},
		{Status: 200, Close: true},
		{Status: 200, Body: "ok", Endless: true},
		{Status: 503, Body: "and so on", Endless: true, Refuse: true},
	}
	srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
		if rnd.IntN(6) != 0 {
			return lstest.HTTPAnswer{}
		}
		failed.Add(1)
		return answers[rnd.IntN(len(answers))]
	})
	s := dialShipper(t, "http://"+srv.Addr()+"/in", logstash.DialOptions{
		BatchSize: batch, Timeout: 100 * time.Millisecond, CompressionLevel: 1, Policy: logstash.Block, BlockTimeout: -1,
	})
	for i := 0; i < n; i += n / 4 {
		writeEvents(t, s, i, i+n/4)
		srv.Kill()
		if err := srv.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	if missing := ledger.Missing(0, n); len(missing) > 0 || ledger.Strange() > 0 || srv.ParseFailures() > 0 {
		t.Errorf("%d events missing, %d strange, %d parse failures", len(missing), ledger.Strange(), srv.ParseFailures())
	}
	if ledger.OrderBreaks() > 0 {
		t.Errorf("%d out of order: %s", ledger.OrderBreaks(), ledger.FirstOdd())
	}
	st := checkAccounts(t, s)
	if st.Written != uint64(n) || st.Dropped != 0 {
		t.Errorf("written %d, dropped %d; want %d, 0", st.Written, st.Dropped, n)
	}
	if most := (failed.Load() + 4) * batch; int64(ledger.Duplicates()) > most || st.Resent < uint64(ledger.Duplicates()) {
		t.Errorf("%d duplicates, %d sent again; want at most %d, and at least as many", ledger.Duplicates(), st.Resent, most)
	}
	t.Logf("%d requests, %d failed; %d sent again, %d twice, %d connections",
		srv.Requests(), failed.Load(), st.Resent, ledger.Duplicates(), srv.Connections())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	srv.Kill()
}
