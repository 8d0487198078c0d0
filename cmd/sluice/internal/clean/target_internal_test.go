package clean

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Between the dry run and the removal one file has come, one was written to, one has gone, one was touched, and one was replaced by
// another of the same name, with a time in it, and size.
func TestOnlyWhatWasListedIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, age time.Duration) { write(t, filepath.Join(dir, name), text, age) }
	const replaced, touched = "app-20200101T000000.000000Z.log", "app-20200102T000000.000000Z.log"
	for i, name := range []string{"new.log", "stays.log", "changes.log", "goes.log", "old.log", replaced, touched} {
		write(name, "x", time.Duration(i+2)*time.Hour)
	}
	target := target{dir: dir, maxAge: 3*time.Hour + time.Minute}
	d := target.plan(t.Context())
	if len(d.Exceeding) != 5 {
		t.Fatalf("%d files exceed the limit, want 5", len(d.Exceeding))
	}
	write("another", "y", 7*time.Hour)
	if err := os.Rename(filepath.Join(dir, "another"), filepath.Join(dir, replaced)); err != nil {
		t.Fatal(err)
	}
	write(touched, "y", 5*time.Hour)
	write("changes.log", "xyz", 4*time.Hour)
	write("older.log", "x", 9*time.Hour)
	if err := os.Remove(filepath.Join(dir, "goes.log")); err != nil {
		t.Fatal(err)
	}
	target.remove(t.Context(), d, func(int64) {})

	check(t, d, map[string]state{"old.log": removed, "goes.log": kept, "changes.log": kept, replaced: kept, touched: kept}, []string{replaced, touched, "changes.log", "new.log", "older.log", "stays.log"})
}

func TestRemovalIsInterruptedBetweenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, name := range []string{"c.log", "b.log", "a.log"} {
		write(t, filepath.Join(dir, name), "x", time.Duration(i+2)*time.Hour)
	}
	target := target{dir: dir, maxAge: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	d := target.plan(ctx)
	target.remove(ctx, d, func(int64) { cancel() })
	check(t, d, map[string]state{"a.log": removed, "b.log": kept, "c.log": kept}, []string{"b.log", "c.log"})
}

// write writes a file of some age.
func write(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// check compares what became of the files, and what is left, with what should. There are no errors.
func check(t *testing.T, d *directory, want map[string]state, left []string) {
	t.Helper()
	states := make(map[string]state)
	for _, f := range d.Exceeding {
		states[filepath.Base(f.Path)] = f.State
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("states mismatch (-want +got):\n%s", diff)
	}
	if d.Errors != nil {
		t.Errorf("errors: %v", d.Errors)
	}
	entries, err := os.ReadDir(d.Directory)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff(left, got); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}
