package monitor_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
)

// local returns a request that this machine could send.
func local(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:40000"
	r.Host = "localhost:8080"
	return r
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// levels are those of a program that has always the same.
func levels(list ...monitor.Level) func() []monitor.Level {
	return func() []monitor.Level { return list }
}

func discard() *monitor.Handler { return monitor.NewHandler(slog.DiscardHandler, nil) }

func TestPageIsOneDocument(t *testing.T) {
	t.Parallel()
	page := monitor.NewPage(discard(), &monitor.PageOptions{Title: `<script>alert("&")</script>`})
	w := answer(page, local("GET", "/any/path", ""))
	if got, want := w.Header(), (http.Header{
		"Accept-Ranges":                {"bytes"},
		"Cache-Control":                {"no-store"},
		"Content-Length":               w.Header()["Content-Length"],
		"Content-Security-Policy":      w.Header()["Content-Security-Policy"],
		"Content-Type":                 {"text/html; charset=utf-8"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
	}); w.Code != http.StatusOK || !cmp.Equal(want, got) {
		t.Errorf("status %d, mismatch (-want +got)\n%s", w.Code, cmp.Diff(want, got))
	}

	body := w.Body.String()
	policy := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy has no %q: %s", part, policy)
		}
	}
	for _, element := range []string{"style", "script"} {
		texts := regexp.MustCompile("(?s)<"+element+">(.*?)</"+element+">").FindAllStringSubmatch(body, -1)
		if len(texts) != 1 {
			t.Fatalf("%d elements %s, want 1", len(texts), element)
		}
		sum := sha256.Sum256([]byte(texts[0][1]))
		if source := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, source) {
			t.Errorf("the policy has no %s: %s", source, policy)
		}
	}
	if strings.Contains(body, "<script>alert") || !strings.Contains(body, "<h1>&lt;script&gt;alert(&#34;&amp;&#34;)&lt;/script&gt;</h1>") {
		t.Error("the title is not escaped")
	}
	if outside := regexp.MustCompile(`(?:src|href|url\(|import)[=(" ']+(?:https?:)?//[^"' )]*`).FindAllString(body, -1); outside != nil {
		t.Errorf("the page needs %q", outside)
	}
	if head := answer(page, local("HEAD", "/", "")); head.Code != http.StatusOK || head.Body.Len() > 0 {
		t.Errorf("HEAD: status %d, %d bytes", head.Code, head.Body.Len())
	}
}

func TestPageTitleIsTheProgramByDefault(t *testing.T) {
	t.Parallel()
	body := answer(monitor.NewPage(discard(), nil), local("GET", "/", "")).Body.String()
	if !strings.Contains(body, "<title>monitor.test") {
		t.Errorf("%.300s", body)
	}
}

func TestPageIsForThisMachineByDefault(t *testing.T) {
	t.Parallel()
	page := monitor.NewPage(discard(), nil)
	tests := []struct {
		name, remote, host, header string
		want                       int
	}{
		{"localhost", "127.0.0.1:1", "localhost:8080", "", 200},
		{"localhost without a port, in capitals", "127.0.0.1:1", "LOCALHOST", "", 200},
		{"an IPv4 address", "127.8.9.1:1", "127.0.0.1:80", "", 200},
		{"an IPv6 address", "[::1]:1", "[::1]:80", "", 200},
		{"an IPv6 address without a port", "[::1]:1", "[::1]", "", 200},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:80", "", 200},
		{"another machine", "192.0.2.7:1", "localhost:8080", "", 403},
		{"another machine in the link's zone", "[fe80::1%eth0]:1", "localhost", "", 403},
		{"a name that was bound to loopback", "127.0.0.1:1", "evil.example:8080", "", 403},
		{"a name that begins well", "127.0.0.1:1", "localhost.evil.example", "", 403},
		{"a name that begins with an address", "127.0.0.1:1", "127.0.0.1.evil.example", "", 403},
		{"the machine's public address", "127.0.0.1:1", "203.0.113.5:80", "", 403},
		{"no host", "127.0.0.1:1", "", "", 403},
		{"no address", "@", "localhost", "", 403},
		{"a proxy", "127.0.0.1:1", "localhost:8080", "X-Forwarded-For", 403},
		{"another proxy", "127.0.0.1:1", "localhost:8080", "Forwarded", 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, target := range []string{"/", "/?state", "/?events"} {
				r := local("HEAD", target, "")
				r.RemoteAddr, r.Host = test.remote, test.host
				if test.header != "" {
					r.Header.Set(test.header, "198.51.100.1")
				}
				w := answer(page, r)
				if w.Code != test.want {
					t.Errorf("%s: status %d, want %d: %s", target, w.Code, test.want, w.Body)
				}
				if w.Code == 403 && !strings.Contains(w.Body.String(), "set PageOptions.Allow") {
					t.Errorf("%s: the answer does not say what to set: %s", target, w.Body)
				}
			}
		})
	}
}

func TestPageAsksAllow(t *testing.T) {
	t.Parallel()
	page := monitor.NewPage(discard(), &monitor.PageOptions{Allow: func(r *http.Request) bool {
		if r.Header.Get("Key") == "panic" {
			panic("no such user: 10.0.0.1")
		}
		return r.Header.Get("Key") == "good"
	}})
	for key, want := range map[string]int{"good": 200, "bad": 403, "": 403, "panic": 500} {
		for _, target := range []string{"/", "/?state", "/?events"} {
			r := httptest.NewRequest(http.MethodHead, target, http.NoBody) // from elsewhere
			r.Header.Set("Key", key)
			if w := answer(page, r); w.Code != want {
				t.Errorf("%s with key %q: status %d, want %d: %s", target, key, w.Code, want, w.Body)
			}
		}
	}
}

func TestPageAnswersNoOtherSite(t *testing.T) {
	t.Parallel()
	const set = `{"name":"app","level":"DEBUG"}`
	tests := []struct {
		name, method, target string
		header               map[string]string
		want                 int
	}{
		{"a link to the page", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"the page's own stream", "HEAD", "/?events", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200},
		{"an address typed in", "GET", "/?state", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200},
		{"the stream in a frame", "GET", "/?events", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"the state in a window", "GET", "/?x&state", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403},
		{"the stream as an image", "GET", "/?events", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"the state from a sister site", "GET", "/?state", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"a change by the page", "POST", "/", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080"}, 200},
		{"a change by a program", "POST", "/", nil, 200},
		{"a change by another site", "POST", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		{"a change by a site in an old browser", "POST", "/", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a change by another port", "POST", "/", map[string]string{"Origin": "http://localhost:9090"}, 403},
		{"a change by a form that another site submits", "POST", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403},
		{"a change by a form", "POST", "/", map[string]string{"Content-Type": "text/plain"}, 415},
		{"a change of no type", "POST", "/", map[string]string{"Content-Type": ""}, 415},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var level slog.LevelVar
			page := monitor.NewPage(discard(), &monitor.PageOptions{
				Levels: levels(monitor.Level{Name: "app", Leveler: &level}), ChangeLevels: true,
			})
			r := local(test.method, test.target, set)
			r.Header.Set("Content-Type", "application/json")
			for k, v := range test.header {
				r.Header.Set(k, v)
			}
			w := answer(page, r)
			if w.Code != test.want {
				t.Errorf("status %d, want %d: %s", w.Code, test.want, w.Body)
			}
			if changed := level.Level() != slog.LevelInfo; changed != (test.method == "POST" && test.want == 200) {
				t.Errorf("the level is %v", level.Level())
			}
		})
	}
}

func TestPageMethods(t *testing.T) {
	t.Parallel()
	page := monitor.NewPage(discard(), nil)
	for _, method := range []string{"PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
		w := answer(page, local(method, "/", ""))
		if got := w.Header().Get("Allow"); w.Code != http.StatusMethodNotAllowed || got != "GET, HEAD, POST" {
			t.Errorf("%s: status %d, Allow is %q", method, w.Code, got)
		}
	}
	if w := answer(page, local("GET", "/?events&level=LOUD", "")); w.Code != 400 || !strings.Contains(w.Body.String(), `unknown level "LOUD": want TRACE, DEBUG`) {
		t.Errorf("a level that is none: status %d: %s", w.Code, w.Body)
	}
}

// fixed is a level that cannot be set, broken one that cannot be read.
type (
	fixed  struct{}
	broken struct{}
)

func (fixed) Level() slog.Level  { return slog.LevelWarn }
func (broken) Level() slog.Level { panic("broken") }
func (broken) Set(slog.Level)    {}

func TestPageSetsLevels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		off        bool
		status     int
		text       string
	}{
		{"a level", `{"name":"app","level":"DEBUG"}`, false, 200, "The level of app is DEBUG now. It was INFO."},
		{"in small letters", `{"name":"app","level":"warn"}`, false, 200, "The level of app is WARN now. It was INFO."},
		{"between the names", `{"name":"app","level":"INFO+1"}`, false, 200, "The level of app is INFO+1 now. It was INFO."},
		{"beyond those of log/slog", `{"name":"app","level":"TRACE"}`, false, 200, "The level of app is TRACE now. It was INFO."},
		{"with changes off", `{"name":"app","level":"DEBUG"}`, true, 403, "set PageOptions.ChangeLevels"},
		{"an unknown level", `{"name":"app","level":"LOUD"}`, false, 400, `unknown level "LOUD": want TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN, ERROR, FAIL, CRITICAL, FATAL, or`},
		{"an absurd level", `{"name":"app","level":"INFO+99999999999999"}`, false, 400, "unknown level"},
		{"an empty level", `{"name":"app","level":""}`, false, 400, "unknown level"},
		{"an unknown name", `{"name":"ap","level":"DEBUG"}`, false, 400, `"ap" is no level that can be set: want one of ["app" "broken"]`},
		{"one that is fixed", `{"name":"audit","level":"DEBUG"}`, false, 400, `"audit" is no level that can be set`},
		{"one that is not there", `{"name":"none","level":"DEBUG"}`, false, 400, `"none" is no level that can be set`},
		{"one that panics", `{"name":"broken","level":"DEBUG"}`, false, 500, "setting the level of broken panics: broken"},
		{"a missing field", `{"name":"app"}`, false, 400, "a field is missing"},
		{"an unknown field", `{"name":"app","level":"DEBUG","for":"10m"}`, false, 400, `unknown field "for"`},
		{"a number", `{"name":"app","level":4}`, false, 400, "cannot unmarshal number"},
		{"no JSON", `name=app&level=DEBUG`, false, 400, "invalid character"},
		{"nothing", ``, false, 400, "EOF"},
		{"null", `null`, false, 400, "a field is missing"},
		{"two objects", `{"name":"app","level":"DEBUG"} {}`, false, 400, "something follows the object"},
		{"too much", `{"name":"` + strings.Repeat("a", 5000) + `"}`, false, 413, "body: more than 4096 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var level slog.LevelVar
			var logged bytes.Buffer
			h := monitor.NewHandler(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: withoutTime}), nil)
			page := monitor.NewPage(h, &monitor.PageOptions{
				Levels: levels(
					monitor.Level{Name: "app", Leveler: &level},
					monitor.Level{Name: "audit", Leveler: fixed{}},
					monitor.Level{Name: "broken", Leveler: broken{}},
					monitor.Level{Name: "none"},
				),
				ChangeLevels: !test.off,
			})
			r := local("POST", "/", test.body)
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			w := answer(page, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("status %d, want %d; want %q in: %s", w.Code, test.status, test.text, w.Body)
			}
			want := ""
			if test.status == 200 {
				want = "level=WARN msg=\"log level changed\" name=app from=INFO to=" + level.Level().String() + " remote_addr=127.0.0.1:40000\n"
				want = strings.Replace(want, "DEBUG-4", "TRACE", 1)
			} else if level.Level() != slog.LevelInfo {
				t.Errorf("the level is %v", level.Level())
			}
			if got := logged.String(); got != want {
				t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// What the page shows of a level can be sent back.
func TestPageSetsALevelBack(t *testing.T) {
	t.Parallel()
	var level slog.LevelVar
	page := monitor.NewPage(discard(), &monitor.PageOptions{Levels: levels(monitor.Level{Name: "app", Leveler: &level}), ChangeLevels: true})
	for _, want := range []slog.Level{math.MinInt32, -100_000, -9, 0, 3, 7, 100_000, math.MaxInt} {
		level.Set(want)
		var state struct{ Levels []struct{ Level string } }
		if err := json.Unmarshal(answer(page, local("GET", "/?state", "")).Body.Bytes(), &state); err != nil || len(state.Levels) != 1 {
			t.Fatalf("%v: %+v", err, state)
		}
		for _, to := range []string{"CRITICAL", state.Levels[0].Level} {
			r := local("POST", "/", `{"name":"app","level":"`+to+`"}`)
			r.Header.Set("Content-Type", "application/json")
			if w := answer(page, r); w.Code != 200 {
				t.Errorf("level %s: status %d: %s", to, w.Code, w.Body)
			}
		}
		if level.Level() != want {
			t.Errorf("%d is shown as %q, which sets %d", want, state.Levels[0].Level, level.Level())
		}
	}
}

// Levels come and go with the sinks they are of.
func TestPageAsksForTheLevels(t *testing.T) {
	t.Parallel()
	var told []error
	var now []monitor.Level
	h := monitor.NewHandler(slog.DiscardHandler, &monitor.Options{OnError: func(err error) { told = append(told, err) }})
	page := monitor.NewPage(h, &monitor.PageOptions{ChangeLevels: true, Levels: func() []monitor.Level {
		if now == nil {
			panic("no")
		}
		return now
	}})
	set := func(name string) *httptest.ResponseRecorder {
		r := local("POST", "/", `{"name":"`+name+`","level":"DEBUG"}`)
		r.Header.Set("Content-Type", "application/json")
		return answer(page, r)
	}
	a, b := new(slog.LevelVar), new(slog.LevelVar)
	now = []monitor.Level{{Name: "a", Leveler: a}}
	if w := set("a"); w.Code != 200 || a.Level() != slog.LevelDebug {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	now = []monitor.Level{{Name: "b", Leveler: b}}
	if w := set("a"); w.Code != 400 || !strings.Contains(w.Body.String(), `"a" is no level that can be set: want one of ["b"]`) {
		t.Errorf("one that has gone: status %d: %s", w.Code, w.Body)
	}
	if w := set("b"); w.Code != 200 || b.Level() != slog.LevelDebug {
		t.Errorf("one that has come: status %d: %s", w.Code, w.Body)
	}
	now = nil
	w := answer(page, local("GET", "/?state", ""))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"levels": []`) {
		t.Errorf("while it panics: status %d: %s", w.Code, w.Body)
	}
	if len(told) != 1 || told[0].Error() != "monitor: PageOptions.Levels panicked: no" {
		t.Errorf("OnError was told %v", told)
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// A change is logged also if either level, the old or the new one, would hide it.
func TestPageLogsChangesOfItsOwnLevel(t *testing.T) {
	t.Parallel()
	var level slog.LevelVar
	var logged bytes.Buffer
	h := monitor.NewHandler(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: &level, ReplaceAttr: withoutTime}), nil)
	page := monitor.NewPage(h, &monitor.PageOptions{Levels: levels(monitor.Level{Name: "app", Leveler: &level}), ChangeLevels: true})
	for _, to := range []string{"CRITICAL", "DEBUG"} {
		r := local("POST", "/", `{"name":"app","level":"`+to+`"}`)
		r.Header.Set("Content-Type", "application/json")
		if w := answer(page, r); w.Code != 200 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	want := `level=WARN msg="log level changed" name=app from=INFO to=CRITICAL remote_addr=127.0.0.1:40000
level=WARN msg="log level changed" name=app from=CRITICAL to=DEBUG remote_addr=127.0.0.1:40000
`
	if got := logged.String(); got != want {
		t.Errorf("mismatch (-want +got)\n%s", cmp.Diff(want, got))
	}
}

func TestPageState(t *testing.T) {
	t.Parallel()
	var level slog.LevelVar
	h := monitor.NewHandler(slog.DiscardHandler, &monitor.Options{Sinks: func() []monitor.Sink {
		return []monitor.Sink{{Name: "app", Type: "file", Level: &level, Accepted: 3, Written: 2, Dropped: 1, Down: "no space"}}
	}})
	page := monitor.NewPage(h, &monitor.PageOptions{
		Interval: 3 * time.Second,
		Levels: levels(monitor.Level{Name: "app", Leveler: &level}, monitor.Level{Name: "audit", Leveler: fixed{}},
			monitor.Level{Name: "broken", Leveler: broken{}}, monitor.Level{Name: "none"}),
	})
	log(t, h, slog.LevelError, "one")
	log(t, h, slog.LevelInfo, "two")
	w := answer(page, local("GET", "/?state", ""))
	var got struct {
		Interval int64 `json:"interval_ms"`
		Health   struct {
			State string
			Sinks []struct{ Name, State, Down string }
		}
		Totals monitor.Counts
		Rates  struct {
			LastHour monitor.Counts `json:"last_hour"`
			Minutes  []monitor.Counts
		}
		Levels []struct {
			Name, Level string
			Settable    bool
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	counts := monitor.Counts{Error: 1, Info: 1}
	if got.Interval != 3000 || got.Health.State != "failing" || len(got.Health.Sinks) != 1 || got.Totals != counts ||
		got.Rates.LastHour != counts || len(got.Rates.Minutes) != 60 {
		t.Errorf("%+v", got)
	}
	if text, _ := json.Marshal(got.Levels); string(text) != `[{"Name":"app","Level":"INFO","Settable":false},{"Name":"audit","Level":"WARN","Settable":false},`+
		`{"Name":"broken","Level":"panics: broken","Settable":false},{"Name":"none","Level":"none","Settable":false}]` {
		t.Errorf("%s", text)
	}
}

func log(t testing.TB, h slog.Handler, level slog.Level, msg string, args ...any) {
	t.Helper()
	r := slog.NewRecord(time.Now(), level, msg, 0)
	r.Add(args...)
	if err := h.Handle(context.Background(), r); err != nil {
		t.Error(err)
	}
}

// An event is one of a stream.
type event struct{ name, data string }

// watch opens a stream, whose events it returns until the stream ends.
func watch(t *testing.T, url string) (events <-chan event, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r) //nolint:bodyclose // by the goroutine below
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("status %d, Content-Type %q: %s", resp.StatusCode, got, text)
	}
	ch := eventsOf(resp.Body)
	return ch, func() {
		cancel()
		for range ch {
		}
	}
}

// eventsOf returns the events of a stream until it ends.
func eventsOf(body io.ReadCloser) <-chan event {
	ch := make(chan event, 100)
	go func() {
		defer close(ch)
		defer body.Close()
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, 1<<20)
		var e event
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				ch <- e
				e = event{}
			}
		}
	}()
	return ch
}

// await returns the next event of a name.
func await(t *testing.T, events <-chan event, name string) string {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the stream ended before an event %s", name)
			}
			if e.name == name {
				return e.data
			}
		case <-timeout:
			t.Fatalf("no event %s", name)
		}
	}
}

func TestPageStream(t *testing.T) {
	testlog.CheckGoroutines(t, "net/http.(*persistConn)")
	h := discard()
	page := monitor.NewPage(h, &monitor.PageOptions{Interval: 100 * time.Millisecond})
	srv := httptest.NewServer(page)
	defer srv.Close()
	defer page.Close()
	log(t, h, slog.LevelError, "before")

	events, leave := watch(t, srv.URL+"/?events&level=INFO")
	defer leave()
	if got := await(t, events, "state"); !strings.Contains(got, `"totals":{"debug":0,"info":0,"warn":0,"error":1,"failed":0}`) {
		t.Errorf("state: %s", got)
	}
	if got := await(t, events, "errors"); !strings.Contains(got, `"n":1,`) || !strings.Contains(got, `"msg":"before"`) {
		t.Errorf("errors: %s", got)
	}
	log(t, h, slog.LevelDebug, "unseen")
	log(t, h, slog.LevelInfo, "seen\n<b>", "msg", "mine", slog.Group("g", "a", 1, "a", []int{2}))
	var tail struct {
		Dropped int
		Lines   []struct {
			Time, Level, Class, Msg, Raw string
			Attrs                        [][2]string
		}
	}
	if err := json.Unmarshal([]byte(await(t, events, "tail")), &tail); err != nil || len(tail.Lines) != 1 {
		t.Fatalf("%v: %+v", err, tail)
	}
	line := tail.Lines[0]
	if !json.Valid([]byte(line.Raw)) || !strings.Contains(line.Raw, `"msg":"mine"`) {
		t.Errorf("raw: %s", line.Raw)
	}
	if _, err := time.Parse(time.RFC3339Nano, line.Time); err != nil {
		t.Error(err)
	}
	if want := [][2]string{{"msg", "mine"}, {"g.a", "1"}, {"g.a", "[2]"}}; line.Msg != "seen\n<b>" || line.Level != "INFO" ||
		line.Class != "info" || !cmp.Equal(want, line.Attrs) {
		t.Errorf("line: %+v", line)
	}
	log(t, h, slog.LevelError, "after")
	if got := await(t, events, "errors"); !strings.Contains(got, `"n":2,`) {
		t.Errorf("errors: %s", got)
	}
	await(t, events, "state")

	// One who comes back to a new process learns that it has no errors.
	empty := monitor.NewPage(discard(), nil)
	other := httptest.NewServer(empty)
	defer other.Close()
	defer empty.Close()
	events, leaveOther := watch(t, other.URL+"/?events")
	defer leaveOther()
	if got := await(t, events, "errors"); got != "[]" {
		t.Errorf("errors: %s", got)
	}
}

func TestPageLimitsWatchers(t *testing.T) {
	page := monitor.NewPage(discard(), &monitor.PageOptions{MaxWatchers: 2})
	srv := httptest.NewServer(page)
	defer srv.Close()
	defer page.Close()
	first, leaveFirst := watch(t, srv.URL+"?events")
	_, leaveSecond := watch(t, srv.URL+"?events")
	defer leaveSecond()
	await(t, first, "state")

	look := func() (status int) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, srv.URL+"?events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if w := answer(page, local("GET", "/?events", "")); w.Code != 503 || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(w.Body.String(), "2 pages are open already: close one, or set PageOptions.MaxWatchers") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := answer(page, local("GET", "/?state", "")); w.Code != 200 {
		t.Errorf("the state: status %d", w.Code)
	}
	leaveFirst()
	for deadline := time.Now().Add(time.Minute); look() != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("the place of a watcher who has left is not free")
		}
	}
}

// A server that shuts down waits for its requests, and a stream is one without end.
func TestPageEndsWhenTheServerShutsDown(t *testing.T) {
	testlog.CheckGoroutines(t, "net/http.(*persistConn)")
	page := monitor.NewPage(discard(), nil)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: page, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	events, leave := watch(t, "http://"+listener.Addr().String()+"/?events")
	defer leave()
	await(t, events, "state")

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed { //nolint:errorlint // as documented
		t.Error(err)
	}
	if err := srv.Shutdown(ctx); err != nil { // again
		t.Error(err)
	}

	// The page goes on with another server.
	other := httptest.NewServer(page)
	defer other.Close()
	events, leave = watch(t, other.URL+"?events")
	defer leave()
	await(t, events, "state")
	page.Close()
	page.Close()
	if _, open := <-drained(events); open {
		t.Error("the stream goes on after Close")
	}
	if w := answer(page, local("GET", "/?events", "")); w.Code != 503 || !strings.Contains(w.Body.String(), "the page is closed") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// drained is closed when there are no more events.
func drained(events <-chan event) <-chan event {
	end := make(chan event)
	go func() {
		defer close(end)
		for range events {
		}
	}()
	return end
}

// The time that a server allows for a request is no limit for a stream.
func TestPageOutlastsTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where nobody is late for the request itself
		page := monitor.NewPage(discard(), &monitor.PageOptions{Interval: 100 * time.Millisecond})
		here, there := net.Pipe()
		srv := &http.Server{ReadTimeout: 150 * time.Millisecond, WriteTimeout: 150 * time.Millisecond}
		srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = "127.0.0.1:40000"
			page.ServeHTTP(w, r)
		})
		listener := &oneConn{conn: there, closed: make(chan struct{})}
		go srv.Serve(listener) //nolint:errcheck // it ends with Close
		defer srv.Close()
		defer page.Close()
		if _, err := io.WriteString(here, "GET /?events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(here), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		defer here.Close()
		events := eventsOf(resp.Body)
		for range 8 {
			await(t, events, "state")
		}
	})
}

// A oneConn is a listener with one connection to accept.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return new(net.TCPAddr) }

// A stalled is a ResponseWriter whose reader takes nothing after the first events.
type stalled struct {
	header   http.Header
	left     int
	mu       sync.Mutex
	deadline time.Time
}

func (s *stalled) Header() http.Header             { return s.header }
func (s *stalled) WriteHeader(int)                 {}
func (s *stalled) FlushError() error               { return nil }
func (s *stalled) SetReadDeadline(time.Time) error { return nil }
func (s *stalled) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = at
	return nil
}

func (s *stalled) Write(p []byte) (int, error) {
	if s.left--; s.left >= 0 {
		return len(p), nil
	}
	s.mu.Lock()
	wait := time.Until(s.deadline)
	s.mu.Unlock()
	time.Sleep(wait)
	return 0, os.ErrDeadlineExceeded
}

// The program goes on while a watcher takes nothing, and the watcher is cut off.
func TestPageCutsOffAStalledWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := discard()
		page := monitor.NewPage(h, nil)
		began := time.Now()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			page.ServeHTTP(&stalled{header: http.Header{}, left: 3}, local("GET", "/?events", ""))
		}()
		synctest.Wait()
		for range 10_000 {
			log(t, h, slog.LevelInfo, "goes on")
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the program waited for %v", waited)
		}
		<-gone
		if after := time.Since(began); after < 10*time.Second || after > 15*time.Second {
			t.Errorf("cut off after %v", after)
		}
		if w := answer(page, local("GET", "/?state", "")); w.Code != 200 || !strings.Contains(w.Body.String(), `"info": 10000`) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

// recorded is a ResponseWriter that keeps what it is given and ends at once.
type recorded struct {
	stalled
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recorded) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// Every line is shown, or counted as one that is not.
func TestPageCountsWhatItLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := discard()
		page := monitor.NewPage(h, nil)
		ctx, cancel := context.WithCancel(t.Context())
		w := &recorded{stalled: stalled{header: http.Header{}}}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			page.ServeHTTP(w, local("GET", "/?events", "").WithContext(ctx))
		}()
		synctest.Wait()
		const n = 3000
		for i := range n {
			log(t, h, slog.LevelInfo, "line")
			if i%1000 == 0 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Second)
		cancel()
		<-gone
		if !w.deadline.IsZero() {
			t.Error("the deadline of the last event stays for the connection's next request")
		}
		shown, dropped := 0, 0
		for _, m := range regexp.MustCompile(`(?m)^event: tail\ndata: (.*)$`).FindAllStringSubmatch(w.text.String(), -1) {
			var tail struct {
				Lines   []json.RawMessage
				Dropped int
			}
			if err := json.Unmarshal([]byte(m[1]), &tail); err != nil {
				t.Fatal(err)
			}
			shown, dropped = shown+len(tail.Lines), dropped+tail.Dropped
		}
		if shown+dropped != n || shown < 500 || dropped < 500 {
			t.Errorf("%d lines are shown and %d dropped, of %d", shown, dropped, n)
		}
	})
}

// A writer that hides what a stream needs is named, not waited for.
func TestPageNeedsToFlush(t *testing.T) {
	t.Parallel()
	page := monitor.NewPage(discard(), nil)
	w := httptest.NewRecorder()
	page.ServeHTTP(struct{ http.ResponseWriter }{w}, local("GET", "/?events", ""))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "the stream needs a ResponseWriter that flushes") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestPageConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t, "net/http.(*persistConn)")
	var level slog.LevelVar
	h := discard()
	page := monitor.NewPage(h, &monitor.PageOptions{
		Levels: levels(monitor.Level{Name: "app", Leveler: &level}), ChangeLevels: true, MaxWatchers: 6, Interval: 100 * time.Millisecond,
	})
	srv := httptest.NewServer(page)
	defer srv.Close()
	defer page.Close() // or that waits for those who watch
	var wg sync.WaitGroup
	for range 3 {
		events, leave := watch(t, srv.URL+"?events")
		wg.Go(func() {
			defer leave()
			for range events {
			}
		})
		wg.Go(func() {
			for range 50 {
				log(t, h, slog.LevelError, "beside")
				r := local("POST", "/", `{"name":"app","level":"DEBUG"}`)
				r.Header.Set("Content-Type", "application/json")
				answer(page, r)
				answer(page, local("GET", "/?state", ""))
				answer(page, local("HEAD", "/?events", ""))
			}
		})
	}
	wg.Go(func() {
		<-time.After(300 * time.Millisecond)
		page.Close()
	})
	wg.Wait()
}

func TestNewPagePanicsWithoutHandler(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != "monitor: NewPage: nil handler" {
			t.Errorf("panics with %v", got)
		}
	}()
	monitor.NewPage(nil, nil)
}

// While nobody watches, a Handler with a page costs what one without costs, also
// after somebody has watched.
func TestPageCostsNothingWhileNobodyWatches(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	testlog.CheckGoroutines(t, "net/http.(*persistConn)")
	h := discard()
	page := monitor.NewPage(h, nil)
	srv := httptest.NewServer(page)
	events, leave := watch(t, srv.URL+"?events")
	await(t, events, "state")
	leave()
	page.Close()
	srv.Close()
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "message", 0)
	r.AddAttrs(slog.Int("a", 1))
	if n := testing.AllocsPerRun(100, func() { _ = h.Handle(t.Context(), r) }); n > 0 {
		t.Errorf("%v allocations for a record", n)
	}
}

func BenchmarkPage(b *testing.B) {
	for _, with := range []string{"none", "nobody watches", "somebody watches"} {
		b.Run(with, func(b *testing.B) {
			h := discard()
			if with != "none" {
				page := monitor.NewPage(h, nil)
				defer page.Close()
				if with == "somebody watches" {
					ctx, cancel := context.WithCancel(b.Context())
					gone := make(chan struct{})
					defer func() { cancel(); <-gone }()
					go func() {
						defer close(gone)
						page.ServeHTTP(&recorded{stalled: stalled{header: http.Header{}}}, local("GET", "/?events", "").WithContext(ctx))
					}()
				}
			}
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "message", 0)
			r.AddAttrs(slog.Int("a", 1))
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(ctx, r)
			}
		})
	}
}
