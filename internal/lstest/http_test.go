package lstest_test

import (
	"bytes"
	stdcmp "cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
)

func listenHTTP(t *testing.T, opts *lstest.HTTPOptions) *lstest.HTTP {
	t.Helper()
	h, err := lstest.ListenHTTP("127.0.0.1:0", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	return h
}

// post posts a body and returns the status and the text of the answer, which
// is read up to a bound.
func post(t *testing.T, client *http.Client, h *lstest.HTTP, body string, change func(*http.Request)) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+stdcmp.Or(h.Addr(), "example.com")+"/x", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	return resp.StatusCode, string(text), err
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// What the http input does about bodies of all kinds.
func TestHTTPBodies(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s) // memory takes everything
		_ = w.Close()
		return b.String()
	}
	gzipped := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	const a, b = `{"id":0}`, `{"id":1,"x":[{}]}`
	tests := []struct {
		name     string
		body     string
		change   func(*http.Request)
		status   int
		events   []string
		failures int
	}{
		{"object", a, nil, 200, []string{a}, 0},
		{"array", "[" + a + ", " + b + "]", nil, 200, []string{a, b}, 0},
		{"empty array", "[]", nil, 200, nil, 0},
		{"lines: all but the first are lost", a + "\n" + b + "\n", nil, 200, []string{a}, 0},
		{"array and more: what follows is lost", "[" + a + "]" + b, nil, 200, []string{a}, 0},
		{"gzip", pack("[" + a + "," + b + "]"), gzipped, 200, []string{a, b}, 0},
		{"gzip that is none", a, gzipped, 400, nil, 0},
		{"gzip that is cut", pack(a)[:20], gzipped, 400, nil, 0},
		{"not JSON", `{"id":`, nil, 200, nil, 1},
		{"no body", "", nil, 200, nil, 1},
		{"members that are no objects", `[` + a + `,1,"x"]`, nil, 200, []string{a}, 2},
		{"other type", a, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 200, nil, 1},
		{"too long", "[" + a + strings.Repeat(" ", 100) + "]", nil, 413, nil, 0},
		{"too long when unpacked", pack("[" + a + strings.Repeat(" ", 10_000) + "]"), gzipped, 413, nil, 0},
		{"credentials", a, func(r *http.Request) { r.SetBasicAuth("user", "wrong") }, 401, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := listenHTTP(t, &lstest.HTTPOptions{MaxContentLength: 100, Username: "user", Password: "pw"})
			client := newClient(t)
			status, _, err := post(t, client, h, tt.body, func(r *http.Request) {
				r.SetBasicAuth("user", "pw")
				if tt.change != nil {
					tt.change(r)
				}
			})
			if err != nil || status != tt.status {
				t.Errorf("status %d, error %v; want %d", status, err, tt.status)
			}
			var got []string
			for _, event := range h.Events() {
				got = append(got, string(event))
			}
			if diff := cmp.Diff(tt.events, got); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			if n := h.ParseFailures(); n != tt.failures {
				t.Errorf("%d parse failures, want %d", n, tt.failures)
			}
			acked := 0
			if tt.status == 200 {
				acked = len(tt.events)
			}
			if h.Count() != len(tt.events) || h.Acked() != acked || h.Requests() != 1 {
				t.Errorf("%d events, %d acked, %d requests; want %d, %d, 1", h.Count(), h.Acked(), h.Requests(), len(tt.events), acked)
			}
		})
	}
}

// A poison event fails the request, and those in front of it are queued.
func TestHTTPPoison(t *testing.T) {
	var ledger lstest.Ledger
	h := listenHTTP(t, &lstest.HTTPOptions{
		Poison:  func(event []byte) bool { return bytes.Contains(event, []byte("poison")) },
		OnEvent: ledger.Receiver(), Forget: true,
	})
	status, _, err := post(t, newClient(t), h, `[{"id":0},{"id":1},{"id":2,"x":"poison"},{"id":3}]`, nil)
	if status != 500 || err != nil {
		t.Errorf("status %d, error %v; want 500", status, err)
	}
	if diff := cmp.Diff([]int{2, 3}, ledger.Missing(0, 4)); diff != "" || h.Acked() != 0 || len(h.Events()) != 0 {
		t.Errorf("%d acked, %d kept, missing mismatch (-want +got):\n%s", h.Acked(), len(h.Events()), diff)
	}
}

// What the server is told to do instead.
func TestHTTPAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer lstest.HTTPAnswer
		status int // 0 for a connection that ends
		text   string
		events int
		conns  int // after two requests
	}{
		{"as it is", lstest.HTTPAnswer{}, 200, "ok", 1, 1},
		{"no content", lstest.HTTPAnswer{Status: 204}, 204, "", 1, 1},
		{"failure behind the events", lstest.HTTPAnswer{Status: 503, Body: "no"}, 503, "no", 1, 1},
		{"failure", lstest.HTTPAnswer{Status: 503, Refuse: true}, 503, "", 0, 1},
		{"redirect", lstest.HTTPAnswer{Status: 302, Refuse: true, Header: http.Header{"location": {"/y"}}}, 302, "", 0, 1},
		{"answer before the body", lstest.HTTPAnswer{Status: 403, Unread: true}, 403, "", 0, 2},
		{"endless", lstest.HTTPAnswer{Status: 200, Body: "abc", Endless: true}, 200, strings.Repeat("abc", 34)[:100], 1, 2},
		{"reset before the body", lstest.HTTPAnswer{Unread: true, Reset: true}, 0, "", 0, 2},
		{"reset behind it", lstest.HTTPAnswer{Reset: true}, 0, "", 1, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Outside of a bubble net/http may be too slow to use a connection again.
			synctest.Test(t, func(t *testing.T) {
				h, client := lstest.NewHTTP(nil), newClient(t)
				client.Transport.(*http.Transport).DialContext = h.Dial
				h.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return tt.answer })
				for range 2 {
					status, text, err := post(t, client, h, `{"id":0}`, nil)
					if status != tt.status || text != tt.text || (err == nil) != (tt.status > 0) {
						t.Errorf("status %d, text %q, error %v; want %d, %q", status, text, err, tt.status, tt.text)
					}
				}
				if h.Count() != 2*tt.events || h.Connections() != tt.conns {
					t.Errorf("%d events over %d connections, want %d over %d", h.Count(), h.Connections(), 2*tt.events, tt.conns)
				}
				h.Kill()
			})
		})
	}
}

// One request too many at the same time is told that the input is busy.
func TestHTTPBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := lstest.NewHTTP(&lstest.HTTPOptions{MaxPending: 2})
		defer h.Kill()
		h.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Delay: time.Second} })
		transport := &http.Transport{DialContext: h.Dial}
		defer transport.CloseIdleConnections()
		statuses := make(chan int, 3)
		for range cap(statuses) {
			go func() {
				status, _, err := post(t, &http.Client{Transport: transport}, h, `{}`, nil)
				if err != nil {
					t.Error(err)
				}
				statuses <- status
			}()
		}
		got := make(map[int]int)
		for range cap(statuses) {
			got[<-statuses]++
		}
		if diff := cmp.Diff(map[int]int{200: 2, 429: 1}, got); diff != "" {
			t.Errorf("statuses mismatch (-want +got):\n%s", diff)
		}
	})
}

// A server that is killed is gone, and takes requests again on the same
// address after Restart.
func TestHTTPRestart(t *testing.T) {
	testlog.CheckGoroutines(t)
	h, client := listenHTTP(t, nil), newClient(t)
	h.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Delay: time.Hour} })
	failed := make(chan error)
	go func() {
		_, _, err := post(t, client, h, `{"id":0}`, nil)
		failed <- err
	}()
	for h.Count() == 0 {
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	h.Kill()
	if err := <-failed; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("request under way: error %v", err)
	}
	if _, _, err := post(t, client, h, `{"id":1}`, nil); err == nil {
		t.Error("a killed server answers")
	}
	h.SetAnswer(nil)
	if err := h.Restart(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := post(t, client, h, `{"id":2}`, nil); status != 200 || err != nil {
		t.Errorf("status %d, error %v; want 200", status, err)
	}
	if got := fmt.Sprintf("%s", h.Events()); got != `[{"id":0} {"id":2}]` {
		t.Errorf("events %s", got)
	}
	h.Kill()
}

// A server that is told to ack a body does not where it has taken none of it,
// because it is too large.
func TestHTTPAcksOnlyWhatItHas(t *testing.T) {
	h, client := listenHTTP(t, &lstest.HTTPOptions{MaxContentLength: 100}), newClient(t)
	h.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Status: 200, Body: "ok"} })
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(zip, `{"id":"`+strings.Repeat("x", 1000)+`"}`)
	_ = zip.Close()
	zips := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	if status, _, err := post(t, client, h, zipped.String(), zips); status != 413 || err != nil || h.Count() != 0 {
		t.Errorf("status %d, error %v, %d events; want 413 and none", status, err, h.Count())
	}
}
