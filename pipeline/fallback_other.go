//go:build !unix

package pipeline

import "os"

// A standardError writes to a file. No signal ends the program here when nobody
// reads it any more.
type standardError struct{ f *os.File }

func (s standardError) Write(p []byte) (int, error) { return s.f.Write(p) }
