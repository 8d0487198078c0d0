//go:build !unix

package input

import "io/fs"

// identity is the same for two names of a file: here, of all files.
type identity struct{}

func identityOf(fs.FileInfo) identity { return identity{} }
