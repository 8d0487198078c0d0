package thirdparty_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/httplog/v3"

	"github.com/sluicelog/sluice/internal/testlog"
)

// TestHTTPLog serves requests with secrets in headers, URL and body behind the access
// log of go-chi/httplog, which logs all of them.
func TestHTTPLog(t *testing.T) {
	p := newPipeline(t, slog.LevelDebug)
	testlog.CheckGoroutines(t)
	useHTTPLog(t, p)
	p.check(t, []string{
		`{"level":"WARN","source":"middleware.go",` +
			`"msg":"POST /login?api_key=[REDACTED]&page=2 => HTTP 403 (0s)","app":"shop",` +
			`"url.full":"http://host/login?api_key=[REDACTED]&page=2","http.request.method":"POST",` +
			`"url.path":"/login","client.address":"host","server.address":"host","url.scheme":"http",` +
			`"network.protocol.version":"HTTP/1.1","http.request.header":{"Authorization":"[REDACTED]",` +
			`"Cookie":"[REDACTED]","X-Api-Key":"[REDACTED]","Content-Type":"application/json"},` +
			`"http.request.body.size":35,"user_agent.original":"test","http.request.header.referer":"",` +
			`"http.response.header":{"Set-Cookie":"[REDACTED]"},"http.response.status_code":403,` +
			`"http.server.request.duration":0,"http.response.body.size":37,"http.request.body.unread.size":35,` +
			`"http.request.body.content":"{\"user\":\"bob\",\"password\":\"[REDACTED]\"}",` +
			`"http.response.body.content":"{\"access_token\":\"[REDACTED]\",\"ok\":false}","user":{"name":"bob",` +
			`"password":"[REDACTED]"}}`,
		`{"level":"ERROR","source":"middleware.go",` +
			`"msg":"GET /login?api_key=[REDACTED]&page=2 => HTTP 500 (0s)","app":"shop",` +
			`"error.message":"panic: dial postgres://app:[REDACTED]@db/","exception.stacktrace":[],` +
			`"url.full":"http://host/login?api_key=[REDACTED]&page=2","http.request.method":"GET",` +
			`"url.path":"/login","client.address":"host","server.address":"host","url.scheme":"http",` +
			`"network.protocol.version":"HTTP/1.1","http.request.header":{"Authorization":"[REDACTED]",` +
			`"Cookie":"[REDACTED]","X-Api-Key":"[REDACTED]","Content-Type":"application/json"},` +
			`"http.request.body.size":35,"user_agent.original":"test","http.request.header.referer":"",` +
			`"http.response.status_code":500,"http.server.request.duration":0,"http.response.body.size":0,` +
			`"http.request.body.unread.size":35,` +
			`"http.request.body.content":"{\"user\":\"bob\",\"password\":\"[REDACTED]\"}",` +
			`"http.response.body.content":""}`,
	}, `127\.0\.0\.1:\d+`, `host`, `\([\d.]+.?s\)`, `(0s)`, `"http.server.request.duration":[^,]*`, `"http.server.request.duration":0`,
		`"exception.stacktrace":\[[^]]*\]`, `"exception.stacktrace":[]`,
		`"source":"[^"]* middleware.go"`, `"source":"middleware.go"`)
}

// useHTTPLog serves two requests.
func useHTTPLog(t *testing.T, h slog.Handler) {
	t.Helper()
	all := func(*http.Request) bool { return true }
	server := httptest.NewServer(httplog.RequestLogger(slog.New(h).With("app", "shop"), &httplog.Options{
		Level: slog.LevelDebug, Schema: httplog.SchemaOTEL, RecoverPanics: true,
		LogRequestHeaders: []string{"Authorization", "Cookie", "X-Api-Key", "Content-Type"}, LogResponseHeaders: []string{"Set-Cookie"},
		LogRequestBody: all, LogResponseBody: all,
	})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			panic("dial postgres://app:" + secret + "@db/")
		}
		httplog.SetAttrs(r.Context(), slog.Group("user", slog.String("name", "bob"), slog.String("password", secret)))
		w.Header().Set("Set-Cookie", "session="+secret)
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"access_token":%q,"ok":false}`, secret)
	})))
	t.Cleanup(server.Close)
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/login?api_key="+secret+"&page=2",
			strings.NewReader(`{"user":"bob","password":"`+secret+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Cookie", "session="+secret)
		r.Header.Set("X-Api-Key", secret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", "test")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	server.Close()
}
