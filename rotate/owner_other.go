//go:build !unix

package rotate

import (
	"io/fs"
	"os"
)

// inheritOwner does nothing: files have no numeric owner here.
func inheritOwner(*os.File, fs.FileInfo) {}
