package faults_test

import (
	"fmt"
	"strings"
	"testing"
)

// A verdict says whether a handler shows a fault, and how one sees that.
type verdict struct {
	shown bool
	why   string
}

// unless returns the verdict on a handler that should have done as described.
func unless(ok bool, format string, args ...any) verdict {
	return verdict{!ok, fmt.Sprintf(format, args...)}
}

// A scenario looks for a fault.
type scenario func(t *testing.T) verdict

// A row is a fault, the peer that has it, and what stands for it here.
type row struct {
	name   string
	peer   string
	theirs scenario
	ours   string
	right  scenario
}

// TestFaults fails when a handler of sluice shows a fault, or when a peer does not
// that is said to.
func TestFaults(t *testing.T) {
	var table strings.Builder
	all := rows()
	names := map[string]bool{}
	for _, r := range all {
		name := r.peer + " " + r.name
		if names[name] {
			t.Errorf("%s is there twice", name)
		}
		names[name] = true
		t.Run(strings.ReplaceAll(name, "/", " or "), func(t *testing.T) {
			theirs := r.theirs.put(t)
			if !theirs.shown {
				t.Errorf("%s does not: %s", r.peer, theirs.why)
			}
			right := r.right.put(t)
			if right.shown {
				t.Errorf("%s does so, too: %s", r.ours, right.why)
			}
			t.Logf("%s: %s\n%s: %s", r.peer, theirs.why, r.ours, right.why)
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", r.peer, r.name, theirs.why, r.ours, right.why)
		})
	}
	if len(all) < 40 {
		t.Errorf("only %d rows", len(all))
	}
	t.Logf("\n%s", table.String())
}

// put returns the verdict of a scenario; a panic out of a log call is a fault.
func (s scenario) put(t *testing.T) (v verdict) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			v = verdict{true, fmt.Sprintf("panic: %v", p)}
		}
	}()
	return s(t)
}
