package logstash_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// An event that the input fails over, and one that is too large for it, end in
// quarantine, alone; all others arrive.
func TestHTTPPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, poison, large = 300, 77, 200
		var ledger lstest.Ledger
		srv := lstest.NewHTTP(&lstest.HTTPOptions{
			Poison:           func(event []byte) bool { return bytes.Contains(event, []byte(`"id":77,`)) },
			MaxContentLength: 5000, OnEvent: ledger.Receiver(),
		})
		defer srv.Kill()
		var (
			dropped []string
			file    = filepath.Join(t.TempDir(), "quarantine.json")
		)
		s, err := logstash.Dial("http://example.com/in", &logstash.DialOptions{
			DialContext: srv.Dial, QuarantineFile: file, FlushInterval: -1,
			OnDrop: func(event []byte, reason error) {
				if !errors.Is(reason, logstash.ErrRejected) {
					t.Errorf("dropped for %v, want ErrRejected", reason)
				}
				dropped = append(dropped, string(event))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range n {
			e := event(i)
			if i == large {
				e = fmt.Sprintf(`{"id":%d,"message":%q}`, i, strings.Repeat("x", 6000))
			}
			if i == large || i == poison {
				want = append(want, e)
			}
			if _, err := io.WriteString(s, e); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if missing := ledger.Missing(0, n); !slices.Equal(missing, []int{poison, large}) {
			t.Errorf("missing %v, want %d and %d", missing, poison, large)
		}
		slices.Sort(dropped)
		slices.Sort(want)
		if !slices.Equal(dropped, want) {
			t.Errorf("dropped %.100q", dropped)
		}
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range want {
			if !bytes.Contains(kept, []byte(e)) {
				t.Errorf("%.100s is not in quarantine", e)
			}
		}
		if st := s.Stats(); st.Accepted != n || st.Written != n-2 || st.DroppedRejected != 2 || st.Resent == 0 {
			t.Errorf("accounts %+v; want %d written, 2 rejected, and some sent again", st, n-2)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An event that a firewall takes for an attack ends in quarantine, alone.
func TestHTTPFirewall(t *testing.T) {
	for _, status := range []int{403, 406} {
		synctest.Test(t, func(t *testing.T) {
			const n, poison = 300, 77
			var ledger lstest.Ledger
			srv := lstest.NewHTTP(&lstest.HTTPOptions{
				Poison:       func(event []byte) bool { return bytes.Contains(event, []byte(`"id":77,`)) },
				PoisonStatus: status, OnEvent: ledger.Receiver(),
			})
			defer srv.Kill()
			s := dialShipper(t, "http://example.com", logstash.DialOptions{
				DialContext: srv.Dial, MinBackoff: time.Second, MaxBackoff: time.Minute, BatchSize: 100,
			})
			start := time.Now()
			writeEvents(t, s, 0, 1)
			if err := s.Flush(t.Context()); err != nil { // it works
				t.Fatal(err)
			}
			writeEvents(t, s, 1, n)
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if missing := ledger.Missing(0, n); !slices.Equal(missing, []int{poison}) {
				t.Errorf("%d: missing %v, want %d", status, missing, poison)
			}
			if st := checkAccounts(t, s); st.Written != n-1 || st.DroppedRejected != 1 {
				t.Errorf("%d: written %d, rejected %d; want %d, 1", status, st.Written, st.DroppedRejected, n-1)
			}
			if d := time.Since(start); d > 20*time.Minute {
				t.Errorf("%d: took %v", status, d)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			t.Logf("%d: %v, %d requests", status, time.Since(start), srv.Requests())
		})
	}
}

// A receiver that refuses everything is no receiver: the events wait.
func TestHTTPWrongService(t *testing.T) {
	for name, answer := range map[string]lstest.HTTPAnswer{
		"refuses":             {Status: 400, Refuse: true},
		"fails":               {Status: 500, Refuse: true},
		"hangs up":            {Reset: true, Refuse: true},
		"wants other ones":    {Status: 401, Refuse: true},
		"forbids":             {Status: 403, Refuse: true},
		"is not there at all": {Status: 404, Refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := lstest.NewHTTP(nil)
				defer srv.Kill()
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return answer })
				var log errorLog
				s := dialShipper(t, "http://example.com", logstash.DialOptions{
					DialContext: srv.Dial, MinBackoff: time.Second, MaxBackoff: time.Minute, OnError: log.add,
				})
				writeEvents(t, s, 0, 100)
				time.Sleep(time.Hour)
				st := checkAccounts(t, s)
				if st.Queued != 100 || st.Dropped != 0 {
					t.Errorf("after an hour: queued %d, dropped %d; want 100, 0", st.Queued, st.Dropped)
				}
				if n := srv.Requests(); n > 400 {
					t.Errorf("%d requests in an hour", n)
				}
				if errs := log.all(); len(errs) == 0 || len(errs) > 10 {
					t.Errorf("OnError was told %d times: %.300q", len(errs), errs)
				}
				srv.SetAnswer(nil)
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := srv.Count(); n != 100 {
					t.Errorf("%d events came, want 100", n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
