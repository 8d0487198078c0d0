package pipeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/pipeline"
)

// FuzzParse: whatever is parsed without an error is written as JSON and parsed to
// the same, and whatever is not has an error of whole lines that each say what they
// are about.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(`{"levell": 1, "sinks": [{"async": "yes"}, null, {"match": {"attrs": {"a": 1e3, "b": -0, "c": 1.5, "d": 1e300}}}]}`))
	f.Add([]byte("\ufeff{ // no\n}"))
	f.Add([]byte(`{"sinks": [{"rotation": 1048576, "file_mode": 640}], "level": -4} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := pipeline.Parse(data)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "config: ") || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\x1b\x00") {
					t.Errorf("%q: a line of the error is %q", data, line)
				}
			}
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(data), "\ufeff"))) {
			t.Errorf("%q is no JSON, and is parsed", data)
		}
		written, err := json.Marshal(cfg)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := pipeline.Parse(written)
		if err != nil {
			t.Fatalf("%q is written as %s: %v", data, written, err)
		}
		if diff := cmp.Diff(cfg, again, ignoreOptions()); diff != "" {
			t.Errorf("%q: mismatch (-first +second):\n%s", data, diff)
		}
		var lenient pipeline.Config
		if err := json.Unmarshal(written, &lenient); err != nil {
			t.Errorf("json.Unmarshal of %s: %v", written, err)
		}
	})
}

// FuzzFromEnv: an error names the variable in one line, and no password; without one
// the Config can be written and read.
func FuzzFromEnv(f *testing.F) {
	f.Add("LOG_LEVEL", "WARNING", "LOG_FILE", "/var/log/app.log")
	f.Add("LOG_LOGSTASH", "http://u:hunter2@h:8080/x", "LOG_FORMAT", "ecs")
	f.Add("LOG_ROTATION", "100 MB, 0,30 3 * * *", "LOG_RETENTION", "30 days, 10")
	f.Add("LOG_BUFFER_SIZE", "1.5MiB", "LOG_FLUSH_INTERVAL", "-1")
	f.Add("LOG_CONSOLE", "off", "LOG_MAX_BUFFERED_LINES", "1e3")
	f.Fuzz(func(t *testing.T, name, value, name2, value2 string) {
		if name == "LOG_CONFIG" || name2 == "LOG_CONFIG" { // would open any file
			return
		}
		vars := map[string]string{name: value, name2: value2}
		cfg, err := pipeline.FromEnv(getenv(vars))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "pipeline: "+name) && !strings.HasPrefix(line, "pipeline: "+name2) {
					t.Errorf("%q: a line of the error is %q", vars, line)
				}
			}
			return
		}
		if !utf8.ValidString(value) || !utf8.ValidString(value2) {
			return // JSON cannot say such a path
		}
		written, err := json.Marshal(cfg)
		if err != nil {
			t.Fatalf("%q: %v", vars, err)
		}
		again, err := pipeline.Parse(written)
		if err != nil {
			t.Fatalf("%q is written as %s: %v", vars, written, err)
		}
		if diff := cmp.Diff(cfg, again, ignoreOptions()); diff != "" {
			t.Errorf("%q: mismatch (-first +second):\n%s", vars, diff)
		}
		for _, says := range pipeline.UnknownEnv([]string{name + "=" + value}) {
			if strings.ContainsAny(says, "\n\x1b") {
				t.Errorf("%q", says)
			}
		}
	})
}

// fuzzText reads a text, and what it is written as again.
func fuzzText[T any, P text[T]](t *testing.T, in string) (T, bool) {
	t.Helper()
	var first, second, fromJSON T
	if err := P(&first).UnmarshalText([]byte(in)); err != nil {
		if !strings.HasPrefix(err.Error(), "pipeline: ") || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 2000 {
			t.Errorf("%q: the error is %q", in, err)
		}
		if _, near, guess := strings.Cut(err.Error(), "did you mean "); guess {
			near, err := strconv.Unquote(strings.TrimSuffix(near, "?"))
			if err = errors.Join(err, P(&second).UnmarshalText([]byte(near))); err != nil {
				t.Errorf("%q: a wrong guess: %v", in, err)
			}
		}
		return first, false
	}
	out, err := P(&first).MarshalText()
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	if err := P(&second).UnmarshalText(out); err != nil || !cmp.Equal(first, second) {
		t.Errorf("%q is read as %v, written as %q, and read as %v, %v", in, first, out, second, err)
	}
	if again, err := P(&second).MarshalText(); err != nil || !bytes.Equal(again, out) {
		t.Errorf("%q is written as %q, and then as %q, %v", in, out, again, err)
	}
	quoted, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(quoted, &fromJSON); err != nil || utf8.ValidString(in) && !cmp.Equal(first, fromJSON) {
		t.Errorf("%s as JSON: %v, %v", quoted, fromJSON, err)
	}
	return first, true
}

func FuzzTextOfLevel(f *testing.F) {
	for _, s := range []string{"", "INFO", "warning", "ERROR+1", "-8", "OFF", "DEBGU+2", "TRACE-9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { fuzzText[pipeline.Level](t, in) })
}

func FuzzTextOfSize(f *testing.F) {
	for _, s := range []string{"", "0", "65536", "64 KiB", "1.5GB", "100 MBit", "10m", "8388608 TiB", "0.0000000000000000001 TB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if n, ok := fuzzText[pipeline.Size](t, in); ok && n < 0 {
			t.Errorf("%q is read as %d", in, n)
		}
	})
}

func FuzzTextOfDuration(f *testing.F) {
	for _, s := range []string{"", "0", "5000", "5s", "1h30m", "30 days", "2 weeks 1 day", "-1ns", "1.5us", "30 dogs", "6 months"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		d, ok := fuzzText[pipeline.Duration](t, in)
		if want, err := time.ParseDuration(in); err == nil && ok && in != "0" && time.Duration(d) != want {
			t.Errorf("%q is read as %v, by package time as %v", in, d, want)
		}
	})
}

func FuzzTextOfMode(f *testing.F) {
	for _, s := range []string{"", "0640", "640", "0o640", "416", "0440", "00640"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { fuzzText[pipeline.Mode](t, in) })
}

func FuzzTextOfRotation(f *testing.F) {
	for _, s := range []string{
		"", "never", "100 MB", "daily", "daily at 03:00", "0,30 3 * * *", "100 MB, 0,30 3 * * *", "daily, 1GiB", "1 day", "dayly,5 MBit", "12:30", "@every 5m", "100",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { fuzzText[pipeline.Rotation](t, in) })
}

func FuzzTextOfRetention(f *testing.F) {
	for _, s := range []string{"", "30 days", "10", "10 files", "5 GB", "30 days, 10 files, 5 GB", "6 months", "5G,1 dog", "10 filez", ",,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { fuzzText[pipeline.Retention](t, in) })
}
