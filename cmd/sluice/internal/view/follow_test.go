package view_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/rotate"
)

// A watched writer hands on each Write.
type watched chan string

func (w watched) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// wait returns what is written until it ends in a text.
func (w watched) wait(t *testing.T, end string) string {
	t.Helper()
	var all strings.Builder
	deadline := time.After(time.Minute)
	for !strings.HasSuffix(all.String(), end) {
		select {
		case text := <-w:
			all.WriteString(text)
		case <-deadline:
			t.Fatalf("%q was not printed, only\n%s", end, all.String())
		}
	}
	return all.String()
}

// following starts the command and returns what it writes, and how to end it.
func following(t *testing.T, args ...string) (out watched, stop func() (code int, stderr string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = make(watched, 10_000)
	var errs bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- call(ctx, strings.NewReader(""), out, &errs, append([]string{"-f"}, args...)...) }()
	stopped := false
	stop = func() (int, string) {
		stopped = true
		cancel()
		select {
		case c := <-code:
			return c, errs.String()
		case <-time.After(time.Minute):
			t.Fatal("it does not end")
			return 0, ""
		}
	}
	t.Cleanup(func() {
		if cancel(); !stopped {
			<-code
		}
	})
	return out, stop
}

func line(level string, n int) string {
	return fmt.Sprintf(`{"level":%q,"msg":"line %d"}`+"\n", level, n)
}

func TestFollowGoesThroughRotations(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	w, err := rotate.Open(path, &rotate.Options{MaxSize: 2000})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	log := func(level string, n int) {
		if _, err := w.Write([]byte(line(level, n))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		log("INFO", i)
	}
	out, stop := following(t, path)
	var want strings.Builder
	for i := range 10 {
		fmt.Fprintf(&want, "INF line %d\n", 10+i)
	}
	if got := out.wait(t, "INF line 19\n"); got != want.String() {
		t.Errorf("it begins with\n%s", got)
	}
	want.Reset()
	for i := range 1000 {
		log("WARN", i)
		fmt.Fprintf(&want, "WRN line %d\n", i)
	}
	if got := out.wait(t, "WRN line 999\n"); got != want.String() {
		t.Errorf("of what is written then it prints\n%s", got)
	}
	if code, stderr := stop(); code != cli.Interrupted || stderr != "" {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestFollowBeginsWhereItIsAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, args, want string }{
		{"ten lines before the end", "", "INF line 11\nINF line 12\nINF line 13\nINF line 14\nINF line 15\nINF line 16\nINF line 17\nINF line 18\nINF line 19\nERR end\n"},
		{"some lines before it", "--last 3", "INF line 18\nINF line 19\nERR end\n"},
		{"of these lines, with those that match", "--last 4 --grep 1[68]|end", "INF line 18\nERR end\n"},
		{"at the beginning of what was rotated", "--rotated", "INF old\nINF line 0\nERR end\n"},
		{"at a time", "--since 2000-01-01 --grep line.[12]|end", "INF line 1\nINF line 2\nERR end\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			var log strings.Builder
			for i := range 20 {
				if strings.Contains(tt.args, "since") && i > 2 || strings.Contains(tt.args, "rotated") && i > 0 {
					continue
				}
				fmt.Fprintf(&log, `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"line %d"}`+"\n", i)
			}
			log.WriteString(`{"time":"2026-11-22T10:00:00Z","level":"ERROR","msg":"end"}` + "\n")
			if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".1", []byte(`{"level":"INFO","msg":"old"}`+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, stop := following(t, append(strings.Fields(tt.args), "--time-format", "none", path)...)
			if diff := cmp.Diff(tt.want, out.wait(t, "ERR end\n")); diff != "" {
				t.Errorf("mismatch (-want +got)\n%s", diff)
			}
			stop()
		})
	}
}

// At the end of a file, nothing is printed until something is written.
func TestFollowBeginsAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte(line("INFO", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, stop := following(t, "--last", "0", path)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Nobody tells when it has come to the end, so that the first ones may be too early.
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(time.Minute)
	for {
		fmt.Fprint(f, line("ERROR", 2))
		select {
		case text := <-out:
			if strings.Trim(strings.ReplaceAll(text, "ERR line 2", ""), "\n") != "" {
				t.Errorf("printed %q", text)
			}
			stop()
			return
		case <-again.C:
		case <-deadline:
			t.Fatal("nothing is printed")
		}
	}
}

func TestFollowEndsWithTheFirstLinesThatMatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte(line("INFO", 1)+line("ERROR", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := call(t.Context(), nil, &out, &errs, "-f", "-m", "1", "-l", "error", path); code != cli.OK || out.String() != "ERR line 2\n" {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}
