package logstash_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// newHTTP returns the Transport to a receiver that has no network.
func newHTTP(t testing.TB, dial func(*logstash.DialOptions), addr string) logstash.Transport {
	t.Helper()
	opts := logstash.DialOptions{MinBackoff: time.Second, MaxBackoff: time.Minute}
	dial(&opts)
	tr, err := logstash.NewHTTP(addr, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

func events(from, to int) [][]byte {
	out := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, []byte(event(i)))
	}
	return out
}

// deliver sends events until they are acked, and waits as it is told. It
// returns the errors on the way.
func deliver(t testing.TB, tr logstash.Transport, events [][]byte) (errs []error) {
	t.Helper()
	for len(events) > 0 && len(errs) < 50 {
		acked, err := tr.Send(t.Context(), events)
		if acked < 0 || acked > len(events) || (acked == len(events)) != (err == nil) {
			t.Fatalf("acked %d of %d with error %v", acked, len(events), err)
		}
		events = events[acked:]
		if err == nil {
			continue
		}
		errs = append(errs, err)
		var wait interface{ RetryAfter() time.Duration }
		switch {
		case errors.As(err, &wait):
			time.Sleep(wait.RetryAfter()) // in a bubble
		case !logstash.IsStale(err):
			t.Fatalf("error that says neither when nor whether to try again: %v", err)
		}
	}
	if len(events) > 0 {
		t.Fatalf("gave up: %q", errs)
	}
	return errs
}

// What each answer but an ack leads to: the events are sent again, none is
// lost, and those come twice that the input had queued before it failed.
func TestHTTPAnswers(t *testing.T) {
	const backoff, most = time.Second, time.Minute
	answer := func(status int, more ...string) lstest.HTTPAnswer {
		a := lstest.HTTPAnswer{Status: status, Refuse: true, Header: make(http.Header)}
		for i := 0; i+1 < len(more); i += 2 {
			a.Header.Set(more[i], more[i+1])
		}
		return a
	}
	date := func(in time.Duration) string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
	text := func(a lstest.HTTPAnswer, text string) lstest.HTTPAnswer {
		a.Body = text
		return a
	}
	tests := []struct {
		name   string
		answer func() lstest.HTTPAnswer
		least  time.Duration // until the events are acked
		most   time.Duration
		says   []string
		death  bool
		twice  int // events that come twice
	}{
		{
			name:   "busy",
			answer: func() lstest.HTTPAnswer { return text(answer(429), "Busy") },
			least:  backoff / 2, most: backoff,
			says: []string{"post 3 events to http://example.com:8080/:", "429 Too Many Requests", `"Busy"`},
		},
		{
			name:   "busy for a number of seconds",
			answer: func() lstest.HTTPAnswer { return answer(429, "Retry-After", "7") },
			least:  7 * time.Second, most: 7 * time.Second, says: []string{"429"},
		},
		{
			name:   "unavailable until a date",
			answer: func() lstest.HTTPAnswer { return answer(503, "Retry-After", date(20*time.Second)) },
			least:  20 * time.Second, most: 20 * time.Second, says: []string{"503 Service Unavailable"},
		},
		{
			name: "unavailable until a date of a clock that is an hour late",
			answer: func() lstest.HTTPAnswer {
				return answer(503, "Retry-After", date(20*time.Second-time.Hour), "Date", date(-time.Hour))
			},
			least: 20 * time.Second, most: 20 * time.Second, says: []string{"503"},
		},
		{
			name:   "unavailable until a date in the past",
			answer: func() lstest.HTTPAnswer { return answer(503, "Retry-After", date(-20*time.Second)) },
			least:  backoff / 2, most: backoff, says: []string{"503"},
		},
		{
			name:   "unavailable for ever",
			answer: func() lstest.HTTPAnswer { return answer(503, "Retry-After", "99999999999999999999999") },
			least:  10 * time.Minute, most: 10 * time.Minute, says: []string{"503"},
		},
		{
			name:   "Retry-After that means nothing",
			answer: func() lstest.HTTPAnswer { return answer(503, "Retry-After", "soon") },
			least:  backoff / 2, most: backoff, says: []string{"503"},
		},
		{
			name: "failed after the events were queued",
			answer: func() lstest.HTTPAnswer {
				return lstest.HTTPAnswer{Status: 500, Body: "boom\x1b[2J\r\n\x00 in   the\u202e pipeline"}
			},
			least: backoff / 2, most: backoff, twice: 3, death: true,
			says: []string{"500 Internal Server Error", `: "boom [2J in the pipeline"`},
		},
		{
			name: "page of a proxy",
			answer: func() lstest.HTTPAnswer {
				return text(answer(502, "Content-Type", "text/html"), "<html>\r\n<title>502 Bad Gateway</title>"+strings.Repeat("-", 500))
			},
			least: backoff / 2, most: backoff,
			says: []string{"502 Bad Gateway", `: "<html> <title>502 Bad Gateway</title>---`},
		},
		{
			name: "answer that is no text",
			answer: func() lstest.HTTPAnswer {
				return text(answer(504, "Content-Type", "image/png"), "\x89PNG")
			},
			least: backoff / 2, most: backoff, says: []string{"504 Gateway Timeout"},
		},
		{
			name:   "no credentials",
			answer: func() lstest.HTTPAnswer { return answer(401) },
			least:  most, most: most, says: []string{"401 Unauthorized", "check Username and Password, or BearerToken"},
		},
		{
			name:   "not allowed",
			answer: func() lstest.HTTPAnswer { return answer(403, "Retry-After", "1") },
			least:  most, most: most, says: []string{"403 Forbidden", "check what Username or BearerToken is allowed"},
		},
		{
			name:   "proxy without credentials",
			answer: func() lstest.HTTPAnswer { return answer(407) },
			least:  most, most: most, says: []string{"407", "the proxy wants a user"},
		},
		{
			name:   "wrong path",
			answer: func() lstest.HTTPAnswer { return answer(404) },
			least:  backoff / 2, most: backoff, says: []string{"404 Not Found, check the port and the path"},
		},
		{
			name:   "wrong service",
			answer: func() lstest.HTTPAnswer { return answer(405) },
			least:  backoff / 2, most: backoff, says: []string{"405 Method Not Allowed, check the port and the path"},
		},
		{
			name:   "status nobody knows",
			answer: func() lstest.HTTPAnswer { return answer(599) },
			least:  backoff / 2, most: backoff, says: []string{": 599"},
		},
		{
			name: "redirect",
			answer: func() lstest.HTTPAnswer {
				return answer(307, "Location", "https://user:secret@elsewhere/\u202ein?token=secret")
			},
			least: backoff / 2, most: backoff,
			says: []string{"307 Temporary Redirect", "redirects are not followed", "leads to https://elsewhere/%E2%80%AEin"},
		},
		{
			name:   "redirect with an address",
			answer: func() lstest.HTTPAnswer { return answer(302, "Location", "https://u:secret@elsewhere/in?t=secret") },
			least:  backoff / 2, most: backoff,
			says: []string{"302 Found", "leads to https://elsewhere/in"},
		},
		{
			name:   "redirect to nowhere",
			answer: func() lstest.HTTPAnswer { return answer(301) },
			least:  backoff / 2, most: backoff, says: []string{"leads to nowhere"},
		},
		{
			name: "web page in place of an ack",
			answer: func() lstest.HTTPAnswer {
				return text(answer(200, "Content-Type", "text/html; charset=utf-8"), "<h1>It works!</h1>")
			},
			least: backoff / 2, most: backoff, says: []string{"200 OK", "a web page is no ack", "It works!"},
		},
		{
			name:   "success that is no ack",
			answer: func() lstest.HTTPAnswer { return answer(207) },
			least:  backoff / 2, most: backoff, says: []string{"207", "no ack: want 200, 201, 202 or 204"},
		},
		{
			name: "receiver that wants TLS",
			answer: func() lstest.HTTPAnswer {
				return text(answer(400), "Client sent an HTTP request to an HTTPS server.\n")
			},
			least: backoff / 2, most: backoff, says: []string{"400 Bad Request", "the receiver wants https://"},
		},
		{
			name: "answer that does not end",
			answer: func() lstest.HTTPAnswer {
				a := text(answer(503), "and so on ")
				a.Endless = true
				return a
			},
			least: backoff / 2, most: backoff, says: []string{`"and so on and so on`},
		},
		{
			name: "no answer in time, after the events were queued",
			answer: func() lstest.HTTPAnswer {
				return lstest.HTTPAnswer{Delay: time.Hour}
			},
			least: 5*time.Second + backoff/2, most: 5*time.Second + backoff, twice: 3,
			says: []string{"post 3 events to http://example.com:8080/: no answer within 5s"},
		},
		{
			name: "connection ended before the body was read",
			answer: func() lstest.HTTPAnswer {
				return lstest.HTTPAnswer{Unread: true, Reset: true}
			},
			least: backoff / 2, most: backoff, death: true, // the body was under way
			says: []string{"post 3 events to http://example.com:8080/: "},
		},
		{
			name:   "connection ended after the events were queued",
			answer: func() lstest.HTTPAnswer { return lstest.HTTPAnswer{Reset: true} },
			least:  backoff / 2, most: backoff, twice: 3, death: true,
			says: []string{"post 3 events to http://example.com:8080/: "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ledger lstest.Ledger
				srv := lstest.NewHTTP(&lstest.HTTPOptions{OnEvent: ledger.Receiver()})
				defer srv.Kill()
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
					if srv.Connections() == 1 {
						return tt.answer()
					}
					return lstest.HTTPAnswer{}
				})
				tr := newHTTP(t, func(o *logstash.DialOptions) {
					o.DialContext, o.Timeout = srv.Dial, 5*time.Second
				}, "http://example.com")
				defer tr.Close()
				start := time.Now()
				errs := deliver(t, tr, events(0, 3))
				if len(errs) != 1 {
					t.Fatalf("%d errors, want 1: %q", len(errs), errs)
				}
				for _, part := range tt.says {
					if !strings.Contains(errs[0].Error(), part) {
						t.Errorf("error %q does not contain %q", errs[0], part)
					}
				}
				if msg := errs[0].Error(); strings.Contains(msg, "secret") || len(msg) > 500 {
					t.Errorf("error is too long or has the secret: %q", msg)
				}
				if d := time.Since(start); d < tt.least || d > tt.most {
					t.Errorf("acked after %v, want %v to %v", d, tt.least, tt.most)
				}
				if got := logstash.IsDeath(errs[0]); got != tt.death {
					t.Errorf("perhaps poison: %v, want %v", got, tt.death)
				}
				if errors.Is(errs[0], logstash.ErrRejected) {
					t.Error("the events are rejected")
				}
				if missing := ledger.Missing(0, 3); len(missing) > 0 || ledger.Duplicates() != tt.twice {
					t.Errorf("missing %v, %d twice; want none, %d", missing, ledger.Duplicates(), tt.twice)
				}
				if n := srv.Connections(); n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		})
	}
}

// Every ack acks, and leaves a connection for the next request, unless what
// follows the head of the answer does not end.
func TestHTTPAcks(t *testing.T) {
	tests := []struct {
		name   string
		answer lstest.HTTPAnswer
		conns  int
		took   time.Duration
	}{
		{"of the input", lstest.HTTPAnswer{}, 1, 0},
		{"created", lstest.HTTPAnswer{Status: 201, Body: "created"}, 1, 0},
		{"accepted", lstest.HTTPAnswer{Status: 202}, 1, 0},
		{"no content", lstest.HTTPAnswer{Status: 204}, 1, 0},
		{"ok without a body", lstest.HTTPAnswer{Status: 200}, 1, 0},
		{"long", lstest.HTTPAnswer{Status: 200, Body: strings.Repeat("ok ", 10_000)}, 1, 0},
		{"late", lstest.HTTPAnswer{Delay: 4 * time.Second}, 1, 12 * time.Second},
		{"endless", lstest.HTTPAnswer{Status: 200, Body: "ok", Endless: true}, 3, 0},
		{"saying that it is the last", lstest.HTTPAnswer{Status: 200, Body: "ok", Header: http.Header{"Connection": {"close"}}}, 3, 0},
		{"followed by the end", lstest.HTTPAnswer{Status: 200, Body: "ok", Close: true}, 3, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := lstest.NewHTTP(nil)
				defer srv.Kill()
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return tt.answer })
				tr := newHTTP(t, func(o *logstash.DialOptions) {
					o.DialContext, o.Timeout = srv.Dial, 5*time.Second
				}, "http://example.com")
				defer tr.Close()
				start := time.Now()
				for i := range 3 {
					if acked, err := tr.Send(t.Context(), events(2*i, 2*i+2)); acked != 2 || err != nil {
						t.Fatalf("acked %d, error %v; want 2, nil", acked, err)
					}
					if tt.answer.Close {
						synctest.Wait() // the end has arrived
					}
				}
				if d := time.Since(start); d != tt.took {
					t.Errorf("took %v, want %v", d, tt.took)
				}
				if diff := cmp.Diff(eventRange(0, 6), stringsOf(srv.Events())); diff != "" {
					t.Errorf("events mismatch (-want +got):\n%s", diff)
				}
				if n := srv.Connections(); n != tt.conns {
					t.Errorf("%d connections, want %d", n, tt.conns)
				}
				if srv.ParseFailures() != 0 {
					t.Errorf("%d parse failures", srv.ParseFailures())
				}
			})
		})
	}
}

// A batch that the receiver refuses is rejected at once, and the connection
// stays for its halves.
func TestHTTPRejects(t *testing.T) {
	for _, status := range []int{400, 413, 422} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := lstest.NewHTTP(nil)
				defer srv.Kill()
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
					return lstest.HTTPAnswer{Status: status, Refuse: true, Body: "no"}
				})
				tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.Dial }, "http://example.com")
				defer tr.Close()
				for range 2 {
					start := time.Now()
					acked, err := tr.Send(t.Context(), events(0, 1))
					if acked != 0 || !errors.Is(err, logstash.ErrRejected) || !strings.Contains(err.Error(), `"no"`) {
						t.Fatalf("acked %d, error %v; want 0, ErrRejected", acked, err)
					}
					if errors.Is(err, logstash.ErrTooLarge) != (status == 413) {
						t.Errorf("error %v, want ErrTooLarge for 413 alone", err)
					}
					if d := time.Since(start); d != 0 {
						t.Errorf("took %v", d)
					}
				}
				if n := srv.Connections(); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
			})
		})
	}
}

// rudeServer is a receiver over pipes that answers the head of each request with the
// same text, before or after it has read the body.
type rudeServer struct {
	answer string
	reads  bool // the body, before the first connection has ended

	mu    sync.Mutex
	conns int
}

func (s *rudeServer) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	ours, theirs := net.Pipe()
	go s.serve(theirs, s.reads || s.conns > 1)
	return ours, nil
}

func (s *rudeServer) serve(conn net.Conn, reads bool) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if reads {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_, _ = io.WriteString(conn, s.answer)
		if !reads {
			time.Sleep(time.Second)
			return
		}
	}
}

// An answer that comes before the events have been sent is no ack of them.
func TestHTTPEarlyAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rudeServer{answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.dial }, "http://example.com")
		defer tr.Close()
		large := []byte(`{"message":"` + strings.Repeat("x", 1<<20) + `"}`)
		errs := deliver(t, tr, [][]byte{large})
		time.Sleep(time.Minute) // until the server has ended
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "200 OK, no ack, as it came before") || srv.conns != 2 {
			t.Errorf("errors %q over %d connections; want one, and 2", errs, srv.conns)
		}
	})
}

// Of a receiver that says more than its answer, which net/http complains about to the
// standard logger, there are no more than a few such lines.
func TestHTTPAnswersThatGoOn(t *testing.T) {
	var lines bytes.Buffer
	log.SetOutput(&lines)
	defer log.SetOutput(os.Stderr)
	const n = 50
	synctest.Test(t, func(t *testing.T) {
		srv := rudeServer{answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore", reads: true}
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.dial }, "http://example.com")
		defer tr.Close()
		for i := range n {
			if errs := deliver(t, tr, events(i, i+1)); len(errs) > 0 {
				t.Fatal(errs)
			}
			synctest.Wait()
		}
		if srv.conns != n {
			t.Errorf("%d connections for %d requests", srv.conns, n)
		}
	})
	if got := strings.Count(lines.String(), "Unsolicited"); got != 3 {
		t.Errorf("%d complaints, want %d:\n%s", got, 3, lines.String())
	}
}

// A receiver may repeat what it cannot read. That speaks of HTTPS in an event,
// or as the answer of a server that wants TLS, which this one does not: it has
// acked before.
func TestHTTPRejectsWhatSpeaksOfHTTPS(t *testing.T) {
	for _, tt := range []struct {
		text  string
		first int // the number of the request that is refused
	}{
		{`{"error":"cannot parse value of message: 'Client sent an HTTP request to an HTTPS server'"}`, 1},
		{"want HTTPS", 1},
		{"Client sent an HTTP request to an HTTPS server.", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := lstest.NewHTTP(nil)
			defer srv.Kill()
			requests := 0
			srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer {
				if requests++; requests < tt.first {
					return lstest.HTTPAnswer{}
				}
				return lstest.HTTPAnswer{Status: 400, Refuse: true, Body: tt.text}
			})
			tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.Dial }, "http://example.com")
			defer tr.Close()
			var err error
			for i := range tt.first {
				_, err = tr.Send(t.Context(), events(i, i+1))
			}
			if !errors.Is(err, logstash.ErrRejected) || strings.Contains(err.Error(), "wants https") {
				t.Errorf("error %v, want ErrRejected", err)
			}
		})
	}
}

// A receiver, or what stands before it, may repeat the request. What is secret
// of it is in no error, nor is a part of it.
func TestHTTPKeepsSecrets(t *testing.T) {
	const secret = "s3cret-password" // with bob, Ym9iOnMzY3JldC1wYXNzd29yZA==
	tests := []struct {
		name string
		addr string
		opts logstash.DialOptions
		hide []string
	}{
		{"password of the address", "http://bob:" + secret + "@example.com", logstash.DialOptions{}, []string{"Ym9iOnMzY3JldC", secret}},
		{"password", "http://example.com", logstash.DialOptions{Username: "bob", Password: secret}, []string{"Ym9iOnMzY3JldC", secret}},
		{"token", "http://example.com", logstash.DialOptions{BearerToken: "abc/" + secret}, []string{secret}},
		{
			"header", "http://example.com",
			logstash.DialOptions{Header: http.Header{"X-Api-Key": {secret}}},
			[]string{secret},
		},
		{"query", "http://example.com/in?token=" + secret + "&x=%2Funescaped", logstash.DialOptions{}, []string{secret, "unescaped"}},
	}
	for _, tt := range tests {
		for _, before := range []int{0, 100, 150, 190, 380, 395, 5000} {
			for _, escape := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					srv := lstest.NewHTTP(nil)
					defer srv.Kill()
					srv.SetAnswer(func(r *http.Request) lstest.HTTPAnswer {
						var echo strings.Builder
						fmt.Fprintf(&echo, "POST %s\n", r.RequestURI)
						_ = r.Header.Write(&echo)
						echo.WriteString(r.URL.Query().Encode())
						echo.WriteString(r.URL.Query().Get("x"))
						if _, password, ok := r.BasicAuth(); ok {
							echo.WriteString(" of " + password)
						}
						text := echo.String()
						if escape {
							text = strings.ReplaceAll(text, "/", `\/`) // as in JSON made by PHP
						}
						return lstest.HTTPAnswer{Status: 500, Refuse: true, Body: "why: " + strings.Repeat("\n", before) + text}
					})
					tt.opts.DialContext = srv.Dial
					tr := newHTTP(t, func(o *logstash.DialOptions) { *o = tt.opts }, tt.addr)
					defer tr.Close()
					_, err := tr.Send(t.Context(), events(0, 1))
					if err == nil || !strings.Contains(err.Error(), `"why:`) {
						t.Fatalf("%s: error %v, want the text of the receiver", tt.name, err)
					}
					for _, s := range tt.hide {
						for n := 6; n <= len(s); n++ {
							if strings.Contains(err.Error(), s[:n]) {
								t.Fatalf("%s: error %q shows %q", tt.name, err, s[:n])
							}
						}
					}
				})
			}
		}
	}
}

// Something that is no HTTP server may repeat the request, too.
func TestHTTPKeepsSecretsFromAnEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var request [1 << 10]byte
		n := 0
		for !strings.HasSuffix(string(request[:n]), event(0)+"]") {
			m, err := conn.Read(request[n:])
			if err != nil {
				return
			}
			n += m
		}
		_, _ = conn.Write(request[:n])
		_, _ = io.Copy(io.Discard, conn)
	}()
	tr := newHTTP(t, func(*logstash.DialOptions) {}, "http://"+l.Addr().String()+"/in?token=s3cret-token")
	_, err = tr.Send(t.Context(), events(0, 1))
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("error %v, want one that tells of the malformed answer, but not of the token", err)
	}
}

// A receiver that finds a body too large gets smaller ones, and no event is
// rejected but the one that is too large alone.
func TestHTTPTooLarge(t *testing.T) {
	for _, level := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			var ledger lstest.Ledger
			srv := lstest.NewHTTP(&lstest.HTTPOptions{MaxContentLength: 1000, OnEvent: ledger.Receiver()})
			defer srv.Kill()
			tr := newHTTP(t, func(o *logstash.DialOptions) {
				o.DialContext, o.CompressionLevel = srv.Dial, level
			}, "http://example.com")
			defer tr.Close()
			batch := events(0, 500)
			batch[300] = fmt.Appendf(nil, `{"id":300,"pad":%q}`, strings.Repeat("x", 1000))
			acked, err := tr.Send(t.Context(), batch)
			if acked != 300 || !errors.Is(err, logstash.ErrRejected) || !strings.Contains(err.Error(), "post 1 events") {
				t.Fatalf("acked %d, error %v; want 300 and the one that is too large rejected", acked, err)
			}
			before := srv.Requests()
			if acked, err := tr.Send(t.Context(), batch[301:]); acked != 199 || err != nil {
				t.Fatalf("acked %d, error %v; want 199, nil", acked, err)
			}
			if missing := ledger.Missing(0, 500); len(missing) != 1 || ledger.Duplicates() != 0 {
				t.Errorf("missing %v, %d duplicates; want 300 alone, none", missing, ledger.Duplicates())
			}
			if n := srv.Requests() - before; n > 25 {
				t.Errorf("%d requests for 199 events of 40 bytes at 1000 a body", n)
			}
			if resent := tr.(interface{ Resent() uint64 }).Resent(); resent == 0 {
				t.Error("nothing was counted as sent again")
			}
		})
	}
}

// A connection that ends while it is idle is replaced without a word, before
// anything is lost in it.
func TestHTTPIdleConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewHTTP(nil)
		defer srv.Kill()
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.Dial }, "http://example.com")
		defer tr.Close()
		for i := range 4 {
			if acked, err := tr.Send(t.Context(), events(i, i+1)); acked != 1 || err != nil {
				t.Fatalf("acked %d, error %v; want 1, nil", acked, err)
			}
			switch i {
			case 0:
				srv.CloseConns()
			case 1:
				srv.ResetConns()
			case 2:
				time.Sleep(time.Minute) // in which somebody on the way may have forgotten it
			}
			synctest.Wait()
		}
		if n := srv.Connections(); n != 4 {
			t.Errorf("%d connections, want 4", n)
		}
		if diff := cmp.Diff(eventRange(0, 4), stringsOf(srv.Events())); diff != "" {
			t.Errorf("events mismatch (-want +got):\n%s", diff)
		}
	})
}

// A connection that has worked and dies under a request may only have been
// closed for being idle: the first time is no failure. On the next one it is,
// and may be the fault of an event.
func TestHTTPConnectionDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewHTTP(nil)
		defer srv.Kill()
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.DialContext = srv.Dial }, "http://example.com")
		defer tr.Close()
		deliver(t, tr, events(0, 1))
		srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return lstest.HTTPAnswer{Refuse: true, Reset: true} })
		if _, err := tr.Send(t.Context(), events(1, 2)); !logstash.IsStale(err) {
			t.Errorf("on a connection that had worked: %v, want it to be stale", err)
		}
		if _, err := tr.Send(t.Context(), events(1, 2)); !logstash.IsDeath(err) || logstash.IsStale(err) {
			t.Errorf("on a new connection: %v, want a death", err)
		}
	})
}

// In every phase of a request Send returns as soon as its context is done, and
// the endpoint is not blamed.
func TestHTTPCanceled(t *testing.T) {
	stuck := func(ctx context.Context, srv *lstest.HTTP) { <-ctx.Done() }
	tests := []struct {
		name   string
		dial   func(ctx context.Context, srv *lstest.HTTP)
		answer lstest.HTTPAnswer
		pause  bool // the receiver reads nothing
		acked  int
	}{
		{name: "dialing", dial: stuck},
		{name: "writing", pause: true},
		{name: "waiting for the answer", answer: lstest.HTTPAnswer{Delay: time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := lstest.NewHTTP(nil)
				defer srv.Kill()
				srv.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return tt.answer })
				if tt.pause {
					defer srv.StopReading()()
				}
				dialing := tt.dial
				tr := newHTTP(t, func(o *logstash.DialOptions) {
					o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						if dialing != nil {
							dialing(ctx, srv)
							return nil, ctx.Err()
						}
						return srv.Dial(ctx, network, addr)
					}
				}, "http://example.com")
				defer tr.Close()
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				acked, err := tr.Send(ctx, events(0, 3))
				if acked != 0 || !errors.Is(err, context.Canceled) {
					t.Errorf("acked %d, error %v; want 0, context.Canceled", acked, err)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("took %v, want 1s", d)
				}
				dialing = nil
				srv.SetAnswer(nil)
				if tt.pause {
					return
				}
				if acked, err := tr.Send(t.Context(), events(0, 3)); acked != 3 || err != nil {
					t.Errorf("afterwards: acked %d, error %v; want 3, nil", acked, err)
				}
			})
		})
	}
}

// Two hosts, of which one answers with errors or not at all: the other is
// asked at once.
func TestHTTPTakesOver(t *testing.T) {
	tests := []struct {
		name   string
		answer *lstest.HTTPAnswer // nil: nobody is there
		errors int
	}{
		{"down", nil, 0},
		{"unavailable", &lstest.HTTPAnswer{Status: 503, Refuse: true, Header: http.Header{"Retry-After": {"100"}}}, 1},
		{"without credentials", &lstest.HTTPAnswer{Status: 401, Refuse: true}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := lstest.NewHTTP(nil), lstest.NewHTTP(nil)
				defer a.Kill()
				defer b.Kill()
				if tt.answer == nil {
					a.Kill()
				} else {
					a.SetAnswer(func(*http.Request) lstest.HTTPAnswer { return *tt.answer })
				}
				tr := newHTTP(t, func(o *logstash.DialOptions) {
					o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						if addr == "a:8080" {
							return a.Dial(ctx, network, addr)
						}
						return b.Dial(ctx, network, addr)
					}
				}, "http://a,b")
				defer tr.Close()
				start := time.Now()
				errs := deliver(t, tr, events(0, 3))
				if d := time.Since(start); d != 0 || len(errs) != tt.errors {
					t.Errorf("took %v with errors %q, want 0s with %d", d, errs, tt.errors)
				}
				if diff := cmp.Diff(eventRange(0, 3), stringsOf(b.Events())); diff != "" {
					t.Errorf("events mismatch (-want +got):\n%s", diff)
				}
				if host := b.LastRequest().Host; host != "b:8080" {
					t.Errorf("Host %q, want b:8080", host)
				}
			})
		})
	}
}

// A receiver that nobody reaches costs an attempt now and then, at times that
// grow, and the error says who it is.
func TestHTTPUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewHTTP(nil)
		srv.Kill()
		attempts := 0
		tr := newHTTP(t, func(o *logstash.DialOptions) {
			o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				attempts++
				return srv.Dial(ctx, network, addr)
			}
		}, "http://u:secret@example.com/path?token=secret")
		defer tr.Close()
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			acked, err := tr.Send(t.Context(), events(0, 1))
			var wait interface{ RetryAfter() time.Duration }
			if acked != 0 || !errors.As(err, &wait) || !logstash.SentNothing(err) {
				t.Fatalf("acked %d, error %v; want 0, and when to try again", acked, err)
			}
			if !strings.Contains(err.Error(), "example.com:8080") || strings.Contains(err.Error(), "secret") {
				t.Fatalf("error %q", err)
			}
			time.Sleep(wait.RetryAfter())
		}
		if attempts < 10 || attempts > 30 {
			t.Errorf("%d attempts in 10 minutes", attempts)
		}
	})
}
