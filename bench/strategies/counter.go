//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// counter is a number in memory that a child process shares with its parent, by a
// file, so that it is not lost when the child is killed and costs next to nothing.
type counter []byte

const counterSize = 8

func openCounter(path string) (c counter, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(counterSize); err != nil {
		return nil, err
	}
	c, err = syscall.Mmap(int(f.Fd()), 0, counterSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return c, nil
}

func (c counter) set(n int) { binary.LittleEndian.PutUint64(c, uint64(n)) } //nolint:gosec // never negative

// readCounter returns what the child has left.
func readCounter(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if len(data) != counterSize {
		return 0, fmt.Errorf("%s: %d bytes, want %d", path, len(data), counterSize)
	}
	return int(binary.LittleEndian.Uint64(data)), nil //nolint:gosec // set has put it there
}
