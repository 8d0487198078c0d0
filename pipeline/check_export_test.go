package pipeline

import (
	"context"
	"os"
	"time"
)

// Machine is what Check takes from the machine, for tests.
type Machine struct {
	Environ   []string
	Stdout    *os.File // nil means os.Stdout
	Logrotate string
	Container bool
	Limit     time.Duration // 0 means that of Check
}

// Check is Config.Check on that machine.
func (m Machine) Check(ctx context.Context, cfg Config) []Finding {
	c := checker{
		environ: m.Environ, stdout: m.Stdout, stderr: os.Stderr, logrotate: m.Logrotate,
		container: func(func(string) string) bool { return m.Container }, limit: m.Limit,
	}
	if c.stdout == nil {
		c.stdout = os.Stdout
	}
	if c.limit == 0 {
		c.limit = checkLimit
	}
	return c.check(ctx, cfg)
}

// Bytes is how an amount stands in a finding.
func Bytes(n int64) string { return bytesText(n) }

// Quote is how a path stands in a command.
func Quote(s string) string { return shellWord(s) }
