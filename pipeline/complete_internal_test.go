package pipeline

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

func nothing(context.Context, slog.Record) error { return nil }

func TestCompleteFillsInDefaults(t *testing.T) {
	t.Parallel()
	v := new(slog.LevelVar)
	cfg := Config{
		Level: At(slog.LevelWarn),
		Sinks: []Sink{
			{},
			{Type: File, Name: "app", Path: "a.log", Level: At(slog.LevelDebug)},
			{Type: Errors, Path: "b.log"},
			{Type: Errors, Path: "c.log", Level: At(v)},
			{Type: Audit, Path: "d.log"},
			{Type: Audit, Path: "e.log", Match: Match{MaxLevel: At(slog.LevelError)}, Level: At(slog.Level(minInt))},
			{Type: Logstash, Addr: "beats://h"},
			{Type: Logstash, Addr: "beats://h", Format: ECS},
			{Type: Func, Func: nothing, Match: Match{Packages: []string{"db"}}},
			{Type: Handler, Handler: slog.DiscardHandler, Match: Match{MaxLevel: At(slog.LevelError)}},
		},
	}
	before := append([]Sink(nil), cfg.Sinks...)
	got, err := cfg.complete()
	if err != nil {
		t.Fatal(err)
	}
	opts := cmp.Options{
		cmpopts.IgnoreFields(Config{}, "Fallback", "Redact", "Monitor", "OnError"),
		cmpopts.IgnoreFields(Sink{}, "Func", "Handler", "Rotate", "Dial"), cmpopts.IgnoreFields(Match{}, "Func"),
	}
	if diff := cmp.Diff(before, cfg.Sinks, opts); diff != "" {
		t.Errorf("the caller's sinks are changed:\n%s", diff)
	}
	warn, all := At(slog.LevelWarn), At(slog.Level(minInt))
	want := Config{Level: warn, Sinks: []Sink{
		{Name: "sinks[0]", Level: warn},
		{Type: File, Name: "app", Path: "a.log", Level: At(slog.LevelDebug)},
		{Type: Errors, Name: "sinks[2]", Path: "b.log", Level: At(slog.LevelError)},
		{Type: Errors, Name: "sinks[3]", Path: "c.log", Level: At(v)},
		{Type: Audit, Name: "sinks[4]", Path: "d.log", Level: all, Match: Match{Tag: "security"}},
		{Type: Audit, Name: "sinks[5]", Path: "e.log", Level: all, Match: Match{Tag: "security", MaxLevel: At(slog.LevelError)}},
		{Type: Logstash, Name: "sinks[6]", Addr: "beats://h", Level: warn, Format: EventFormat},
		{Type: Logstash, Name: "sinks[7]", Addr: "beats://h", Level: warn, Format: ECS},
		{Type: Func, Name: "sinks[8]", Level: all, Match: Match{Packages: []string{"db"}}},
		{Type: Handler, Name: "sinks[9]", Level: warn, Match: Match{MaxLevel: At(slog.LevelError)}},
	}}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	again, err := got.complete()
	if diff := cmp.Diff(got, again, opts); diff != "" || err != nil {
		t.Errorf("completed twice: %v, mismatch (-want +got):\n%s", err, diff)
	}
	zero, err := Config{}.complete()
	want = Config{Level: At(slog.LevelInfo), Sinks: []Sink{{Name: "console", Level: At(slog.LevelInfo)}}}
	if diff := cmp.Diff(want, zero, opts); diff != "" || err != nil {
		t.Errorf("a zero Config: %v, mismatch (-want +got):\n%s", err, diff)
	}
}

func TestEveryFieldIsTakenBySomeSink(t *testing.T) {
	t.Parallel()
	for f := range reflect.TypeFor[Sink]().Fields() {
		taken := 0
		for kind := Console; kind <= Handler; kind++ {
			if kind.takes(f.Name) {
				taken++
			}
		}
		if taken == 0 {
			t.Errorf("no sink takes %s", f.Name)
		}
	}
}

// TestCompleteNamesWhatIsWrong has one mistake in each Config, of which the error
// is to be the only one.
func TestCompleteNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(change func(*Sink)) Config {
		s := Sink{Type: File, Name: "app", Path: filepath.Join(dir, "app.log")}
		change(&s)
		return Config{Sinks: []Sink{{}, s}}
	}
	ship := func(change func(*Sink)) Config {
		s := Sink{Type: Logstash, Addr: "beats+tls://h"}
		change(&s)
		return Config{Sinks: []Sink{s}}
	}
	one := func(s Sink) Config { return Config{Sinks: []Sink{s}} }
	two := func(a, b Sink) Config { return Config{Sinks: []Sink{a, b}} }
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"a type that there is not", one(Sink{Type: 9}), "sinks[0].type: Type is Type(9): want console, file, errors"},
		{"a format that there is not", one(Sink{Format: -1}), "sinks[0].format: Format is Format(-1): want json, text"},
		{"text to Logstash", ship(func(s *Sink) { s.Format = Text }), "sinks[0].format: Format is text: a logstash sink takes logstash and ecs"},
		{"a path of blanks", file(func(s *Sink) { s.Path = " " }), `sinks[1].path (sink "app"): Path is empty: a file sink needs`},
		{"a path with a NUL", file(func(s *Sink) { s.Path = "a\x00b" }), `sinks[1].path (sink "app"): Path is "a\x00b": want no control characters`},
		{"a service with a newline", ship(func(s *Sink) { s.Service = "a\nb" }), `sinks[0].service: Service is "a\nb": want no control characters`},
		{"no path", file(func(s *Sink) { s.Path = "" }), `sinks[1].path (sink "app"): Path is empty: a file sink needs the path of a file`},
		{"no address", ship(func(s *Sink) { s.Addr = "" }), "sinks[0].addr: Addr is empty: a logstash sink needs an address such as beats://"},
		{"no function", one(Sink{Type: Func}), "sinks[0]: Func is empty: a func sink needs one"},
		{"no handler", one(Sink{Type: Handler}), "sinks[0]: Handler is empty: a handler sink needs one"},
		{"a path of a console", one(Sink{Path: "x"}), "sinks[0].path: Path is set, which a console sink does not take, only file, errors, audit"},
		{"a writer of a file", file(func(s *Sink) { s.Writer = io.Discard }), `sinks[1] (sink "app"): Writer is set, which a file sink does not take, only console`},
		{"options of another type", one(Sink{Rotate: rotate.Options{MaxBackups: 1}}), "sinks[0]: Rotate is set, which a console sink"},
		{"an address of a function", one(Sink{Type: Func, Func: nothing, Addr: "x"}), "sinks[0].addr: Addr is set, which a func sink does not take, only logstash"},
		{
			"an audit log in a buffer",
			one(Sink{Type: Audit, Path: "x", Async: true}),
			"sinks[0].async: Async is set, which an audit sink does not take, only console, file, errors",
		},
		{"an audit log of samples", one(Sink{Type: Audit, Path: "x", Sampling: Sampling{First: 1}}), "sinks[0].sampling: Sampling is set, which an audit sink"},
		{"a policy of an audit log", one(Sink{Type: Audit, Path: "x", Policy: asyncbuf.DropNewest}), "sinks[0].policy: Policy is set, which an audit sink"},
		{"a level of an audit log", one(Sink{Type: Audit, Path: "x", Level: At(slog.LevelError)}), "sinks[0].level: Level is ERROR: an audit sink takes all levels"},
		{"one that can change", one(Sink{Type: Audit, Path: "x", Level: At(new(slog.LevelVar))}), "sinks[0].level: Level is INFO: an audit sink takes all"},
		{"an audit log for all", one(Sink{Type: Audit, Path: "x", FileMode: 0o644}), "sinks[0].file_mode: FileMode is 0644, more than the file of an audit sink"},
		{
			"an audit log for all, by other options", one(Sink{Type: Audit, Path: "x", Rotate: rotate.Options{FileMode: 0o620}}),
			"sinks[0]: Rotate.FileMode is 0620, more than the file of an audit sink",
		},
		{"a nil pointer for a level", one(Sink{Level: At((*slog.LevelVar)(nil))}), "sinks[0].level: Level holds a nil pointer"},
		{"a nil pointer for all levels", Config{Level: At((*handler.Levels)(nil))}, "level: Level holds a nil pointer"},
		{"a nil writer", one(Sink{Writer: (*os.File)(nil)}), "sinks[0]: Writer holds a nil pointer"},
		{"a nil handler", one(Sink{Type: Handler, Handler: (*handler.Gate)(nil)}), "sinks[0]: Handler holds a nil pointer"},
		{"a name with a newline", one(Sink{Name: "a\nb"}), `sinks[0].name (sink "a\nb"): Name is "a\nb": want no control characters`},
		{"a message that is no expression", one(Sink{Match: Match{Message: "a("}}), `sinks[0].match.message: Match.Message is "a(", which is no regular expression: error parsing`},
		{"no package", one(Sink{Match: Match{Packages: []string{""}}}), "sinks[0].match.packages: Match.Packages has an empty name"},
		{"no attr", one(Sink{Match: Match{Attrs: map[string]any{"": 1}}}), "sinks[0].match.attrs: Match.Attrs has an empty name"},
		{
			"no level at all",
			one(Sink{Level: At(slog.LevelError), Match: Match{MaxLevel: At(slog.LevelWarn)}}),
			"sinks[0].match.max_level: Match.MaxLevel is WARN, below the Level (level) ERROR: no record would pass",
		},
		{
			"no error at all", one(Sink{Type: Errors, Path: "x", Match: Match{MaxLevel: At(slog.LevelWarn)}}),
			"Match.MaxLevel is WARN, below the Level (level) ERROR",
		},
		{"a function for an attr", one(Sink{Match: Match{Attrs: map[string]any{"a": nothing}}}), `sinks[0].match.attrs: Match.Attrs has a function for "a"`},
		{"a number of samples below nothing", one(Sink{Sampling: Sampling{First: -5}}), "sinks[0].sampling.first: Sampling.First is -5: want 0 or more"},
		{"others below nothing", one(Sink{Sampling: Sampling{Thereafter: -1}}), "sinks[0].sampling.thereafter: Sampling.Thereafter is -1: want 0"},
		{"an interval of samples below nothing", one(Sink{Sampling: Sampling{Interval: -1}}), "sinks[0].sampling.interval: Sampling.Interval is -1ns: want 0"},
		{"a rate below nothing", one(Sink{Sampling: Sampling{Rate: math.NaN()}}), "sinks[0].sampling.rate: Sampling.Rate is NaN: want records a second"},
		{"a service in JSON", one(Sink{Service: "x"}), "sinks[0].service: Service is set, which the format json does not have: want the Format (format) logstash or ecs"},
		{"a buffer without async", file(func(s *Sink) { s.BufferSize = 1 }), `sinks[1].buffer_size (sink "app"): BufferSize is set without Async (async)`},
		{"an interval without async", one(Sink{FlushInterval: 1}), "sinks[0].flush_interval: FlushInterval is set without Async (async)"},
		{"lines without async", one(Sink{MaxBufferedLines: 1}), "sinks[0].max_buffered_lines: MaxBufferedLines is set without"},
		{"a policy without async", one(Sink{Policy: asyncbuf.DropNewest}), "sinks[0].policy: Policy is set without"},
		{"two buffers", one(Sink{Async: true, Buffer: &asyncbuf.WriterOptions{}}), "sinks[0].async: Async is set, and so is Buffer: want one of them"},
		{"a size of two buffers", one(Sink{BufferSize: 1, Buffer: &asyncbuf.WriterOptions{}}), "sinks[0].buffer_size: BufferSize is set, and so is Buffer"},
		{"a buffer too large", one(Sink{Async: true, BufferSize: 2 * GiB}), "sinks[0].buffer_size: BufferSize is 2147483648: want 1 byte to 1 GiB"},
		{
			"an interval of a buffer below nothing", one(Sink{Async: true, FlushInterval: Duration(-5 * time.Second)}),
			"sinks[0].flush_interval: FlushInterval is -5s: want 0 for the default, or more",
		},
		{"sinks without end", Config{Sinks: make([]Sink, 100_000)}, "sinks: Sinks are 100000: want 1000 at most"},
		{"lines below nothing", one(Sink{Async: true, MaxBufferedLines: -1}), "sinks[0].max_buffered_lines: MaxBufferedLines is -1"},
		{"a policy that there is not", one(Sink{Async: true, Policy: 7}), "sinks[0].policy: Policy is Policy(7): want block"},
		{"a policy of options that there is not", one(Sink{Buffer: &asyncbuf.WriterOptions{Policy: 7}}), "sinks[0]: Buffer.Policy is Policy(7): want block"},
		{
			"two sizes",
			file(func(s *Sink) { s.Rotation.MaxSize, s.Rotate.MaxSize = MB, 1 }),
			`sinks[1].rotation (sink "app"): Rotation.MaxSize is set, and so is Rotate.MaxSize: want one of them`,
		},
		{"two schedules", file(func(s *Sink) { s.Rotation.Schedule, s.Rotate.Schedule = "daily", "daily" }), "Rotation.Schedule is set, and so is Rotate.Schedule"},
		{"two ages", file(func(s *Sink) { s.Retention.MaxAge, s.Rotate.MaxAge = 1, 1 }), "sinks[1].retention (sink \"app\"): Retention.MaxAge is set, and so is Rotate.MaxAge"},
		{"two numbers", file(func(s *Sink) { s.Retention.MaxBackups, s.Rotate.MaxBackups = 1, 1 }), "Retention.MaxBackups is set, and so is Rotate.MaxBackups"},
		{"two totals", file(func(s *Sink) { s.Retention.MaxTotalSize, s.Rotate.MaxTotalSize = GB, 1e9 }), "Retention.MaxTotalSize is set, and so is Rotate.MaxTotalSize"},
		{"two compressions", file(func(s *Sink) { s.Compress, s.Rotate.Compress = rotate.Gzip, rotate.Zstd }), "Compress is set, and so is Rotate.Compress"},
		{"two modes", file(func(s *Sink) { s.FileMode, s.Rotate.FileMode = 0o600, 0o600 }), "FileMode is set, and so is Rotate.FileMode"},
		{"two modes of directories", file(func(s *Sink) { s.DirMode, s.Rotate.DirMode = 0o700, 0o700 }), "DirMode is set, and so is Rotate.DirMode"},
		{"a schedule that there is not", file(func(s *Sink) { s.Rotation.Schedule = "dayly" }), `sinks[1].rotation (sink "app"): Rotation is refused: rotate: options: the Schedule is "dayly"`},
		{"a mode that the owner cannot use", file(func(s *Sink) { s.FileMode = 0o440 }), `sinks[1].file_mode (sink "app"): FileMode is refused: rotate: options: FileMode is 0440`},
		{"a number below nothing", file(func(s *Sink) { s.Rotate.MaxBackups = -1 }), `sinks[1] (sink "app"): Rotate is refused: rotate: options: MaxBackups is -1`},
		{"one file for each process and one for all", file(func(s *Sink) { s.PerProcess, s.MultiProcess = true, true }), "MultiProcess is refused: rotate: options: MultiProcess and PerProcess are set"},
		{
			"less for all backups than for one", file(func(s *Sink) { s.Retention.MaxTotalSize = 50 * MB }),
			`sinks[1].retention (sink "app"): Retention.MaxTotalSize is 50 MB, less than the 100 MiB of one file: no backup would be kept`,
		},
		{
			"a retention of what is never rotated", file(func(s *Sink) { s.Rotation.MaxSize, s.Retention.MaxBackups = -1, 1 }),
			"Retention is set, but the file is never rotated: want a Rotation (rotation), or no limit",
		},
		{"an address that there is not", ship(func(s *Sink) { s.Addr = "gopher://h:1" }), `sinks[0].addr: Addr is refused: logstash: dial "gopher://h:1"`},
		{"a file that there is not", ship(func(s *Sink) { s.CAFile = filepath.Join(dir, "none.pem") }), "sinks[0].ca_file: CAFile is refused: "},
		{
			"a certificate for nobody", ship(func(s *Sink) { s.Addr, s.CAFile = "beats://h", "ca.pem" }),
			"sinks[0].ca_file: CAFile is set, but beats:// has no TLS: want Addr (addr) beats+tls://, or none",
		},
		{"a certificate for datagrams", ship(func(s *Sink) { s.Addr, s.CAFile = "udp://h:1", "ca.pem" }), "sinks[0].ca_file: CAFile is set, but udp:// has no TLS: want none"},
		{"two certificates", ship(func(s *Sink) { s.CAFile, s.Dial.CAFile = "a", "b" }), "sinks[0].ca_file: CAFile is set, and so is Dial.CAFile"},
		{"two spools", ship(func(s *Sink) { s.SpoolDir, s.Dial.SpoolDir = "a", "b" }), "sinks[0].spool_dir: SpoolDir is set, and so is Dial.SpoolDir"},
		{
			"a size of no spool", ship(func(s *Sink) { s.SpoolMaxSize = GiB }),
			"sinks[0].spool_max_size: SpoolMaxSize is set without a SpoolDir (spool_dir), so there is no spool",
		},
		{"half of a certificate", ship(func(s *Sink) { s.CertFile = "c.pem" }), `sinks[0].cert_file: CertFile is "c.pem" with KeyFile "": want both or none`},
		{
			"a spool too small", ship(func(s *Sink) { s.SpoolDir, s.SpoolMaxSize = "s", 5 }),
			"sinks[0].spool_max_size: SpoolMaxSize is 5: want at least four times the largest event, 4194304",
		},
		{
			"a spool of options too small",
			ship(func(s *Sink) { s.SpoolDir, s.Dial.SpoolMaxBytes = "s", 5 }),
			"sinks[0]: Dial is refused: logstash: DialOptions.SpoolMaxBytes 5: want at least four times MaxEventBytes",
		},
		{"options of http for beats", ship(func(s *Sink) { s.Dial.Username = "u" }), "sinks[0]: Dial is refused: logstash: DialOptions.Username: want none for beats+tls://"},
		{"one name twice", two(Sink{Name: "a"}, Sink{Name: "a"}), `sinks[1].name (sink "a"): Name is "a", the name of sinks[0] (sink "a") too: want one each`},
		{"a name that another one has by its place", two(Sink{}, Sink{Name: "sinks[0]"}), `sinks[1].name (sink "sinks[0]"): Name is "sinks[0]", the name of sinks[0] too`},
		{
			"one file twice", two(Sink{Type: File, Path: "a.log"}, Sink{Type: Errors, Name: "e", Path: "./b/../a.log"}),
			`sinks[1].path (sink "e"): Path is "./b/../a.log", the file of sinks[0] too: want one each`,
		},
		{
			"one spool twice",
			two(Sink{Type: Logstash, Addr: "beats://a", SpoolDir: "s"}, Sink{Type: Logstash, Addr: "beats://b", Dial: logstash.DialOptions{SpoolDir: "./s", SpoolMode: logstash.SpoolAlways}}),
			`sinks[1].spool_dir: SpoolDir is "./s", the spool of sinks[0] too: want one each`,
		},
		{"nothing masked, and something", Config{Redaction: Redaction{Off: true, Keys: []string{"ssn"}}}, "redaction.off: Redaction.Off is set, and so are other fields"},
		{"nothing masked, and options", Config{Redaction: Redaction{Off: true}, Redact: redact.Options{Mask: "*"}}, "redaction.off: Redaction.Off is set"},
		{"two masks", Config{Redaction: Redaction{Mask: "*"}, Redact: redact.Options{Mask: "+"}}, "redaction.mask: Redaction.Mask is set, and so is Redact.Mask"},
		{"a mask with a quote", Config{Redaction: Redaction{Mask: `"`}}, "redaction.mask: Redaction.Mask"},
		{"a rule that there is not", Config{Redaction: Redaction{Enable: []string{"email", "emial"}}}, `redaction.enable[1]: Redaction.Enable[1] is "emial", want the name or the group of a rule, as email`},
		{"a key that there cannot be", Config{Redaction: Redaction{Keys: []string{"*"}}}, `redaction.keys[0]: Redaction.Keys[0]: key "*"`},
		{
			"a key of options that there cannot be",
			Config{Redaction: Redaction{Keys: []string{"ssn"}}, Redact: redact.Options{Keys: []string{"a", "*"}}},
			`Redact: Keys[1]: key "*"`,
		},
		{"a rule of options that there cannot be", Config{Redact: redact.Options{Rules: []redact.Rule{{Name: "x"}}}}, "Redact: Rules[0]"},
		{"an interval below nothing", Config{VolumeInterval: -1}, "volume_interval: VolumeInterval is -1ns: want 0 for never, or 1s and more"},
		{"an interval that floods", Config{HealthInterval: Duration(300 * time.Millisecond)}, "HealthInterval is 300ms: want 0 for never, or 1s and more; a number alone"},
		{"another one", Config{HealthInterval: -1}, "health_interval: HealthInterval is -1ns: want 0 for never"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.cfg.complete()
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "pipeline: ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v\nwant it to hold %s, and nothing else", err, tt.want)
			}
			for i := range got.Sinks { // also of what is wrong
				s := &got.Sinks[i]
				s.fileOptions()
				s.bufferOptions()
				s.dialOptions()
				s.eventOptions()
				s.sampleOptions()
				s.match()
				if s.Name == "" || s.Level.IsZero() {
					t.Errorf("sinks[%d] is not complete", i)
				}
			}
			got.redactOptions()
		})
	}
}

func TestCompleteNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := Config{
		Sinks:          []Sink{{Path: "x", Addr: "y"}, {Type: File, FlushInterval: 1}, {Type: Logstash, Addr: "tcp://u:hunter2@h:1"}},
		Redaction:      Redaction{Keys: []string{"*", "a..b"}},
		HealthInterval: -1,
	}.complete()
	if err == nil || strings.Count(err.Error(), "pipeline: ") != 8 || len(flatten(err)) != 8 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want 8 mistakes: %v", err)
	}
}

func TestCompleteNamesSomeMistakesOfMany(t *testing.T) {
	t.Parallel()
	_, err := Config{Sinks: slices.Repeat([]Sink{{Type: File}}, 100)}.complete()
	if errs := flatten(err); len(errs) != 21 || errs[20].Error() != "pipeline: and 80 more" {
		t.Errorf("got %v", err)
	}
}

// TestCompleteSharesNothing changes what the slices, maps and pointers of a Config hold.
func TestCompleteSharesNothing(t *testing.T) {
	t.Parallel()
	made := func() Config {
		texts := func() []string { return []string{"email"} }
		return Config{
			Sinks: []Sink{
				{Buffer: &asyncbuf.WriterOptions{Size: 1}, Match: Match{Packages: texts(), Attrs: map[string]any{"a": 1}}},
				{Type: Logstash, Addr: "http://h:1", Tags: texts(), Dial: logstash.DialOptions{Header: http.Header{"X-Key": {"a"}}}},
			},
			Redaction: Redaction{Keys: texts(), AllowKeys: texts(), Enable: texts(), Disable: texts()},
			Redact:    redact.Options{Keys: texts(), AllowKeys: texts(), Enable: texts(), Disable: texts(), Rules: []redact.Rule{{Name: "a", Keys: texts()}}},
		}
	}
	cfg := made()
	got, _ := cfg.complete()
	want, _ := made().complete()
	shared(t, "Config", reflect.ValueOf(cfg), reflect.ValueOf(got))
	cfg.Sinks[0].Match.Attrs["a"] = 2
	cfg.Sinks[1].Dial.Header.Set("X-Key", "b")
	cfg.Sinks[1].Tags[0] = "b"
	if !same(reflect.ValueOf(want.Sinks[1].Dial.Header), reflect.ValueOf(got.Sinks[1].Dial.Header)) || got.Sinks[0].Match.Attrs["a"] != 1 {
		t.Error("what was completed has changed with what the user holds")
	}
}

// shared reports what a and b both refer to.
func shared(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			shared(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if !a.IsNil() && a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
		}
		if a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct {
			for i := range a.Len() {
				shared(t, path, a.Index(i), b.Index(i))
			}
		}
	default:
	}
}

func TestOneFileIsFoundBehindLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	must := func(err error) {
		if err != nil {
			t.Skip("no links here: ", err)
		}
	}
	must(os.MkdirAll(path("real"), 0o700))
	must(os.Symlink(path("real"), path("linked")))
	must(os.WriteFile(path("real", "there.log"), nil, 0o600))
	must(os.Link(path("real", "there.log"), path("hard.log")))
	must(os.Symlink(path("real", "there.log"), path("soft.log")))
	must(os.Symlink(filepath.Join("real", "later.log"), path("dangling.log")))
	must(os.Symlink(path("loop.log"), path("loop.log")))
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{path("real", "there.log"), path("hard.log"), true},
		{path("real", "there.log"), path("soft.log"), true},
		{path("real", "later.log"), path("linked", "later.log"), true},
		{path("real", "later.log"), path("dangling.log"), true},
		{path("real", "x", "y", "later.log"), path("linked", "x", "y", "later.log"), true},
		{path("real", "there.log"), path("real", "later.log"), false},
		{path("real", "x", "a.log"), path("real", "y", "a.log"), false},
		{path("loop.log"), path("real", "later.log"), false},
		{path("hard.log"), path("none.log"), false},
	} {
		if got := locate(tt.a).is(locate(tt.b)); got != tt.same {
			t.Errorf("one file %s, %s: %v", tt.a, tt.b, got)
		}
		_, err := Config{Sinks: []Sink{{Type: File, Path: tt.a}, {Type: Audit, Path: tt.b}}}.complete()
		if (err != nil) != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, err)
		}
	}
}

func TestOptionsSayWhatTheSinkSays(t *testing.T) {
	t.Parallel()
	ignoreFuncs := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type().Kind() == reflect.Func }, cmp.Ignore())
	equal := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, ignoreFuncs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", what, diff)
		}
	}
	s := Sink{
		Type: File, Rotation: Rotation{Schedule: "daily"}, Retention: Retention{MaxAge: time.Hour, MaxBackups: 2, MaxTotalSize: GB},
		Compress: rotate.Zstd, FileMode: 0o640, DirMode: 0o750, PerProcess: true, Rotate: rotate.Options{Owner: "app"},
	}
	equal("a file", rotate.Options{
		MaxSize: -1, Schedule: "daily", MaxAge: time.Hour, MaxBackups: 2, MaxTotalSize: 1e9, Compress: rotate.Zstd,
		FileMode: 0o640, DirMode: 0o750, PerProcess: true, Owner: "app",
	}, s.fileOptions())
	s = Sink{Type: File, Rotation: Rotation{MaxSize: MB, Schedule: "daily"}}
	equal("a file with both", rotate.Options{MaxSize: 1e6, Schedule: "daily"}, s.fileOptions())
	s = Sink{Type: File, Rotation: Rotation{Schedule: "daily"}, Rotate: rotate.Options{MaxSize: 5}}
	equal("a file with a size by its options", rotate.Options{MaxSize: 5, Schedule: "daily"}, s.fileOptions())
	s = Sink{Type: File, Rotate: rotate.Options{Schedule: "daily"}}
	equal("a file of options alone", s.Rotate, s.fileOptions())
	s = Sink{Type: Audit, MultiProcess: true}
	equal("an audit file", rotate.Options{SyncEveryWrite: true, FileMode: 0o600, MultiProcess: true}, s.fileOptions())

	s = Sink{Async: true, BufferSize: 1, FlushInterval: 2, MaxBufferedLines: 3, Policy: asyncbuf.DropOldest}
	equal("a buffer", &asyncbuf.WriterOptions{Size: 1, FlushInterval: 2, MaxLines: 3, Policy: asyncbuf.DropOldest}, s.bufferOptions())
	s = Sink{Buffer: &asyncbuf.WriterOptions{Size: 7}}
	if got := s.bufferOptions(); got == s.Buffer {
		t.Error("the user's own options are given away")
	} else {
		equal("a buffer of options", s.Buffer, got)
	}
	if s = (Sink{}); s.bufferOptions() != nil || s.sampleOptions() != nil || s.match() != nil {
		t.Error("a zero Sink has a buffer, a sampling or a match")
	}

	s = Sink{
		CAFile: "a", CertFile: "b", KeyFile: "c", SpoolDir: "d", SpoolMaxSize: 5, AddSource: true, Service: "e", EventType: "f", Tags: []string{"g"},
		EventID: true, Format: ECS, Dial: logstash.DialOptions{Size: 6},
	}
	equal("a shipper", logstash.DialOptions{
		CAFile: "a", CertFile: "b", KeyFile: "c", SpoolDir: "d", SpoolMaxBytes: 5, SpoolMode: logstash.SpoolOverflow, Size: 6,
	}, s.dialOptions())
	equal("events", logstash.Options{
		Profile: logstash.ECS, AddSource: true, Service: logstash.Service{Name: "e"}, Type: "f", Tags: []string{"g"}, EventID: true,
	}, s.eventOptions())
	s.Dial.SpoolMode = logstash.SpoolAlways
	if got := s.dialOptions().SpoolMode; got != logstash.SpoolAlways {
		t.Errorf("the mode of the spool is %v", got)
	}

	s = Sink{Sampling: Sampling{First: 1, Thereafter: 2, Interval: 3, Rate: 4}}
	equal("sampling", &handler.SampleOptions{First: 1, Thereafter: 2, Interval: 3, Rate: 4}, s.sampleOptions())

	cfg := Config{Redaction: Redaction{Keys: []string{"a"}, Mask: "*"}, Redact: redact.Options{Keys: []string{"b"}, Disable: []string{"c"}}}
	equal("redaction", redact.Options{Keys: []string{"a", "b"}, Disable: []string{"c"}, Mask: "*"}, cfg.redactOptions())
}

func TestMatchWantsAllThatIsSet(t *testing.T) {
	t.Parallel()
	record := slog.NewRecord(time.Time{}, slog.LevelWarn, "slow query", 0)
	record.AddAttrs(slog.Any("tags", []string{"db"}), slog.Int("status", 500), slog.String("region", "eu"))
	yes := func(context.Context, slog.Record, fanout.Bound) bool { return true }
	no := func(context.Context, slog.Record, fanout.Bound) bool { return false }
	for _, tt := range []struct {
		match Match
		want  bool
	}{
		{Match{Tag: "db"}, true},
		{Match{Tag: "security"}, false},
		{Match{Message: "^slow"}, true},
		{Match{Message: "^fast"}, false},
		{Match{Message: "("}, false},
		{Match{MaxLevel: At(slog.LevelWarn)}, true},
		{Match{MaxLevel: At(slog.LevelInfo)}, false},
		{Match{Attrs: map[string]any{"status": int64(500), "region": "eu"}}, true},
		{Match{Attrs: map[string]any{"status": 500.0, "region": "us"}}, false},
		{Match{Packages: []string{"github.com/acme"}}, false},
		{Match{Func: yes}, true},
		{Match{Func: no}, false},
		{Match{Tag: "db", Message: "query", MaxLevel: At(slog.LevelError), Func: yes}, true},
		{Match{Tag: "db", Message: "query", MaxLevel: At(slog.LevelError), Func: no}, false},
	} {
		s := Sink{Match: tt.match}
		if got := s.match()(t.Context(), record, fanout.Bound{}); got != tt.want {
			t.Errorf("%+v: %v", tt.match, got)
		}
	}
}
