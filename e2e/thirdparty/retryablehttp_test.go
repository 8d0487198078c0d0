package thirdparty_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/sluicelog/sluice/internal/testlog"
)

// TestRetryablehttp has a client retry a request with secrets in its URL.
func TestRetryablehttp(t *testing.T) {
	p := newPipeline(t, slog.LevelDebug)
	testlog.CheckGoroutines(t)
	useRetryablehttp(t, p)
	p.check(t, []string{
		`{"level":"DEBUG","source":"github.com/hashicorp/go-retryablehttp client.go","msg":"performing request",` +
			`"http":{"client":"billing","method":"GET",` +
			`"url":"http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2"}}`,
		`{"level":"DEBUG","source":"github.com/hashicorp/go-retryablehttp client.go","msg":"retrying request",` +
			`"http":{"client":"billing","request":"GET ` +
			`http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2 (status: 503)","timeout":1000000,` +
			`"remaining":4}}`,
		`{"level":"DEBUG","source":"github.com/hashicorp/go-retryablehttp client.go","msg":"performing request",` +
			`"http":{"client":"billing","method":"GET",` +
			`"url":"http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2"}}`,
		`{"level":"ERROR","source":"github.com/hashicorp/go-retryablehttp client.go","msg":"request failed",` +
			`"http":{"client":"billing","error":"Get ` +
			`\"http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2\": dial ` +
			`\"http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2\": connection refused",` +
			`"method":"GET","url":"http://bob:[REDACTED]@host/orders?access_token=[REDACTED]&page=2"}}`,
	}, `127\.0\.0\.1:\d+`, `host`)
}

// useRetryablehttp has a client try twice, and then fail.
func useRetryablehttp(t *testing.T, h slog.Handler) {
	t.Helper()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	address := strings.Replace(server.URL, "//", "//bob:"+secret+"@", 1) + "/orders?access_token=" + secret + "&page=2"

	client := retryablehttp.NewClient()
	client.Logger = slog.New(h).WithGroup("http").With("client", "billing")
	client.RetryWaitMin, client.RetryWaitMax = time.Millisecond, time.Millisecond
	t.Cleanup(client.HTTPClient.CloseIdleConnections)
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()

	client.HTTPClient.Transport = refusing{}
	client.RetryMax = 0
	if response, err := client.Get(address); err == nil {
		response.Body.Close()
		t.Fatal("no error")
	}
}

// refusing is a transport that says which URL it cannot reach.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "dial", URL: r.URL.String(), Err: errors.New("connection refused")}
}
