package e2e_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// Filebeat, as the page about it configures it, ships each line of files that
// are rotated and compressed meanwhile, once. It is restarted in between. This
// takes two minutes, so it is for those who have Filebeat on the PATH.
func TestFilebeat(t *testing.T) {
	filebeat, err := exec.LookPath("filebeat")
	if err != nil {
		t.Skip("no filebeat on the PATH")
	}
	version, err := exec.CommandContext(t.Context(), filebeat, "version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, version)
	}
	t.Logf("%s", version)

	srv := &lumberServer{addr: freeAddr(t), events: make(map[int]any)}
	stopServer := srv.listen(t)
	defer stopServer()

	home := t.TempDir()
	config := filepath.Join(home, "filebeat.yml")
	if err := os.WriteFile(config, filebeatConfig(t, filepath.Join(home, "logs"), srv.addr), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() (stop func()) {
		cmd := exec.CommandContext(t.Context(), filebeat, "-e", "-c", config, "--strict.perms=false", "--path.home", home)
		var log strings.Builder
		cmd.Stderr = &log
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 20 * time.Second
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := cmd.Cancel(); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("filebeat: %v\n%s", err, log.String())
			}
		}
	}

	file, err := rotate.Open(filepath.Join(home, "logs", "orders.log"), &rotate.Options{
		MaxSize: rotate.MiB, Compress: rotate.Gzip, CompressDelay: 15 * time.Second,
		OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(logstash.NewHandler(file, &logstash.Options{Profile: logstash.ECSDotted, EventID: true}))
	pad := strings.Repeat("x", 100)

	const total = 20_000
	stop := start()
	for i := range total {
		logger.Info("paid", "id", i, "pad", pad)
		if i%500 == 499 { // a rotation every five seconds or so
			pause(t.Context(), time.Second)
		}
		if i == total/2 {
			stop()
			stop = start()
		}
	}
	deadline := time.Now().Add(90 * time.Second)
	for unique, _ := srv.received(); unique < total && time.Now().Before(deadline); unique, _ = srv.received() {
		pause(t.Context(), time.Second)
	}
	pause(t.Context(), 15*time.Second) // whatever comes twice comes now
	stop()
	if err := file.Close(); err != nil {
		t.Error(err)
	}

	if unique, all := srv.received(); unique != total || all != total {
		t.Errorf("%d of %d events arrived, %d twice", unique, total, all-unique)
	}
	if compressed := count(t, filepath.Join(home, "logs"), ".gz"); compressed == 0 {
		t.Error("nothing was compressed meanwhile")
	}
}

// filebeatConfig returns the configuration of the page, for files in logs and
// for the server at addr.
func filebeatConfig(t *testing.T, logs, addr string) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "filebeat.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(filebeat.inputs:.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("the page has no configuration")
	}
	config := string(block[1])
	for old, replacement := range map[string]string{"/var/log/orders": logs, "logstash:5044": addr} {
		if !strings.Contains(config, old) {
			t.Fatalf("the configuration does not have %q", old)
		}
		config = strings.ReplaceAll(config, old, replacement)
	}
	return []byte(config)
}

// count returns how many files in dir have the extension.
func count(t *testing.T, dir, ext string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ext {
			n++
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
