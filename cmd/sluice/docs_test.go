package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/pages"
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
			dir := demo(t)
			text := b.Text
			for _, s := range session(b.Text) {
				c := exec.CommandContext(t.Context(), "sh", "-c", s.command)
				c.Dir, c.Env, c.WaitDelay = dir, environment(bin, t.TempDir()), 10*time.Second
				out, err := c.CombinedOutput()
				if _, failed := err.(*exec.ExitError); err != nil && !failed { //nolint:errorlint // exec says so
					t.Fatal(err)
				}
				diff := cmp.Diff(matches(s.output, string(out)), string(out))
				switch {
				case diff == "":
				case *update:
					text = strings.Replace(text, "$ "+s.command+s.output, "$ "+s.command+string(out), 1)
				default:
					t.Errorf("%v: %s: mismatch (-want +got)\n%s", b, strings.TrimSpace(s.command), diff)
				}
			}
			if text != b.Text {
				replace(t, filepath.Join("../..", b.Page), b.Text, text)
			}
		})
	}
	if ran < 20 {
		t.Errorf("there are %d blocks", ran)
	}
}

// replace replaces a block of a page.
func replace(t *testing.T, page, old, text string) {
	t.Helper()
	all, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all = []byte(strings.Replace(string(all), old, text, 1))
	if err := os.WriteFile(page, all, 0o644); err != nil { //nolint:gosec // a page is for everybody
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
