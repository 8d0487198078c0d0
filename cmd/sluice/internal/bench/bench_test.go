package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/bench"
	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
)

var update = flag.Bool("update", false, "write the golden files")

// outcome is what a command has printed, and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
	err            error
}

func execute(t *testing.T, ctx context.Context, c *cobra.Command, args ...string) outcome { //nolint:revive // the context is one of the arguments
	t.Helper()
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

func run(t *testing.T, args ...string) outcome {
	t.Helper()
	return execute(t, t.Context(), bench.Command(), args...)
}

// workplace changes to a new directory with the configuration of testdata, whose log there is already.
func workplace(t *testing.T) {
	t.Helper()
	config, err := os.ReadFile("testdata/logging.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := errors.Join(
		os.WriteFile("logging.json", config, 0o600),
		os.Mkdir("log", 0o700),
		os.WriteFile("log/app.log", []byte(`{"msg":"of the service"}`+"\n"), 0o600),
		os.Chtimes("log/app.log", time.Unix(1e9, 0), time.Unix(1e9, 0)),
	); err != nil {
		t.Fatal(err)
	}
}

// tree returns what is below the working directory.
func tree(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[path] = "directory"
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = fmt.Sprintf("%v %s %s", info.Mode(), info.ModTime().UTC().Format(time.RFC3339Nano), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

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

// here is the directory of the package, whatever the working directory is.
var here, _ = os.Getwd()

var (
	bars    = regexp.MustCompile(`[█░▏▎▍▌▋▊▉]+`)
	amounts = regexp.MustCompile(`-?[\d,.]+ (ns|µs|ms|s|B|kB|MB|writes)\b`)
	numbers = regexp.MustCompile(`-?\b\d[\d,.]*\b`)
	blanks  = regexp.MustCompile(` {2,}`)
	system  = regexp.MustCompile(`on \d+ CPUs?, \S+, \S+;`)
)

// masked returns a text without what is never the same.
func masked(text string) string {
	text = system.ReplaceAllString(text, "on CPUs, SYSTEM;")
	text = strings.ReplaceAll(text, "p99.9", "p_999")
	text = amounts.ReplaceAllString(text, "X")
	text = regexp.MustCompile(`(?m)^  fewer than asked for: .*\n`).ReplaceAllString(text, "")
	text = bars.ReplaceAllString(text, "")
	text = regexp.MustCompile(`p(50|90|99|_999)`).ReplaceAllString(text, "p_")
	text = numbers.ReplaceAllString(text, "N")
	text = regexp.MustCompile(`X, each line synced|no record is for it`).ReplaceAllString(text, "X, each line synced, if there is one")
	return blanks.ReplaceAllString(text, "  ")
}

func TestHelp(t *testing.T) {
	golden(t, "help.golden", run(t, "--help").stdout)
}

func TestReportAndPicture(t *testing.T) {
	testlog.CheckGoroutines(t, "lumberjack") // whose goroutines serve the next file
	workplace(t)
	out := run(t, "--duration", "60ms", "--goroutines", "3", "--svg", "bench.svg", "--like", forAll(t), "logging.json")
	if out.err != nil || out.stderr != "" {
		t.Errorf("error %v, stderr %q", out.err, out.stderr)
	}
	golden(t, "report.golden", masked(out.stdout))

	text, err := os.ReadFile("bench.svg")
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, new(struct{})); err != nil || !strings.Contains(string(text), "app: buffer and file") {
		t.Errorf("%v in %s", err, text)
	}
	if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// forAll returns a log with one line, which is for every sink: there may be time for no more than one record.
func forAll(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "like.log")
	line := `{"time":"2026-11-22T10:00:00Z","level":"ERROR","msg":"for all","tags":["security"]}` + "\n"
	if err := os.WriteFile(name, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// report is what --json prints.
type report struct {
	Config string
	Notes  []string
	Parts  []struct {
		Name    string
		Asked   float64 `json:"asked_per_second"`
		Stopped string  `json:"stopped_by"`
		Records int64
		Bytes   int64
		Latency map[string]float64 `json:"latency_ns"`
		Sinks   []struct {
			Name, Type                       string
			Expected                         *uint64
			Bytes                            uint64
			Accepted, Written, Dropped, Left uint64
			Reasons                          map[string]uint64 `json:"dropped_by"`
			Holds                            bool
		}
		Failures int
		Failure  string `json:"first_failure"`
	}
	Steps    []struct{ Name string }
	Baseline []struct {
		Figure string
		Worse  bool
	}
}

func decode(t *testing.T, out outcome) report {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
		t.Fatalf("%v in %q; the command's error is %v", err, out.stdout, out.err)
	}
	return r
}

func TestEveryRecordIsAccountedFor(t *testing.T) {
	testlog.CheckGoroutines(t, "lumberjack") // whose goroutines serve the next file
	workplace(t)
	out := run(t, "--duration", "50ms", "--no-steps", "--json", "logging.json")
	if out.err != nil {
		t.Fatal(out.err)
	}
	for _, p := range decode(t, out).Parts {
		for _, s := range p.Sinks {
			if !s.Holds || s.Accepted != s.Written+s.Dropped+s.Left {
				t.Errorf("%s: %s: %+v", p.Name, s.Name, s)
			}
			if plain := s.Name != "audit"; plain != (s.Expected != nil) {
				t.Errorf("%s: %s: expected is %v", p.Name, s.Name, s.Expected)
			} else if plain && *s.Expected != s.Accepted {
				t.Errorf("%s: %s: %d records are for it, and it accepted %d", p.Name, s.Name, *s.Expected, s.Accepted)
			}
			if s.Name == "app" && s.Accepted != uint64(p.Records) {
				t.Errorf("%s: %d records, app accepted %d", p.Name, p.Records, s.Accepted)
			}
		}
	}
}

func TestNothingOfTheServiceIsTouchedAndNothingStays(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		edit func(cancel context.CancelFunc) func(*pipeline.Config)
		code int
	}{
		{name: "after success", args: []string{"--duration", "20ms", "--no-steps"}},
		{name: "after an error", args: []string{"--duration", "20ms"}, code: -1, edit: func(context.CancelFunc) func(*pipeline.Config) {
			runs := 0
			return func(cfg *pipeline.Config) {
				if runs++; runs == 2 {
					cfg.Sinks[2].Path = "logging.json/no.log"
				}
			}
		}},
		{name: "after an interrupt", args: []string{"--duration", "1h"}, code: -1, edit: func(cancel context.CancelFunc) func(*pipeline.Config) {
			return func(cfg *pipeline.Config) { cfg.Sinks[0].Writer = after(100, cancel) }
		}},
		{name: "after an interrupt at a rate", args: []string{"--duration", "1h", "--rate", "2000"}, code: -1, edit: func(cancel context.CancelFunc) func(*pipeline.Config) {
			return func(cfg *pipeline.Config) { cfg.Sinks[0].Writer = after(10, cancel) }
		}},
		{name: "after an interrupt in the steps", args: []string{"--duration", "60ms"}, code: -1, edit: func(cancel context.CancelFunc) func(*pipeline.Config) {
			runs := 0
			return func(*pipeline.Config) {
				if runs++; runs == 4 {
					cancel()
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t, "lumberjack") // whose goroutines serve the next file
			workplace(t)
			before := tree(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var edit func(*pipeline.Config)
			if tt.edit != nil {
				edit = tt.edit(cancel)
			}
			out := execute(t, ctx, bench.CommandWith(os.Getenv, edit), append(tt.args, "logging.json")...)
			if out.code != tt.code {
				t.Errorf("code %d, want %d: %v", out.code, tt.code, out.err)
			}
			if strings.Contains(tt.name, "interrupt") && (!errors.Is(out.err, context.Canceled) || out.stdout != "") {
				t.Errorf("error %v and output %q, want context.Canceled and none", out.err, out.stdout)
			}
			if diff := cmp.Diff(before, tree(t)); diff != "" {
				t.Errorf("files: mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// after returns a writer that calls f at the nth write.
func after(n int, f func()) io.Writer {
	return writer(func(p []byte) (int, error) {
		if n--; n == 0 {
			f()
		}
		return len(p), nil
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestAFailingSink(t *testing.T) {
	workplace(t)
	full := errors.New("the disk is full of password=hunter2secret")
	c := bench.CommandWith(os.Getenv, func(cfg *pipeline.Config) {
		cfg.Sinks[0].Writer = writer(func([]byte) (int, error) { return 0, full })
	})
	out := execute(t, t.Context(), c, "--duration", "20ms", "--json", "--no-steps", "--like", forAll(t), "logging.json")
	if out.code != cli.Partial || !strings.Contains(out.err.Error(), "the disk is full") || strings.Contains(out.err.Error(), "hunter2") {
		t.Errorf("code %d, error %v", out.code, out.err)
	}
	for _, p := range decode(t, out).Parts {
		s := p.Sinks[0]
		if s.Written != 0 || s.Dropped == 0 || s.Dropped != s.Accepted || !s.Holds || s.Reasons["refused"] != s.Dropped {
			t.Errorf("%s: %+v", p.Name, s)
		}
		if p.Failures == 0 || !strings.Contains(p.Failure, "the disk is full") {
			t.Errorf("%s: %d failures, the first: %s", p.Name, p.Failures, p.Failure)
		}
	}
}

// A disk may be full only when the parts are over.
func TestAFailureWhereTheTimeGoes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("logging.json", []byte(`{"sinks":[{"name":"out","type":"console","async":true}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"--json"}} {
		runs := 0
		c := bench.CommandWith(os.Getenv, func(cfg *pipeline.Config) {
			if runs++; runs > 2 {
				cfg.Sinks[0].Writer = writer(func([]byte) (int, error) { return 0, errors.New("the disk is full of password=hunter2secret") })
			}
		})
		out := execute(t, t.Context(), c, append(args, "--duration", "10ms", "logging.json")...)
		if out.code != cli.Partial || !strings.Contains(out.err.Error(), "where the time goes: ") || !strings.Contains(out.stdout, "the disk is full") {
			t.Errorf("code %d, error %v: %s", out.code, out.err, out.stdout)
		}
		if strings.Contains(out.stdout+out.err.Error(), "hunter2") {
			t.Error("a secret is printed")
		}
	}
}

func TestDropsAreAccountedFor(t *testing.T) {
	for _, policy := range []string{"drop_newest", "drop_oldest"} {
		t.Chdir(t.TempDir())
		config := fmt.Sprintf(`{"sinks":[{"name":"out","type":"console","async":true,"buffer_size":"4 KiB","policy":%q}]}`, policy)
		if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		slow := writer(func(p []byte) (int, error) { // as a disk is
			<-time.After(time.Millisecond)
			return len(p), nil
		})
		c := bench.CommandWith(os.Getenv, func(cfg *pipeline.Config) { cfg.Sinks[0].Writer = slow })
		var r report
		for range 10 { // where the machine stood still there are too few records to drop any
			out := execute(t, t.Context(), c, "--duration", "100ms", "--json", "--no-steps", "logging.json")
			if out.err != nil {
				t.Error(policy, out.err)
			}
			if r = decode(t, out); r.Parts[0].Records >= 1000 {
				break
			}
		}
		s := r.Parts[0].Sinks[0]
		if !s.Holds || s.Dropped == 0 || s.Reasons["no room in the buffer"] != s.Dropped || s.Accepted < *s.Expected || s.Accepted != s.Written+s.Dropped+s.Left {
			t.Errorf("%s: %+v, of %d", policy, s, *s.Expected)
		}
	}
}

// A handler that is stuck for 100 ms makes those wait that are due meanwhile, as a slow log does with a service.
func TestALatencyCountsFromWhenACallIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		count, quantile := bench.Pace(t.Context(), handler(func() {
			if calls++; calls == 500 {
				time.Sleep(100 * time.Millisecond)
			}
		}), 1, time.Second, 1000)
		if count != 1000 {
			t.Errorf("%d records, want 1000", count)
		}
		// 100 of 1000 wait: 100 ms, 99 ms and so on.
		for q, want := range map[float64]time.Duration{0.5: 0, 0.89: 0, 0.95: 50 * time.Millisecond, 0.99: 90 * time.Millisecond, 1: 100 * time.Millisecond} {
			if got := quantile(q); got < want*97/100-time.Microsecond || got > want*103/100+2*time.Millisecond {
				t.Errorf("p%v is %v, want %v", 100*q, got, want)
			}
		}
	})
}

func TestThePaceIsKept(t *testing.T) {
	for _, goroutines := range []int{1, 3, 7} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			count, _ := bench.Pace(t.Context(), handler(func() {}), goroutines, 10*time.Second, 250)
			if took := time.Since(start); count != 2500 || took < 9900*time.Millisecond || took > 10*time.Second {
				t.Errorf("%d goroutines: %d records in %v, want 2500 in 10s", goroutines, count, took)
			}
		})
	}
}

// Who logs looks himself whether it is enough: a goroutine of its own may get no processor while there are calls.
func TestTheCallersLookWhetherItIsEnough(t *testing.T) {
	for _, rate := range []float64{0, 1000} {
		synctest.Test(t, func(t *testing.T) {
			asked, count := bench.AskedOf(t.Context(), handler(func() { <-time.After(time.Millisecond) }), 5, rate)
			var want []time.Duration
			for i := range 5 {
				want = append(want, time.Duration(4*(i+1))*time.Millisecond)
			}
			if diff := cmp.Diff(want, asked); diff != "" || count != 20 {
				t.Errorf("at %v a second: %d records, want 20; asked, mismatch (-want +got):\n%s", rate, count, diff)
			}
		})
	}
}

type handler func()

func (handler) Enabled(context.Context, slog.Level) bool    { return true }
func (h handler) Handle(context.Context, slog.Record) error { h(); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h handler) WithGroup(string) slog.Handler             { return h }

func TestMix(t *testing.T) {
	levels, size := bench.Mix()
	want := map[slog.Level]int{slog.LevelInfo: 1800, slog.LevelWarn: 160, slog.LevelError: 40}
	if diff := cmp.Diff(want, levels); diff != "" {
		t.Errorf("levels: mismatch (-want +got):\n%s", diff)
	}
	if size < 295 || size > 305 {
		t.Errorf("%.1f bytes, want 300", size)
	}
}

func TestMaxBytesEndsAPart(t *testing.T) {
	workplace(t)
	out := run(t, "--duration", "1m", "--max-bytes", "16 MiB", "--no-steps", "--rate", "1000000", "--json", "logging.json")
	if out.err != nil {
		t.Fatal(out.err)
	}
	p := decode(t, out).Parts[0]
	if p.Stopped != "--max-bytes 16 MiB" {
		t.Errorf("stopped by %q", p.Stopped)
	}
	var files uint64
	for _, s := range p.Sinks {
		if s.Type != "console" && s.Type != "logstash" {
			files += s.Bytes
		}
	}
	if files > 16<<20 || files < 8<<20 {
		t.Errorf("%d bytes are in files", files)
	}
}

func TestKeep(t *testing.T) {
	workplace(t)
	out := run(t, "--duration", "20ms", "--keep", "--no-steps", "logging.json")
	files, err := filepath.Glob("log/.sluice-bench-*/1/1/app.log")
	if err != nil || len(files) != 1 || !strings.Contains(out.stderr, filepath.Dir(filepath.Dir(filepath.Dir(files[0])))) {
		t.Fatalf("%v, %v, stderr %q", files, err, out.stderr)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || !strings.HasPrefix(string(text), `{"time":`) {
		t.Errorf("%.100q, %v", text, err)
	}
	out = run(t, "--duration", "20ms", "--no-steps", "logging.json")
	if want := ", of a run that is under way or was killed: if none is, remove it"; !strings.Contains(out.stdout, want) {
		t.Errorf("what was kept is not mentioned in:\n%s", out.stdout)
	}
}

func TestWhatIsKeptOfAllPartsIsLimited(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("logging.json", []byte(`{"redaction":{"off":true},"sinks":[{"type":"file","path":"app.log"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "--duration", "1m", "--max-bytes", "16 MiB", "--keep", "--goroutines", "1", "logging.json")
	if out.err != nil || !strings.Contains(out.stdout, "ended early by --max-bytes 16 MiB, which is for all that is kept\n") {
		t.Fatalf("%v: %s", out.err, out.stdout)
	}
	var sum int64
	runs := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if parts := strings.Split(filepath.ToSlash(path), "/"); err == nil && strings.Contains(path, ".sluice-bench-") {
			sum += info.Size()
			runs[parts[max(len(parts)-3, 0)]] = true
		}
		return err
	})
	if err != nil || sum > 16<<20 || sum < 4<<20 {
		t.Errorf("%d bytes are kept, %v", sum, err)
	}
	if diff := cmp.Diff(map[string]bool{"1": true, "2": true}, runs); diff != "" {
		t.Errorf("runs that were kept: mismatch (-want +got):\n%s", diff)
	}
}

func TestLikeLongLines(t *testing.T) {
	workplace(t)
	f, err := os.Create("like.log")
	if err != nil {
		t.Fatal(err)
	}
	line := `{"level":"INFO","msg":"` + strings.Repeat("x", 100<<10) + `"}` + "\n"
	for range 10 {
		_, werr := f.WriteString(line)
		err = errors.Join(err, werr)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	records, stderr, err := bench.Like(t.Context(), "like.log", 750<<10)
	if want := "--like: records are like 7 lines of 10: 3 more would take more than 750 KiB\n"; err != nil || records != 7 || stderr != want {
		t.Errorf("%d records, %v, %q, want %q", records, err, stderr, want)
	}
}

func TestLike(t *testing.T) {
	workplace(t)
	log := `{"time":"2026-11-22T10:00:00Z","level":"ERROR","msg":"as in the log","n":1}` + "\nno JSON\n"
	if err := os.WriteFile("like.log", []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "--like", "like.log", "--duration", "20ms", "--no-steps", "--keep", "logging.json")
	if out.err != nil {
		t.Fatal(out.err)
	}
	files, err := filepath.Glob("log/.sluice-bench-*/1/2/errors.log")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(text), `"level":"ERROR","msg":"as in the log","n":1}`) {
		t.Errorf("%.200q, %v", text, err)
	}
}

func TestBaseline(t *testing.T) {
	const (
		sinks   = `"sinks":[{"type":"console"},{"type":"file"},{"type":"errors"},{"type":"audit"},{"type":"logstash"}]`
		figures = `{"goroutines":3,"record_bytes":300,"parts":[
			{"name":"As fast as it goes","records_per_second":%g,"latency_ns":{"p50":%g,"p99":%[2]g},"cpu_ns_per_record":%[2]g,` + sinks + `},
			{"name":"At half of that","asked_per_second":1234.5,"latency_ns":{"p50":%[2]g}}]}`
	)
	same := fmt.Sprintf(figures, 1.0, 1e12)
	for _, tt := range []struct {
		name, text, args string
		code             int
		want             string
	}{
		{"was slower", same, "", cli.OK, "; 3 goroutines log…\nAt the rate of the baseline, for …  At the rate of the baseline: p50 …nothing is worse"},
		{"was faster", fmt.Sprintf(figures, 1e12, 0.001), "", cli.No, "worse"},
		{"at a rate", same, "--rate 1234.5", cli.OK, "  At 1,235 records a second: p50 "},
		{"at another rate", same, "--rate 1000", cli.Usage, "--baseline: it has no part at --rate 1000: want 1234.5, or none"},
		{"with other goroutines", same, "--goroutines 2", cli.Usage, "--baseline: it was made with 3 goroutines: want as many, not 2"},
		{"with other records", strings.Replace(same, `:300,`, `:3000,`, 1), "", cli.Usage, "--baseline: its records are of 3000 bytes, and these of 300"},
		{"with other sinks", strings.Replace(same, `{"type":"errors"},`, "", 1), "", cli.Usage, "--baseline: its sinks are console, file, audit, logstash, and these console, file, errors"},
		{"is no report", `{}`, "", cli.Usage, "it has no parts"},
		{"is no JSON", `nonsense`, "", cli.Usage, "is not what"},
		{"is not there", "", "", cli.Usage, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			workplace(t)
			if tt.text != "" {
				if err := os.WriteFile("before.json", []byte(tt.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := tree(t)
			args := append(strings.Fields(tt.args), "--baseline", "before.json", "--duration", "20ms", "--no-steps", "logging.json")
			out := run(t, args...)
			text := out.stdout
			if out.code == cli.Usage {
				text = out.err.Error()
			}
			if out.code != tt.code {
				t.Errorf("code %d, error %v, want %d", out.code, out.err, tt.code)
			}
			for want := range strings.SplitSeq(tt.want, "…") {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in %s", want, text)
				}
			}
			if diff := cmp.Diff(before, tree(t)); diff != "" {
				t.Errorf("files: mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShip(t *testing.T) {
	testlog.CheckGoroutines(t, "lumberjack") // whose goroutines serve the next file
	logstash, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer logstash.Close()
	t.Chdir(t.TempDir())
	config := fmt.Sprintf(`{"sinks":[{"name":"ship","type":"logstash","addr":"beats://%s","tags":["prod"],"spool_dir":"spool"}]}`, logstash.Addr())
	if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "--ship", "--rate", "500", "--duration", "50ms", "--json", "logging.json")
	if out.err != nil {
		t.Fatal(out.err)
	}
	r := decode(t, out)
	events := logstash.Events()
	if s := r.Parts[0].Sinks[0]; s.Written != uint64(len(events)) || s.Written != uint64(r.Parts[0].Records) || !s.Holds {
		t.Errorf("%d events of %d records: %+v", len(events), r.Parts[0].Records, s)
	}
	for _, e := range events {
		if !strings.Contains(string(e), `"tags":["prod","sluice-bench"`) {
			t.Fatalf("no tag in %s", e)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

// The brokers of a configuration are shipped to as the Logstashes are, if all that it takes is in the configuration.
func TestShipToABroker(t *testing.T) {
	k, r := brokertest.NewKafka(t), brokertest.NewRedis(t)
	t.Chdir(t.TempDir())
	for _, addr := range []string{"kafka://" + k.Addr() + "/logs", "redis://" + r.Addr() + "/logstash", "kafka://a"} {
		config := fmt.Sprintf(`{"sinks":[{"name":"ship","type":"logstash","addr":%q}]}`, addr)
		if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		out := run(t, "--ship", "--rate", "500", "--duration", "50ms", "--json", "logging.json")
		var events [][]byte
		switch addr {
		case "kafka://a":
			if out.code != cli.Usage || !strings.Contains(out.err.Error(), "--ship: ") || !strings.Contains(out.err.Error(), "what the program adds in Go") {
				t.Errorf("%s: code %d, error %v", addr, out.code, out.err)
			}
			continue
		case "redis://" + r.Addr() + "/logstash":
			events = r.List(t, 0, "logstash")
		default:
			for _, record := range k.Records(t, "logs") {
				events = append(events, record.Value)
			}
		}
		if out.err != nil {
			t.Fatal(out.err)
		}
		if s := decode(t, out).Parts[0].Sinks[0]; s.Written != uint64(len(events)) || s.Written == 0 || !s.Holds {
			t.Errorf("%s: %d events: %+v", addr, len(events), s)
		}
		for _, e := range events {
			if !strings.Contains(string(e), `"tags":["sluice-bench"`) {
				t.Fatalf("no tag in %s", e)
			}
		}
	}
}

func TestReceiversStandInForEveryScheme(t *testing.T) {
	for _, addr := range []string{
		"beats://a:1,b:2", "tcp://a:1", "tls://a:1", "udp://a:1", "unix:///run/logstash.sock", "http://a:1/path", "https://user:hunter2@a:1",
		"kafka://a,b/logs", "kafka+tls://user:hunter2@a:9093/logs", "kafka://a", "redis://a/logstash", "redis+tls://:hunter2@a:6380,b/logstash",
	} {
		t.Run(strings.NewReplacer("/", "_", ":", "_").Replace(addr), func(t *testing.T) {
			testlog.CheckGoroutines(t, "lumberjack") // whose goroutines serve the next file
			t.Chdir(t.TempDir())
			config := fmt.Sprintf(`{"sinks":[{"name":"ship","type":"logstash","addr":%q}]}`, addr)
			if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			out := run(t, "--rate", "1000", "--duration", "10ms", "--no-steps", "--json", "logging.json")
			if out.err != nil || strings.Contains(out.stdout, "hunter2") {
				t.Fatal(out.err, out.stdout)
			}
			if s := decode(t, out).Parts[0].Sinks[0]; s.Written != s.Accepted || s.Accepted == 0 || !s.Holds {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestEnv(t *testing.T) {
	t.Chdir(t.TempDir())
	env := map[string]string{"LOG_FILE": "app.log", "LOG_CONSOLE": "off"}
	c := bench.CommandWith(func(name string) string { return env[name] }, nil)
	out := execute(t, t.Context(), c, "--env", "--duration", "20ms", "--no-steps")
	if out.err != nil || !strings.HasPrefix(out.stdout, "the variables LOG_* on ") {
		t.Errorf("%v: %s", out.err, out.stdout)
	}
	env["LOG_LEVEL"] = "LOUD"
	c = bench.CommandWith(func(name string) string { return env[name] }, nil)
	if out := execute(t, t.Context(), c, "--env"); out.code != cli.Usage || !strings.Contains(out.err.Error(), "LOG_LEVEL") {
		t.Errorf("code %d, error %v", out.code, out.err)
	}
}

func TestWrongUsage(t *testing.T) {
	workplace(t)
	if err := os.WriteFile("bad.json", []byte(`{"sinks":[{"type":"fil"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"", []string{"no configuration"}},
		{"a.json b.json", []string{"2 configurations: want one"}},
		{"--env logging.json", []string{"--env", "logging.json is a file"}},
		{"none.json", []string{"none.json", "no such file"}},
		{"bad.json", []string{`"fil"`, `did you mean "file"?`}},
		{"--duration 1ms --rate -1 --goroutines -5 --max-bytes 1KB --tolerance x logging.json", []string{
			"--duration: 1ms: want", "--rate: -1: want", "--goroutines: -5: want", "--max-bytes: 1 KB: want", `--tolerance: "x": want`,
		}},
		{"--rate NaN logging.json", []string{"--rate: NaN"}},
		{"--rate 1 --duration 10ms logging.json", []string{"make none"}},
		{"--ship logging.json", []string{"--ship", "--rate"}},
		{"--max-bytes 1000000TB logging.json", []string{"--max-bytes", "are free"}},
		{"--svg no/bench.svg logging.json", []string{"--svg: ", "no such file or directory"}},
		{"--svg log/app.log logging.json", []string{`--svg: "log/app.log" is there, and no picture of sluice`}},
		{"--svg logging.json/bench.svg logging.json", []string{"--svg: ", "logging.json/bench.svg: not a directory"}},
		{"--like none.log logging.json", []string{"--like: none.log"}},
		{"--like log logging.json", []string{"--like: log: is a directory"}},
		{"--like bad.json logging.json --frobnicate", []string{"--frobnicate"}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			before := tree(t)
			out := run(t, strings.Fields(tt.args)...)
			if out.code != cli.Usage {
				t.Fatalf("code %d, error %v", out.code, out.err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.err.Error(), want) {
					t.Errorf("error %q lacks %q", out.err, want)
				}
			}
			if diff := cmp.Diff(before, tree(t)); diff != "" {
				t.Errorf("files: mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADirectoryThatIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("logging.json", []byte(`{"sinks":[{"type":"file","path":"not/yet/app.log"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "--duration", "20ms", "--no-steps", "logging.json"); out.err != nil {
		t.Error(out.err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

func TestADirectoryThatCannotBeMade(t *testing.T) {
	t.Chdir(t.TempDir())
	config := `{"sinks":[{"type":"file","path":"log/app.log"},{"name":"errors","type":"errors","path":"logging.json/errors.log"}]}`
	if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "--duration", "20ms", "logging.json")
	if out.err == nil || !strings.Contains(out.err.Error(), "errors: ") || !strings.Contains(out.err.Error(), "logging.json is no directory") {
		t.Errorf("error %v", out.err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ns", 999: "999 ns", 1500: "1.50 µs", 12345: "12.3 µs", 999600 * time.Microsecond: "1000 ms", 90 * time.Second: "90.0 s", -time.Microsecond: "-1.00 µs",
	} {
		if got := bench.Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
