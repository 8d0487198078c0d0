//go:build !unix

package rotate

// noWait is nothing: there are no pipes with names in directories.
const noWait = 0
