package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
)

func TestCheckFullDisk(t *testing.T) {
	disk := testlog.TinyDisk(t, "size=128k")
	path := filepath.Join(disk, "app.log")
	cfg := files(path, filepath.Join(disk, "b.log"))
	for i := range cfg.Sinks {
		cfg.Sinks[i].Rotation.MaxSize, cfg.Sinks[i].Retention.MaxBackups = 16<<10, 1
	}
	findings := cfg.Check(t.Context())
	expect(t, findings, "space", "pass  space for "+disk+": 128 KiB of 128 KiB free; app.log, b.log may take 64 KiB more")
	expect(t, findings, "file system of", "warn…in memory")

	// Backups have a time behind the name; what has not is somebody else's.
	for name, size := range map[string]int{"app-errors.log": 8 << 10, "app-20261121T233046.123456Z.log": 4 << 10} {
		if err := os.WriteFile(filepath.Join(disk, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, cfg.Check(t.Context()), "space", "pass…app.log, b.log may take 60 KiB more")
	for _, name := range []string{"app-errors.log", "app-20261121T233046.123456Z.log"} {
		if err := os.Remove(filepath.Join(disk, name)); err != nil {
			t.Fatal(err)
		}
	}

	cfg.Sinks[0].Retention.MaxBackups = 7 // which makes eight files of 16 KiB, and two of the other's
	expect(t, cfg.Check(t.Context()), "space",
		"warn…128 KiB of 128 KiB free; app.log, b.log may take 160 KiB more -> keep less…or make room for 32 KiB more")

	if err := os.WriteFile(path, make([]byte, 124<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Sinks = cfg.Sinks[:1]
	expect(t, cfg.Check(t.Context()), "space", "warn…4.0 KiB of 128 KiB free; app.log may take 4.0 KiB more; hardly any is left")

	f, err := os.OpenFile(filepath.Join(disk, "fill"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write(make([]byte, 8<<10)) // as far as it goes
	f.Close()
	findings = cfg.Check(t.Context())
	expect(t, findings, "space", "fail…0 B of 128 KiB free…run: df -h "+disk)
	expect(t, findings, "directory", "fail…its file system is full -> remove something")
}

func TestCheckInodes(t *testing.T) {
	disk := testlog.TinyDisk(t, "size=1m,nr_inodes=6")
	cfg := files(filepath.Join(disk, "app.log"))
	cfg.Sinks[0].Rotation.MaxSize, cfg.Sinks[0].Retention.MaxBackups = 16<<10, 1
	expect(t, cfg.Check(t.Context()), "space", "warn…it can hold …more files -> remove some: run: df -i")
	for _, name := range []string{"1", "2", "3", "4", "5", "6"} {
		if f, err := os.Create(filepath.Join(disk, name)); err == nil {
			f.Close()
		}
	}
	findings := cfg.Check(t.Context())
	expect(t, findings, "space", "fail…it can hold no more files")
	expect(t, findings, "directory", "fail…its file system has no inode left")
}

func TestCheckReadOnlyFile(t *testing.T) {
	disk := testlog.TinyDisk(t, "size=64k")
	path := filepath.Join(disk, "app.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	expect(t, files(path).Check(t.Context()), "file "+path, "fail…it is on a read-only file system -> mount it for writing")
}

func TestCheckReadOnlyDisk(t *testing.T) {
	disk := testlog.TinyDisk(t, "size=64k,ro")
	findings := files(filepath.Join(disk, "app", "app.log")).Check(t.Context())
	expect(t, findings, "directory", "fail…it is on a read-only file system -> mount it for writing, or log elsewhere: run: df ")
}

// What would hang, as a pipe does that nobody writes to, is told from a file, and what can
// be left alone is not opened.
func TestCheckOpensNoPipe(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	fifo, conf := filepath.Join(dir, "fifo"), folder(t, 0o700, dir, "logrotate.d")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(fifo, filepath.Join(conf, "app")); err != nil {
		t.Fatal(err)
	}
	findings := pipeline.Machine{Environ: []string{"LOG_CONFIG=" + fifo}, Logrotate: conf}.
		Check(t.Context(), files(fifo))
	expect(t, findings, "environment", "fail  environment: LOG_CONFIG…is no regular file")
	expect(t, findings, "rotation", "pass")
	expect(t, findings, "file "+fifo, "fail…is no regular file")

	w, err := os.OpenFile(fifo, os.O_RDWR, 0) // so that whoever waits for it goes on
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func TestCheckJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(w.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	m := pipeline.Machine{Stdout: w, Environ: []string{fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino)}}
	text := pipeline.Config{Sinks: []pipeline.Sink{{Format: pipeline.Text}}}
	expect(t, m.Check(t.Context(), text), "console", "pass…goes to the journal of systemd…json would keep attrs apart")
	expect(t, m.Check(t.Context(), pipeline.Config{}), "console", "pass…goes to the journal of systemd, as json")
	m.Environ = []string{"JOURNAL_STREAM=1:1"} // that of a parent, whose output this is not
	expect(t, m.Check(t.Context(), pipeline.Config{}), "console", "pass…is no terminal, and gets json")
}

// What no disk can hold is more than there is.
func TestCheckSpaceBeyondNumbers(t *testing.T) {
	cfg := files(filepath.Join(t.TempDir(), "a.log"), filepath.Join(t.TempDir(), "b.log"))
	for i := range cfg.Sinks {
		cfg.Sinks[i].Rotate.MaxSize, cfg.Sinks[i].Rotate.MaxBackups = 1<<62, 1<<30
	}
	expect(t, cfg.Check(t.Context()), "space", "warn…may take 8.0 EiB more -> keep less")
}
