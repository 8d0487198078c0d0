package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// In namespaces, half of the senders lose their network, of which only Timeout tells them, and
// find it again. Nothing is left of that, nor of a run that was killed.
func TestNamespaces(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	n, err := buildNetwork(1)
	if err != nil {
		t.Skipf("no network namespaces: %v", err)
	}
	bridge := n.bridge
	if err := n.destroy(); err != nil {
		t.Fatal(err)
	}
	dead := leave(t)
	o := small(t, "-senders", "6", "-as", "processes", "-netns", "on", "-scenario", scenarioCut, "-ttl", "1h")
	r, err := run(t.Context(), filepath.Join(t.TempDir(), "run.json"), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.ResidentOfOne < 1<<20 || r.Goroutines < 3 || r.CPUPerMillion <= 0 {
		t.Errorf("resident memory %d, goroutines %d, seconds of a CPU %v: they are not measured", r.ResidentOfOne, r.Goroutines, r.CPUPerMillion)
	}
	if o, timeout := r.Outages[0], r.Options.Timeout; o.End-o.Begin < 2*timeout || r.Options.ConnectionTTL < 10*timeout {
		t.Errorf("a partition of %v s with a Timeout of %v and a ConnectionTTL of %v: want one of two Timeouts, and no other end of a connection",
			o.End-o.Begin, timeout, r.Options.ConnectionTTL)
	}
	if o := r.Outages[0]; o.Affected != 3 || o.Recovery.First <= 0 {
		t.Errorf("%d senders were cut off, and the first was back after %v, want 3, and more than 0", o.Affected, o.Recovery.First)
	}
	for _, name := range append(dead, bridge) {
		if err := exec.Command("ip", "link", "show", name).Run(); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

// leave leaves a bridge and a cable as a run that was killed does, and returns their names.
func leave(t *testing.T) []string {
	t.Helper()
	gone := exec.Command(os.Args[0], "-test.run", "^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprint(bridgePrefix, gone.Process.Pid)
	cable := name + "v7"
	if err := ip("link add name "+name+" type bridge", "link add name "+cable+" type veth peer name "+cable+"p"); err != nil {
		t.Fatal(err)
	}
	return []string{name, cable}
}
