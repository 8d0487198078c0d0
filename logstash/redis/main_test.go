package redis_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"
)

// TestMain looks for what the tests left running, and for what the client has logged: that
// would be on the standard error of a program.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "6"); err != nil { // most of them wait
		panic(err)
	}
	var said logger
	client.SetLogger(&said)
	code := m.Run()
	if lines := said.all(); len(lines) > 0 {
		fmt.Fprintf(os.Stderr, "the client has logged: %q\n", lines)
		code = 1
	}
	if left := leftovers(); left != "" {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

// unavoidable is what the client logs when MULTI is refused to a connection that had it before:
// TestMultiRefused.
const unavoidable = "Conn has unread data (not push notification), removing it"

// logger keeps what the client logs.
type logger struct {
	mu    sync.Mutex
	lines []string
}

// Printf keeps a line.
func (l *logger) Printf(_ context.Context, format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line := fmt.Sprintf(format, v...); line != unavoidable {
		l.lines = append(l.lines, line)
	}
}

// all returns the lines, each kind once.
func (l *logger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.lines)
	return slices.Compact(l.lines)
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
