package rotate_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

const killedPath = "ROTATE_TEST_KILLED_PATH"

// TestKilledChild is the process that TestKillLosesNothing kills. It writes
// for ever, and says which line is written after it is.
func TestKilledChild(t *testing.T) {
	path := os.Getenv(killedPath)
	if path == "" {
		t.Skip("runs as a child of TestKillLosesNothing only")
	}
	f, err := rotate.Open(path, &rotate.Options{MaxSize: 8 * rotate.KiB, Compress: rotate.Gzip})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		line := fmt.Sprintf("%d %06d %s end\n", os.Getpid(), i, strings.Repeat("x", i%200))
		if _, err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		fmt.Print("ack " + line)
	}
}

func TestKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	acked := make(map[string]bool)
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
		child.Env = append(os.Environ(), killedPath+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		scan := bufio.NewScanner(out)
		for n := 0; scan.Scan(); n++ {
			if line, ok := strings.CutPrefix(scan.Text(), "ack "); ok && strings.HasSuffix(line, " end") {
				acked[line] = true
			}
			if n == 200+300*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
	}
	f := mustOpen(t, path, nil)
	mustWrite(t, f, "last end\n")
	mustClose(t, f)

	var all bytes.Buffer
	dir, live := filepath.Split(path)
	seen := make(map[string]bool)
	for _, name := range names(t, dir) {
		plain, ok := rotate.ParseBackup(live, name)
		switch {
		case name == live:
		case !ok:
			t.Errorf("%s was left over", name)
			continue
		case seen[plain]:
			continue // killed between two steps: the other form is the same
		}
		seen[plain] = true
		all.WriteString(read(t, filepath.Join(dir, name)))
	}
	lines, rest := testlog.Lines(all.Bytes())
	if rest != "" {
		t.Errorf("torn line: %q", rest)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, " end") || strings.Count(line, "end") != 1 {
			t.Errorf("torn line: %q", line)
		}
		delete(acked, line)
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged lines are missing", len(acked))
	}
	if len(lines) < 1000 || len(seen) < 5 {
		t.Errorf("%d lines in %d files: the test did not test anything", len(lines), len(seen))
	}
}
