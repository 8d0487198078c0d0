//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// logFile is the file that Filebeat ships, for a way that keeps its files in dir.
func logFile(dir string) string { return filepath.Join(dir, "logs", "orders.log") }

const warmUp = 20 // events, of more than 1024 bytes together: from there on Filebeat knows a file

// filebeat is Filebeat while it runs.
type filebeat struct {
	cmd    *exec.Cmd
	log    strings.Builder
	before time.Duration // of CPU, when it was ready
}

// startFilebeat runs Filebeat as docs/filebeat.md configures it, and returns when
// it has shipped the first events of the file, which have no numbers.
func startFilebeat(ctx context.Context, root, dir, addr string, a *account) (*filebeat, error) {
	config, err := filebeatConfig(root, dir, addr)
	if err != nil {
		return nil, err
	}
	if err := writeFirstEvents(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "filebeat.yml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return nil, err
	}
	f := new(filebeat)
	args := []string{"-e", "-c", path, "--strict.perms=false", "--path.home", filepath.Join(dir, "home")}
	f.cmd = exec.CommandContext(ctx, "filebeat", args...) //nolint:gosec // the program that is to be measured
	f.cmd.Stderr = &f.log
	f.cmd.Cancel = func() error { return f.cmd.Process.Signal(os.Interrupt) }
	f.cmd.WaitDelay = 20 * time.Second
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	for begun := time.Now(); a.strangers() < warmUp; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			err := fmt.Errorf("filebeat has shipped %d of %d events in a minute", a.strangers(), warmUp)
			return nil, errors.Join(err, f.stop())
		}
	}
	f.before, err = f.cpu()
	return f, err
}

// filebeatConfig returns the configuration of the page, for the files in dir and
// the receiver at addr.
func filebeatConfig(root, dir, addr string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "filebeat.md"))
	if err != nil {
		return nil, err
	}
	block := regexp.MustCompile("(?s)```yaml\n(filebeat.inputs:.*?)```").FindSubmatch(page)
	if block == nil {
		return nil, errors.New("docs/filebeat.md has no configuration")
	}
	config := string(block[1])
	for old, actual := range map[string]string{"/var/log/orders": filepath.Dir(logFile(dir)), "logstash:5044": addr} {
		if !strings.Contains(config, old) {
			return nil, fmt.Errorf("the configuration in docs/filebeat.md does not have %q", old)
		}
		config = strings.ReplaceAll(config, old, actual)
	}
	return []byte(config), nil
}

// writeFirstEvents writes what is in the file before Filebeat starts.
func writeFirstEvents(dir string) error {
	h, finish, err := openFile("", dir)
	if err != nil {
		return err
	}
	logger := slog.New(h)
	for range warmUp {
		logger.Info("warm up", "pad", padding())
	}
	return finish(context.Background())
}

// cpu returns the time of the processors that Filebeat has used.
func (f *filebeat) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	fields := strings.Fields(rest)
	const utime, stime, ticks = 11, 12, 100 // a second, on every Linux that Go runs on
	if len(fields) <= stime {
		return 0, fmt.Errorf("/proc/%d/stat: %q", f.cmd.Process.Pid, stat)
	}
	user, err1 := strconv.Atoi(fields[utime])
	system, err2 := strconv.Atoi(fields[stime])
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
}

// spent returns the time of the processors since it was ready.
func (f *filebeat) spent() (time.Duration, error) {
	now, err := f.cpu()
	return now - f.before, err
}

// stop ends Filebeat.
func (f *filebeat) stop() error {
	err := f.cmd.Cancel()
	if err == nil {
		err = f.cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("filebeat: %w\n%s", err, f.log.String())
	}
	return nil
}

// filebeatVersion returns what Filebeat says of itself, and an error if there is
// none on the PATH.
func filebeatVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "filebeat", "version").Output()
	if err != nil {
		return "", err
	}
	version := regexp.MustCompile(`filebeat version (\S+)`).FindSubmatch(out)
	if version == nil {
		return "", fmt.Errorf("filebeat version: %q", out)
	}
	return string(version[1]), nil
}
