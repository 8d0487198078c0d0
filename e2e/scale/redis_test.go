package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A list of Redis takes no more memory than is reckoned.
func TestAListTakesWhatIsReckoned(t *testing.T) {
	t.Parallel()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server")
	}
	dir, err := os.MkdirTemp("", "scale") //nolint:usetesting // that of t would be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.CommandContext(t.Context(), server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })

	var conn net.Conn
	for begin := time.Now(); conn == nil; {
		if conn, err = (&net.Dialer{}).DialContext(t.Context(), "unix", socket); err != nil && time.Since(begin) > 10*time.Second {
			t.Fatal(err)
		}
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func(format string, args ...any) string {
		t.Helper()
		if _, err := fmt.Fprintf(conn, format+"\r\n", args...); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil || line[0] == '-' {
			t.Fatalf("%.40s: %q, error %v", format, line, err)
		}
		return line
	}
	used := func() float64 {
		t.Helper()
		var n int
		if _, err := fmt.Sscanf(ask("INFO memory"), "$%d", &n); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, n+2)
		for read := 0; read < len(text); {
			m, err := answers.Read(text[read:])
			if err != nil {
				t.Fatal(err)
			}
			read += m
		}
		v, err := strconv.ParseFloat(regexp.MustCompile(`(?m)^used_memory:(\d+)`).FindStringSubmatch(string(text))[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}

	for _, length := range []int{100, int(defaults().eventBytes), 1000, 2060, 4150, 8300} {
		before := used()
		n := 4_000_000 / length
		for i := range n {
			ask("RPUSH logs%d %08d%s", length, i, strings.Repeat("m", length-8))
		}
		got := (used() - before) / float64(n*length)
		t.Logf("%d bytes: %.2f times", length, got)
		if got > inRedis || got < 1 {
			t.Errorf("a list takes %.3f times the bytes of events of %d, reckoned is %v", got, length, inRedis)
		}
	}
}

// Both pages have the same factor.
func TestRedisTakesWhatItsPageSays(t *testing.T) {
	t.Parallel()
	if want := fmt.Sprintf("takes at most %v times its bytes", inRedis); !strings.Contains(strings.Join(strings.Fields(page(t, "redis.md")), " "), want) {
		t.Errorf("docs/redis.md does not say %q", want)
	}
}

// page returns the text of a page in docs.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", filepath.Base(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
