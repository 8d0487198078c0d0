package sluice_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Pieces put together by hand. This is the quick start of the README.
func Example() {
	dir, remove := tempDir()
	defer remove()

	file, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{MaxSize: 100 * rotate.MiB, MaxBackups: 10})
	if err != nil {
		panic(err)
	}
	defer file.Close()
	buffer := asyncbuf.NewWriter(file, nil) // a log call does not wait for the disk
	defer buffer.Close()

	h := fanout.NewHandler(nil,
		handler.NewGate(handler.NewConsoleHandler(os.Stderr, nil), &handler.GateOptions{Level: slog.LevelWarn}),
		handler.NewJSONHandler(buffer, nil),
	)
	logger := slog.New(redact.NewHandler(h, nil)) // slog.SetDefault(logger), and every library follows

	logger.Info("login", "user", "alice", "password", "hunter2")
	logger.Info("connecting", "url", "postgres://app:hunter2@db:5432/app")

	if err := buffer.Close(); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "app.log"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s", regexp.MustCompile(`"time":"[^"]*",`).ReplaceAll(text, nil))
	// Output:
	// {"level":"INFO","msg":"login","user":"alice","password":"[REDACTED]"}
	// {"level":"INFO","msg":"connecting","url":"postgres://app:[REDACTED]@db:5432/app"}
}

// A container logs to standard output, one line of JSON a record, as the
// environment says.
func Example_container() {
	environment := map[string]string{"LOG_LEVEL": "INFO", "LOG_SENSITIVE_MASK": "true"}
	cfg, err := pipeline.FromEnv(func(name string) string { return environment[name] }) // os.Getenv in a program
	if err != nil {
		panic(err)
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		panic(err)
	}
	defer p.Close()

	slog.New(withoutTime(p.Handler())).Info("listening", "port", 8080, "token", "hunter2")
	// Output:
	// {"level":"INFO","msg":"listening","port":8080,"token":"[REDACTED]"}
}

// Security events go to a file of their own, each on the disk before the log
// call returns. The file holds events that Filebeat can hand to Logstash.
func Example_audit() {
	dir, remove := tempDir()
	defer remove()
	file, err := rotate.Open(filepath.Join(dir, "audit.log"), &rotate.Options{SyncEveryWrite: true, FileMode: 0o640})
	if err != nil {
		panic(err)
	}
	defer file.Close()

	audit := logstash.NewHandler(file, &logstash.Options{Host: "web-1"})
	logger := slog.New(withoutTime(fanout.NewHandler(nil,
		handler.NewJSONHandler(os.Stdout, nil),
		fanout.When(fanout.HasTag("security"), audit),
	)))
	logger.Info("cache warmed", "entries", 812)
	logger.Info("user login", "tags", []string{"security"}, "user_id", 123, "ip", "192.0.2.1")

	text, err := os.ReadFile(filepath.Join(dir, "audit.log"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("audit.log: %s", text)
	// Output:
	// {"level":"INFO","msg":"cache warmed","entries":812}
	// {"level":"INFO","msg":"user login","tags":["security"],"user_id":123,"ip":"192.0.2.1"}
	// audit.log: {"@version":"1","level":"INFO","level_value":20000,"message":"user login","host":{"name":"web-1"},"user_id":123,"ip":"192.0.2.1","tags":["security"]}
}
