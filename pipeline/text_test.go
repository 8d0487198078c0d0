package pipeline_test

import (
	"encoding"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

// text is what all text types have.
type text[T any] interface {
	*T
	encoding.TextUnmarshaler
	encoding.TextMarshaler
	json.Unmarshaler
	String() string
}

// testText reads each text, also as JSON, and writes what it has read.
func testText[T any, P text[T]](t *testing.T, texts map[string]T, written map[string]string) {
	t.Helper()
	for in, want := range texts {
		var got, fromJSON, again T
		if err := P(&got).UnmarshalText([]byte(in)); err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: mismatch (-want +got):\n%s", in, diff)
		}
		if err := json.Unmarshal([]byte(jsonOf(t, in)), &fromJSON); err != nil || !cmp.Equal(want, fromJSON) {
			t.Errorf("%q as JSON: %v, %v", in, fromJSON, err)
		}
		out, err := P(&got).MarshalText()
		if err != nil || string(out) != P(&got).String() {
			t.Errorf("%q: MarshalText %q, %v; String %q", in, out, err, P(&got).String())
		}
		wantOut, differs := written[in]
		if !differs {
			wantOut = in
		}
		if string(out) != wantOut {
			t.Errorf("%q is written as %q, want %q", in, out, wantOut)
		}
		if err := P(&again).UnmarshalText(out); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%q is written as %q and read as %v, %v", in, out, again, err)
		}
	}
}

// testWrong wants each error to hold some words and the text, and the value to
// stay as it was.
func testWrong[T any, P text[T]](t *testing.T, before T, wrong map[string][]string) {
	t.Helper()
	for in, want := range wrong {
		got := before
		err := P(&got).UnmarshalText([]byte(in))
		if err == nil {
			t.Errorf("%q is read as %v, want an error", in, got)
			continue
		}
		if !cmp.Equal(before, got) {
			t.Errorf("%q: an error, and a change to %v", in, got)
		}
		for _, words := range append(want, "pipeline: ", in, ": want ") {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%q is not in: %v", words, err)
			}
		}
		_, near, guess := strings.Cut(err.Error(), `did you mean "`)
		if len(want) == 0 && guess {
			t.Errorf("a guess in: %v", err)
		}
		if near = strings.TrimSuffix(near, `"?`); guess && P(&got).UnmarshalText([]byte(near)) != nil {
			t.Errorf("a wrong guess in: %v", err)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTextOfLevel(t *testing.T) {
	t.Parallel()
	testText(t, map[string]pipeline.Level{
		"":        {},
		"INFO":    pipeline.At(slog.LevelInfo),
		"warning": pipeline.At(slog.LevelWarn),
		"INFO+1":  pipeline.At(slog.Level(1)),
		"-8":      pipeline.At(handler.LevelTrace),
		"OFF":     pipeline.At(slog.Level(math.MaxInt)),
	}, map[string]string{"warning": "WARN", "-8": "TRACE"})
	testWrong(t, pipeline.At(slog.LevelWarn), map[string][]string{
		"LOUD":         {"TRACE", "CRITICAL", "INFO+2"},
		"WARNIN":       {`did you mean "WARNING"?`},
		"DEBGU":        {`did you mean "DEBUG"?`},
		"EROR+1":       {`did you mean "ERROR+1"?`},
		"I want debug": {"want TRACE"},
		"9.5":          {},
	})
}

func TestLevelIsThatOfItsLeveler(t *testing.T) {
	t.Parallel()
	v := new(slog.LevelVar)
	l := pipeline.At(v)
	v.Set(slog.LevelError)
	if l.Level() != slog.LevelError || l.String() != "ERROR" || l.IsZero() {
		t.Errorf("got %v", l)
	}
	var zero pipeline.Level
	if !zero.IsZero() || zero.Level() != slog.LevelInfo || zero.String() != "" {
		t.Errorf("the zero Level: %v, %v", zero, zero.Level())
	}
	if pipeline.At((*slog.LevelVar)(nil)).Level() != slog.LevelInfo {
		t.Error("a nil pointer is no INFO")
	}
	for _, tt := range []struct {
		a, b pipeline.Level
		want bool
	}{
		{zero, zero, true},
		{zero, pipeline.At(slog.LevelInfo), false},
		{pipeline.At(slog.LevelInfo), zero, false},
		{pipeline.At(slog.LevelInfo), pipeline.At(slog.LevelInfo), true},
		{pipeline.At(slog.LevelInfo), pipeline.At(slog.LevelWarn), false},
		{pipeline.At(v), pipeline.At(v), true},
		{pipeline.At(v), pipeline.At(new(slog.LevelVar)), false},
		{pipeline.At(v), pipeline.At(slog.LevelError), false},
		{pipeline.At(uncomparable{}), pipeline.At(uncomparable{}), false},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%v.Equal(%v) = %v", tt.a, tt.b, got)
		}
	}
}

type uncomparable struct{ _ []int }

func (uncomparable) Level() slog.Level { return 0 }

func TestTextOfSize(t *testing.T) {
	t.Parallel()
	testText(t, map[string]pipeline.Size{
		"":         0,
		"0":        0,
		"0 B":      0,
		"65536":    65536,
		"64 KiB":   65536,
		"64KiB":    65536,
		"64kib":    65536,
		"100 MB":   100_000_000,
		"100 MiB":  100 << 20,
		"1 GB":     pipeline.GB,
		"2TiB":     2 * pipeline.TiB,
		"1.5 GB":   1_500_000_000,
		"0.5KiB":   512,
		"12 bytes": 12,
		"1001 B":   1001,
	}, map[string]string{
		"": "0 B", "0": "0 B", "65536": "64 KiB", "64KiB": "64 KiB", "64kib": "64 KiB", "2TiB": "2 TiB",
		"1.5 GB": "1500 MB", "0.5KiB": "512 B", "12 bytes": "12 B",
	})
	testWrong(t, pipeline.Size(7), map[string][]string{
		"100 MBit": {`did you mean "100 MB"?`},
		"10m":      {`did you mean "10 MiB"?`},
		"10 K":     {`did you mean "10 KiB"?`},
		"30 dogs":  {"65536", "64 KiB (of 1024)"},
		"-1":       {}, "-": {}, "-1 MB": {}, "+1": {}, " 1": {}, "1 ": {}, "1,5 MB": {}, "0.5": {}, "1..5 B": {}, "MB": {}, "0x10": {},
		"99999999999999999999": {}, "9223372036854775808": {}, "1 MB 1 KB": {}, "１ MB": {},
	})
}

func TestTextOfDuration(t *testing.T) {
	t.Parallel()
	testText(t, map[string]pipeline.Duration{
		"":                0,
		"0":               0,
		"0s":              0,
		"5000":            pipeline.Duration(5 * time.Second),
		"5s":              pipeline.Duration(5 * time.Second),
		"1h30m":           pipeline.Duration(90 * time.Minute),
		"1 h 30 min":      pipeline.Duration(90 * time.Minute),
		"1h":              pipeline.Duration(time.Hour),
		"10m":             pipeline.Duration(10 * time.Minute),
		"1.5s":            pipeline.Duration(1500 * time.Millisecond),
		"100ms":           pipeline.Duration(100 * time.Millisecond),
		"1 day":           pipeline.Duration(24 * time.Hour),
		"30 days":         pipeline.Duration(720 * time.Hour),
		"30d":             pipeline.Duration(720 * time.Hour),
		"2 weeks":         pipeline.Duration(336 * time.Hour),
		"1 Week 12 Hours": pipeline.Duration(180 * time.Hour),
		"-1ns":            -1,
		"3µs":             3000,
	}, map[string]string{
		"": "0s", "0": "0s", "5000": "5s", "1 h 30 min": "1h30m", "30d": "30 days", "2 weeks": "14 days", "1 Week 12 Hours": "180h",
	})
	testWrong(t, pipeline.Duration(7), map[string][]string{
		"30 dogs":   {`did you mean "30 days"?`},
		"5 secs":    {`did you mean "5 sec"?`},
		"5S":        {`did you mean "5s"?`},
		"2 months":  {`did you mean "60 days"?`},
		"1 year":    {`did you mean "365 days"?`},
		"300 years": {},
		"soon":      {"5000", "30 days or 2 weeks"},
		"0.5ns":     {}, "1h-30m": {}, "1h 30": {}, "--1s": {}, "106752 d": {},
	})
}

func TestTextOfMode(t *testing.T) {
	t.Parallel()
	testText(t, map[string]pipeline.Mode{"": 0, "0640": 0o640, "640": 0o640, "0o640": 0o640, "0777": 0o777},
		map[string]string{"640": "0640", "0o640": "0640"})
	testWrong(t, pipeline.Mode(7), map[string][]string{
		"416": {`did you mean "0640"?`}, "384": {`did you mean "0600"?`}, "511": {`did you mean "0777"?`},
		"0440": {"0600"}, "0": {}, "1640": {}, "00640": {}, "rw-r-----": {}, "-640": {}, "0888": {},
	})
	// No right mode can be taken for another one where it was read as a number.
	for mode := range uint64(0o1000) {
		var got pipeline.Mode
		if err := json.Unmarshal([]byte(jsonOf(t, mode)), &got); mode&0o600 == 0o600 && err == nil {
			t.Errorf("%d, which is %#o, is read as %v", mode, mode, got)
		}
	}
}

func TestTextOfRotation(t *testing.T) {
	t.Parallel()
	type rotation = pipeline.Rotation
	testText(t, map[string]rotation{
		"":                         {},
		"never":                    {MaxSize: -1},
		"NEVER":                    {MaxSize: -1},
		"100 MB":                   {MaxSize: 100 * pipeline.MB},
		"100MiB":                   {MaxSize: 100 * pipeline.MiB},
		"daily":                    {Schedule: "daily"},
		"daily at 03:00":           {Schedule: "daily at 03:00"},
		"monday at 04:00":          {Schedule: "monday at 04:00"},
		"every 15m":                {Schedule: "every 15m"},
		"0 3 * * 1-5":              {Schedule: "0 3 * * 1-5"},
		"0,30 3 * * *":             {Schedule: "0,30 3 * * *"},
		"@monthly":                 {Schedule: "@monthly"},
		"100 MB, daily":            {MaxSize: 100 * pipeline.MB, Schedule: "daily"},
		"daily,100 MB":             {MaxSize: 100 * pipeline.MB, Schedule: "daily"},
		"100 MB, 0,30 3 * * *":     {MaxSize: 100 * pipeline.MB, Schedule: "0,30 3 * * *"},
		"0,30 3 * * 1,3, 1.5 GB":   {MaxSize: 1500 * pipeline.MB, Schedule: "0,30 3 * * 1,3"},
		"1 GiB , daily at 03:00":   {MaxSize: pipeline.GiB, Schedule: "daily at 03:00"},
		"Friday at 18:00, 100 MiB": {MaxSize: 100 * pipeline.MiB, Schedule: "Friday at 18:00"},
	}, map[string]string{
		"100MiB": "100 MiB", "daily,100 MB": "100 MB, daily", "0,30 3 * * 1,3, 1.5 GB": "1500 MB, 0,30 3 * * 1,3",
		"1 GiB , daily at 03:00": "1 GiB, daily at 03:00", "NEVER": "never", "Friday at 18:00, 100 MiB": "100 MiB, Friday at 18:00",
	})
	testWrong(t, rotation{Schedule: "x"}, map[string][]string{
		"100 MBit":        {`did you mean "100 MB"?`},
		"100":             {`did you mean "100 MB"?`},
		"104857600":       {`did you mean "100 MiB"?`},
		"10M":             {`did you mean "10 MiB"?`},
		"dayly":           {`did you mean "daily"?`},
		"midnight":        {`did you mean "daily"?`},
		"monthly":         {`did you mean "@monthly"?`},
		"1 day":           {`did you mean "daily"?`},
		"1 week":          {`did you mean "weekly"?`},
		"12 hours":        {`did you mean "every 12h"?`},
		"03:00":           {`did you mean "daily at 03:00"?`},
		"sunday":          {`did you mean "sunday at 00:00"?`},
		"100 MB, dayly":   {`did you mean "100 MB, daily"?`},
		"100 MBit, daily": {`did you mean "100 MB, daily"?`},
		"100 MB, 5 GB":    {}, "daily, weekly": {}, "-5 MB": {}, "61 3 * * *": {}, ",": {}, "daily,": {}, " ": {},
		"whenever it is full": {}, "100 MB, daily, weekly": {},
	})
}

func TestTextOfRetention(t *testing.T) {
	t.Parallel()
	type retention = pipeline.Retention
	const day = 24 * time.Hour
	testText(t, map[string]retention{
		"":                        {},
		"30 days":                 {MaxAge: 30 * day},
		"12h":                     {MaxAge: 12 * time.Hour},
		"10 files":                {MaxBackups: 10},
		"10":                      {MaxBackups: 10},
		"1 file":                  {MaxBackups: 1},
		"5 backups":               {MaxBackups: 5},
		"5 GB":                    {MaxTotalSize: 5 * pipeline.GB},
		"30 days, 10 files, 5 GB": {MaxAge: 30 * day, MaxBackups: 10, MaxTotalSize: 5 * pipeline.GB},
		"5GB,10,2 weeks":          {MaxAge: 14 * day, MaxBackups: 10, MaxTotalSize: 5 * pipeline.GB},
	}, map[string]string{"10": "10 files", "5 backups": "5 files", "5GB,10,2 weeks": "14 days, 10 files, 5 GB"})
	testWrong(t, retention{MaxBackups: 7}, map[string][]string{
		"30 dogs":            {`did you mean "30 days"?`},
		"100 MBit":           {`did you mean "100 MB"?`},
		"10 filez":           {`did you mean "10 files"?`},
		" 5  GB,1U ":         {`did you mean "5 GB,1us"?`},
		"6 months":           {`did you mean "180 days"?`},
		"5G":                 {`did you mean "5 GiB"?`},
		"30 dayz, 10 files":  {`did you mean "30 days, 10 files"?`},
		"10 files, 20 files": {}, "30 days, 1 week": {}, "0": {}, "0 days": {}, "-1 day": {}, "for ever": {}, ", 30 days": {},
		"99999999999": {}, "1.5 files": {},
	})
}

func TestTextOfTypeAndFormat(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"console", "file", "errors", "audit", "logstash", "func", "handler"} {
		var got pipeline.Type
		if err := got.UnmarshalText([]byte(strings.ToUpper(name))); err != nil || got != pipeline.Type(i) || got.String() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if out, err := got.MarshalText(); err != nil || string(out) != name {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
	for i, name := range []string{"json", "text", "logstash", "ecs"} {
		var got pipeline.Format
		if err := got.UnmarshalText([]byte(name)); err != nil || got != pipeline.Format(i) || got.String() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if out, err := got.MarshalText(); err != nil || string(out) != name {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
	for in, want := range map[string]string{
		"consol":   `pipeline: type "consol": want console, file, errors, audit, logstash, func, handler; did you mean "console"?`,
		"callback": `pipeline: type "callback": want console, file, errors, audit, logstash, func, handler; did you mean "func"?`,
		"kafka":    `pipeline: type "kafka": want console, file, errors, audit, logstash, func, handler`,
		"":         `pipeline: type "": want console, file, errors, audit, logstash, func, handler`,
	} {
		got := pipeline.Audit
		if err := got.UnmarshalText([]byte(in)); err == nil || err.Error() != want || got != pipeline.Audit {
			t.Errorf("got %v, %v\nwant %s", got, err, want)
		}
	}
	want := `pipeline: format "jsno": want json, text, logstash, ecs; did you mean "json"?`
	if err := new(pipeline.Format).UnmarshalText([]byte("jsno")); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	for _, v := range []encoding.TextMarshaler{
		pipeline.Type(7), pipeline.Type(-1), pipeline.Format(4), pipeline.Size(-1), pipeline.Retention{MaxAge: -1},
	} {
		if out, err := v.MarshalText(); err == nil {
			t.Errorf("%#v is written as %s, want an error", v, out)
		}
	}
	if got := pipeline.Type(7).String(); got != "Type(7)" {
		t.Errorf("got %s", got)
	}
}

func TestTextTypesTakeNumbersOfJSON(t *testing.T) {
	t.Parallel()
	type all struct {
		Level     pipeline.Level
		Size      pipeline.Size
		Duration  pipeline.Duration
		Mode      pipeline.Mode
		Retention pipeline.Retention
	}
	want := all{pipeline.At(slog.LevelWarn), 65536, pipeline.Duration(5 * time.Second), 0o640, pipeline.Retention{MaxBackups: 10}}
	var got all
	if err := json.Unmarshal([]byte(`{"Level": 4, "Size": 65536, "Duration": 5000, "Mode": 640, "Retention": 10}`), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	nulls := `{"Level": null, "Size": null, "Duration": null, "Mode": null, "Retention": null}`
	if err := json.Unmarshal([]byte(nulls), &got); err != nil || !cmp.Equal(want, got) {
		t.Errorf("null has changed it to %v, %v", got, err)
	}
	for in, want := range map[string]string{
		`{"Size": true}`:    "text or a number",
		`{"Mode": {}}`:      "text or a number",
		`{"Duration": 1e3}`: "milliseconds",
		`{"Level": 1.5}`:    "TRACE",
	} {
		if err := json.Unmarshal([]byte(in), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
	if err := json.Unmarshal([]byte("100"), new(pipeline.Rotation)); err == nil || !strings.Contains(err.Error(), `did you mean "100 MB"?`) {
		t.Errorf("a rotation at 100: %v", err)
	}
}

func TestErrorsOfTextAreBoundedAndWithoutPasswords(t *testing.T) {
	t.Parallel()
	var d pipeline.Duration
	err := d.UnmarshalText([]byte("postgres://app:hunter2@db/x" + strings.Repeat("é", 1000)))
	if err == nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), `\x`) {
		t.Errorf("got %v", err)
	}
	if err := d.UnmarshalText([]byte("a\nb\x1b[31m")); err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("control characters in: %v", err)
	}
}
