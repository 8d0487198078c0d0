//go:build !unix

package spool

// noFollow is nothing: that the path is no link was seen before.
const (
	noFollow    = 0
	syncingDirs = false
)
