//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"os"
	"runtime"
	"syscall"
)

// memoryOf returns the most memory that a process had at once. A process begins with that of the one
// that started it, so that must be small.
func memoryOf(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	most := int64(usage.Maxrss) //nolint:unconvert // it is an int32 elsewhere
	if runtime.GOOS != "darwin" {
		most <<= 10
	}
	return most
}
