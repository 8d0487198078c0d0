package pipeline_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

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
