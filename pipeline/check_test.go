package pipeline_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
)

var updateCheck = flag.Bool("update-check", false, "write the golden file of the report")

// mode makes what is at path have exactly this mode.
func mode(t *testing.T, path string, bits os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, bits); err != nil {
		t.Fatal(err)
	}
}

// folder makes a directory with this mode.
func folder(t *testing.T, bits os.FileMode, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mode(t, dir, bits)
	return dir
}

func needModes(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no mode bits on Windows")
	}
}

// of returns the findings about one thing, as text.
func of(findings []pipeline.Finding, what string) string {
	var lines []string
	for _, f := range findings {
		if strings.HasPrefix(f.What, what) {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// expect looks for findings about one thing: each want is the beginning of one with its
// status, and parts of it, with "…" between.
func expect(t *testing.T, findings []pipeline.Finding, what string, want ...string) {
	t.Helper()
	got := of(findings, what)
	for _, w := range want {
		parts := strings.Split(w, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if !regexp.MustCompile(`(?m)^` + strings.Join(parts, ".*")).MatchString(got) {
			t.Errorf("%s: want %q, got:\n%s", what, w, got)
		}
	}
	if len(want) == 0 && got != "" {
		t.Errorf("%s: want nothing, got:\n%s", what, got)
	}
}

func files(paths ...string) (cfg pipeline.Config) {
	for _, path := range paths {
		cfg.Sinks = append(cfg.Sinks, pipeline.Sink{Type: pipeline.File, Name: filepath.Base(path), Path: path})
	}
	return cfg
}

func TestCheckLeavesNoTrace(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	if err := os.WriteFile(path, []byte("line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg := files(path, filepath.Join(dir, "new", "b.log"))
	cfg.Sinks = append(cfg.Sinks, pipeline.Sink{
		Type: pipeline.Logstash, Name: "ship", Addr: "unix://" + filepath.Join(dir, "socket"), SpoolDir: filepath.Join(dir, "spool"),
	})
	for _, f := range cfg.Check(t.Context()) {
		if f.Status == pipeline.Fail && f.Sink != "ship" {
			t.Error(f)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("in the directory are %v, %v", entries, err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) || after.Size() != 5 {
		t.Errorf("the file has changed: %v, %v", after, err)
	}
}

func TestCheckDirectories(t *testing.T) {
	t.Parallel()
	needModes(t)
	base := folder(t, 0o750, t.TempDir(), "base")
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(base, "dangling")); err != nil {
		t.Fatal(err)
	}
	open, sticky := folder(t, 0o777, base, "open"), folder(t, os.ModeSticky|0o777, base, "sticky")
	below := folder(t, 0o750, open, "below")
	for _, tt := range []struct {
		dir  string
		want []string
	}{
		{base, []string{"pass…0750, and files can be written"}},
		{open, []string{"warn…0777: every user may rename and remove…run: sudo chmod o-w " + open}},
		{sticky, []string{"warn…1777: every user may put files in it…run: sudo install -d -o "}},
		{below, []string{"pass…0750", "warn…" + open + " above it is…0777…run: sudo chmod o-w " + open}},
		{filepath.Join(base, "file"), []string{"fail…: is a file, where a directory is wanted -> move it away…run: mv " + file}},
		{filepath.Join(base, "file", "x"), []string{"fail…file is a file, where a directory is wanted"}},
		{
			filepath.Join(base, "dangling"),
			[]string{"fail…: is a symbolic link to nowhere, which does not exist -> run: sudo install -d -o …" + filepath.Join(base, "nowhere")},
		},
	} {
		cfg := files(filepath.Join(tt.dir, "a.log"), filepath.Join(tt.dir, "b.log"))
		findings := cfg.Check(t.Context())
		expect(t, findings, "directory "+tt.dir, tt.want...)
		p, err := pipeline.Open(cfg)
		if err == nil {
			_ = p.Close()
			_ = os.Remove(filepath.Join(tt.dir, "a.log"))
			_ = os.Remove(filepath.Join(tt.dir, "b.log"))
		}
		if failed := strings.Contains("\n"+of(findings, "directory"), "\nfail"); failed != (err != nil) {
			t.Errorf("%s: Open says %v, and Check:\n%s", tt.dir, err, of(findings, "directory"))
		}
		if n := strings.Count(of(findings, "directory "), "b.log:"); n != 0 {
			t.Errorf("%s is looked at for both sinks", tt.dir)
		}
	}
	cfg := files(filepath.Join(open, "a.log"))
	cfg.Sinks[0].Type = pipeline.Audit
	expect(t, cfg.Check(t.Context()), "directory", "fail…every user may replace the audit file")
}

// A fresh machine: what is missing is said with the command that makes it.
func TestCheckOnAFreshMachine(t *testing.T) {
	t.Parallel()
	needModes(t)
	base := folder(t, 0o555, t.TempDir(), "var log")
	t.Cleanup(func() { mode(t, base, 0o700) })
	dir := filepath.Join(base, "app")
	findings := files(filepath.Join(dir, "app.log")).Check(t.Context())
	if os.Geteuid() == 0 {
		expect(t, findings, "directory", "warn…does not exist; Open makes it in …, for root -> …run: sudo install -d -o appuser -m 0750 '"+dir+"'")
		expect(t, findings, "user", "warn  user: this is root…run the check as that user")
		t.Skip("root may write everywhere, so the rest is for an ordinary user")
	}
	expect(t, findings, "directory", "fail…does not exist, and user …may not make it: "+base+" is …0555 -> …run: sudo install -d -o …-m 0750 '"+dir+"'")
	expect(t, findings, "user", "pass  user: looked at as user ")
	expect(t, findings, "file", "fail…Open cannot make it -> see what is said of its directory")
	private := folder(t, 0o700, t.TempDir(), "private")
	folder(t, 0o777, private, "logs")
	mode(t, private, 0o600)
	t.Cleanup(func() { mode(t, private, 0o700) })
	expect(t, files(filepath.Join(private, "logs", "app.log")).Check(t.Context()), "directory",
		"fail…logs: cannot be seen by user …: "+private+" is …0600 -> ")
	unwritable := folder(t, 0o750, t.TempDir(), "d")
	path := filepath.Join(unwritable, "ro.log")
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	expect(t, files(path).Check(t.Context()), "file", "fail…may not write to it: it is …0400 -> run: sudo chown …"+path)
}

// What another user of a machine may not do is looked at as such a user.
func TestCheckAsNobody(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	if os.Getenv("SLUICE_TEST_NOBODY") != "" {
		return
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip(err)
	}
	exe, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "nobody") //nolint:usetesting // that of t is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	mode(t, dir, 0o755)
	program := filepath.Join(dir, "check.test")
	if err := os.WriteFile(program, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), setpriv, "--reuid=65534", "--regid=65534", "--clear-groups",
		program, "-test.run=^(TestCheckOnAFreshMachine|TestCheckDirectories|TestCheckFiles)$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SLUICE_TEST_NOBODY=1", "TMPDIR="+os.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "SKIP") || !strings.Contains(string(out), "PASS: TestCheckOnAFreshMachine") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What belongs to the user that the program runs as is no mistake of root's.
func TestCheckAsRootOfWhatIsAnothers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	dir := folder(t, 0o755, t.TempDir(), "app")
	path := filepath.Join(dir, "app.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, path} {
		if err := os.Chown(name, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	findings := files(path).Check(t.Context())
	const want = "if the program runs as nobody, let that user run the check; if it runs as root, run: sudo chown root "
	expect(t, findings, "directory", "warn…-> "+want+dir)
	expect(t, findings, "file "+path, "warn…-> "+want+path)
}

func TestCheckFiles(t *testing.T) {
	t.Parallel()
	needModes(t)
	dir := folder(t, 0o750, t.TempDir(), "d")
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, bits := range map[string]os.FileMode{"ok.log": 0o640, "open.log": 0o666, "seen.log": 0o644} {
		if err := os.WriteFile(at(name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		mode(t, at(name), bits)
	}
	folder(t, 0o700, at("dir.log"))
	other := folder(t, 0o750, t.TempDir(), "other")
	if err := os.WriteFile(filepath.Join(other, "there.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"link.log": "ok.log", "null.log": os.DevNull, "new.log": "no.log", "lost.log": "ok.log/x/no.log", "self.log": "self.log",
		"out.log": filepath.Join(other, "there.log"), "made.log": filepath.Join(other, "made.log"),
	} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		kind pipeline.Type
		want []string
	}{
		{"ok.log", pipeline.File, []string{"pass…0640, 1 B, and can be written"}},
		{"none.log", pipeline.File, []string{"pass…does not exist; Open makes it with mode 0600"}},
		{"open.log", pipeline.File, []string{"warn…0666: every user may change what is logged -> run: sudo chmod o-w " + at("open.log")}},
		{"open.log", pipeline.Audit, []string{"fail…0666: every user may change"}},
		{"seen.log", pipeline.File, []string{"pass…0644"}},
		{"seen.log", pipeline.Audit, []string{"warn…0644: every user may read what is audited -> run: sudo chmod o-r "}},
		{"dir.log", pipeline.File, []string{"fail…is a directory -> "}},
		{"null.log", pipeline.File, []string{"fail…is no regular file -> "}},
		{"link.log", pipeline.File, []string{"pass…0640"}},
		{"link.log", pipeline.Audit, []string{"warn…is a symbolic link to ok.log", "pass…0640"}},
		{"new.log", pipeline.File, []string{"pass…is a symbolic link to …no.log, which Open makes"}},
		{"lost.log", pipeline.File, []string{"fail…is a symbolic link to …no.log, which leads nowhere"}},
		{"self.log", pipeline.File, []string{"fail…is a symbolic link to …self.log, which leads nowhere: too many levels"}},
		{"out.log", pipeline.File, []string{"warn…is a symbolic link to " + filepath.Join(other, "there.log") + ": lines and backups go there"}},
		{"made.log", pipeline.File, []string{"warn…is a symbolic link to " + filepath.Join(other, "made.log") + ": lines and backups go there"}},
		{strings.Repeat("n", 202) + ".log", pipeline.File, []string{"fail…its name has 206 bytes, and can have 205"}},
		{strings.Repeat("n", 300) + ".log", pipeline.File, []string{"fail…its name has 304 bytes, and can have 205"}},
		{strings.Repeat("n", 201) + ".log", pipeline.File, []string{"pass…does not exist"}},
		{"ok.log/x.log", pipeline.File, []string{"fail…Open cannot make it -> see what is said of its directory"}},
		{"app.log.gz", pipeline.File, []string{"fail…cannot end in .gz"}},
	} {
		cfg := files(at(tt.name))
		cfg.Sinks[0].Type = tt.kind
		findings := cfg.Check(t.Context())
		expect(t, findings, "file "+at(tt.name), tt.want...)

		// What cannot be opened has a finding that says so.
		p, err := pipeline.Open(cfg)
		if err == nil {
			_ = p.Close()
			_ = os.Remove(at("none.log"))
			_ = os.Remove(at("no.log"))
			_ = os.Remove(filepath.Join(other, "made.log"))
		}
		failed := strings.Contains("\n"+of(findings, ""), "\nfail")
		if err != nil && !failed {
			t.Errorf("%v %s: Open says %v, and Check:\n%s", tt.kind, tt.name, err, of(findings, ""))
		}
	}
	// Nor is anything said to be well in a directory that is none.
	cfg := files(filepath.Join(dir, "null.log", "app.log"))
	expect(t, cfg.Check(t.Context()), "file", "fail…Open cannot make it")

	cfg = files(at("mode.log"))
	cfg.Sinks[0].FileMode = 0o666
	expect(t, cfg.Check(t.Context()), "file", "warn…file_mode is 0666: every user may change", "pass…with mode 0666")
	cfg.Sinks[0].FileMode, cfg.Sinks[0].PerProcess = 0, true
	expect(t, cfg.Check(t.Context()), "file", "pass…each process has one of its own")
}

func TestCheckRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := filepath.Join(dir, "logrotate.d")
	folder(t, 0o755, conf)
	text := "# /not/this.log {\n\"" + filepath.Join(dir, "w*.log") + "\" /other.log\n{\n\tweekly\n}\n"
	if err := os.WriteFile(filepath.Join(conf, "app"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	const never = -1
	for _, tt := range []struct {
		name      string
		rotation  pipeline.Rotation
		retention pipeline.Retention
		want      []string
	}{
		{"a.log", pipeline.Rotation{}, pipeline.Retention{}, []string{
			"pass  a.log: rotation: at 100 MiB", "warn  a.log: retention: none: backups are kept until the disk is full…set retention",
		}},
		{"a.log", pipeline.Rotation{MaxSize: 100e6, Schedule: "daily at 03:00"}, pipeline.Retention{MaxAge: 30 * 24 * time.Hour}, []string{
			"pass  a.log: rotation: at 100 MB, daily at 03:00 (next 20…03:00", "pass  a.log: retention: 30 days, not compressed; a size beside it",
		}},
		{"a.log", pipeline.Rotation{MaxSize: 1 << 20}, pipeline.Retention{MaxBackups: 5, MaxTotalSize: 4 << 20}, []string{
			"pass  a.log: retention: 5 files, 4.0 MiB in all, not compressed",
		}},
		{"w1.log", pipeline.Rotation{}, pipeline.Retention{}, []string{
			"warn  w1.log: rotation: at 100 MiB, and by logrotate as well, which " + filepath.Join(conf, "app") + " tells to",
		}},
	} {
		cfg := files(path(tt.name))
		cfg.Sinks[0].Rotation, cfg.Sinks[0].Retention = tt.rotation, tt.retention
		findings := pipeline.Machine{Logrotate: conf}.Check(t.Context(), cfg)
		expect(t, findings, "r", tt.want...)
	}
	// No text says that a file is never rotated.
	cfg := files(path("a.log"), path("w2.log"))
	cfg.Sinks[0].Rotate.MaxSize, cfg.Sinks[1].Rotate.MaxSize = never, never
	findings := pipeline.Machine{Logrotate: conf}.Check(t.Context(), cfg)
	expect(t, findings, "rotation", "warn  a.log: rotation: none: the file grows until the disk is full -> set rotation",
		"pass  w2.log: rotation: by logrotate, as "+filepath.Join(conf, "app")+" says")
	cfg.Sinks[0].Retention.MaxBackups = 3
	expect(t, cfg.Check(t.Context()), "retention", "warn  a.log: retention: 3 files: without rotation there are no backups to keep")
}

// logrotate with binary or huge files in its directory is no trouble.
func TestCheckReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	conf := t.TempDir()
	if err := os.WriteFile(filepath.Join(conf, "junk"), []byte("/[\x00\n/[a\n\"\n\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(conf, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	findings := pipeline.Machine{Logrotate: conf}.Check(t.Context(), files(filepath.Join(t.TempDir(), "a.log")))
	expect(t, findings, "rotation", "pass")
}

func TestCheckEnvironment(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "log.json")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		environ []string
		want    []string
	}{
		{nil, []string{"pass  environment: no variable LOG_* is set"}},
		{[]string{"LOG_LEVEL=", "HOME=/"}, []string{"pass  environment: no variable"}},
		{[]string{"LOG_LEVEL=debug", "LOG_FORMAT=json"}, []string{"pass  environment: LOG_FORMAT, LOG_LEVEL: known"}},
		{[]string{"LOG_LEVELS=debug"}, []string{"warn…LOG_LEVELS is not…did you mean LOG_LEVEL?"}},
		{[]string{"LOG_LEVEL=LOUD"}, []string{`fail…LOG_LEVEL is "LOUD": want …-> correct or unset it`}},
		{[]string{"LOG_FORMAT=json  # or 'text'", "LOG_LEVEL=LOUD"}, []string{"fail…LOG_FORMAT…a comment", "fail…LOG_LEVEL"}},
		{[]string{"LOG_LEVEL=\x1b[31m\nforged"}, []string{"fail…LOG_LEVEL"}},
	} {
		findings := pipeline.Machine{Environ: tt.environ}.Check(t.Context(), pipeline.Config{})
		expect(t, findings, "environment", tt.want...)
	}
}

func TestCheckConfiguration(t *testing.T) {
	t.Parallel()
	expect(t, pipeline.Config{}.Check(t.Context()), "configuration", "pass  configuration: complete, and without contradictions: console")
	cfg := pipeline.Config{Sinks: []pipeline.Sink{
		{Type: pipeline.File},
		{Type: pipeline.Logstash},
		{Type: 99},
		{Type: pipeline.File, Name: "good", Path: filepath.Join(t.TempDir(), "a.log")},
		{Type: pipeline.Func},
		{Type: pipeline.Handler},
		{Type: pipeline.Console, Path: "x"},
	}}
	findings := cfg.Check(t.Context())
	got := of(findings, "configuration")
	if n := strings.Count(got, "fail  "); n < 6 || strings.Contains(got, "pass") {
		t.Errorf("%d mistakes, want one each:\n%s", n, got)
	}
	expect(t, findings, "directory", "pass  good: ") // goes on with what is there
	if _, err := pipeline.Open(cfg); err == nil {
		t.Error("Open takes it")
	}
}

func TestCheckLevels(t *testing.T) {
	t.Parallel()
	cfg := pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "a", Level: pipeline.At(slog.LevelDebug)},
		{Name: "b", Type: pipeline.Func, Func: func(context.Context, slog.Record) error { return nil }, Level: pipeline.At(slog.Level(12))},
		{Name: "c", Type: pipeline.Func, Func: func(context.Context, slog.Record) error { return nil }, Match: pipeline.Match{Tag: "x"}},
	}}
	findings := cfg.Check(t.Context())
	expect(t, findings, "levels", "pass  levels: records at ERROR go to a")
	expect(t, findings, "level", "warn  a: level: DEBUG", "warn  b: level: CRITICAL: ERROR is left out", "pass  c: level: takes what matches")
	cfg.Sinks = cfg.Sinks[1:]
	expect(t, cfg.Check(t.Context()), "levels", "warn  levels: no sink takes every record at ERROR")
}

func TestCheckRedaction(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		redaction pipeline.Redaction
		want      string
	}{
		{pipeline.Redaction{}, "pass  redaction: on"},
		{pipeline.Redaction{Off: true}, "warn  redaction: off"},
		{pipeline.Redaction{AllowKeys: []string{"session_id"}}, "warn  redaction: on, but not for all that it knows: keys allowed: session_id"},
		{pipeline.Redaction{AllowKeys: []string{"password"}}, "warn  redaction: does not mask password=..."},
		{pipeline.Redaction{Disable: []string{redact.DefaultRules()[len(redact.DefaultRules())-1].Name}}, "warn  redaction: "},
		{pipeline.Redaction{Mask: "***", Keys: []string{"shoe_size"}}, "pass  redaction: on"},
	} {
		findings := pipeline.Config{Redaction: tt.redaction}.Check(t.Context())
		expect(t, findings, "redaction", tt.want)
	}
	expect(t, pipeline.Config{Redaction: pipeline.Redaction{Keys: []string{"*"}}}.Check(t.Context()), "configuration", "fail…redaction.keys")
}

func TestCheckMonitoring(t *testing.T) {
	t.Parallel()
	expect(t, pipeline.Config{}.Check(t.Context()), "monitoring", "warn…set health_interval")
	expect(t, pipeline.Config{VolumeInterval: pipeline.Duration(time.Minute)}.Check(t.Context()), "monitoring", "warn…every 1m0s")
	cfg := pipeline.Config{VolumeInterval: pipeline.Duration(time.Minute), HealthInterval: pipeline.Duration(5 * time.Minute)}
	expect(t, cfg.Check(t.Context()), "monitoring", "pass")
	cfg.HealthInterval = pipeline.Duration(2 * time.Second)
	expect(t, cfg.Check(t.Context()), "monitoring", "warn…a record every 2s tells more than anybody reads…a bare number is milliseconds")
}

func TestCheckConsole(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	defer w.Close()
	text := pipeline.Config{Sinks: []pipeline.Sink{{Format: pipeline.Text}}}
	for _, tt := range []struct {
		m    pipeline.Machine
		cfg  pipeline.Config
		want string
	}{
		{pipeline.Machine{Stdout: null}, text, "warn…is " + os.DevNull + ": nobody sees it"},
		{pipeline.Machine{Stdout: closed}, text, "fail…standard output is closed"},
		{pipeline.Machine{Stdout: w}, text, "pass…is no terminal, and gets text"},
		{pipeline.Machine{Stdout: w, Container: true}, text, "warn…from this container, as text for people -> set format to json"},
		{pipeline.Machine{Stdout: w, Container: true}, pipeline.Config{}, "pass…from this container, as json"},
		{pipeline.Machine{}, pipeline.Config{Sinks: []pipeline.Sink{{Writer: w}}}, "pass…to a writer of the program"},
		{pipeline.Machine{Container: true}, files(filepath.Join(t.TempDir(), "a.log")), "warn…no sink prints"},
	} {
		expect(t, tt.m.Check(t.Context(), tt.cfg), "console", tt.want)
	}
}

// hostile is code of the caller's that panics, or takes its time.
type hostile struct{ wait <-chan struct{} }

func (h hostile) Level() slog.Level {
	if h.wait == nil {
		panic("no level\n\x1b[31mforged")
	}
	<-h.wait
	return 0
}

func TestCheckOutlivesWhatPanicsOrHangs(t *testing.T) {
	testlog.CheckGoroutines(t)
	findings := pipeline.Config{Sinks: []pipeline.Sink{{Level: pipeline.At(hostile{})}}}.Check(t.Context())
	if !strings.Contains(of(findings, ""), "could not be looked at: no level") && !strings.Contains(of(findings, "configuration"), "fail") {
		t.Errorf("got:\n%s", of(findings, ""))
	}
	wait := make(chan struct{})
	watch := testlog.StartStopwatch(t)
	findings = pipeline.Machine{Limit: 50 * time.Millisecond}.Check(t.Context(), pipeline.Config{
		Sinks: []pipeline.Sink{{Level: pipeline.At(hostile{wait})}},
	})
	close(wait)
	if d := watch.Elapsed(); d > 5*time.Second || !strings.Contains(of(findings, ""), "did not answer in time") {
		t.Errorf("after %v:\n%s", d, of(findings, ""))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range (pipeline.Config{}).Check(ctx) {
		if f.Status == pipeline.Fail {
			t.Error(f)
		}
	}
	var none context.Context
	if len(pipeline.Config{}.Check(none)) == 0 { // what a mistake costs
		t.Error("nothing found with a nil context")
	}
}

func TestCheckCannotBeForged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	evil := "e\nfail  forged: x\x1b[31m\u202e'$(reboot)"
	cfg := files(filepath.Join(dir, evil, "app.log"))
	cfg.Sinks[0].Name = evil
	cfg.Sinks = append(cfg.Sinks, pipeline.Sink{Name: evil + "2", Type: pipeline.Logstash, Addr: "unix:///" + evil, SpoolDir: filepath.Join(dir, evil)})
	for _, f := range cfg.Check(t.Context()) {
		for _, s := range []string{f.Sink, f.What, f.Detail, f.Do, f.String()} {
			if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", s)
			}
		}
	}
	f := pipeline.Finding{Status: 7, What: "a\nb", Detail: "c\r", Do: "\xffd"}
	if got, want := f.String(), `Status(7)  a\x0ab: c\x0d -> \xffd`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuotedPathsAreOneWord(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	for _, s := range []string{"/var/log/app", "", "a b", "it's", `back\slash`, "$(x)`y`", "nl\n", "\x1b[31m", "ü\u202e", "\xff", `'$"\`, "-x", "~"} {
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+pipeline.Quote(s)).Output()
		if s != "-x" && (err != nil || string(out) != s) {
			t.Errorf("%q becomes %s, which the shell takes for %q, %v", s, pipeline.Quote(s), out, err)
		}
	}
}

func TestAmountsAreInTheUnitsThatTheyAreEvenIn(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 5: "5 B", 100e6: "100 MB", 400e6: "400 MB", 1e9: "1.0 GB", 64 << 20: "64 MiB", 8192: "8.0 KiB", 1024e3: "1000 KiB",
	} {
		if got := pipeline.Bytes(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestFindingAsJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(pipeline.Finding{Status: pipeline.Warn, Sink: "app", What: "w", Detail: "d"})
	if want := `{"status":"warn","sink":"app","what":"w","detail":"d"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// The whole report on a machine where all is prepared, and where most is not.
func TestCheckReport(t *testing.T) {
	t.Parallel()
	needModes(t)
	base := t.TempDir()
	logs := folder(t, 0o750, base, "log", "app")
	spool := folder(t, 0o700, base, "spool")
	if err := os.WriteFile(filepath.Join(logs, "app.log"), []byte("12345\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	mode(t, filepath.Join(logs, "app.log"), 0o640)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	good := pipeline.Config{
		HealthInterval: pipeline.Duration(5 * time.Minute),
		Sinks: []pipeline.Sink{
			{Name: "console", Level: pipeline.At(slog.LevelInfo)},
			{
				Name: "app", Type: pipeline.File, Path: filepath.Join(logs, "app.log"), Level: pipeline.At(slog.LevelWarn),
				Rotation: pipeline.Rotation{MaxSize: 1e6}, Retention: pipeline.Retention{MaxAge: 30 * 24 * time.Hour, MaxTotalSize: 3e6}, FileMode: 0o640,
			},
			{
				Name: "errors", Type: pipeline.Errors, Path: filepath.Join(logs, "errors.log"),
				Rotation: pipeline.Rotation{MaxSize: 1e6}, Retention: pipeline.Retention{MaxBackups: 3},
			},
			{
				Name: "audit", Type: pipeline.Audit, Path: filepath.Join(logs, "audit.log"),
				Rotation: pipeline.Rotation{MaxSize: 1e6}, Retention: pipeline.Retention{MaxBackups: 9},
			},
			{Name: "ship", Type: pipeline.Logstash, Addr: "unix://" + filepath.Join(base, "s"), SpoolDir: spool, SpoolMaxSize: 8 << 20},
		},
	}
	bad := pipeline.Config{
		Redaction: pipeline.Redaction{Off: true},
		Sinks: []pipeline.Sink{
			{Name: "console", Format: pipeline.Text, Level: pipeline.At(slog.LevelDebug)},
			{Name: "app", Type: pipeline.File, Path: filepath.Join(logs, "app.log", "app.log")},
			{Name: "ship", Type: pipeline.Logstash, Addr: "udp://192.0.2.1:5044"},
		},
	}
	var out strings.Builder
	report := func(title string, m pipeline.Machine, cfg pipeline.Config) {
		fmt.Fprintf(&out, "# %s\n", title)
		m.Stdout = w
		for _, f := range m.Check(t.Context(), cfg) {
			if strings.HasPrefix(f.What, "file system of") || f.What == "user" {
				continue // differs by machine
			}
			fmt.Fprintln(&out, f)
		}
	}
	report("prepared", pipeline.Machine{Environ: []string{"LOG_LEVEL=WARNING"}}, good)
	report("not prepared", pipeline.Machine{Environ: []string{"LOG_LEVELS=WARNING"}, Container: true}, bad)
	got := strings.ReplaceAll(out.String(), base, "/BASE")
	for pattern, with := range map[string]string{
		`it is 20\S+, zone \S+`:                   "it is TIME, zone ZONE",
		`\S+:\S+ (0[0-7]{3})\b`:                   "OWNER:GROUP $1",
		`\d+(\.\d+)? [kKMGTP]i?B of \S+ \S+ free`: "N of N free",
		`is on a read-only.*`:                     "",
	} {
		got = regexp.MustCompile(pattern).ReplaceAllString(got, with)
	}
	golden := filepath.Join("testdata", "check.golden")
	if *updateCheck {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s\nwith -update-check it is written anew", diff)
	}
}

func TestCheckClock(t *testing.T) {
	expect(t, pipeline.Machine{Environ: []string{"TZ=Europe/Paris"}}.Check(t.Context(), pipeline.Config{}), "clock", "pass  clock: it is 20")
	findings := pipeline.Machine{Environ: []string{"TZ=Nowhere/Nothing"}}.Check(t.Context(), pipeline.Config{})
	expect(t, findings, "clock", `warn  clock: TZ is "Nowhere/Nothing", which this machine does not know`)
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		expect(t, pipeline.Config{}.Check(t.Context()), "clock", "fail  clock: it is 2000-01-01…: that is before this …timedatectl set-ntp true")
		time.Sleep(60 * 365 * 24 * time.Hour)
		expect(t, pipeline.Config{}.Check(t.Context()), "clock", "warn  clock: it is 2059-…: that is long after this ")
	})
}
