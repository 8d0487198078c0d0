package bench

import (
	"fmt"
	"sync/atomic"
	"time"
)

// patience is how long Wait waits for the next line.
const patience = 10 * time.Second

// Counter is a writer that counts what it is given and throws it away. The zero
// value is ready to use. All methods are safe for concurrent use.
type Counter struct {
	writes atomic.Int64
}

// Write counts p, as one line.
func (c *Counter) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return len(p), nil
}

// Wait returns as soon as n lines were written, which takes a while when the
// handler writes on goroutines of its own. More lines than that, or ten seconds
// without a new one, are an error.
func (c *Counter) Wait(n int) error {
	seen, since := int64(-1), time.Now()
	for {
		lines := c.writes.Load()
		switch {
		case lines == int64(n):
			return nil
		case lines > int64(n):
			return fmt.Errorf("%d lines for %d records", lines, n)
		case lines != seen:
			seen, since = lines, time.Now()
		case time.Since(since) > patience:
			return fmt.Errorf("only %d lines for %d records", lines, n)
		}
		time.Sleep(100 * time.Microsecond)
	}
}
