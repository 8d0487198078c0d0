package pipeline_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// everything sets each field that JSON has.
const everything = `{
  "level": "WARNING",
  "sinks": [
    {"type": "console", "level": "INFO", "format": "text", "no_color": true, "stderr": true},
    {
      "type": "file", "name": "app", "level": "WARN+1", "path": "/var/log/app/app.log", "format": "json", "add_source": true,
      "rotation": "100 MB, daily", "retention": "30 days, 10 files", "compress": "gzip", "file_mode": "0640", "dir_mode": 750,
      "per_process": true, "async": true, "buffer_size": 65536, "flush_interval": 5000,
      "max_buffered_lines": 10000, "policy": "drop_newest",
      "sampling": {"first": 100, "thereafter": 10, "interval": "1s", "rate": 1000},
      "match": {"tag": "db", "packages": ["github.com/acme/db"], "attrs": {"http.status": 500, "ok": false, "rate": 0.5, "region": "eu"},
        "message": "^slow", "max_level": "ERROR"}
    },
    {"type": "errors", "path": "/var/log/app/errors.log", "rotation": "1 GB", "retention": 10, "multi_process": true},
    {"type": "audit", "path": "/var/log/app/audit.log", "format": "ecs", "event_id": true},
    {
      "type": "logstash", "addr": "beats+tls://logstash:5044", "ca_file": "ca.pem", "cert_file": "c.pem", "key_file": "k.pem",
      "spool_dir": "/var/spool/app", "spool_max_size": "1 GiB", "service": "shop", "event_type": "app", "tags": ["prod", "eu"]
    }
  ],
  "redaction": {"keys": ["ssn"], "allow_keys": ["token_count"], "enable": ["email"], "disable": ["iban"], "mask": "***"},
  "volume_interval": "1m",
  "health_interval": "5m",
  "no_fallback": true
}`

func everythingParsed() pipeline.Config {
	return pipeline.Config{
		Level: pipeline.At(slog.LevelWarn),
		Sinks: []pipeline.Sink{
			{Level: pipeline.At(slog.LevelInfo), Format: pipeline.Text, NoColor: true, Stderr: true},
			{
				Type: pipeline.File, Name: "app", Level: pipeline.At(slog.LevelWarn + 1), Path: "/var/log/app/app.log", AddSource: true,
				Rotation:  pipeline.Rotation{MaxSize: 100 * pipeline.MB, Schedule: "daily"},
				Retention: pipeline.Retention{MaxAge: 720 * time.Hour, MaxBackups: 10},
				Compress:  rotate.Gzip, FileMode: 0o640, DirMode: 0o750, PerProcess: true,
				Async: true, BufferSize: 64 * pipeline.KiB, FlushInterval: pipeline.Duration(5 * time.Second), MaxBufferedLines: 10000,
				Policy:   asyncbuf.DropNewest,
				Sampling: pipeline.Sampling{First: 100, Thereafter: 10, Interval: pipeline.Duration(time.Second), Rate: 1000},
				Match: pipeline.Match{
					Tag: "db", Packages: []string{"github.com/acme/db"}, Message: "^slow", MaxLevel: pipeline.At(slog.LevelError),
					Attrs: map[string]any{"http.status": int64(500), "ok": false, "rate": 0.5, "region": "eu"},
				},
			},
			{
				Type: pipeline.Errors, Path: "/var/log/app/errors.log",
				Rotation: pipeline.Rotation{MaxSize: pipeline.GB}, Retention: pipeline.Retention{MaxBackups: 10},
				MultiProcess: true,
			},
			{Type: pipeline.Audit, Path: "/var/log/app/audit.log", Format: pipeline.ECS, EventID: true},
			{
				Type: pipeline.Logstash, Addr: "beats+tls://logstash:5044", CAFile: "ca.pem", CertFile: "c.pem", KeyFile: "k.pem",
				SpoolDir: "/var/spool/app", SpoolMaxSize: pipeline.GiB, Service: "shop", EventType: "app", Tags: []string{"prod", "eu"},
			},
		},
		Redaction: pipeline.Redaction{
			Keys: []string{"ssn"}, AllowKeys: []string{"token_count"}, Enable: []string{"email"}, Disable: []string{"iban"}, Mask: "***",
		},
		VolumeInterval: pipeline.Duration(time.Minute), HealthInterval: pipeline.Duration(5 * time.Minute), NoFallback: true,
	}
}

func TestParseReadsEveryField(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"as it is": everything, "with a byte order mark": "\ufeff" + everything, "on one line": strings.ReplaceAll(everything, "\n", " "),
	} {
		got, err := pipeline.Parse([]byte(data))
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(everythingParsed(), got, ignoreOptions()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	// Each name in a tag is there, so that a new field does not go untested.
	for field := range strings.SplitSeq(jsonFieldsOf(), " ") {
		if !strings.Contains(everything, `"`+field+`"`) && field != "off" {
			t.Errorf("no test for the field %s", field)
		}
	}
}

func TestAConfigIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	written := jsonOf(t, everythingParsed())
	got, err := pipeline.Parse([]byte(written))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everythingParsed(), got, ignoreOptions()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got := jsonOf(t, pipeline.Config{}); got != "{}" {
		t.Errorf("a zero Config is %s", got)
	}
	if got := jsonOf(t, pipeline.Sink{}); got != `{"type":"console"}` {
		t.Errorf("a zero Sink is %s", got)
	}
	var lenient pipeline.Config // numbers in attrs are float64 there
	if err := json.Unmarshal([]byte(everything), &lenient); err != nil {
		t.Fatal(err)
	}
	lenient.Sinks[1].Match.Attrs["http.status"] = int64(500)
	if diff := cmp.Diff(everythingParsed(), lenient, ignoreOptions()); diff != "" {
		t.Errorf("json.Unmarshal: mismatch (-want +got):\n%s", diff)
	}
}

func TestParseTakesNothingForNothing(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"{}", ` { } `, `{"sinks": []}`, `{"sinks": null, "level": null, "redaction": {}}`, `{"level": ""}`, `{"redaction": {"keys": []}}`,
		`{"volume_interval": null}`,
	} {
		got, err := pipeline.Parse([]byte(data))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(pipeline.Config{}, got, ignoreOptions()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", data, diff)
		}
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       []string // each in the error
	}{
		{"nothing", "", []string{"config: is empty: want a JSON object, {} for the defaults"}},
		{"blanks", " \n\t", []string{"config: is empty"}},
		{"no object", "[]", []string{"config: line 1: the whole is a list: want an object with level, sinks, redaction"}},
		{"text", `"x"`, []string{`the whole is "x": want an object`}},
		{"YAML", "level: INFO\n", []string{"line 1: ", "for YAML or TOML"}},
		{"a comment", "{\n  // console\n  \"level\": \"INFO\"}", []string{"line 2: ", "JSON has no comments"}},
		{"a comment of a shell", "{\"level\": \"INFO\" # or DEBUG\n}", []string{"line 1: ", "JSON has no comments"}},
		{"a comma too many", "{\n\"sinks\": [\n{},\n]}", []string{"line 4: ", "no comma behind the last one"}},
		{"other quotes", "{'level': 1}", []string{"line 1: ", `"double quotes"`}},
		{"a broken line", "{\"level\": \"IN\nFO\"}", []string{"line 1: ", "a text ends on its line"}},
		{"half of it", "{\n\"sinks\": [", []string{"config: line 2: unexpected end of JSON input"}},
		{"two of it", "{}\n{}", []string{"line 2: ", "nothing behind it"}},
		{"more behind it", "{} x", []string{"line 1: ", "nothing behind it"}},
		{"another encoding", "{\n\"level\": \"\xfc\"}", []string{"config: line 2: byte 0xfc is no UTF-8"}},
		{"UTF-16", "\xff\xfe{\x00}\x00", []string{"config: is UTF-16: want UTF-8"}},
		{"too deep", strings.Repeat(`{"sinks":[`, 20000), []string{"config: line 1: ", "depth"}},
		{"an unknown field", "{\n\n\"levell\": \"INFO\"}", []string{`config: line 3: levell: unknown field, did you mean "level"?`}},
		{
			"an unknown field of a sink",
			"{\"sinks\": [{},\n{\"rotatoin\": {\"a\": [1, {}]}}]}",
			[]string{`config: line 2: sinks[1].rotatoin: unknown field, did you mean "rotation"?`},
		},
		{"nothing near", `{"zzz": 1}`, []string{"zzz: unknown field, want one of level, sinks, redaction, volume_interval"}},
		{"no name", `{"": 1}`, []string{`config: line 1: "": unknown field, want one of level, sinks, redaction, volume_interval`}},
		{"no name in a sink", `{"sinks": [{"": 1}]}`, []string{"sinks[0].: unknown field, want one of"}},
		{"another case", `{"Level": "INFO"}`, []string{`Level: unknown field, did you mean "level"?`}},
		{"a field of another library", `{"sinks": [{"filename": "x"}]}`, []string{`sinks[0].filename: unknown field, did you mean "path"?`}},
		{"a field at the wrong place", `{"path": "x"}`, []string{"path: unknown field, it is one of a sink"}},
		{"a field that is too deep", `{"sinks": [{"redaction": {}}]}`, []string{"sinks[0].redaction: unknown field, it is one of the whole"}},
		{"a Go field", `{"OnError": 1}`, []string{"OnError: unknown field"}},
		{"a field twice", "{\"level\": \"INFO\",\n\"sinks\": [],\n\"level\": \"WARN\"}", []string{"config: line 3: level is there twice, first in line 1"}},
		{"an attr twice", `{"sinks": [{"match": {"attrs": {"a.b": 1, "a.b": 2}}}]}`, []string{"sinks[0].match.attrs.a.b is there twice"}},
		{"text for a switch", `{"sinks": [{"async": "yes"}]}`, []string{`sinks[0].async is "yes": want true or false, without quotes`}},
		{"a number for a switch", `{"no_fallback": 1}`, []string{"no_fallback is 1: want true or false"}},
		{"text for a number", `{"sinks": [{"max_buffered_lines": "10"}]}`, []string{`max_buffered_lines is "10": want a whole number, without quotes`}},
		{"a fraction", `{"sinks": [{"sampling": {"first": 1.5}}]}`, []string{"sinks[0].sampling.first is 1.5: want a whole number"}},
		{"too large a number", `{"sinks": [{"sampling": {"rate": 1e999}}]}`, []string{"sampling.rate is 1e999: want a number of 64 bits"}},
		{"a number for text", `{"sinks": [{"path": 5}]}`, []string{"sinks[0].path is 5: want text in quotes"}},
		{"an object for text", `{"sinks": [{"path": {"x": [1]}}]}`, []string{"sinks[0].path is an object: want text in quotes"}},
		{"text for a list", `{"redaction": {"keys": "ssn"}}`, []string{`redaction.keys is "ssn": want a list, as in ["ssn"]`}},
		{"a list for an object", `{"redaction": []}`, []string{"redaction is a list: want an object with off, keys"}},
		{"nothing in a list", `{"sinks": [null]}`, []string{"sinks[0] is null: want an object with type, name"}},
		{"a number in a list", `{"sinks": [{"tags": ["a", 1]}]}`, []string{"sinks[0].tags[1] is 1: want text in quotes"}},
		{"an object for an attr", `{"sinks": [{"match": {"attrs": {"a": {}}}}]}`, []string{"match.attrs.a is an object: want text, a number, true or false"}},
		{"a list for attrs", `{"sinks": [{"match": {"attrs": []}}]}`, []string{`match.attrs is a list: want an object, as in {"region": "eu"}`}},
		{"an attr beyond numbers", `{"sinks": [{"match": {"attrs": {"a": 1e999}}}]}`, []string{"match.attrs.a is 1e999: want a number of 64 bits"}},
		{"an unknown level", `{"level": "DEBGU"}`, []string{`level is "DEBGU": want TRACE`, `did you mean "DEBUG"?`}},
		{"an object for a level", `{"level": {}}`, []string{"level is an object: want text in quotes"}},
		{"an unknown type", `{"sinks": [{"type": "fiel"}]}`, []string{`sinks[0].type is "fiel": want console, file`, `did you mean "file"?`}},
		{"a number for a type", `{"sinks": [{"type": 1}]}`, []string{`sinks[0].type is 1: want "console", "file"`}},
		{"an unknown format", `{"sinks": [{"format": "jsn"}]}`, []string{`sinks[0].format is "jsn": want json, text, logstash, ecs; did you mean "json"?`}},
		{"an unknown policy", `{"sinks": [{"policy": "drop_old"}]}`, []string{`sinks[0].policy is "drop_old": want "block"`, `did you mean "drop_oldest"?`}},
		{"an unknown compression", `{"sinks": [{"compress": "gz"}]}`, []string{`sinks[0].compress is "gz": want "none"`, `did you mean "gzip"?`}},
		{"a wrong unit", `{"sinks": [{"rotation": "100 MBit"}]}`, []string{`sinks[0].rotation is "100 MBit": want a size`, `did you mean "100 MB"?`}},
		{"no unit", `{"sinks": [{"rotation": 100}]}`, []string{`sinks[0].rotation is "100": want a size with a unit`, `did you mean "100 MB"?`}},
		{"another wrong unit", `{"sinks": [{"retention": "30 dogs"}]}`, []string{`sinks[0].retention is "30 dogs": want an age`, `did you mean "30 days"?`}},
		{
			"several mistakes",
			"{\"levell\": 1,\n\"sinks\": [{\"type\": \"x\",\n\"async\": 1},\n{\"paht\": []}],\n\"health_interval\": \"often\"}",
			[]string{"line 1: levell", "line 2: sinks[0].type", "line 3: sinks[0].async", "line 4: sinks[1].paht", "line 5: health_interval"},
		},
		{"a forged line", `{"a\nconfig: all is well": 1}`, []string{`"a\nconfig: all is well": unknown field`}},
		{"a long one", `{"sinks": "https://u:hunter2` + strings.Repeat("x", 90) + `@h"}`, []string{"sinks is ", "want a list"}},
		{"a password at the wrong place", `{"sinks": "https://u:hunter2@h"}`, []string{"sinks is ", "want a list"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pipeline.Parse([]byte(tt.data))
			if err == nil {
				t.Fatalf("no error but %+v", got)
			}
			if diff := cmp.Diff(pipeline.Config{}, got, ignoreOptions()); diff != "" {
				t.Errorf("half a Config beside an error:\n%s", diff)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if lines := strings.Count(err.Error(), "config: "); tt.name != "a forged line" && lines != max(1, strings.Count(err.Error(), "\n")+1) {
				t.Errorf("not each line says what it is about: %v", err)
			}
			if len(tt.want) > 2 && strings.Count(err.Error(), "\n") != len(tt.want)-1 {
				t.Errorf("want %d mistakes: %v", len(tt.want), err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a password in: %v", err)
			}
		})
	}
}

func TestParseNamesSomeMistakesOfThousands(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for name, many := range map[string]string{
		"a field twice":        "{" + strings.Repeat("\"level\":\n1,", n+1) + `"level": 1}`,
		"unknown fields":       `{"sinks": [{` + strings.Repeat(`"rotatoin":{},`, n) + `"rotatoin": 1}]}`,
		"values of other kind": `{"redaction": {"keys": [` + strings.Repeat("1,", n) + "1]}}",
	} {
		watch := testlog.StartStopwatch(t)
		_, err := pipeline.Parse([]byte(many))
		if took := watch.Elapsed(); took > 5*time.Second {
			t.Errorf("%s: that took %v", name, took)
		}
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 21 || lines[20] != "config: and 49981 more" {
			t.Errorf("%s: want 20 mistakes, and how many more: %v", name, err)
		}
	}
	_, err := pipeline.Parse([]byte(`{"sinks": [` + strings.Repeat("{},\n", n) + "{}]}"))
	if want := "config: line 1001: sinks has more than 1000: want 1000 at most"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.json")
	if _, err := pipeline.Load(path); err == nil || !os.IsNotExist(unwrap(err)) || !strings.HasPrefix(err.Error(), "config: open "+path) {
		t.Errorf("got %v", err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{\n\"levell\": 1, \"sinks\": 2}")
	_, err := pipeline.Load(path)
	if err == nil || strings.Count(err.Error(), "config: "+path+": line 2: ") != 2 {
		t.Errorf("got %v", err)
	}
	write(everything)
	got, err := pipeline.Load(path) // of the files that it names there is none
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everythingParsed(), got, ignoreOptions()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestLoadRefusesWhatOpenWould(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"sinks": [{"type": "console"},
{"type": "console",
 "sampling": {"rate": -1}},
{"type": "audit", "path": "a.log",
 "async": true},
{"type": "logstash", "addr": "logstash:5044"},
{"type": "file"},
{"type": "file", "name": "app", "path": "c.log",
 "buffer_size": 65536},
{"type": "file", "path": "./c.log"},
{"type": "func"}, {"type": "handler"},
{"type": "logstash", "addr": "tls://h:1", "cert_file": "none.pem", "key_file": "none.key"},
{"type": "logstash", "addr": "tcp://h:1",
 "ca_file": "none.pem"}
],
"redaction": {
  "keys": ["ssn",
    "*"]},
"volume_interval": 300
}`)
	_, err := pipeline.Load(path)
	if err == nil {
		t.Fatal("no error")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		`line 3: sinks[1].sampling.rate: Sampling.Rate is -1: want`,
		`line 5: sinks[2].async: Async is set, which an audit sink does not take`,
		`line 6: sinks[3].addr: Addr is refused: logstash: dial "logstash:5044"`,
		`line 7: sinks[4].path: Path is empty: a file sink needs the path of a file`,
		`line 9: sinks[5].buffer_size (sink "app"): BufferSize is set without Async (async)`,
		`line 14: sinks[10].ca_file: CAFile is set, but tcp:// has no TLS`,
		`line 10: sinks[6].path: Path is "./c.log", the file of sinks[5] (sink "app") too`,
		`line 18: redaction.keys[1]: Redaction.Keys[1]: key "*"`,
		`line 19: volume_interval: VolumeInterval is 300ms: want 0 for never`,
	}
	if len(got) != len(want) {
		t.Errorf("want %d mistakes: %v", len(want), err)
	}
	for i := range min(len(got), len(want)) {
		if !strings.HasPrefix(got[i], "config: "+path+": "+want[i]) {
			t.Errorf("got %s\nwant it to begin with %s", got[i], want[i])
		}
	}
	write(`{"sinks": [` + strings.Repeat(`{"type": "file"},`, 99) + "{}]}")
	if _, err := pipeline.Load(path); err == nil || !strings.HasSuffix(err.Error(), "\nconfig: "+path+": and 79 more") {
		t.Errorf("got %v", err)
	}
}

func TestLoadReadsNothingButFiles(t *testing.T) {
	t.Parallel()
	if _, err := pipeline.Load(os.DevNull); err == nil || !strings.Contains(err.Error(), "is no regular file: want one") {
		t.Errorf("got %v", err)
	}
	if _, err := pipeline.Load(t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "config: ") {
		t.Errorf("a directory: %v", err)
	}
	_, err := pipeline.Load("/no\nfile\x1b[31m")
	if err == nil || !os.IsNotExist(unwrap(err)) || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("got %q", err)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}
