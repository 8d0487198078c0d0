//go:build !race

package testlog

// Race reports whether the race detector is on.
const Race = false
