package decode_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/caarlos0/env/v11"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gopkg.in/yaml.v3"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// The guide's configuration, in the forms that people have theirs in.
var forms = map[string]struct {
	text   string
	decode func(data []byte, into any) error
	strict func(data []byte, into any) error
}{
	"YAML": {`
level: WARNING
sinks:
  - type: console
    level: INFO
    no_color: true
  - type: file
    path: /var/log/app/app.log
    level: WARNING
    rotation: 100 MB, daily
    retention: 30 days
    compress: gzip
    file_mode: 0640
    async: yes
    buffer_size: 65536
    flush_interval: 5000
    policy: drop-newest
    match:
      packages: [github.com/acme/shop]
      attrs: {region: eu}
      max_level: ERROR
  - type: errors
    path: /var/log/app/errors.log
    rotation: 1 GB
    retention: 10
  - type: logstash
    addr: beats+tls://logstash:5044
    format: ecs
    spool_dir: /var/spool/app
    spool_max_size: 1 GiB
    tags: [prod]
redaction:
  keys: [ssn]
health_interval: 5m
`, yaml.Unmarshal, func(data []byte, into any) error {
		dec := yaml.NewDecoder(strings.NewReader(string(data)))
		dec.KnownFields(true)
		return dec.Decode(into)
	}},
	"TOML": {`
level = "WARNING"
health_interval = "5m"

[redaction]
keys = ["ssn"]

[[sinks]]
type = "console"
level = "INFO"
no_color = true

[[sinks]]
type = "file"
path = "/var/log/app/app.log"
level = "WARNING"
rotation = "100 MB, daily"
retention = "30 days"
compress = "gzip"
file_mode = "0640"
async = true
buffer_size = 65536
flush_interval = 5000
policy = "drop-newest"
match.packages = ["github.com/acme/shop"]
match.attrs = {region = "eu"}
match.max_level = "ERROR"

[[sinks]]
type = "errors"
path = "/var/log/app/errors.log"
rotation = "1 GB"
retention = 10

[[sinks]]
type = "logstash"
addr = "beats+tls://logstash:5044"
format = "ecs"
spool_dir = "/var/spool/app"
spool_max_size = "1 GiB"
tags = ["prod"]
`, toml.Unmarshal, func(data []byte, into any) error {
		meta, err := toml.Decode(string(data), into)
		if unknown := meta.Undecoded(); err == nil && len(unknown) > 0 {
			return toml.ParseError{Message: "unknown " + unknown[0].String()}
		}
		return err
	}},
	"JSON": {`{
"level": "WARNING",
"sinks": [
  {"type": "console", "level": "INFO", "no_color": true},
  {"type": "file", "path": "/var/log/app/app.log", "level": "WARNING", "rotation": "100 MB, daily", "retention": "30 days",
   "compress": "gzip", "file_mode": "0640", "async": true, "buffer_size": 65536, "flush_interval": 5000, "policy": "drop-newest",
   "match": {"packages": ["github.com/acme/shop"], "attrs": {"region": "eu"}, "max_level": "ERROR"}},
  {"type": "errors", "path": "/var/log/app/errors.log", "rotation": "1 GB", "retention": 10},
  {"type": "logstash", "addr": "beats+tls://logstash:5044", "format": "ecs", "spool_dir": "/var/spool/app", "spool_max_size": "1 GiB", "tags": ["prod"]}
],
"redaction": {"keys": ["ssn"]},
"health_interval": "5m"
}`, json.Unmarshal, func(data []byte, into any) error {
		cfg, err := pipeline.Parse(data)
		if p, ok := into.(*pipeline.Config); ok {
			*p = cfg
		}
		return err
	}},
}

func want() pipeline.Config {
	return pipeline.Config{
		Level: pipeline.At(slog.LevelWarn),
		Sinks: []pipeline.Sink{
			{Level: pipeline.At(slog.LevelInfo), NoColor: true},
			{
				Type: pipeline.File, Path: "/var/log/app/app.log", Level: pipeline.At(slog.LevelWarn),
				Rotation:  pipeline.Rotation{MaxSize: 100 * pipeline.MB, Schedule: "daily"},
				Retention: pipeline.Retention{MaxAge: 720 * time.Hour}, Compress: rotate.Gzip, FileMode: 0o640,
				Async: true, BufferSize: 64 * pipeline.KiB, FlushInterval: pipeline.Duration(5 * time.Second), Policy: asyncbuf.DropNewest,
				Match: pipeline.Match{
					Packages: []string{"github.com/acme/shop"}, Attrs: map[string]any{"region": "eu"}, MaxLevel: pipeline.At(slog.LevelError),
				},
			},
			{
				Type: pipeline.Errors, Path: "/var/log/app/errors.log",
				Rotation: pipeline.Rotation{MaxSize: pipeline.GB}, Retention: pipeline.Retention{MaxBackups: 10},
			},
			{
				Type: pipeline.Logstash, Addr: "beats+tls://logstash:5044", Format: pipeline.ECS,
				SpoolDir: "/var/spool/app", SpoolMaxSize: pipeline.GiB, Tags: []string{"prod"},
			},
		},
		Redaction:      pipeline.Redaction{Keys: []string{"ssn"}},
		HealthInterval: pipeline.Duration(5 * time.Minute),
	}
}

func onlyText() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreFields(pipeline.Config{}, "Fallback", "Redact", "Monitor", "OnError"),
		cmpopts.IgnoreFields(pipeline.Sink{}, "Writer", "Rotate", "Buffer", "Dial", "Func", "Handler"),
		cmpopts.IgnoreFields(pipeline.Match{}, "Func"),
	}
}

func TestConfigIsTheSameInEachForm(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		for how, decode := range map[string]func([]byte, any) error{"as it is": form.decode, "strictly": form.strict} {
			var got pipeline.Config
			if err := decode([]byte(form.text), &got); err != nil {
				t.Errorf("%s %s: %v", name, how, err)
				continue
			}
			if diff := cmp.Diff(want(), got, onlyText()); diff != "" {
				t.Errorf("%s %s: mismatch (-want +got):\n%s", name, how, diff)
			}
		}
	}
}

func TestConfigIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	for name, encode := range map[string]func(any) ([]byte, error){
		"YAML": yaml.Marshal, "TOML": toml.Marshal, "JSON": json.Marshal,
	} {
		written, err := encode(want())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got pipeline.Config
		if err := forms[name].strict(written, &got); err != nil {
			t.Errorf("%s: %v\n%s", name, err, written)
			continue
		}
		if diff := cmp.Diff(want(), got, onlyText()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s\n%s", name, diff, written)
		}
	}
}

func TestWhatIsWrongIsSaidInEachForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ right, wrong, want string }{
		{"100 MB, daily", "100 MBit, daily", `did you mean "100 MB, daily"?`},
		{"30 days", "30 dogs", `did you mean "30 days"?`},
		{"INFO", "INOF", `did you mean "INFO"?`},
		{"errors", "erorrs", `did you mean "errors"?`},
		{"ecs", "esc", `did you mean "ecs"?`},
		{"0640", "0440", "octal permission bits that include 0600"},
		{"drop-newest", "drop", "drop_newest"},
		{"5m", "5 minuets", `did you mean "5 minutes"?`},
		{"no_color", "colour", "colour"},
	} {
		for name, form := range forms {
			data := strings.Replace(form.text, tt.right, tt.wrong, 1)
			if data == form.text {
				t.Fatalf("%s has no %q", name, tt.right)
			}
			var got pipeline.Config
			if err := form.strict([]byte(data), &got); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s with %q: %v", name, tt.wrong, err)
			}
		}
	}
}

// A mode without quotes is octal in YAML and decimal, or a number of its own, in
// others; none is taken for another mode.
func TestModesAreNeverTakenForOthers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]pipeline.Mode{"file_mode: 0640": 0o640, "file_mode: 0o640": 0o640, "file_mode: 640": 0o640, `file_mode: "0640"`: 0o640} {
		var got pipeline.Sink
		if err := yaml.Unmarshal([]byte(in), &got); err != nil || got.FileMode != want {
			t.Errorf("%s: %v, %v", in, got.FileMode, err)
		}
	}
	var got pipeline.Sink
	if err := toml.Unmarshal([]byte("file_mode = 0o640"), &got); err == nil || !strings.Contains(err.Error(), `did you mean "0640"?`) {
		t.Errorf("TOML's 0o640, which is 416 to a reader: %v, %v", got.FileMode, err)
	}
	if err := toml.Unmarshal([]byte("file_mode = 640"), &got); err != nil || got.FileMode != 0o640 {
		t.Errorf("TOML: %v, %v", got.FileMode, err)
	}
}

// settings is a program's own struct.
type settings struct {
	Level     pipeline.Level     `env:"LEVEL"     toml:"level"     yaml:"level"`
	Format    pipeline.Format    `env:"FORMAT"    toml:"format"    yaml:"format"`
	Size      pipeline.Size      `env:"SIZE"      toml:"size"      yaml:"size"`
	Timeout   pipeline.Duration  `env:"TIMEOUT"   toml:"timeout"   yaml:"timeout"`
	Mode      pipeline.Mode      `env:"MODE"      toml:"mode"      yaml:"mode"`
	Rotation  pipeline.Rotation  `env:"ROTATION"  toml:"rotation"  yaml:"rotation"`
	Retention pipeline.Retention `env:"RETENTION" envDefault:"10" toml:"retention" yaml:"retention"`
	Type      pipeline.Type      `env:"TYPE"      toml:"type"      yaml:"type"`
}

func TestTextTypesInAnotherStruct(t *testing.T) {
	t.Parallel()
	want := settings{
		Level: pipeline.At(slog.LevelDebug), Format: pipeline.Text, Size: 16 * pipeline.MiB, Timeout: pipeline.Duration(90 * time.Second),
		Mode: 0o640, Rotation: pipeline.Rotation{Schedule: "daily"}, Retention: pipeline.Retention{MaxBackups: 10}, Type: pipeline.Audit,
	}
	environment := map[string]string{
		"LEVEL": "debug", "FORMAT": "text", "SIZE": "16 MiB", "TIMEOUT": "1m30s", "MODE": "0640", "ROTATION": "daily", "TYPE": "audit",
	}
	var yamlText, tomlText strings.Builder
	for name, value := range environment {
		yamlText.WriteString(strings.ToLower(name) + ": " + value + "\n")
		tomlText.WriteString(strings.ToLower(name) + ` = "` + value + "\"\n")
	}
	yamlText.WriteString("retention: 10\n")
	tomlText.WriteString("retention = 10\n")

	for name, decode := range map[string]func(*settings) error{
		"env":  func(s *settings) error { return env.ParseWithOptions(s, env.Options{Environment: environment}) },
		"YAML": func(s *settings) error { return yaml.Unmarshal([]byte(yamlText.String()), s) },
		"TOML": func(s *settings) error { return toml.Unmarshal([]byte(tomlText.String()), s) },
	} {
		var got settings
		if err := decode(&got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	environment["SIZE"] = "16 MBit"
	err := env.ParseWithOptions(new(settings), env.Options{Environment: environment})
	if err == nil || !strings.Contains(err.Error(), `did you mean "16 MB"?`) {
		t.Errorf("a wrong unit: %v", err)
	}
}
