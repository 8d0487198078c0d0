package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/doctor"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

var update = flag.Bool("update", false, "write the golden files")

// here is the directory of the package, whatever the working directory is.
var here, _ = os.Getwd()

// now is when it is on the machine of the tests.
var now = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(here, "testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
	}
}

// outcome is what the command has printed, and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
	err            error
}

func execute(ctx context.Context, c *cobra.Command, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	c.SetArgs(append([]string{}, args...)) // nil would be those of the test
	c.SetIn(strings.NewReader(""))
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &cli.ExitError{Code: cli.Usage, Err: err} })
	err := c.ExecuteContext(ctx)
	out := outcome{stdout: stdout.String(), stderr: stderr.String(), err: err}
	var exit *cli.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		out.code = exit.Code
	default:
		out.code = -1
	}
	return out
}

func run(t *testing.T, m *doctor.Machine, args ...string) outcome {
	t.Helper()
	if m.Now.IsZero() {
		m.Now = now
	}
	if m.Free == 0 {
		m.Free = 50e9
	}
	return execute(t.Context(), doctor.CommandOn(m), args...)
}

// checked is what Config.Check says in these tests, of a machine on which all is well.
func checked() []pipeline.Finding {
	return []pipeline.Finding{
		{What: "configuration", Detail: "complete, and without contradictions: file, errors"},
		{What: "environment", Detail: "no variable LOG_* is set"},
		{What: "redaction", Detail: "on"},
		{What: "monitoring", Detail: "health every 5m"},
		{What: "clock", Detail: "it is 2026-11-23T09:00:00Z, zone UTC"},
		{What: "space for log", Detail: "50 GB of 100 GB free"},
		{Sink: "app", What: "level", Detail: "INFO"},
		{Sink: "app", What: "directory log", Detail: "app:app 0750, and files can be written"},
		{Sink: "app", What: "rotation", Detail: "at 100 MB"},
		{Sink: "app", What: "retention", Detail: "30 days"},
	}
}

// file is a file of a test.
type file struct {
	text string
	age  time.Duration // when it was last written, before now
}

func line(at, level, msg string) string {
	return fmt.Sprintf(`{"time":"2026-11-%sZ","level":"%s","msg":"%s"}`+"\n", at, level, msg)
}

// workplace changes to a new directory with files.
func workplace(t *testing.T, files map[string]file) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, f := range files {
		if err := errors.Join(
			os.MkdirAll(filepath.Dir(name), 0o700),
			os.WriteFile(name, []byte(f.text), 0o600),
			os.Chtimes(name, now.Add(-f.age), now.Add(-f.age)),
		); err != nil {
			t.Fatal(err)
		}
	}
}

const config = `{"sinks":[
	{"name":"app","type":"file","path":"log/app.log","retention":"2 files, 1 GB"},
	{"name":"errors","type":"errors","path":"log/errors.log"}
]}`

func well() map[string]file {
	return map[string]file{
		"logging.json": {config, 72 * time.Hour},
		"log/app.log": {
			strings.Repeat(line("23T07:00:00", "INFO", "request served"), 20) + line("23T08:59:00", "WARN", "slow"), time.Minute,
		},
		"log/app-20261121T000000.000000Z.log.gz": {strings.Repeat("x", 1000), 48 * time.Hour},
		"log/app-20261122T000000.000000Z.log":    {strings.Repeat("x", 5000), 24 * time.Hour},
		"log/errors.log":                         {"", 24 * time.Hour},
	}
}

func ill() map[string]file {
	files := well()
	files["log/app.log"] = file{
		line("23T05:00:00", "INFO", "request served") +
			line("23T05:00:01", "DEBUG", "session of ann") +
			line("23T05:00:02", "INFO", "connect postgres://shop:Xk29vQ7rLm@db/shop") +
			"panic: runtime error\n" +
			`{"time":"2026-11-23T05:00:03Z","level":"INFO","msg":"to` + "\n" +
			line("23T05:00:04", "ERROR", `login","password":"Xk29vQ7rLm`) +
			line("23T05:00:05", "INFO", "the last one") +
			`{"time":"2026-11-23T05:00:06Z","level":"IN`, 4 * time.Hour,
	}
	for _, day := range []string{"17", "18", "19"} {
		files["log/app-202611"+day+"T000000.000000Z.log"] = file{strings.Repeat("x", 3000), 96 * time.Hour}
	}
	files["log/worker.log.1"] = file{"old", 10 * 365 * 24 * time.Hour}
	delete(files, "log/errors.log")
	return files
}

var times = regexp.MustCompile(`(written|synced) in\s+[\d.]+[µmn]?s`)

// masked returns a text without how long something took.
func masked(text string) string { return times.ReplaceAllString(text, "$1 in TIME") }

func TestHelp(t *testing.T) {
	golden(t, "help.golden", run(t, &doctor.Machine{}, "--help").stdout)
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]file
		args  []string
		code  int
	}{
		{"well", well(), nil, cli.OK},
		{"ill", ill(), nil, cli.No},
		{"ill_quiet", ill(), []string{"--quiet"}, cli.No},
		{"ill_json", ill(), []string{"--json"}, cli.No},
		{"one_list", ill(), []string{"--list", "maintenance"}, cli.OK},
		{"strict", ill(), []string{"--list", "maintenance", "--strict", "--quiet"}, cli.No},
		{"console_only", map[string]file{"logging.json": {`{"sinks":[{"type":"console"}]}`, 0}}, nil, cli.OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			workplace(t, tt.files)
			out := run(t, &doctor.Machine{Check: checked()}, append(tt.args, "logging.json")...)
			if out.code != tt.code || out.stderr != "" {
				t.Errorf("code %d, want %d: %v, stderr %q", out.code, tt.code, out.err, out.stderr)
			}
			golden(t, tt.name+".golden", masked(out.stdout))
			if strings.Contains(out.stdout, "Xk29vQ7rLm") {
				t.Error("a secret is printed")
			}
		})
	}
}

// report is what --json prints.
type report struct {
	Summary struct {
		Pass, Warn, Fail int
		ByHand           int `json:"by_hand"`
	}
	Lists []struct {
		Name  string
		Boxes []struct {
			Text, Status string
			Findings     []finding
		}
	}
}

type finding struct{ Status, Sink, What, Detail, Do string }

// findings returns those of a box, from the output of --json.
func findings(t *testing.T, out outcome, box string) []finding {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
		t.Fatalf("%v; %v in %q", out.err, err, out.stdout)
	}
	for _, l := range r.Lists {
		for _, b := range l.Boxes {
			if strings.HasPrefix(b.Text, box) {
				return b.Findings
			}
		}
	}
	t.Fatalf("no box %q", box)
	return nil
}

// has reports an error unless one of the findings has a status and a text.
func has(t *testing.T, all []finding, status, text string) {
	t.Helper()
	for _, f := range all {
		if f.Status == status && strings.Contains(f.What+": "+f.Detail+" → "+f.Do, text) {
			return
		}
	}
	t.Errorf("no %s with %q in %+v", status, text, all)
}

func TestEveryBoxOfTheGuideIsAnswered(t *testing.T) {
	guide, err := os.ReadFile("../../../../examples/checklist/main.go")
	if err != nil {
		t.Fatal(err)
	}
	workplace(t, well())
	out := run(t, &doctor.Machine{Check: checked()}, "logging.json")
	boxes := regexp.MustCompile(`\{(?:text: )?"((?:Log|Env|Conf|Mon|No|Perf|Reg|Clean|Rev|Up)[^"]*)"[,}]`).FindAllStringSubmatch(string(guide), -1)
	if len(boxes) != 15 {
		t.Errorf("%d boxes in examples/checklist, want 15", len(boxes))
	}
	for _, box := range boxes {
		if !strings.Contains(out.stdout, " "+box[1]+"\n") {
			t.Errorf("no box %q", box[1])
		}
	}
}

func TestTheRealCheck(t *testing.T) {
	workplace(t, map[string]file{"logging.json": {`{"level":"DEBUG","sinks":[{"name":"app","type":"file","path":"none/app.log"}]}`, 0}})
	out := run(t, &doctor.Machine{}, "--json", "logging.json")
	has(t, findings(t, out, "Log directories"), "pass", "does not exist; Open makes it")
	has(t, findings(t, out, "Log levels"), "warn", "every detail")
	has(t, findings(t, out, "Log files"), "fail", "no such file")
	if out.code != cli.No {
		t.Errorf("code %d", out.code)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

func TestOfflineConnectsToNothing(t *testing.T) {
	dialed := make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { dialed <- struct{}{} }))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	workplace(t, map[string]file{"logging.json": {fmt.Sprintf(`{"sinks":[{"type":"console"},{"type":"file","path":"app.log"},{"type":"logstash","addr":"tcp://%s,no-such-host.invalid:1"},{"type":"logstash","addr":"https://%[1]s"}]}`, addr), 0}})
	out := run(t, &doctor.Machine{}, "--offline", "--json", "logging.json")
	box := findings(t, out, "Configuration tested")
	has(t, box, "by hand", "receiver "+addr+": not asked: --offline")
	has(t, box, "pass", "configuration: complete, and without contradictions")
	has(t, box, "by hand", "receiver no-such-host.invalid:1: not asked: --offline")
	if len(dialed) > 0 {
		t.Error("a request was sent")
	}
}

func TestFiles(t *testing.T) {
	app := func(fields string) string {
		return `{"sinks":[{"name":"app","type":"file","path":"log/app.log"` + fields + `}]}`
	}
	for _, tt := range []struct {
		name, config      string
		files             map[string]file
		box, status, want string
	}{
		{"is a directory", app(""), map[string]file{"log/app.log/x": {}}, "Log files", "fail", "is no regular file"},
		{"is empty and alone", app(""), map[string]file{"log/app.log": {}}, "Log files", "warn", "nothing has been logged yet"},
		{"is empty after a rotation", app(""), map[string]file{"log/app.log": {}, "log/app-20261122T000000.000000Z.log": {"x", 0}}, "Log files", "pass", "rotated a moment ago"},
		{"is not JSON at all", app(""), map[string]file{"log/app.log": {"a\nb\n", 0}}, "Log files", "fail", "none of 2 lines is JSON"},
		{"is text as configured", app(`,"format":"text"`), map[string]file{"log/app.log": {"a\nb\n", 0}}, "Log files", "pass", "2 lines of text"},
		{"has NULs and no newline", app(""), map[string]file{"log/app.log": {strings.Repeat("\x00", 100), 0}}, "Log files", "fail", "is JSON"},
		{"is of a process", app(`,"per_process":true`), map[string]file{
			"log/app.log": {"not this\n", 0}, "log/app.12.log": {"nor this\n", time.Hour}, "log/app.7.log": {line("23T08:00:00", "INFO", "x"), 0},
		}, "Log files", "pass", "log/app.7.log: 1 line, all JSON"},
		{"has a line of the future", app(""), map[string]file{"log/app.log": {`{"time":"9999-01-01T00:00:00Z","level":"INFO","msg":"x"}` + "\n", 0}}, "Log files", "warn", "in the future"},
		{"has many details", app(`,"level":"DEBUG"`), map[string]file{"log/app.log": {line("23T08:00:00", "DEBUG", "x") + line("23T08:00:00", "INFO", "x"), 0}}, "Log levels", "warn", "50% are below INFO"},
		{"has many errors", app(""), map[string]file{"log/app.log": {line("23T08:00:00", "ERROR", "x") + line("23T08:00:00", "INFO", "x"), 0}}, "Log levels", "warn", "50% are errors"},
		{"has a secret behind the tail only", app(""), map[string]file{"log/app.log": {`{"password":"Xk29vQ7rLm"}` + "\n" + strings.Repeat(line("23T08:00:00", "INFO", "x"), 10000), 0}}, "No sensitive", "pass", "no secret in its last 64 KiB"},
		{"has a secret that is allowed", `{"redaction":{"disable":["password"]},` + app("")[1:], map[string]file{"log/app.log": {`{"level":"INFO","password":"Xk29vQ7rLm"}` + "\n", 0}}, "No sensitive", "pass", "no secret in it"},
		{"has more secrets than are shown", app(""), map[string]file{"log/app.log": {strings.Repeat(`{"password":"Xk29vQ7rLm"}`+"\n", 2000), 0}}, "No sensitive", "fail", "and 1,997 more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]file{"logging.json": {tt.config, 0}}
			maps.Copy(files, tt.files)
			workplace(t, files)
			out := run(t, &doctor.Machine{Check: checked()}, "--json", "--tail", "64 KiB", "logging.json")
			has(t, findings(t, out, tt.box), tt.status, tt.want)
			if strings.Contains(out.stdout, "Xk29vQ7rLm") {
				t.Error("a secret is printed")
			}
		})
	}
}

func TestTheBackupsOfALinkAreWhereItLeads(t *testing.T) {
	workplace(t, map[string]file{
		"logging.json":                         {`{"sinks":[{"name":"app","type":"file","path":"log/current.log","retention":"1 files"}]}`, 0},
		"log/x":                                {},
		"data/app.log":                         {line("23T08:00:00", "INFO", "x"), 0},
		"data/app-20261121T000000.000000Z.log": {"x", 0}, "data/app-20261122T000000.000000Z.log": {"x", 0},
	})
	if err := os.Symlink("../data/app.log", "log/current.log"); err != nil {
		t.Skip(err)
	}
	out := run(t, &doctor.Machine{Check: checked()}, "--json", "logging.json")
	has(t, findings(t, out, "Log files"), "pass", "log/current.log: 1 line, all JSON")
	has(t, findings(t, out, "Cleanup"), "warn", "1 file, with 1 B, exceed 1 file;")
	has(t, findings(t, out, "Review"), "pass", "2 backups")
}

// The logs of workers, and copies of backups, are no backups: what is advised would not find them.
func TestOnlyBackupsAreCounted(t *testing.T) {
	files := well()
	for _, name := range []string{"app-1.log", "app-2.log", "app-3.log", "app-20261121T000000.000000Z.log.gz.bak"} {
		files["log/"+name] = file{"x", time.Hour}
	}
	workplace(t, files)
	out := run(t, &doctor.Machine{Check: checked()}, "--json", "logging.json")
	has(t, findings(t, out, "Cleanup"), "pass", "backups of log/app.log: 2 files, within 2 files")
	has(t, findings(t, out, "Review"), "pass", "and 2 backups")
}

// What is advised must not remove what a retention keeps.
func TestStrangersAmongOldBackups(t *testing.T) {
	files := ill()
	for _, retention := range []string{"2 files, 1 GB", "400 days"} {
		files["logging.json"] = file{strings.Replace(config, "2 files, 1 GB", retention, 1), 0}
		files["log/app-20260101T000000.000000Z.log"] = file{"x", 200 * 24 * time.Hour}
		workplace(t, files)
		out := run(t, &doctor.Machine{Check: checked()}, "--json", "logging.json")
		box := findings(t, out, "Cleanup")
		has(t, box, "warn", "such as worker.log.1: nobody removes them")
		advised := slices.ContainsFunc(box, func(f finding) bool { return strings.Contains(f.Do, "--max-age") })
		if alone := retention == "400 days"; advised != alone {
			t.Errorf("%s: a command for the whole directory is advised: %v, want %v: %+v", retention, advised, alone, box)
		}
	}
}

func TestACommandIsAllThereIsToDo(t *testing.T) {
	workplace(t, well())
	check := append(checked(), pipeline.Finding{Status: pipeline.Fail, What: "file log/app.log", Detail: "of root", Do: "run: sudo chown app log/app.log"})
	out := run(t, &doctor.Machine{Check: check}, "--quiet", "logging.json")
	if !strings.Contains(out.stdout, "\n    → sudo chown app log/app.log\n") {
		t.Errorf("got %s", out.stdout)
	}
}

func TestSpace(t *testing.T) {
	for _, tt := range []struct {
		retention, status string
		free              int64
	}{
		{``, "pass", 1e12},
		{``, "warn", 20e6},
		{``, "fail", 1e6},
		{`,"retention":"5 GB"`, "pass", 1e6},
	} {
		workplace(t, map[string]file{
			"logging.json": {`{"sinks":[{"name":"app","type":"file","path":"log/app.log"` + tt.retention + `}]}`, 0},
			"log/app.log":  {strings.Repeat(line("23T05:00:00", "INFO", strings.Repeat("x", 937)), 400) + line("23T09:00:00", "INFO", "x"), 0},
		})
		out := run(t, &doctor.Machine{Check: checked(), Free: tt.free}, "--json", "logging.json")
		has(t, findings(t, out, "Monitor disk"), tt.status, "2.4 MB a day")
	}
}

func TestASlowDisk(t *testing.T) {
	workplace(t, well())
	for sync, status := range map[time.Duration]string{100 * time.Millisecond: "pass", 101 * time.Millisecond: "warn"} {
		out := run(t, &doctor.Machine{Check: checked(), Sync: sync}, "--json", "logging.json")
		has(t, findings(t, out, "Performance"), status, "synced in "+sync.String())
	}
}

func TestWait(t *testing.T) {
	text := fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"x"}`+"\n", time.Now().UTC().Format(time.RFC3339))
	workplace(t, map[string]file{"logging.json": {config, 0}, "log/app.log": {text, time.Hour}, "log/errors.log": {}})
	done := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		f, err := os.OpenFile("log/app.log", os.O_APPEND|os.O_WRONLY, 0)
		for err == nil {
			select {
			case <-done:
				ended <- f.Close()
				return
			default:
				_, err = f.WriteString(text)
			}
		}
		ended <- err
	}()
	out := run(t, &doctor.Machine{Check: checked(), Now: time.Now()}, "--json", "--wait", "200ms", "logging.json")
	close(done)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	has(t, findings(t, out, "Log files"), "pass", "has grown by")
	has(t, findings(t, out, "Log files"), "pass", "last written just now")

	workplace(t, well())
	out = run(t, &doctor.Machine{Check: checked()}, "--json", "--wait", "20ms", "logging.json")
	has(t, findings(t, out, "Log files"), "warn", "has not grown in 20ms")
}

func TestNothingHostileIsPrinted(t *testing.T) {
	const name = "log/a\x1b[31m\u202eb.log"
	workplace(t, map[string]file{
		"logging.json": {`{"sinks":[{"name":"x\u001b]0;title\u0007","type":"file","path":"log/a\u001b[31m\u202eb.log"}]}`, 0},
		name:           {"{\"password\":\"Xk29vQ7rLm\",\"msg\":\"\x1b[2J\u202e\"}\n", 0},
	})
	for _, args := range [][]string{{"logging.json"}, {"--json", "logging.json"}} {
		out := run(t, &doctor.Machine{}, args...)
		if i := strings.IndexFunc(out.stdout, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }); i >= 0 {
			t.Errorf("%q in the output", out.stdout[max(i-20, 0):i+20])
		}
	}
}

func TestMonitor(t *testing.T) {
	healthy := monitor.NewHandler(slog.DiscardHandler, nil)
	mux := http.NewServeMux()
	text := func(kind, body string, code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	mux.Handle("/healthz", healthy.HealthHandler())
	mux.Handle("/page", monitor.NewPage(healthy, nil))
	mux.Handle("/metrics", text("text/plain; version=0.0.4", "# TYPE sluice_records_total counter\nsluice_records_total{level=\"INFO\"} 1200\nsluice_records_total{level=\"a } b\"} 34 1700000000\n", 200))
	mux.Handle("/dropped", text("text/plain", "sluice_records_total{level=\"INFO\"} 5\nsluice_sink_lines_dropped_total{sink=\"app\"} 2\n", 200))
	mux.Handle("/idle", text("text/plain", "sluice_records_total{level=\"INFO\"} 0\n", 200))
	mux.Handle("/others", text("text/plain", "go_goroutines 5\n", 200))
	mux.Handle("/failing", text("application/json", `{"state":"failing","sinks":[{"name":"app","state":"failing","reasons":["disk full: password=Xk29vQ7rLm \u001b[31m"]}]}`, 503))
	mux.Handle("/degraded", text("application/json", `{"state":"degraded","reasons":["ship: 5 min behind"]}`, 200))
	mux.Handle("/lines", text("application/json", `{"state":"degraded","reasons":["a\nb"]}`, 200))
	mux.Handle("/broken", text("application/json", `{"state":`, 200))
	mux.Handle("/stranger", text("application/json", `{"status":"UP"}`, 200))
	mux.Handle("/binary", text("image/png", "x", 200))
	mux.Handle("/refused", text("text/plain", "no", 403))
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	defer server.Close()
	workplace(t, well())
	for _, tt := range []struct{ path, status, want string }{
		{"/healthz", "pass", "/healthz: healthy"},
		{"", "pass", "/healthz: healthy"},
		{"/", "pass", "/metrics: 1,234 records so far, none dropped"},
		{"/page", "pass", "/page?state: healthy, 0 records so far"},
		{"/metrics", "pass", "1,234 records so far, none dropped"},
		{"/dropped", "warn", "5 records, of which sinks have dropped 2"},
		{"/idle", "warn", "has no record yet"},
		{"/others", "fail", "none of package monitor/prom"},
		{"/failing", "fail", "failing: app: disk full: password=[REDACTED]"},
		{"/degraded", "warn", "degraded: ship: 5 min behind"},
		{"/lines", "warn", "degraded: a; b"},
		{"/broken", "fail", "JSON that is broken"},
		{"/stranger", "fail", "JSON that has no state"},
		{"/binary", "fail", "but image/png"},
		{"/refused", "fail", "answers 403 Forbidden"},
		{"/nothing", "fail", "answers 404 Not Found"},
		{"/slow", "fail", "deadline exceeded"},
	} {
		t.Run(strings.Trim(tt.path, "/"), func(t *testing.T) {
			url := strings.Replace(server.URL, "http://", "http://ann:Xk29vQ7rLm@", 1) + tt.path
			args := []string{"--json", "--list", "post", "--monitor", url, "logging.json"}
			if tt.path == "/slow" {
				args = append(args, "--timeout", "500ms")
			}
			out := run(t, &doctor.Machine{Check: checked()}, args...)
			has(t, findings(t, out, "Monitoring dashboards"), tt.status, tt.want)
			if strings.Contains(out.stdout, "Xk29vQ7rLm") {
				t.Error("a secret is printed")
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		addr, err := lstest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		out := run(t, &doctor.Machine{Check: checked()}, "--json", "--list", "post", "--monitor", "http://"+addr+"/healthz", "logging.json")
		has(t, findings(t, out, "Monitoring dashboards"), "fail", "connection refused")
	})
}

func TestWhatHangsIsGivenUp(t *testing.T) {
	workplace(t, well())
	hangs := make(chan struct{})
	defer close(hangs)
	out := run(t, &doctor.Machine{Hangs: hangs}, "--timeout", "500ms", "--json", "logging.json")
	has(t, findings(t, out, "Configuration tested"), "warn", "did not end in time")
	has(t, findings(t, out, "Log files"), "pass", "21 lines, all JSON")
}

func TestInterrupt(t *testing.T) {
	workplace(t, well())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := execute(ctx, doctor.CommandOn(&doctor.Machine{Check: checked(), Now: now}), "--wait", "1h", "logging.json")
	if !errors.Is(out.err, context.Canceled) || out.stdout != "" {
		t.Errorf("error %v, output %q", out.err, out.stdout)
	}
}

func TestEnv(t *testing.T) {
	workplace(t, well())
	m := &doctor.Machine{Environ: []string{"LOG_FILE=log/app.log", "LOG_CONSOLE=off"}, Check: checked()}
	out := run(t, m, "--env")
	if out.code != cli.OK || !strings.Contains(out.stdout, "log/app.log: 21 lines, all JSON") {
		t.Errorf("code %d, %v: %s", out.code, out.err, out.stdout)
	}
}

// A variable that is wrong is for its box; the others are answered without it.
func TestEnvIsWrong(t *testing.T) {
	workplace(t, well())
	for _, tt := range []struct {
		name    string
		environ []string
		code    int
		want    string
	}{
		{"level", []string{"LOG_FILE=log/app.log", "LOG_CONSOLE=off", "LOG_LEVEL=loud", "LOG_SOURCE=x"}, cli.No, "log/app.log: 21 lines, all JSON"},
		{"file", []string{"LOG_FILE=' x", "LOG_CONSOLE=off"}, cli.No, "the configuration has none"},
		{"configuration", []string{"LOG_CONFIG=none.json", "LOG_LEVEL=loud"}, cli.Usage, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range tt.environ {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value) // where Config.Check looks
			}
			out := run(t, &doctor.Machine{Environ: tt.environ}, "--env")
			if out.code != tt.code || !strings.Contains(out.stdout, tt.want) {
				t.Errorf("code %d, %v, want %d: %s", out.code, out.err, tt.code, out.stdout)
			}
			if tt.code == cli.Usage {
				return
			}
			name, _, _ := strings.Cut(tt.environ[len(tt.environ)-1], "=")
			if !strings.Contains(out.stdout, "✘ Environment variables configured\n") || !strings.Contains(out.stderr, name+" is wrong, as --list pre says") {
				t.Errorf("%s is not named in %s, or %s", name, out.stdout, out.stderr)
			}
			if out := run(t, &doctor.Machine{Environ: tt.environ}, "--env", "--list", "maintenance"); out.code != cli.No {
				t.Errorf("code %d of another list, want %d", out.code, cli.No)
			}
		})
	}
}

func TestNoConfiguration(t *testing.T) {
	out := run(t, &doctor.Machine{Environ: []string{"LOG_LEVEL=INFO", "HOME=/"}})
	if out.code != cli.Usage || !strings.Contains(out.err.Error(), "(here LOG_LEVEL is set)") {
		t.Fatalf("code %d, error %v", out.code, out.err)
	}
	_, smallest, _ := strings.Cut(out.err.Error(), "\n")
	if cfg, err := pipeline.Parse([]byte(smallest)); err != nil || len(cfg.Sinks) != 2 {
		t.Errorf("the smallest configuration: %v in %s", err, smallest)
	}
}

func TestWrongUsage(t *testing.T) {
	workplace(t, map[string]file{
		"logging.json": {config, 0},
		"bad.json":     {"{\"sinks\":[\n{\"type\":\"fil\",\n\"pth\":\"x\"}]}", 0},
		"hostile.json": {"{\"\x1b[31m\":1}", 0},
	})
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"a.json b.json", []string{"2 configurations: want one"}},
		{"--env logging.json", []string{"--env", "logging.json is a file"}},
		{"none.json", []string{"none.json", "no such file"}},
		{"bad.json", []string{`line 2: sinks[0].type is "fil"`, `did you mean "file"?`, "line 3: sinks[0].pth", `did you mean "path"?`}},
		{"hostile.json", []string{"hostile.json: line 1"}},
		{"--list x --tail 3 --timeout 0 --wait -1s --monitor foo --offline logging.json", []string{
			`--list: there is no list "x"`, "--tail: 3 B", "--timeout: 0s", "--monitor: foo", "--offline",
		}},
		{"--json --quiet logging.json", []string{"--json", "--quiet"}},
		{"--frobnicate", []string{"--frobnicate"}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			out := run(t, &doctor.Machine{Check: checked()}, strings.Fields(tt.args)...)
			if out.code != cli.Usage || out.stdout != "" {
				t.Fatalf("code %d, error %v, output %q", out.code, out.err, out.stdout)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.err.Error(), want) {
					t.Errorf("error %q lacks %q", out.err, want)
				}
			}
			if strings.Contains(out.err.Error(), "\x1b") {
				t.Errorf("error %q has an escape", out.err)
			}
		})
	}
}

func TestOutputClosed(t *testing.T) {
	workplace(t, well())
	c := doctor.CommandOn(&doctor.Machine{Check: checked(), Now: now, Free: 1e9})
	c.SetArgs([]string{"logging.json"})
	c.SetOut(closed{})
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.ExecuteContext(t.Context()); !cli.IsClosed(err) {
		t.Errorf("error %v", err)
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }
