package flock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/internal/flock"
)

func TestLocksExcludeEachOther(t *testing.T) {
	if !flock.Supported {
		t.Skip("there are no locks here")
	}
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	try := func(f *os.File, exclusive, want bool) {
		t.Helper()
		got, err := flock.TryLock(f, exclusive)
		if err != nil || got != want {
			t.Fatalf("TryLock(exclusive: %t): %t, %v; want %t", exclusive, got, err, want)
		}
	}
	a, b := open(), open()
	try(a, true, true)
	try(b, true, false)
	try(b, false, false)
	try(a, false, true) // instead of the other one
	try(b, false, true)
	try(b, true, false)
	if err := flock.Unlock(a); err != nil {
		t.Fatal(err)
	}
	try(b, true, true)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	try(a, true, true)
	if _, err := a.WriteString("1"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "1" {
		t.Errorf("a locked file reads %q, %v", text, err)
	}
	if _, err := flock.TryLock(b, true); err == nil {
		t.Error("a closed file was locked")
	}
}
