//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"os"
	"runtime"
	"syscall"
)

// memoryOf returns the most memory that a process had at once. It begins with that of the process that started it.
func memoryOf(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return most(usage)
}

// ownMemory returns the most memory that this process had at once.
func ownMemory() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return most(&usage)
}

func most(usage *syscall.Rusage) int64 {
	n := int64(usage.Maxrss) //nolint:unconvert // it is an int32 elsewhere
	if runtime.GOOS != "darwin" {
		n <<= 10
	}
	return n
}
