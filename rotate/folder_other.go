//go:build !unix

package rotate

import "io/fs"

// noWait is nothing: there are no pipes with names in directories.
const noWait = 0

// linked does not know whether a file has more than one name.
func linked(fs.FileInfo) bool { return false }
