//go:build unix

package scan_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// What is no file is passed over in a directory. A pipe that is named is read.
func TestPipesAndLinks(t *testing.T) {
	inside(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", "log/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := errors.Join(
		syscall.Mkfifo("log/pipe", 0o600),
		os.Symlink("app.log", "log/current.log"), // is read once
		os.Symlink("../outside.log", "log/outside.log"),
		os.Symlink("nowhere", "log/nowhere.log"),
		os.Symlink("../log", "log/deep/loop"),
	); err != nil {
		t.Fatal(err)
	}
	write(t, "outside.log", "token=hunter2\n")
	code, out, errs := run(t, "log/...", "log/app.log")
	if code != cli.No || errs != "" || !strings.Contains(out, "\n6 secrets in 4 of 5 files\n") || !strings.Contains(out, "log/outside.log:1  token") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	go func() {
		if w, err := os.OpenFile("log/pipe", os.O_WRONLY, 0); err == nil {
			_, _ = w.WriteString("password=hunter2\n")
			_ = w.Close()
		}
	}()
	if code, out, errs := run(t, "log/pipe"); code != cli.No || !strings.HasPrefix(out, "log/pipe:1  password  -  password=[REDACTED]\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
}

func TestBaselineBehindALink(t *testing.T) {
	inside(t)
	write(t, "real/known.json", `{"version": 1, "findings": []}`)
	if err := os.Symlink("real/known.json", "known.json"); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "log", "--write-baseline", "known.json"); code != cli.No || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := run(t, "log", "--baseline", "real/known.json"); code != cli.OK || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if info, err := os.Lstat("known.json"); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	if code, _, errs := run(t, "log", "--write-baseline", "/dev/null"); code != cli.Usage || !strings.Contains(errs, "/dev/null: want the name of a file") {
		t.Errorf("a device: exit code %d, %s", code, errs)
	}
}
