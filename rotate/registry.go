package rotate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// opened holds the paths of all Files.
//
//nolint:gochecknoglobals // two Files on one path would each rotate away what the other one writes
var opened registry

// registry is a set of paths, however the directory is called.
type registry struct {
	mu    sync.Mutex
	files map[*File]place
}

type place struct {
	dir  fs.FileInfo
	name string
}

var errOpenHere = errors.New("this process has it open already: share the File")

func (r *registry) add(f *File) error {
	dir, err := os.Stat(f.dir)
	if err != nil {
		return err
	}
	name := filepath.Base(f.path)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.files {
		if other.name == name && os.SameFile(other.dir, dir) {
			return errOpenHere
		}
	}
	if r.files == nil {
		r.files = make(map[*File]place)
	}
	r.files[f] = place{dir, name}
	return nil
}

func (r *registry) remove(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, f)
}
