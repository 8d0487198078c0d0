package scan

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/redact"
)

// What was written is known, as often as it was there, and what is not the same is not.
func FuzzBaseline(f *testing.F) {
	f.Add("app.log", "password", "user.password", "password=[REDACTED]", uint8(3))
	f.Add("/var/log/\xff-20261121T233046.123456Z.log.gz", "", "", "\x00<&>\u202e", uint8(1))
	f.Fuzz(func(t *testing.T, file, rule, path, excerpt string, count uint8) {
		name := filepath.Join(t.TempDir(), "known.json")
		d, err := newDraft(name)
		if err != nil {
			t.Fatal(err)
		}
		defer d.file.Discard()
		found := finding{redact.Finding{File: file, Line: 1, Rule: rule, Path: path, Excerpt: excerpt}, "2026-11-22T10:00:00Z"}
		for range count {
			d.add(found)
		}
		if err := d.publish(); err != nil {
			t.Fatal(err)
		}
		known, err := readBaseline(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, time := range []string{"", "2026-11-22T10:00:01Z"} {
			later := found
			if later.time = time; known.take(later) {
				t.Errorf("what was logged at %q is known", time)
			}
		}
		other := found
		other.Excerpt += "x"
		if known.take(other) {
			t.Error("another finding is known")
		}
		found.Line = 2
		for i := range int(count) + 1 {
			if known.take(found) != (i < int(count)) {
				t.Errorf("finding %d of %d: known is %v", i+1, count, i >= int(count))
			}
		}
	})
}

// Whatever is in the file, it is a baseline or an error says what is wrong.
func FuzzReadBaseline(f *testing.F) {
	for _, text := range []string{
		"", "{}", `{"version": 1, "findings": []}`, `{"version": 1, "findings": [{"log": "a", "time": "1", "rule": "b", "excerpt": "c", "count": 9223372036854775807}]}`,
		`{"version": 1, "findings": [{"log": "a", "time": "1", "rule": "b", "excerpt": "c", "count": 2}, {"log": "a", "time": "1", "rule": "b", "excerpt": "c", "count": 3}]}`, `{"version": 1} x`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "known.json")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := readBaseline(name)
		if (known == nil) == (err == nil) {
			t.Fatalf("got %v, %v", known, err)
		}
		if known == nil {
			return
		}
		for f, n := range known.all {
			if n < 1 || f.Log == "" || f.Time == "" || f.Rule == "" {
				t.Errorf("%+v is known %d times", f, n)
			}
		}
	})
}
