package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		args  []string
		lines int
		want  string // in the output
	}{
		{"everything", nil, 16, " NTC configuration reloaded file=/etc/app.yaml\n"},
		{"levels", []string{"-show", "levels"}, 10, " CRT no sink left\n"},
		{"whole names", []string{"-show", "levels", "-names"}, 10, " CRITICAL no sink left\n"},
		{"a service", []string{"-show", "service"}, 6, `user="root\n23:30:00.000 INF login succeeded user=root"`},
		{"sources", []string{"-show", "levels", "-source"}, 10, "(main.go:"},
		{"time elapsed", []string{"-show", "levels", "-elapsed"}, 10, "s TRC cache probed"},
		{"one line each", []string{"-compact", "-width", "80", "-colors"}, 16, "ERR panic "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(&out, tt.args); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "\n"); n != tt.lines || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%d lines, want %d, with %q:\n%s", n, tt.lines, tt.want, out.String())
			}
		})
	}
	if err := run(&bytes.Buffer{}, []string{"-show", "nothing"}); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("the error is %v", err)
	}
	if err := run(&bytes.Buffer{}, []string{"-wide"}); err == nil {
		t.Error("a flag that is none is no error")
	}
}

// TestThePicturesAreThere compares the pictures in docs/console.md, those that
// docs/img/make makes and those that there are.
func TestThePicturesAreThere(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page, script := read("console.md"), read("img/make")
	shown := regexp.MustCompile(`!\[[^\]]+\]\(img/([^)]+)\.png\)`).FindAllStringSubmatch(page, -1)
	for _, name := range shown {
		if picture := read("img/" + name[1] + ".png"); len(picture) > 60<<10 || !strings.HasPrefix(picture, "\x89PNG") {
			t.Errorf("%s has %d bytes", name[1], len(picture))
		}
		if !strings.Contains(script, "\npicture "+name[1]+" ") {
			t.Errorf("docs/img/make does not make %s", name[1])
		}
	}
	if made := strings.Count(script, "\npicture "); made != len(shown) || made == 0 {
		t.Errorf("docs/img/make makes %d pictures, the page shows %d", made, len(shown))
	}
	for flag := range strings.FieldsSeq("-source -elapsed -compact -names -colors -show") {
		if !strings.Contains(script, flag) {
			t.Errorf("no picture has %s", flag)
		}
	}
}
