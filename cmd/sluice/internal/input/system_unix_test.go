//go:build unix

package input_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

func TestPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/pipe.log", 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.OpenFile(dir+"/pipe.log", os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := f.WriteString("piped\n"); err != nil {
			t.Error(err)
		}
		f.Close()
	}()
	got := readAll(t, []string{dir + "/pipe.log", os.DevNull}, input.Options{})
	if got.data.String() != "piped\n" || len(got.errs) > 0 {
		t.Errorf("read %q, %q", got.data.String(), got.errs)
	}
	// In a directory or for a pattern nobody waits for one.
	write(t, dir, "app.log", []byte("app\n"))
	for _, name := range []string{dir, dir + "/*", dir + "/..."} {
		if got := readAll(t, []string{name}, input.Options{}); got.data.String() != "app\n" {
			t.Errorf("%s: read %q", name, got.data.String())
		}
	}
}

// A set of more files than may be open at once is read all the same.
func TestFewFilesMayBeOpen(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("app-20261122T000000.%06dZ.log", i)
		write(t, dir, name, []byte(name+"\n"))
		want = append(want, name)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = 40
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Skip(err)
	}
	got := readAll(t, []string{dir}, input.Options{})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, strings.Fields(got.data.String())); diff != "" || len(got.errs) > 0 {
		t.Errorf("errors %q, mismatch (-want +got):\n%s", got.errs, diff)
	}
}
