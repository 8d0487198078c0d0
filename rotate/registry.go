package rotate

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// opened holds the paths of all Files.
//
//nolint:gochecknoglobals // two Files on one path would each rotate away what the other one writes
var opened registry

// registry is a set of Files.
type registry struct {
	mu    sync.Mutex
	files map[*File]struct{}
}

var errOpenHere = errors.New("this process has it open already: share the File")

// add fails if there is a File with the path of f, however its directory is called.
func (r *registry) add(f *File) error {
	dir, err := os.Stat(f.dir)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.files {
		if other.path == f.path {
			return errOpenHere
		}
		if filepath.Base(other.path) != filepath.Base(f.path) {
			continue
		}
		if now, err := os.Stat(other.dir); err == nil && os.SameFile(now, dir) {
			return errOpenHere
		}
	}
	if r.files == nil {
		r.files = make(map[*File]struct{})
	}
	r.files[f] = struct{}{}
	return nil
}

func (r *registry) remove(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, f)
}
