package pipeline_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/pipeline"
)

// The environment of the production guide, with a mistake.
func ExampleFromEnv() {
	environment := map[string]string{
		"LOG_LEVEL":          "WARNING",
		"LOG_FORMAT":         "json  # or 'text'",
		"LOG_BUFFER_SIZE":    "65536",
		"LOG_FLUSH_INTERVAL": "5000",
	}
	_, err := pipeline.FromEnv(func(name string) string { return environment[name] }) // os.Getenv in a program
	fmt.Println(err)

	environment["LOG_FORMAT"] = "json"
	cfg, err := pipeline.FromEnv(func(name string) string { return environment[name] })
	fmt.Println(cfg.Level, cfg.Sinks[0].Type, cfg.Sinks[0].Format, err)
	// Output:
	// pipeline: LOG_FORMAT is "json  # or 'text'": want json, text, logstash, ecs (a comment behind a value is removed by a shell only)
	// WARN console json <nil>
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "pipeline")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	p, err := pipeline.Open(pipeline.Config{
		Level: pipeline.At(slog.LevelInfo),
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Buffer: &asyncbuf.WriterOptions{}},
			{Name: "errors", Type: pipeline.File, Path: filepath.Join(dir, "errors.log"), Level: pipeline.At(slog.LevelError)},
			{Name: "audit", Type: pipeline.File, Path: filepath.Join(dir, "audit.log"), Match: pipeline.Match{Tag: "security"}},
		},
	})
	if err != nil {
		panic(err)
	}
	logger := p.Logger() // slog.SetDefault(logger) in a program
	logger.Debug("nobody wants to know")
	logger.Info("listening", "port", 8080)
	logger.Error("disk full")
	logger.Info("user login", "tags", []string{"security"}, "password", "hunter2")
	if err := p.Close(); err != nil {
		panic(err)
	}
	for _, sink := range p.Stats().Sinks {
		fmt.Println(sink.Name, sink.Records.Accepted, sink.File.Written)
	}
	fmt.Println("secrets masked:", p.Stats().Redact.Redacted)
	// Output:
	// app 3 3
	// errors 1 1
	// audit 1 1
	// secrets masked: 1
}

// A program that reads its configuration again, for instance on SIGHUP.
func ExamplePipeline_Reload() {
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Name: "console", Writer: withoutTime{os.Stdout}}}})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	logger := p.Logger().With("service", "shop")
	logger.Info("before")
	cfg, err := pipeline.Parse([]byte(`{"sinks": [{"name": "console", "type": "console", "format": "text", "level": "ERROR"}]}`))
	if err != nil {
		panic(err)
	}
	cfg.Sinks[0].Writer = withoutTime{os.Stdout}
	if err := p.Reload(cfg); err != nil {
		panic(err)
	}
	logger.Info("nobody wants to know any more")
	logger.Error("after")
	// Output:
	// "level":"INFO","msg":"before","service":"shop"}
	// ERR after service=shop
}

// withoutTime writes lines without the times that they begin with.
type withoutTime struct{ w io.Writer }

func (w withoutTime) Write(line []byte) (int, error) {
	_, rest, found := bytes.Cut(line, []byte(","))
	if !found {
		_, rest, _ = bytes.Cut(line, []byte(" "))
	}
	if _, err := w.w.Write(rest); err != nil {
		return 0, err
	}
	return len(line), nil
}

func ExamplePipeline_Describe() {
	dir, err := os.MkdirTemp("", "pipeline")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cfg, err := pipeline.Parse(fmt.Appendf(nil, `{
		"level": "WARNING",
		"sinks": [
			{"name": "console", "type": "console", "format": "text", "level": "INFO"},
			{"name": "app", "type": "file", "path": %q, "rotation": "100 MB", "retention": "30 days", "async": true}
		]
	}`, filepath.Join(dir, "app.log")))
	if err != nil {
		panic(err)
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		panic(err)
	}
	defer p.Close()
	fmt.Print(strings.ReplaceAll(p.Describe(), dir, "/var/log/app"))
	// Output:
	// pipeline
	// ├─ redact: default rules
	// ├─ monitor
	// ├─ fallback: 10 records a second to standard error
	// ├─ console: console, INFO and above, text
	// │  └─ standard output
	// └─ app: file, WARN and above, json
	//    ├─ buffer: 256 KiB, ERROR at once, others within 10ms, block when full
	//    └─ /var/log/app/app.log
	//       ├─ rotated: at 100 MB
	//       └─ kept: 30 days
}
