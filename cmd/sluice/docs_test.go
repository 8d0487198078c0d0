package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/pages"
	"github.com/sluicelog/sluice/logstash"
)

// environment is that of the processes: nothing of the caller's but what Go needs for its temporary files.
func environment(bin, home string) []string {
	return []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home,
		"TZ=UTC", "LC_ALL=C.UTF-8", "NO_COLOR=1", "TERM=dumb",
	}
}

// shown is a command of a page, and what the page says that it prints.
type shown struct {
	command, output string
}

// session returns the commands of a block: lines that begin with "$ ", and go on behind a backslash.
func session(text string) (all []shown) {
	more := false
	for line := range strings.Lines(text) {
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case begins:
			all = append(all, shown{command: command})
		case more:
			all[len(all)-1].command += line
		case len(all) > 0:
			all[len(all)-1].output += line
		}
		more = (begins || more) && strings.HasSuffix(line, "\\\n")
	}
	return all
}

// matches returns what was printed if the page shows it, and what the page shows if not: there, "…" is any text
// within a line, and a line of it any lines.
func matches(want, printed string) string {
	e := regexp.QuoteMeta(want)
	e = regexp.MustCompile(`(?m)^ *…\n`).ReplaceAllString(e, "(?s:.*?)")
	e = strings.ReplaceAll(e, "…", ".*?")
	if regexp.MustCompile("^" + e + "$").MatchString(printed) {
		return printed
	}
	return want
}

// TestDocsShowWhatIsPrinted runs the blocks of the pages about the commands that show a terminal, each in a copy of the
// demonstration.
func TestDocsShowWhatIsPrinted(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	texts, err := pages.Read("../..", "docs/sluice*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := pages.Blocks(texts)
	if err != nil {
		t.Fatal(err)
	}
	bin := install(t)
	ran := 0
	for _, b := range blocks {
		if b.Info != "console" {
			continue
		}
		ran++
		t.Run(filepath.Base(b.String()), func(t *testing.T) {
			if !*update { // which writes the pages
				t.Parallel()
			}
			dir, home := demo(t), t.TempDir()
			there, named := strings.NewReplacer(), strings.NewReplacer()
			if strings.Contains(b.Text, "//logstash") {
				there, named = receivers(t)
				spool(t, filepath.Join(dir, "spool"))
			}
			if strings.Contains(b.Text, "//redis-1") {
				r := brokertest.NewRedis(t)
				there, named = strings.NewReplacer("//redis-1", "//"+r.Addr()), strings.NewReplacer(r.Addr(), "redis-1")
			}
			var text strings.Builder
			for _, s := range session(b.Text) {
				c := exec.CommandContext(t.Context(), "sh", "-c", there.Replace(s.command))
				c.Dir, c.Env, c.WaitDelay = dir, environment(bin, home), 10*time.Second
				out, err := c.CombinedOutput()
				if _, failed := err.(*exec.ExitError); err != nil && !failed { //nolint:errorlint // exec says so
					t.Fatal(err)
				}
				out = []byte(named.Replace(string(out)))
				diff := cmp.Diff(matches(s.output, string(out)), string(out))
				switch {
				case diff == "":
				case *update:
					s.output = string(out)
				default:
					t.Errorf("%v: %s: mismatch (-want +got)\n%s", b, strings.TrimSpace(s.command), diff)
				}
				text.WriteString("$ " + s.command + s.output)
			}
			if *update && text.String() != b.Text {
				replace(t, filepath.Join("..", "..", b.Page), b.Text, text.String())
			}
		})
	}
	if ran < 20 {
		t.Errorf("there are %d blocks", ran)
	}
}

// receivers starts a Logstash with a Beats input and with an http input, which refuses what has to do with payments, and
// returns what puts their addresses in the place of the pages', and back.
func receivers(t *testing.T) (there, named *strings.Replacer) {
	t.Helper()
	beats, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { beats.Close() })
	http, err := lstest.ListenHTTP("127.0.0.1:0", &lstest.HTTPOptions{
		Poison: func(event []byte) bool { return bytes.Contains(event, []byte("payment")) }, PoisonStatus: 400,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { http.Close() })
	there = strings.NewReplacer("beats://logstash", "beats://"+beats.Addr(), "http://logstash", "http://"+http.Addr())
	named = strings.NewReplacer(beats.Addr(), "logstash", http.Addr(), "logstash")
	return there, named
}

// spool makes a spool, as a program leaves it behind whose Logstash was down.
func spool(t *testing.T, dir string) {
	t.Helper()
	shipper, err := logstash.Dial("beats://127.0.0.1:1", &logstash.DialOptions{SpoolDir: dir, SpoolMode: logstash.SpoolAlways})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(logstash.NewHandler(shipper, nil))
	for i := range 1200 {
		logger.Info("order placed", "order", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody takes anything
	_ = shipper.Shutdown(ctx)
}

// replace replaces a block of a page.
func replace(t *testing.T, page, old, text string) {
	t.Helper()
	all, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all = []byte(strings.Replace(string(all), old, text, 1))
	if err := os.WriteFile(page, all, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSession reads a block, so that one that is not run is noticed.
func TestSession(t *testing.T) {
	t.Parallel()
	got := session("$ one\nprinted\n\nby it\n$ two \\\n  more\n$ three\n")
	want := []shown{{"one\n", "printed\n\nby it\n"}, {"two \\\n  more\n", ""}, {"three\n", ""}}
	if diff := cmp.Diff(fmt.Sprintf("%q", want), fmt.Sprintf("%q", got)); diff != "" {
		t.Errorf("mismatch (-want +got)\n%s", diff)
	}
	for _, tt := range []struct {
		want, printed string
		same          bool
	}{
		{"a …\n", "a 1.5 s\n", true},
		{"a …\n", "a 1\nb\n", false},
		{"a\n…\nz\n", "a\nb\nc\nz\n", true},
		{"a\n", "a\nb\n", false},
		{"a*\n", "a*\n", true},
	} {
		if got := matches(tt.want, tt.printed) == tt.printed; got != tt.same {
			t.Errorf("%q shows %q: %v", tt.want, tt.printed, got)
		}
	}
}
