package logstash_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func listenHTTP(t testing.TB, addr string, opts *lstest.HTTPOptions) *lstest.HTTP {
	t.Helper()
	srv, err := lstest.ListenHTTP(addr, opts)
	if err != nil {
		t.Skipf("no receiver on %s: %v", addr, err)
	}
	t.Cleanup(srv.Kill)
	return srv
}

// What a request looks like, with every option that changes it.
func TestHTTPRequest(t *testing.T) {
	testlog.CheckGoroutines(t)
	basic := "Basic " + "dXNlcjpwOkBzcyB3w7ZyZA==" // user:p:@ss wörd
	tests := []struct {
		name string
		user string // in the address
		tail string
		opts logstash.DialOptions
		uri  string
		host string // "" for that of the address
		want http.Header
	}{
		{name: "plain", uri: "/", want: http.Header{}},
		{name: "path and query", tail: "/in%2Fput/x?pipeline=a%20b&c", uri: "/in%2Fput/x?pipeline=a%20b&c", want: http.Header{}},
		{name: "path that looks like a host", tail: "//logs/in", uri: "//logs/in", want: http.Header{}},
		{name: "path that looks like a host and a port", tail: "//a:b/c?d", uri: "//a:b/c?d", want: http.Header{}},
		{name: "query alone", tail: "?a=b", uri: "/?a=b", want: http.Header{}},
		{
			name: "compressed", uri: "/", opts: logstash.DialOptions{CompressionLevel: 6},
			want: http.Header{"Content-Encoding": {"gzip"}},
		},
		{
			name: "username and password", uri: "/",
			opts: logstash.DialOptions{Username: "user", Password: "p:@ss wörd"},
			want: http.Header{"Authorization": {basic}},
		},
		{
			name: "user information", user: "user:p%3A%40ss%20w%C3%B6rd@", uri: "/",
			want: http.Header{"Authorization": {basic}},
		},
		{
			name: "bearer token", uri: "/", opts: logstash.DialOptions{BearerToken: "abc.def"},
			want: http.Header{"Authorization": {"Bearer abc.def"}},
		},
		{
			name: "header", uri: "/", host: "logs.example.com",
			opts: logstash.DialOptions{Header: http.Header{
				"x-tenant":     {"a", "b"},
				"host":         {"logs.example.com"},
				"user-agent":   {"mine"},
				"Content-Type": {"application/vnd.logs+json"},
				"X-None":       nil,
			}},
			want: http.Header{
				"X-Tenant": {"a", "b"}, "User-Agent": {"mine"}, "Content-Type": {"application/vnd.logs+json"},
			},
		},
		{
			name: "own scheme of credentials", uri: "/",
			opts: logstash.DialOptions{Header: http.Header{"Authorization": {"ApiKey abc"}}},
			want: http.Header{"Authorization": {"ApiKey abc"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := listenHTTP(t, "127.0.0.1:0", nil)
			before := tt.opts.Header.Clone()
			tr := newHTTP(t, func(o *logstash.DialOptions) { *o = tt.opts }, "http://"+tt.user+srv.Addr()+tt.tail)
			if acked, err := tr.Send(t.Context(), events(0, 3)); acked != 3 || err != nil {
				t.Fatalf("acked %d, error %v; want 3, nil", acked, err)
			}
			req := srv.LastRequest()
			got := req.Header.Clone()
			for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": "sluice"} {
				if _, set := tt.want[name]; !set {
					tt.want.Set(name, value)
				}
			}
			got.Del("Content-Length")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("header mismatch (-want +got):\n%s", diff)
			}
			if tt.host == "" {
				tt.host = srv.Addr()
			}
			if req.Method != http.MethodPost || req.RequestURI != tt.uri || req.Host != tt.host {
				t.Errorf("%s %s, Host %s; want POST %s, %s", req.Method, req.RequestURI, req.Host, tt.uri, tt.host)
			}
			if req.ContentLength <= 0 || len(req.TransferEncoding) > 0 {
				t.Errorf("length %d, encoding %q; want the length to be there", req.ContentLength, req.TransferEncoding)
			}
			if tt.want.Get("Content-Type") == "application/json" {
				if diff := cmp.Diff(eventRange(0, 3), stringsOf(srv.Events())); diff != "" {
					t.Errorf("events mismatch (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(before, tt.opts.Header); diff != "" {
				t.Errorf("the user's header has changed (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be sent is an error at once, which says what is wrong and keeps
// secrets to itself.
func TestHTTPBadOptions(t *testing.T) {
	tests := []struct {
		name string
		addr string
		opts logstash.DialOptions
		says string
	}{
		{"length", "", logstash.DialOptions{Header: http.Header{"content-length": {"secret"}}}, "content-length: want it not there"},
		{"framing", "", logstash.DialOptions{Header: http.Header{"Transfer-Encoding": {"secret"}}}, "Transfer-Encoding: want it not there"},
		{"encoding", "", logstash.DialOptions{Header: http.Header{"Content-Encoding": {"secret"}}}, "Content-Encoding: want it not there"},
		{"connection", "", logstash.DialOptions{Header: http.Header{"Connection": {"secret"}}}, "Connection: want it not there"},
		{"expectation", "", logstash.DialOptions{Header: http.Header{"Expect": {"secret"}}}, "Expect: want it not there"},
		{"no name", "", logstash.DialOptions{Header: http.Header{"": {"secret"}}}, `"": want a name`},
		{"name", "", logstash.DialOptions{Header: http.Header{"a b": {"secret"}}}, `"a b": want a name`},
		{"name beyond ASCII", "", logstash.DialOptions{Header: http.Header{"ä": {"secret"}}}, `"ä": want a name`},
		{"value", "", logstash.DialOptions{Header: http.Header{"X-A": {"secret\r\nX-B: c"}}}, "X-A: want no control characters"},
		{"two hosts", "", logstash.DialOptions{Header: http.Header{"Host": {"a", "b"}}}, `Host ["a" "b"]: want one host`},
		{"strange host", "", logstash.DialOptions{Header: http.Header{"Host": {"a/b"}}}, `Host ["a/b"]: want one host`},
		{
			"credentials twice", "",
			logstash.DialOptions{Username: "u", Password: "secret", Header: http.Header{"authorization": {"secret"}}},
			"Authorization: want it there, or in Username",
		},
		{
			"token twice", "",
			logstash.DialOptions{BearerToken: "secret", Header: http.Header{"Authorization": {"secret"}}},
			"Authorization: want it there, or in Username",
		},
		{"user twice", "http://a:secret@host", logstash.DialOptions{Username: "b"}, "Username, Password: want them there, or in the address"},
		{"user and token", "", logstash.DialOptions{Password: "secret", BearerToken: "secret"}, "BearerToken: want it, or a user"},
		{"user of the address and token", "http://a@host", logstash.DialOptions{BearerToken: "secret"}, "BearerToken: want it, or a user"},
		{"colon in the name", "", logstash.DialOptions{Username: "a:secret", Password: "secret"}, "Username: want no colon"},
		{"control in the password", "", logstash.DialOptions{Username: "a", Password: "secret\n"}, "Password: want no control"},
		{"control in the token", "", logstash.DialOptions{BearerToken: "secret\r\nX: y"}, "BearerToken: want printable"},
		{"colon in the address", "http://a%3Asecret:secret@host", logstash.DialOptions{}, "Username: want no colon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.addr == "" {
				tt.addr = "http://host"
			}
			_, err := logstash.NewHTTP(tt.addr, &tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "logstash: ") {
				t.Fatalf("error %v, want one that contains %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q tells a secret", err)
			}
		})
	}
}

// Over IPv6, with wrong credentials and with right ones.
func TestHTTPCredentials(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listenHTTP(t, "[::1]:0", &lstest.HTTPOptions{Username: "user", Password: "right"})
	for password, want := range map[string]int{"wrong": 0, "right": 3} {
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.Username, o.Password = "user", password }, "http://"+srv.Addr())
		acked, err := tr.Send(t.Context(), events(0, 3))
		if acked != want || (err == nil) != (want > 0) {
			t.Errorf("password %s: acked %d, error %v; want %d", password, acked, err, want)
		}
		if err != nil && (!strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "wrong")) {
			t.Errorf("error %q, want 401 and no password", err)
		}
	}
	srv.Kill()
}

// The body is one JSON array of the events as they are, gzipped or not, and as
// many as there are.
func TestHTTPBody(t *testing.T) {
	var bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			zip, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = zip
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(text))
	}))
	defer srv.Close()
	for _, level := range []int{0, 1, 9} {
		bodies = nil
		tr := newHTTP(t, func(o *logstash.DialOptions) { o.CompressionLevel = level }, srv.URL)
		for _, n := range []int{1, 2000, 2, 0} {
			if acked, err := tr.Send(t.Context(), events(0, n)); acked != n || err != nil {
				t.Fatalf("acked %d, error %v; want %d, nil", acked, err, n)
			}
		}
		want := []string{"[" + event(0) + "]", "[" + strings.Join(eventRange(0, 2000), ",") + "]", "[" + event(0) + "," + event(1) + "]"}
		if diff := cmp.Diff(want, bodies); diff != "" {
			t.Errorf("level %d: mismatch (-want +got):\n%s", level, diff)
		}
		if !json.Valid([]byte(bodies[1])) {
			t.Error("not JSON")
		}
	}
}

// A batch of many megabytes goes in several requests, of which only one with a
// single event is longer than it should be.
func TestHTTPLargeBatch(t *testing.T) {
	var bodies []int
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != r.ContentLength {
			t.Errorf("read %d of %d: %v", n, r.ContentLength, err)
		}
		bodies = append(bodies, int(n))
	}))
	defer srv.Close()
	tr := newHTTP(t, func(*logstash.DialOptions) {}, srv.URL)
	one, long := make([]byte, 1<<20), make([]byte, 9<<20)
	if acked, err := tr.Send(t.Context(), [][]byte{one, one, one, one, one, long, one}); acked != 7 || err != nil {
		t.Fatalf("acked %d, error %v; want 7, nil", acked, err)
	}
	if diff := cmp.Diff([]int{3<<20 + 4, 2<<20 + 3, 9<<20 + 2, 1<<20 + 2}, bodies); diff != "" {
		t.Errorf("lengths mismatch (-want +got):\n%s", diff)
	}
}

// The proxy of the environment is used, but not where there is a DialContext.
// net/http looks at the environment once, so this needs a process of its own.
func TestHTTPProxy(t *testing.T) {
	const target = "http://user:secret@logstash.invalid:8080/path"
	if os.Getenv("SLUICE_TEST_PROXY") != "" {
		s := dialShipper(t, target, logstash.DialOptions{})
		writeEvents(t, s, 0, 3)
		if err := s.Flush(within(t)); err != nil {
			t.Error(err)
		}
		var dialed string
		tr := newHTTP(t, func(o *logstash.DialOptions) {
			o.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
				dialed = addr
				return nil, io.EOF
			}
		}, target)
		if _, err := tr.Send(t.Context(), events(3, 4)); err == nil || dialed != "logstash.invalid:8080" {
			t.Errorf("with a DialContext: dialed %q, error %v; want the receiver, and its error", dialed, err)
		}
		return
	}
	srv := listenHTTP(t, "127.0.0.1:0", nil)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHTTPProxy$", "-test.v")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_PROXY=1", "HTTP_PROXY=http://proxyuser:pw@"+srv.Addr(), "NO_PROXY=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	req := srv.LastRequest()
	if req == nil {
		t.Fatalf("nothing came to the proxy\n%s", out)
	}
	if req.RequestURI != "http://logstash.invalid:8080/path" || req.Header.Get("Proxy-Authorization") == "" {
		t.Errorf("request for %s, header %v", req.RequestURI, req.Header)
	}
	if diff := cmp.Diff(eventRange(0, 3), stringsOf(srv.Events())); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}
