package rotate_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

const compressorPath = "ROTATE_TEST_COMPRESSOR_PATH"

// TestCompressorChild is the process that TestKillWhileCompressing kills. It
// writes for ever, and says after every 500 lines how many are written.
func TestCompressorChild(t *testing.T) {
	path := os.Getenv(compressorPath)
	if path == "" {
		t.Skip("runs as a child of TestKillWhileCompressing only")
	}
	var c rotate.Compression
	if err := c.UnmarshalText([]byte(os.Getenv(compressorPath + "_WITH"))); err != nil {
		t.Fatal(err)
	}
	// A level that takes its time, so that a kill is likely to come amid it.
	// A level that takes its time, so that the kill comes amid it.
	f, err := rotate.Open(path, &rotate.Options{MaxSize: rotate.MiB, Compress: c, CompressLevel: 9})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if _, err := f.Write(killLine(os.Getpid(), i)); err != nil {
			t.Fatal(err)
		}
		if i%500 == 499 {
			fmt.Println("written", i+1)
		}
	}
}

func killLine(pid, i int) []byte {
	return fmt.Appendf(nil, "%d %06d %08x %s end\n", pid, i, uint32(i)*2654435761, strings.Repeat("x", i*7%200))
}

func TestKillWhileCompressing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	written := make(map[int]int) // lines at least, by process
	interrupted, rounds := 0, 6
	if testlog.Race { // takes seconds for each
		rounds = 2
	}
	for round := range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestCompressorChild$")
		child.Env = append(os.Environ(), compressorPath+"="+path, compressorPath+"_WITH="+codecs[round%2].String(), noSleep)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		pid := child.Process.Pid
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var n int
			if _, err := fmt.Sscanf(scan.Text(), "written %d", &n); err != nil {
				t.Fatalf("the child says %q", scan.Text())
			}
			written[pid] = n
			temporary, err := filepath.Glob(filepath.Join(dir, ".app-*.tmp"))
			if err != nil {
				t.Fatal(err)
			}
			// Not before there is something to lose.
			if n >= 20_000+1500*round && len(temporary) > 0 || n > 100_000 {
				break
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		if temporary, _ := filepath.Glob(filepath.Join(dir, ".app-*.tmp")); len(temporary) > 0 {
			interrupted++
		}
	}
	if interrupted < rounds/3 {
		t.Errorf("%d of %d kills came amid a compression: the test did not test much", interrupted, rounds)
	}

	now := time.Now()
	inBubble(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		f := mustOpen(t, path, &rotate.Options{MaxSize: -1, Compress: rotate.Zstd})
		mustWrite(t, f, "last end\n")
		mustRotate(t, f)
		synctest.Wait()
		if s := f.Stats(); s.Errors > 0 {
			t.Errorf("%d errors, the last: %v", s.Errors, s.LastError)
		}
		mustClose(t, f)
	})

	next := make(map[int]int) // number of the next line, by process
	plain := 0
	for _, name := range names(t, dir) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s was left over", name)
			continue
		}
		if name != filepath.Base(path) && rotate.CompressionOf(name) == rotate.None {
			plain++
		}
		lines, rest := testlog.Lines([]byte(readForm(t, filepath.Join(dir, name))))
		if rest != "" {
			t.Errorf("%s ends in %q", name, rest)
		}
		for _, line := range lines {
			if line == "last end" {
				continue
			}
			var pid, i int
			if _, err := fmt.Sscanf(line, "%d %d", &pid, &i); err != nil {
				t.Fatalf("%s: %q", name, line)
			}
			whole := string(killLine(pid, next[pid]))
			switch {
			case line+"\n" == whole:
				next[pid]++
			case strings.HasPrefix(whole, line) && next[pid] >= written[pid]: // it was killed amid it
			default:
				t.Fatalf("%s: %q, want line %d of %d", name, line, next[pid], pid)
			}
		}
	}
	for pid, n := range written {
		if next[pid] < n {
			t.Errorf("process %d: %d lines are left of %d that it wrote", pid, next[pid], n)
		}
	}
	if plain != 1 {
		t.Errorf("%d plain backups, want only the newest", plain)
	}
	t.Logf("%d kills amid a compression; lines: %v", interrupted, next)
}
