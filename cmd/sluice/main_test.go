package main

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the golden files")

// statusTo is the variable with the file that gets the status of a process of the program at its end, as Linux tells it.
const statusTo = "SLUICE_STATUS_TO"

// TestMain is the program itself when it is called by its name, as by the tests that run it as a process.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "sluice" {
		if name := os.Getenv(statusTo); name != "" {
			os.Exit(leaveStatus(name))
		}
		main()
	}
	cobra.EnableCommandSorting = false
	os.Exit(m.Run())
}

func leaveStatus(name string) (code int) {
	code = run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	status, err := os.ReadFile("/proc/self/status")
	if err := errors.Join(err, os.WriteFile(name, status, 0o600)); err != nil {
		panic(err)
	}
	return code
}

// install returns a directory with the program sluice in it.
func install(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "sluice")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	return dir
}

// demo returns a copy of testdata/demo.
func demo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/demo")); err != nil {
		t.Fatal(err)
	}
	// What is read-only in a checkout is not in the copy; and where nobody can tell who has a file open, one that was
	// written a moment ago is taken for one in use.
	written := time.Now().Add(-2 * time.Minute)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return errors.Join(os.Chmod(path, 0o600), os.Chtimes(path, written, written))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
