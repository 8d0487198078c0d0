package redis_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain looks for what the tests left running.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftovers(); left != "" {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

// leftovers returns the stacks of goroutines that should have ended.
func leftovers() string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var left []string
	for range 200 {
		buf := make([]byte, 1<<20)
		left = nil
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "sluicelog/sluice/logstash.") || strings.Contains(stack, "logstash/redis.") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			break
		}
		<-tick.C
	}
	return strings.Join(left, "\n\n")
}
