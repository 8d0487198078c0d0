package thirdparty_test

import (
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestServerErrorLog has a handler of net/http panic, which the server tells its ErrorLog.
func TestServerErrorLog(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	testlog.CheckGoroutines(t)
	useServer(t, p)
	p.check(t, []string{
		`{"level":"ERROR+4","source":"net/http server.go",` +
			`"msg":"http: panic serving host: dial \"amqp://app:[REDACTED]@mq/\": ` +
			`refused\n\u001b[31m{\"level\":\"forged\"}\ngoroutine …","http":{"port":80}}`,
	}, `127\.0\.0\.1:\d+`, `host`, `(goroutine )\d+ [^"]*`, `$1…`)
}

// useServer has a server log the panic of a handler.
func useServer(t *testing.T, h slog.Handler) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(&url.Error{Op: "dial", URL: "amqp://app:" + secret + "@mq/", Err: errors.New("refused\n\x1b[31m{\"level\":\"forged\"}")})
	}))
	server.Config.ErrorLog = slog.NewLogLogger(h.WithGroup("http").WithAttrs([]slog.Attr{slog.Int("port", 80)}), handler.LevelCritical)
	server.Start()
	t.Cleanup(server.Close)
	if response, err := server.Client().Get(server.URL); err == nil {
		response.Body.Close()
		t.Error("no error")
	}
	server.Close()
}

// TestLog logs through package log, whose output slog.SetDefault turns over, and by a
// Logger of it that writes to slog.NewLogLogger's writer. It is not parallel: both are
// the program's.
func TestLog(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	before, flags, output := slog.Default(), log.Flags(), log.Writer()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(output)
		log.SetFlags(flags)
	})
	slog.SetDefault(slog.New(p).With("by", "log"))
	log.Printf("old code with password=%s\nand a second line", secret)
	slog.SetLogLoggerLevel(slog.LevelWarn)
	t.Cleanup(func() { slog.SetLogLoggerLevel(slog.LevelInfo) })
	log.Print("as a warning")

	log.SetFlags(log.Lshortfile) // at the time of SetDefault it says that the source is wanted
	slog.SetDefault(slog.New(p))
	log.Print("with its source")

	old := log.New(nil, "old: ", log.Lmsgprefix)
	old.SetOutput(slog.NewLogLogger(p, slog.LevelError).Writer())
	old.Println("a logger of its own")
	p.check(t, []string{
		`{"level":"INFO","msg":"old code with password=[REDACTED]\nand a second line","by":"log"}`,
		`{"level":"WARN","msg":"as a warning","by":"log"}`,
		`{"level":"WARN","source":"caller nethttp_test.go","msg":"with its source"}`,
		`{"level":"ERROR","source":"caller nethttp_test.go","msg":"old: a logger of its own"}`,
	})
}
