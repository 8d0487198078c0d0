package rotate

import (
	"errors"
	"os"
	"syscall"
)

// errBusy is the error of opening a file that somebody has open and shares with
// nobody.
const errBusy = syscall.Errno(32) // ERROR_SHARING_VIOLATION

// inUse reports whether any process, this one included, has the file open for
// writing that f has open for reading only: Windows then refuses to open it
// again with writers shut out.
func inUse(f *os.File) (bool, error) {
	path, err := syscall.UTF16PtrFromString(f.Name())
	if err != nil {
		return false, err
	}
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_DELETE,
		nil, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == nil:
		return false, syscall.CloseHandle(h)
	case errors.Is(err, errBusy):
		return true, nil
	default:
		return false, &os.PathError{Op: "open", Path: f.Name(), Err: err}
	}
}
