package leaks_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m-mizutani/masq"

	"github.com/sluicelog/sluice/redact"
)

const mask = "[REDACTED]"

// TestLeaks fails when redact does not hold, or when masq is better or worse than
// it is said to be.
func TestLeaks(t *testing.T) {
	tb := table{peer: "masq"}
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			plain := s.logged(t, nil, nil)
			theirs := s.logged(t, masq.New(s.masq...), nil)
			ours := s.logged(t, nil, func(h slog.Handler) slog.Handler { return redact.NewHandler(h, s.opts) })
			if !s.clean && s.judge(plain, plain) == holds {
				t.Fatalf("there is nothing to find: %s", plain)
			}
			tb.put(t, s.name, s.want, outcome{s.judge(theirs, plain), theirs}, outcome{s.judge(ours, plain), ours})
		})
	}
	t.Run("a graph with cycles", func(t *testing.T) {
		theirs := inChild(t, "masq", time.Second)
		ours := inChild(t, "redact", time.Minute)
		tb.put(t, "a graph with cycles", hangs, outcome{judgeGraph(theirs), theirs}, outcome{judgeGraph(ours), ours})
	})
	if tb.rows == len(shapes())+1 { // and not only some of them, by -run
		tb.page(t, "shapes", "| shape | masq | it prints | redact prints |")
	}
}

// logged returns the line of a slog.JSONHandler, without the time, which must not
// be asked for by name.
func (s shape) logged(
	t *testing.T, replace func([]string, slog.Attr) slog.Attr, before func(slog.Handler) slog.Handler,
) string {
	t.Helper()
	var out bytes.Buffer
	var h slog.Handler = slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: replace})
	if before != nil {
		h = before(h)
	}
	l := slog.New(untimed{h})
	if s.bind != nil {
		l = s.bind(l)
	}
	msg := s.msg
	if msg == "" {
		msg = "m"
	}
	l.LogAttrs(t.Context(), slog.LevelInfo, msg, s.attr)
	return strings.TrimSuffix(out.String(), "\n")
}

// untimed is a handler whose lines have no time.
type untimed struct{ slog.Handler }

func (h untimed) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h untimed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return untimed{h.Handler.WithAttrs(attrs)}
}

func (h untimed) WithGroup(name string) slog.Handler { return untimed{h.Handler.WithGroup(name)} }

func (s shape) judge(line, plain string) verdict {
	switch {
	case !json.Valid([]byte(line)):
		return breaks
	case s.clean:
		if line != plain {
			return corrupts
		}
		return holds
	case shows(line):
		return leaks
	case line == plain:
		return idle
	case !strings.Contains(line, mask):
		return corrupts
	}
	for _, kept := range s.kept {
		if !strings.Contains(line, kept) {
			return corrupts
		}
	}
	return holds
}

// shows reports whether a line has a secret in it, or its base64, wherever in
// the bytes it begins.
func shows(line string) bool {
	if strings.Contains(line, secret) || strings.Contains(line, strconv.Itoa(number)) {
		return true
	}
	for shift := range 3 {
		code := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift) + secret))
		// The first and the last few characters are not of the secret alone.
		if strings.Contains(line, code[4:len(code)-2]) {
			return true
		}
	}
	return false
}

const (
	childVariable = "LEAKS_TEST_CHILD" // says to whom the child is to give the graph
	begun         = "begun"
)

// TestMain is the child of inChild where it is asked to.
func TestMain(m *testing.M) {
	if peer := os.Getenv(childVariable); peer != "" {
		logGraph(peer)
		return
	}
	os.Exit(m.Run())
}

// A node of a graph has a password, and any number of ways to get to any other.
type node struct {
	Name     string
	Password string
	Next     [4]*node
}

func logGraph(peer string) {
	nodes := make([]*node, 4)
	for i := range nodes {
		nodes[i] = &node{Name: fmt.Sprint("node ", i), Password: secret}
	}
	for _, n := range nodes {
		copy(n.Next[:], nodes)
	}
	replace := masq.New(masq.WithFieldName("Password"))
	if peer == "redact" {
		replace = nil
	}
	var h slog.Handler = slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: replace})
	if peer == "redact" {
		h = redact.NewHandler(h, nil)
	}
	fmt.Println(begun)
	slog.New(untimed{h}).Info("m", "graph", nodes[0])
}

// inChild returns the line that a child logs of a graph with cycles, or nothing
// if it takes longer than patience.
func inChild(t *testing.T, peer string, patience time.Duration) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"="+peer)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); err != nil || strings.TrimSpace(line) != begun {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the child has not begun: %q, %v", line, err)
	}
	killed := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer killed.Stop()
	line, _ := out.ReadString('\n') // it fails when the child was killed
	_ = cmd.Wait()
	return strings.TrimSpace(line)
}

func judgeGraph(line string) verdict {
	switch {
	case line == "":
		return hangs
	case shows(line):
		return leaks
	case !json.Valid([]byte(line)):
		return breaks
	case !strings.Contains(line, mask) || !strings.Contains(line, "graph"):
		return corrupts
	}
	return holds
}
