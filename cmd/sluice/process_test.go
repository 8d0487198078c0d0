package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
)

// TestReplayKilled kills replay again and again while it sends a log, and starts it again: every line arrives.
func TestReplayKilled(t *testing.T) {
	t.Parallel()
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	dir, home, bin := t.TempDir(), t.TempDir(), install(t)
	const lines = 20_000
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, `{"time":"2026-11-22T14:00:00.%06dZ","level":"INFO","msg":"one of many","n":%d}`+"\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.log"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	replay := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), filepath.Join(bin, "sluice"), "replay", "app.log", "--to", "beats://"+receiver.Addr())
		c.Dir, c.Env, c.WaitDelay = dir, environment(bin, home), 10*time.Second
		return c
	}
	for kill := range 4 {
		c := replay()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for len(receiver.Events()) < (kill+1)*2500 {
			select {
			case <-t.Context().Done():
				t.Fatal("nothing arrives")
			case <-time.After(time.Millisecond):
			}
		}
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	if out, err := replay().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	came := make(map[int]int)
	for _, event := range receiver.Events() {
		var e struct{ N int }
		if err := json.Unmarshal(event, &e); err != nil {
			t.Fatal(err)
		}
		came[e.N]++
	}
	twice := 0
	for _, n := range came {
		twice += n - 1
	}
	t.Logf("%d came twice", twice)
	if len(came) != lines {
		t.Errorf("%d of %d lines arrived", len(came), lines)
	}
	// After the last ack nothing is left to be done.
	before := len(receiver.Events())
	if out, err := replay().CombinedOutput(); err != nil || len(receiver.Events()) != before {
		t.Errorf("once more: %v, %d events more\n%s", err, len(receiver.Events())-before, out)
	}
}
