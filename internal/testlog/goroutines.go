package testlog

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// CheckGoroutines fails t at its end when a goroutine started since the call
// is still running. Goroutines whose stack holds one of the ignored strings do
// not count. It waits up to sixteen seconds for stragglers, and must not be used
// in parallel tests.
func CheckGoroutines(t *testing.T, ignore ...string) {
	t.Helper()
	before := stacks()
	t.Cleanup(func() {
		var left []string
		for wait := time.Millisecond; wait < 10*time.Second; wait *= 2 {
			left = left[:0]
			for id, stack := range stacks() {
				if _, old := before[id]; !old && !containsAny(stack, ignore) {
					left = append(left, stack)
				}
			}
			if len(left) == 0 {
				return
			}
			<-time.After(wait)
		}
		t.Errorf("%d goroutines left:\n\n%s", len(left), strings.Join(left, "\n\n"))
	})
}

// Goroutines returns how many goroutines there are, without those that the
// runtime begins and ends as it likes, for cleanups say, and those whose stack
// holds one of the ignored strings.
func Goroutines(ignore ...string) int {
	n := 0
	for _, stack := range stacks() {
		if !strings.Contains(stack, "\ncreated by runtime.") && !containsAny(stack, ignore) {
			n++
		}
	}
	return n
}

// stacks returns the stack of every goroutine by the line that names it.
func stacks() map[string]string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		all[id] = stack
	}
	return all
}

func containsAny(s string, subs []string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}
