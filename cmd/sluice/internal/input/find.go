package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

type follower struct{}

func find(names []string, o *Options) ([]*source, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	var sources []*source
	var errs []error
	for _, name := range names {
		if name == "-" {
			sources = append(sources, &source{name: "-", stdin: o.Stdin})
			continue
		}
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("%s: there is no such file", visible(name)))
			continue
		}
		s := &source{name: name, regular: true}
		if err == nil {
			s.size = info.Size()
		}
		sources = append(sources, s)
	}
	return sources, errors.Join(errs...)
}

func (r *Reader) keepTail(t *tape, f format) (*tape, format, error) { return t, f, nil }
