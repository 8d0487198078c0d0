package clean

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Between the dry run and the removal one file has come, one was written to, and one has gone.
func TestOnlyWhatWasListedIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, age time.Duration) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"new.log", "stays.log", "changes.log", "goes.log", "old.log"} {
		write(name, "x", time.Duration(i+2)*time.Hour)
	}
	target := target{dir: dir, maxAge: 3*time.Hour + time.Minute}
	d := target.plan(t.Context())
	if len(d.Exceeding) != 3 {
		t.Fatalf("%d files exceed the limit, want 3", len(d.Exceeding))
	}
	write("changes.log", "xyz", 4*time.Hour)
	write("older.log", "x", 9*time.Hour)
	if err := os.Remove(filepath.Join(dir, "goes.log")); err != nil {
		t.Fatal(err)
	}
	target.remove(t.Context(), d, func(int64) {})

	states := make(map[string]state)
	for _, f := range d.Exceeding {
		states[filepath.Base(f.Path)] = f.State
	}
	if diff := cmp.Diff(map[string]state{"old.log": removed, "goes.log": kept, "changes.log": kept}, states); diff != "" {
		t.Errorf("states mismatch (-want +got):\n%s", diff)
	}
	if d.Errors != nil {
		t.Errorf("errors: %v", d.Errors)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff([]string{"changes.log", "new.log", "older.log", "stays.log"}, got); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}
