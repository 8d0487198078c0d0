package rotate

import "github.com/sluicelog/sluice/internal/volume"

// freeSpace returns how many bytes this user can still write to the file system
// of dir.
func freeSpace(dir string) (int64, error) {
	v, err := volume.Of(dir)
	return v.Free, err
}

// noInodes reports whether the file system of dir can hold no more files.
func noInodes(dir string) bool {
	v, err := volume.Of(dir)
	return err == nil && v.FreeFiles == 0
}
