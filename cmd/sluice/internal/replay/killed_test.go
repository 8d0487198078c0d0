package replay_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
)

// A replay that is killed again and again while it sends a log, and started again, leaves nothing out: every line arrives, and no more of
// them twice than the page about it says.
func TestBrokerKilled(t *testing.T) {
	t.Parallel()
	eachTarget(t, killReplay)
}

func killReplay(t *testing.T, to *target) {
	t.Helper()
	const (
		lines, kills = 6000, 3
		batch, rate  = 50, 3000
		// What is under way, and what was acked in the last fifth of a second, or two where much else runs.
		bound = kills * (4*batch + 2*rate/5)
	)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, `{"time":"2026-11-22T14:00:00.%06dZ","level":"INFO","msg":"one of many","n":%d}`+"\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.log"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	replay := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), self, "app.log", "--to", to.to, "--batch", strconv.Itoa(batch), "--rate", strconv.Itoa(rate))
		c.Dir, c.Env, c.WaitDelay = dir, append(os.Environ(), asCommand+"=1"), 10*time.Second
		return c
	}
	for kill := range kills {
		c := replay()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		brokertest.Await(t, "more arrives", func() bool { return to.count() >= (kill+1)*1500 })
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	if out, err := replay().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	came := make(map[int]int)
	for _, event := range to.events(t) {
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
	if len(came) != lines || twice > bound {
		t.Errorf("%d of %d lines arrived, %d twice; want at most %d", len(came), lines, twice, bound)
	}
	// After the last ack nothing is left to be done.
	before := to.count()
	if out, err := replay().CombinedOutput(); err != nil || to.count() != before {
		t.Errorf("once more: %v, %d events more\n%s", err, to.count()-before, out)
	}
}
