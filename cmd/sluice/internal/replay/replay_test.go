package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files")

// asCommand is the variable that makes a process of the tests one of the command.
const asCommand = "REPLAY_AS_COMMAND"

// TestMain gives the states that the commands keep a directory of their own.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		if err := replay.Command().Execute(); err != nil {
			os.Exit(cli.Partial)
		}
		return
	}
	flag.Parse()
	if !testlog.Race { // with which they take long to compute what they send
		if err := flag.Set("test.parallel", "8"); err != nil { // most of the tests wait for something most of the time
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "sluice-replay-")
	if err != nil {
		panic(err)
	}
	if err := errors.Join(os.Setenv("XDG_CACHE_HOME", dir), os.Setenv("HOME", dir)); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// result is what a command has printed, and the code it ended with.
type result struct {
	code      int
	out, errs string
}

// start runs the command. While a process is made, such as a Redis by another test, it has all files of this one open, and so the
// lock of a spool that has just been closed here: then it is run again.
func start(ctx context.Context, stdin string, args ...string) (r result) {
	for range 100 {
		if r = startOnce(ctx, stdin, args...); !strings.Contains(r.errs, fmt.Sprintf("in use by process %d", os.Getpid())) {
			return r
		}
		<-time.After(20 * time.Millisecond)
	}
	return r
}

func startOnce(ctx context.Context, stdin string, args ...string) result {
	var out, errs bytes.Buffer
	c := replay.Command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(args)
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&errs)
	err := c.ExecuteContext(ctx)
	r := result{out: out.String(), errs: errs.String()}
	var exit *cli.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.Code
		if exit.Err != nil {
			r.errs += "error: " + exit.Err.Error() + "\n"
		}
	case err != nil:
		r.code = -1
		r.errs += "error: " + err.Error() + "\n"
	}
	return r
}

// must runs the command and checks its code.
func must(t *testing.T, code int, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	r := start(ctx, "", args...)
	if r.code != code {
		t.Errorf("exit code %d, want %d: replay %s\n%s%s", r.code, code, strings.Join(args, " "), r.out, r.errs)
	}
	return r
}

// counts are the numbers of an account.
type counts struct {
	End      string
	Read     int
	Sent     int
	Refused  int
	Filtered int
	Text     int
	Broken   int
	Open     int
	NotSent  int `json:"not_sent"`
	Resent   int
	Lost     int
	Reason   string
	Reasons  []struct {
		Text   string
		Events int
	}
}

// account runs the command with --json and checks that the account is right in itself.
func account(t *testing.T, code int, args ...string) counts {
	t.Helper()
	r := must(t, code, append(args, "--json")...)
	return parse(t, r)
}

func parse(t *testing.T, r result) (c counts) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), &c); err != nil {
		t.Fatalf("%v in %q; %s", err, r.out, r.errs)
	}
	if sum := c.Sent + c.Refused + c.Filtered + c.Text + c.Broken + c.Open + c.NotSent; c.Read != sum {
		t.Errorf("read %d, and the others are %d: %+v", c.Read, sum, c)
	}
	return c
}

func beats(t *testing.T, o *lstest.BeatsOptions) *lstest.Beats {
	t.Helper()
	b, err := lstest.ListenBeats("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill)
	return b
}

func httpInput(t *testing.T, o *lstest.HTTPOptions) *lstest.HTTP {
	t.Helper()
	h, err := lstest.ListenHTTP("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	return h
}

// writeFile writes a file in a directory and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbered returns n lines that a Ledger can account for, from the id first on.
func numbered(first, n int) string {
	var b []byte
	for id := first; id < first+n; id++ {
		b = append(b, `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"request","id":`...)
		b = fmt.Appendf(b, "%d,\"status\":200}\n", id)
	}
	return string(b)
}

// golden compares text with a golden file, with what differs each time made equal.
func golden(t *testing.T, name, got string) {
	t.Helper()
	for _, r := range []struct{ of, by string }{
		{`127\.0\.0\.1:\d+`, "HOST"},
		{`[\d.]+(ms|s|µs)\b`, "TIME"},
		{`[\d,]+ events a second`, "N events a second"},
		{regexp.QuoteMeta(os.TempDir()) + `/[^ ;,"]*/`, "TMP/"},
	} {
		got = regexp.MustCompile(r.of).ReplaceAllString(got, r.by)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got)\n%s", name, diff)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	golden(t, "help", must(t, 0, "--help").out)
}

// What is sent has the fields of a program's own events, and what is an event already stays as it is.
func TestEvents(t *testing.T) {
	t.Parallel()
	b := beats(t, nil)
	r := must(t, 0, "testdata/makes.log", "--to", "beats://"+b.Addr(), "--host", "web1", "--type", "app", "--add-tag", "old", "--service", "shop", "--no-state")
	var got strings.Builder
	for _, e := range b.Events() {
		got.Write(e)
		got.WriteByte('\n')
	}
	golden(t, "events", got.String())
	golden(t, "events-account", r.out)
}

// 100,000 events arrive, each once, and the account is exact.
func TestAccountIsExact(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var ledger lstest.Ledger
	b := beats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", numbered(0, n))
	c := account(t, 0, log, "--to", "beats://"+b.Addr())
	if diff := cmp.Diff(counts{End: "completed", Read: n, Sent: n}, c); diff != "" {
		t.Errorf("account mismatch (-want +got)\n%s", diff)
	}
	if ledger.Unique() != n || ledger.Total() != n || ledger.OrderBreaks() != 0 {
		t.Errorf("%d events arrived, %d different ones, %d out of order; want %d", ledger.Total(), ledger.Unique(), ledger.OrderBreaks(), n)
	}
	again := account(t, 0, log, "--to", "beats://"+b.Addr())
	if diff := cmp.Diff(counts{End: "completed"}, again); diff != "" {
		t.Errorf("the second time, account mismatch (-want +got)\n%s", diff)
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	testlog.CheckGoroutines(t)
	b := beats(t, nil)
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 1000))
	must(t, 0, log, "--to", "beats://"+b.Addr(), "--no-state")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := start(ctx, "", log, "--to", "beats://"+b.Addr(), "--no-state"); r.code != cli.Interrupted {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errs)
	}
}
