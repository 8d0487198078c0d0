//go:build unix

package input_test

import (
	"os"
	"syscall"
	"testing"

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
