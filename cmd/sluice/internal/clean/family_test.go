package clean_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/clean"
	"github.com/sluicelog/sluice/rotate"
)

// What counts is what the retention of a File counts.
func TestBackupsAreThoseOfRotate(t *testing.T) {
	for _, live := range []string{"app.log", "app", "a*b?.log", "[x]", "a-b.log.txt", "ü.log", "app-1.log", "-"} {
		ext := filepath.Ext(live)
		base := live[:len(live)-len(ext)]
		for _, name := range []string{
			base + "-20261121T233046.123456Z" + ext,
			base + "-20261121T233046.123456+0100-12" + ext + ".gz",
			base + "-20261121T233046.123456-0930" + ext + ".zst",
			base + "-20261121T233046.123456Z" + ext + ".zst.gz",
			base + "-20261121T233046.123456Z" + ext + ".bak",
			base + "-20261121T233046.123456Z" + ext + "2",
			base + "-20261121T233046.123456Z.x" + ext,
			base + "-20261121T233046.123456Z-0" + ext,
			base + "-20261321T233046.123456Z" + ext,
			base + "-2026-11-21T23-30-46.123" + ext,
			base + "-2026-11-21T23-30-46.123" + ext + ".gz",
			base + "-2026-11-21T23-30-46.123-size" + ext,
			live + "-2026-11-21T23-30-46.123-time",
			base + "-audit-20261121T233046.123456Z" + ext,
			base + ".12-20261121T233046.123456Z" + ext,
			base + ".012-20261121T233046.123456Z" + ext,
			base + ".12345678-20261121T233046.123456Z" + ext,
			base + ".12-x-20261121T233046.123456Z" + ext,
			base + "-20261121" + ext,
			base + "-1" + ext,
			live + ".1",
			"x" + base + "-20261121T233046.123456Z" + ext,
		} {
			for _, perProcess := range []bool{false, true} {
				dir := t.TempDir()
				path := filepath.Join(dir, live)
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				f, err := rotate.Open(path, &rotate.Options{PerProcess: perProcess, MaxBackups: 5})
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				want := f.Stats().Backups == 1
				if got := clean.FamilyOf(path, perProcess).IsBackup(name); got != want {
					t.Errorf("%q of %q, for each process %v: is a backup %v, want %v", name, live, perProcess, got, want)
				}
			}
		}
	}
}

func TestBackupsOfAProcessThatHasItsLogFile(t *testing.T) {
	dir := t.TempDir()
	f := clean.FamilyOf(filepath.Join(dir, "job.log"), true)
	if err := os.WriteFile(filepath.Join(dir, "job.12.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"job.12-20261121T233046.123456Z.log":    false,
		"job.12-20261121T233046.123456Z.log.gz": false,
		"job.13-20261121T233046.123456Z.log":    true,
		"job.12.log":                            false,
	} {
		if got := f.Counts(name); got != want {
			t.Errorf("%s counts: %v, want %v", name, got, want)
		}
	}
	if !f.IsLive("job.12.log") || f.IsLive("job.log") || f.IsLive("job.12-1.log") {
		t.Error("the log files are not told from others")
	}
}

func TestTheFamilyIsWhereALinkLeads(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("log", 0o700), os.Mkdir("data", 0o700), os.WriteFile("data/app.log", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../data/app.log", "log/current.log"); err != nil {
		t.Skip(err)
	}
	f := clean.FamilyOf("log/current.log", false)
	if f.Dir != "data" || !f.IsBackup("app-20261121T233046.123456Z.log") {
		t.Errorf("got %+v", f)
	}
}
