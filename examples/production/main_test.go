package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/pipeline"
)

func TestTheNumbersAddUp(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, 300, filepath.Join(t.TempDir(), "logs"), true); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	summary := regexp.MustCompile(`^summary: accepted=(\d+) written=(\d+) shipped=(\d+) acked=(\d+) dropped=0 lost=0 secrets_found=0 rotated=[2-9]\d*$`)
	m := summary.FindStringSubmatch(lines[len(lines)-1])
	if len(m) != 5 || m[1] != m[2] || m[1] != m[3] || m[1] != m[4] {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
}

// TestTheAuditIsNotFooled gives the audit logs in which something is wrong. An
// audit that finds nothing there would prove nothing elsewhere.
func TestTheAuditIsNotFooled(t *testing.T) {
	t.Parallel()
	const secret = "EXAMPLESECRET"
	good := map[string]string{
		"app-20261121T233046.123456Z.log": `{"seq":1,"level":"INFO"}` + "\n",
		"app-20261121T233047.123456Z.log": `{"seq":2,"level":"ERROR"}` + "\n",
		"app.log":                         `{"seq":3,"level":"INFO","tags":["security"]}` + "\n",
		"errors.log":                      `{"seq":2,"level":"ERROR"}` + "\n",
		"audit.log":                       `{"seq":3,"level":"INFO","tags":["security"]}` + "\n",
	}
	tests := []struct {
		name, file, text, console string
		accepted                  int
		want                      string // in the summary or the error
	}{
		{name: "all is well", accepted: 3, want: "accepted=3 written=3 shipped=0 acked=0 dropped=0 lost=3 secrets_found=0 rotated=2"},
		{name: "a record in no file", accepted: 4, want: "lost=5"},
		{name: "a line missing", file: "app.log", text: "", accepted: 3, want: "written=2"},
		{name: "an error that errors.log lacks", file: "errors.log", text: "", accepted: 3, want: "1 of them errors, 0 in errors.log            1 lost"},
		{name: "a security event that audit.log lacks", file: "audit.log", text: "", accepted: 3, want: "1 of them security, 0 in audit.log          1 lost"},
		{name: "an error only errors.log has", file: "errors.log", text: good["errors.log"] + `{"seq":9,"level":"ERROR"}` + "\n", accepted: 3, want: "lost=4"},
		{name: "a secret in a file", file: "audit.log", text: good["audit.log"] + `{"seq":3,"x":"` + secret + `"}` + "\n", accepted: 3, want: "secrets_found=1"},
		{name: "a secret in base64", file: "app.log", text: `{"seq":3,"x":"RVhBTVBMRVNFQ1JFVA=="}` + "\n", accepted: 3, want: "secrets_found=1"},
		{name: "a secret on the console", console: "INF " + secret + "\n", accepted: 3, want: "secrets_found=1"},
		{name: "a torn line", file: "app.log", text: `{"seq":3,"lev` + "\n", accepted: 3, want: "app.log: unexpected end of JSON input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range good {
				if name == tt.file {
					text = tt.text
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer receiver.Close()
			console := &recorder{w: &bytes.Buffer{}}
			fmt.Fprint(console, tt.console)

			var out bytes.Buffer
			a, err := audit(dir, receiver, console, pipeline.Stats{}, tt.accepted, []string{secret})
			if err == nil {
				err = a.report(&out)
			}
			if err == nil {
				t.Error("no error, although nothing was shipped")
			}
			if all := out.String() + fmt.Sprint(err); !strings.Contains(all, tt.want) {
				t.Errorf("%q is not in:\n%s", tt.want, all)
			}
		})
	}
}

func TestALogDirectoryThatIsNotEmptyIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(&bytes.Buffer{}, 100, dir, false); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "old.log")); err != nil {
		t.Errorf("somebody's file is gone: %v", err)
	}
}
