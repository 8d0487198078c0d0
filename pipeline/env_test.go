package pipeline_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

func getenv(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func diffConfig(want, got pipeline.Config) string {
	return cmp.Diff(want, got, cmpopts.IgnoreFields(pipeline.Config{}, "OnError"),
		cmpopts.IgnoreTypes(rotate.Options{}, redact.Options{}, logstash.DialOptions{}))
}

func TestFromEnvReadsEachVariable(t *testing.T) {
	t.Parallel()
	console := pipeline.Sink{Name: "console"}
	buffer := func(size int64, interval time.Duration) *asyncbuf.WriterOptions {
		return &asyncbuf.WriterOptions{Size: size, FlushInterval: interval}
	}
	file := func(b *asyncbuf.WriterOptions) pipeline.Sink {
		return pipeline.Sink{Type: pipeline.File, Name: "LOG_FILE", Path: "/var/log/app/app.log", Buffer: b}
	}
	type vars = map[string]string
	tests := []struct {
		name string
		vars vars
		want pipeline.Config
	}{
		{"nothing set", nil, pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console}}},
		{"the guide's block", vars{
			"LOG_LEVEL": "WARNING", "LOG_FORMAT": "json", "LOG_FILE": "/var/log/app/app.log",
			"LOG_BUFFER_SIZE": "65536", "LOG_FLUSH_INTERVAL": "5000", "LOG_SENSITIVE_MASK": "true",
		}, pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console, file(buffer(65536, 5*time.Second))}}},
		{"a level in lower case", vars{"LOG_LEVEL": "debug"}, pipeline.Config{Level: pipeline.At(slog.LevelDebug), Sinks: []pipeline.Sink{console}}},
		{"a level that slog does not know", vars{"LOG_LEVEL": "CRITICAL"}, pipeline.Config{Level: pipeline.At(slog.Level(12)), Sinks: []pipeline.Sink{console}}},
		{
			"text",
			vars{"LOG_FORMAT": "TEXT"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{{Name: "console", Format: pipeline.Text}}},
		},
		{
			"a file alone is buffered",
			vars{"LOG_FILE": "/var/log/app/app.log"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console, file(buffer(65536, 5*time.Second))}},
		},
		{
			"sizes and intervals with units",
			vars{"LOG_FILE": "/var/log/app/app.log", "LOG_BUFFER_SIZE": "64KiB", "LOG_FLUSH_INTERVAL": "1m30s"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console, file(buffer(65536, 90*time.Second))}},
		},
		{
			"no buffer",
			vars{"LOG_FILE": "/var/log/app/app.log", "LOG_BUFFER_SIZE": "0"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console, file(nil)}},
		},
		{
			"no interval",
			vars{"LOG_FILE": "/var/log/app/app.log", "LOG_FLUSH_INTERVAL": "0"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console, file(buffer(65536, -1))}},
		},
		{
			"no mask",
			vars{"LOG_SENSITIVE_MASK": "off"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Redaction: pipeline.Redaction{Off: true}, Sinks: []pipeline.Sink{console}},
		},
		{
			"a mask in other words",
			vars{"LOG_SENSITIVE_MASK": "Yes"},
			pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{console}},
		},
		{"Logstash", vars{"LOG_LOGSTASH": "beats://a:5044,b:5044"}, pipeline.Config{Level: pipeline.At(slog.LevelWarn), Sinks: []pipeline.Sink{
			console, {Type: pipeline.Logstash, Name: "LOG_LOGSTASH", Addr: "beats://a:5044,b:5044"},
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pipeline.FromEnv(getenv(tt.vars))
			if err != nil {
				t.Fatal(err)
			}
			if diff := diffConfig(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFromEnvNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const comment = "removed by a shell only"
	tests := []struct {
		name, value string
		want        []string
	}{
		{"LOG_LEVEL", "LOUD", []string{"TRACE", "CRITICAL", "INFO+2"}},
		{"LOG_FORMAT", "xml", []string{"json or text"}},
		{"LOG_FORMAT", "logstash", []string{"json or text"}},
		{"LOG_FORMAT", "json  # or 'text'", []string{"json or text", comment}},
		{"LOG_BUFFER_SIZE", "-1", []string{"65536", "64KiB", "1GiB"}},
		{"LOG_BUFFER_SIZE", "2GiB", []string{"from 0 to 1GiB"}},
		{"LOG_LEVEL", "I want debug", []string{"TRACE"}},
		{"LOG_BUFFER_SIZE", "0.5", []string{"65536"}},
		{"LOG_BUFFER_SIZE", "1,5MiB", []string{"65536"}},
		{"LOG_FLUSH_INTERVAL", "-0.1ns", []string{"5000"}},
		{"LOG_FILE", "app.log ", []string{"path of a file"}},
		{"LOG_FILE", "/x/app.log # the log", []string{"path of a file", comment}},
		{"LOG_BUFFER_SIZE", "lots", []string{"65536"}},
		{"LOG_BUFFER_SIZE", "99999999999999999999999", []string{"1GiB"}},
		{"LOG_FLUSH_INTERVAL", "-5000", []string{"5000", "5s", "24h"}},
		{"LOG_FLUSH_INTERVAL", "soon", []string{"5000"}},
		{"LOG_FLUSH_INTERVAL", "30 days", []string{"5000"}},
		{"LOG_FLUSH_INTERVAL", "9223372036854775807", []string{"24h"}},
		{"LOG_SENSITIVE_MASK", "maybe", []string{"true", "off"}},
		{"LOG_LOGSTASH", "logstash:5044", []string{"beats://", "tcp://"}},
		{"LOG_LOGSTASH", "gopher://logstash:70", []string{"beats", "tcp"}},
		{"LOG_LOGSTASH", "tcp://logstash", []string{"port"}},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			_, err := pipeline.FromEnv(getenv(map[string]string{tt.name: tt.value}))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tt.want, tt.name, `"`+tt.value+`"`) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
	_, err := pipeline.FromEnv(getenv(map[string]string{"LOG_LEVEL": "x", "LOG_FORMAT": "y", "LOG_SENSITIVE_MASK": "z"}))
	if n := strings.Count(err.Error(), "pipeline: LOG_"); n != 3 {
		t.Errorf("%d mistakes named, want all 3: %v", n, err)
	}
}
