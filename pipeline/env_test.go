package pipeline_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/pipeline"
)

type vars = map[string]string

func getenv(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestFromEnvReadsEachVariable(t *testing.T) {
	t.Parallel()
	type (
		sink   = pipeline.Sink
		config = pipeline.Config
	)
	const path = "/var/log/app/app.log"
	console := sink{Name: "console"}
	file := func(change func(*sink)) sink {
		s := sink{
			Type: pipeline.File, Name: "LOG_FILE", Path: path,
			Async: true, BufferSize: 64 * pipeline.KiB, FlushInterval: pipeline.Duration(5 * time.Second),
		}
		if change != nil {
			change(&s)
		}
		return s
	}
	warn := func(sinks ...sink) config { return config{Level: pipeline.At(slog.LevelWarn), Sinks: sinks} }
	with := func(cfg config, change func(*config)) config {
		change(&cfg)
		return cfg
	}
	shipper := sink{
		Type: pipeline.Logstash, Name: "LOG_LOGSTASH", Addr: "beats://a:5044,b:5044", Format: pipeline.EventFormat, EventID: true,
	}
	rotation := pipeline.Rotation{MaxSize: 100 * pipeline.MB, Schedule: "daily"}
	tests := []struct {
		name string
		vars vars
		want config
	}{
		{"nothing set", nil, warn(console)},
		{"the guide's block", vars{
			"LOG_LEVEL": "WARNING", "LOG_FORMAT": "json", "LOG_FILE": path,
			"LOG_BUFFER_SIZE": "65536", "LOG_FLUSH_INTERVAL": "5000", "LOG_SENSITIVE_MASK": "true",
		}, warn(console, file(nil))},
		{"a level in lower case", vars{"LOG_LEVEL": "debug"}, config{Level: pipeline.At(slog.LevelDebug), Sinks: []sink{console}}},
		{"a level that slog does not know", vars{"LOG_LEVEL": "CRITICAL"}, config{Level: pipeline.At(slog.Level(12)), Sinks: []sink{console}}},
		{"text", vars{"LOG_FORMAT": "TEXT"}, warn(sink{Name: "console", Format: pipeline.Text})},
		{
			"events",
			vars{"LOG_FORMAT": "logstash", "LOG_SERVICE": "shop"},
			warn(sink{Name: "console", Format: pipeline.EventFormat, Service: "shop", EventID: true}),
		},
		{"ECS, also to Logstash", vars{"LOG_FORMAT": "ecs", "LOG_LOGSTASH": shipper.Addr}, warn(
			sink{Name: "console", Format: pipeline.ECS, EventID: true},
			func() sink { s := shipper; s.Format = pipeline.ECS; return s }(),
		)},
		{"a source", vars{"LOG_SOURCE": "yes", "LOG_FILE": path}, warn(
			sink{Name: "console", AddSource: true}, file(func(s *sink) { s.AddSource = true }),
		)},
		{"a console with a level", vars{"LOG_CONSOLE": "INFO"}, warn(sink{Name: "console", Level: pipeline.At(slog.LevelInfo)})},
		{"no console", vars{"LOG_CONSOLE": "off", "LOG_FILE": path}, warn(file(nil))},
		{"a file alone is buffered", vars{"LOG_FILE": path}, warn(console, file(nil))},
		{"all files, rotated and kept", vars{
			"LOG_FILE": path, "LOG_ERRORS_FILE": "errors.log", "LOG_AUDIT_FILE": "audit.log", "LOG_ROTATION": "100 MB, daily", "LOG_RETENTION": "30 days",
		}, warn(
			console,
			file(func(s *sink) { s.Rotation, s.Retention.MaxAge = rotation, 720*time.Hour }),
			sink{Type: pipeline.Errors, Name: "LOG_ERRORS_FILE", Path: "errors.log", Rotation: rotation, Retention: pipeline.Retention{MaxAge: 720 * time.Hour}},
			sink{Type: pipeline.Audit, Name: "LOG_AUDIT_FILE", Path: "audit.log", Rotation: rotation},
		)},
		{
			"sizes and intervals with units",
			vars{"LOG_FILE": path, "LOG_BUFFER_SIZE": "1MiB", "LOG_FLUSH_INTERVAL": "1m30s"},
			warn(console, file(func(s *sink) { s.BufferSize, s.FlushInterval = pipeline.MiB, pipeline.Duration(90*time.Second) })),
		},
		{"lines", vars{"LOG_FILE": path, "LOG_MAX_BUFFERED_LINES": "10000"}, warn(console, file(func(s *sink) { s.MaxBufferedLines = 10000 }))},
		{
			"no buffer",
			vars{"LOG_FILE": path, "LOG_BUFFER_SIZE": "0"},
			warn(console, sink{Type: pipeline.File, Name: "LOG_FILE", Path: path}),
		},
		{"no interval", vars{"LOG_FILE": path, "LOG_FLUSH_INTERVAL": "0"}, warn(console, file(func(s *sink) { s.FlushInterval = -1 }))},
		{"no mask", vars{"LOG_SENSITIVE_MASK": "off"}, with(warn(console), func(c *config) { c.Redaction.Off = true })},
		{"a mask in other words", vars{"LOG_SENSITIVE_MASK": "Yes"}, warn(console)},
		{"Logstash", vars{"LOG_LOGSTASH": shipper.Addr}, warn(console, shipper)},
		{"a broker, which the program has to add how to reach", vars{"LOG_LOGSTASH": "kafka+tls://me:secret@a,b:9093/logs"}, warn(console,
			pipeline.Sink{Type: pipeline.Logstash, Name: "LOG_LOGSTASH", Addr: "kafka+tls://me:secret@a,b:9093/logs", Format: pipeline.EventFormat, EventID: true})},
		{"Logstash with a spool", vars{"LOG_LOGSTASH": shipper.Addr, "LOG_SPOOL_DIR": "/var/spool/app", "LOG_SERVICE": "shop"}, warn(
			console, func() sink { s := shipper; s.SpoolDir, s.Service = "/var/spool/app", "shop"; return s }(),
		)},
		{"intervals", vars{"LOG_VOLUME_INTERVAL": "1m", "LOG_HEALTH_INTERVAL": "300000"}, with(warn(console), func(c *config) {
			c.VolumeInterval, c.HealthInterval = pipeline.Duration(time.Minute), pipeline.Duration(5*time.Minute)
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pipeline.FromEnv(getenv(tt.vars))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, ignoreOptions()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			again, err := pipeline.Parse([]byte(jsonOf(t, got)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, again, ignoreOptions()); diff != "" {
				t.Errorf("written as JSON and read: mismatch (-want +got):\n%s", diff)
			}
		})
	}
	read := make(map[string]bool)
	for _, tt := range tests {
		for name := range tt.vars {
			read[name] = true
		}
	}
	for _, name := range variables(t) {
		if !read[name] && name != "LOG_CONFIG" {
			t.Errorf("no test for %s", name)
		}
	}
}

// variables returns those that FromEnv asks for.
func variables(t *testing.T) []string {
	t.Helper()
	var names []string
	_, err := pipeline.FromEnv(func(name string) string {
		names = append(names, name)
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestFromEnvNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const (
		comment = "removed by a shell only"
		quotes  = "quotes around a value"
		blanks  = "blanks around it"
	)
	tests := []struct {
		name, value string
		want        []string
	}{
		{"LOG_LEVEL", "LOUD", []string{"TRACE", "CRITICAL", "INFO+2"}},
		{"LOG_LEVEL", "I want debug", []string{"want TRACE"}},
		{"LOG_LEVEL", "WARNIGN", []string{`did you mean "WARNING"?`}},
		{"LOG_LEVEL", "INFO ", []string{blanks}},
		{"LOG_LEVEL", "'INFO'", []string{quotes}},
		{"LOG_FORMAT", "xml", []string{"json, text, logstash, ecs"}},
		{"LOG_FORMAT", "jsno", []string{`did you mean "json"?`}},
		{"LOG_FORMAT", "json  # or 'text'", []string{"json, text, logstash, ecs", comment}},
		{"LOG_SOURCE", "maybe", []string{"true", "off"}},
		{"LOG_CONSOLE", "stdout", []string{"TRACE", "OFF"}},
		{"LOG_CONSOLE", "off", []string{"no other sink", "LOG_FILE", "LOG_LOGSTASH"}},
		{"LOG_FILE", "app.log ", []string{"path of a file"}},
		{"LOG_FILE", "/x/app.log # the log", []string{"path of a file", comment}},
		{"LOG_FILE", "'/x/app.log'", []string{"path of a file", quotes}},
		{"LOG_ERRORS_FILE", "\terrors.log", []string{"path of a file"}},
		{"LOG_AUDIT_FILE", "audit.log #", []string{"path of a file", comment}},
		{"LOG_ROTATION", "100 MBit", []string{"100 MB", "daily", `did you mean "100 MB"?`}},
		{"LOG_ROTATION", "100", []string{`did you mean "100 MB"?`}},
		{"LOG_RETENTION", "30 dogs", []string{"30 days", `did you mean "30 days"?`}},
		{"LOG_RETENTION", "30 days # a month", []string{comment}},
		{"LOG_BUFFER_SIZE", "-1", []string{"65536", "64 KiB"}},
		{"LOG_BUFFER_SIZE", "2GiB", []string{"from 0 to 1 GiB"}},
		{"LOG_BUFFER_SIZE", "0.5", []string{"65536"}},
		{"LOG_BUFFER_SIZE", "1,5MiB", []string{"65536"}},
		{"LOG_BUFFER_SIZE", "64K", []string{`did you mean "64 KiB"?`}},
		{"LOG_BUFFER_SIZE", "lots", []string{"65536"}},
		{"LOG_BUFFER_SIZE", "99999999999999999999999", []string{"65536"}},
		{"LOG_FLUSH_INTERVAL", "-5000", []string{"5000", "5s", "24h"}},
		{"LOG_FLUSH_INTERVAL", "-0", []string{"from 0 to 24h"}},
		{"LOG_FLUSH_INTERVAL", "soon", []string{"5000"}},
		{"LOG_FLUSH_INTERVAL", "30 days", []string{"5000", "from 0 to 24h"}},
		{"LOG_FLUSH_INTERVAL", "9223372036854775807", []string{"5000"}},
		{"LOG_MAX_BUFFERED_LINES", "-1", []string{"number of lines"}},
		{"LOG_MAX_BUFFERED_LINES", "10_000", []string{"number of lines"}},
		{"LOG_MAX_BUFFERED_LINES", "99999999999", []string{"number of lines"}},
		{"LOG_LOGSTASH", "logstash:5044", []string{"beats://", "tcp://"}},
		{"LOG_LOGSTASH", "gopher://logstash:70", []string{"beats", "tcp"}},
		{"LOG_LOGSTASH", "kafak://logstash", []string{"beats://", "kafka://"}},
		{"LOG_LOGSTASH", "redis://logstash", []string{"redis://logstash:6379/key"}},
		{"LOG_LOGSTASH", "tcp://logstash", []string{"port"}},
		{"LOG_LOGSTASH", "beats://a:5044 # both", []string{comment}},
		{"LOG_SPOOL_DIR", " /var/spool", []string{"path of a directory"}},
		{"LOG_SENSITIVE_MASK", "maybe", []string{"true", "off"}},
		{"LOG_SENSITIVE_MASK", "ture", []string{`did you mean "true"?`}},
		{"LOG_SERVICE", "shop # the name", []string{"want a name", comment}},
		{"LOG_SERVICE", "shop\t", []string{"want a name"}},
		{"LOG_VOLUME_INTERVAL", "hourly", []string{"5000"}},
		{"LOG_VOLUME_INTERVAL", "-1s", []string{"from 1s to 24h"}},
		{"LOG_HEALTH_INTERVAL", "300", []string{"5000", "0 for never, or from 1s to 24h"}}, // seconds, in the guide's loop
		{"LOG_HEALTH_INTERVAL", "5 minuets", []string{`did you mean "5 minutes"?`}},
		{"LOG_CONFIG", "/nowhere/log.json", []string{"open /nowhere/log.json"}},
		{"LOG_CONFIG", " log.json", []string{"path of a file"}},
	}
	wrong := make(map[string]bool)
	for _, tt := range tests {
		wrong[tt.name] = true
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			got, err := pipeline.FromEnv(getenv(vars{tt.name: tt.value}))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(pipeline.Config{}, got, ignoreOptions()); diff != "" {
				t.Errorf("half a Config beside an error:\n%s", diff)
			}
			for _, want := range append(tt.want, "pipeline: "+tt.name, strings.ReplaceAll(tt.value, "\t", `\t`)) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("one mistake in several lines: %v", err)
			}
		})
	}
	for _, name := range variables(t) {
		if !wrong[name] {
			t.Errorf("no test for %s", name)
		}
	}
	_, err := pipeline.FromEnv(getenv(vars{"LOG_LEVEL": "x", "LOG_FORMAT": "y", "LOG_SENSITIVE_MASK": "z", "LOG_CONSOLE": "off"}))
	if n := strings.Count(err.Error(), "pipeline: LOG_"); n != 3 {
		t.Errorf("%d mistakes named, want all 3, and none that may not be one: %v", n, err)
	}
}

func TestFromEnvNamesVariablesThatContradictEachOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	for _, tt := range []struct {
		vars vars
		want string
	}{
		{
			vars{"LOG_FILE": path, "LOG_ERRORS_FILE": path},
			"pipeline: LOG_ERRORS_FILE is " + strconv.Quote(path) + `, the file of sinks[1] (sink "LOG_FILE") too: want one each`,
		},
		{
			vars{"LOG_FILE": path, "LOG_ERRORS_FILE": path + "2", "LOG_ROTATION": "never", "LOG_RETENTION": "10 files"},
			"pipeline: LOG_RETENTION is set, but the file is never rotated: want a LOG_ROTATION, or no limit",
		},
		{
			vars{"LOG_FILE": path, "LOG_RETENTION": "1 MB"},
			"pipeline: LOG_RETENTION is 1 MB, less than the 100 MiB of one file: no backup would be kept; want more, or a smaller LOG_ROTATION",
		},
	} {
		if _, err := pipeline.FromEnv(getenv(tt.vars)); err == nil || err.Error() != tt.want {
			t.Errorf("%v: got %v\nwant %s", tt.vars, err, tt.want)
		}
	}
}

func TestFromEnvShowsNoPassword(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{
		"tcp://u:hunter2@h:1", "http://u:hunter2@h:x", "gopher://u:hunter2@h:1", "u:hunter2@h", "https://u:hunter2@h@i", "http://u:hunter2@h #",
	} {
		_, err := pipeline.FromEnv(getenv(vars{"LOG_LOGSTASH": addr}))
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "LOG_LOGSTASH") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, name := range variables(t) {
		if name == "LOG_CONFIG" { // which is the path of a file
			continue
		}
		for _, addr := range []string{"https://u:hunter2@h#", "https://u:hunter2" + strings.Repeat("x", 90) + "@h#"} { // longer than errors show
			if _, err := pipeline.FromEnv(getenv(vars{name: addr})); err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestFromEnvReadsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(everything)
	got, err := pipeline.FromEnv(getenv(vars{"LOG_CONFIG": path}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everythingParsed(), got, ignoreOptions()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}

	write(`{"redaction": {"off": true}, "health_interval": "1h"}`)
	for _, tt := range []struct {
		vars vars
		want pipeline.Config
	}{
		{nil, pipeline.Config{Redaction: pipeline.Redaction{Off: true}, HealthInterval: pipeline.Duration(time.Hour)}},
		{
			vars{"LOG_LEVEL": "ERROR", "LOG_SENSITIVE_MASK": "on", "LOG_VOLUME_INTERVAL": "60000", "LOG_HEALTH_INTERVAL": "0"},
			pipeline.Config{Level: pipeline.At(slog.LevelError), VolumeInterval: pipeline.Duration(time.Minute)},
		},
	} {
		all := vars{"LOG_CONFIG": path}
		maps.Copy(all, tt.vars)
		got, err := pipeline.FromEnv(getenv(all))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got, ignoreOptions()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}

	write(`{"redaction": {"keys": ["ssn"]}}`)
	got, err = pipeline.FromEnv(getenv(vars{"LOG_CONFIG": path, "LOG_SENSITIVE_MASK": "false"}))
	if diff := cmp.Diff(pipeline.Config{Redaction: pipeline.Redaction{Off: true}}, got, ignoreOptions()); diff != "" || err != nil {
		t.Errorf("a mask that is switched off: %v, mismatch (-want +got):\n%s", err, diff)
	}

	beside := 0
	for _, name := range variables(t) {
		value := "1"
		switch {
		case name == "LOG_CONFIG":
			value = path
		case strings.HasSuffix(name, "_INTERVAL"):
			value = "1s"
		}
		_, err := pipeline.FromEnv(getenv(vars{"LOG_CONFIG": path, name: value}))
		if err != nil {
			beside++
			if !strings.Contains(err.Error(), "pipeline: "+name+" is set, and so is LOG_CONFIG") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if want := len(variables(t)) - 5; beside != want {
		t.Errorf("%d variables are refused beside LOG_CONFIG, want %d", beside, want)
	}

	write(`{"levell": 1}`)
	_, err = pipeline.FromEnv(getenv(vars{"LOG_CONFIG": path}))
	if want := `config: ` + path + `: line 1: levell: unknown field, did you mean "level"?`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownEnv(t *testing.T) {
	t.Parallel()
	got := pipeline.UnknownEnv([]string{
		"LOG_LEVEL=INFO", "LOG_LEVELL=hunter2", "log_level=x", "LOG_FILE_PATH=/x", "LOG_GROUP_OF_MY_CLOUD=x", "LOGNAME=root", "PATH=/bin", "LOG_=x", "LOG_\n=x",
		"LOG_NOTHING", "BLOG_LEVEL=x", "",
	})
	want := []string{
		"LOG_LEVELL is not read by anything here: did you mean LOG_LEVEL?",
		"log_level is not read by anything here: did you mean LOG_LEVEL?",
		"LOG_FILE_PATH is not read by anything here: did you mean LOG_FILE?",
		"LOG_GROUP_OF_MY_CLOUD is not read by anything here",
		`"LOG_\n" is not read by anything here`,
		"LOG_NOTHING is not read by anything here",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	var environ []string
	for _, name := range variables(t) {
		environ = append(environ, name+"=x")
	}
	if got := pipeline.UnknownEnv(environ); got != nil {
		t.Errorf("FromEnv reads what UnknownEnv does not know: %q", got)
	}
}
