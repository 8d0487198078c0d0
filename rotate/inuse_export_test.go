package rotate

import (
	"io"
	"os"
	"time"
)

// InUse is inUse.
var InUse = inUse

// FreeSpace is freeSpace.
var FreeSpace = freeSpace

// GuessInUse is guessInUse.
var GuessInUse = guessInUse

// ReadAll returns the content of the file at path, of whatever form.
func ReadAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := compressionOf(path).newReader(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TimeInName is timeInName.
func TimeInName(name string) (time.Time, bool) { return timeInName(name) }
