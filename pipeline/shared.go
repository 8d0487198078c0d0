package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
)

// checkShared reports what two sinks have that only one can have: a name, a file,
// a spool.
func checkShared(sinks []Sink, m *mistakes) {
	paths, spools := make([]*location, len(sinks)), make([]*location, len(sinks))
	for i := range sinks {
		b := &sinks[i]
		paths[i], spools[i] = locate(b.Path), locate(b.spool())
		for j := range i {
			a := &sinks[j]
			wrong := func(field, value, what string) {
				m.note(&mistake{sinkField(i, field), named(b, i), field, i, fmt.Errorf("is %q, the %s of %s%s too: want one each",
					value, what, sinkPlace(j), named(a, j))})
			}
			if a.Name == b.Name {
				wrong("Name", b.Name, "name")
			}
			if paths[i].is(paths[j]) {
				wrong("Path", b.Path, "file")
			}
			if spools[i].is(spools[j]) {
				wrong("SpoolDir", b.spool(), "spool")
			}
		}
	}
}

// sinkPlace returns the place of a sink in JSON, and the name of one that has none.
func sinkPlace(i int) string { return fmt.Sprintf("sinks[%d]", i) }

// named returns the name of a sink for an error, if it is not its place.
func named(s *Sink, i int) string {
	if s.Name == "" || s.Name == sinkPlace(i) {
		return ""
	}
	return fmt.Sprintf(" (sink %q)", s.Name)
}

func (s *Sink) spool() string {
	if s.SpoolDir != "" {
		return s.SpoolDir
	}
	return s.Dial.SpoolDir
}

// location is where a path leads, whether there is something or not.
type location struct {
	info os.FileInfo // nil if there is nothing
	real string
}

// locate returns where a path leads, nil for none.
func locate(path string) *location {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	return &location{info, realPath(path)}
}

// is reports whether a and b are one file or directory.
func (a *location) is(b *location) bool {
	switch {
	case a == nil || b == nil:
		return false
	case a.info != nil && b.info != nil:
		return os.SameFile(a.info, b.info)
	}
	return a.real == b.real
}

// realPath returns the absolute path behind symbolic links, as far as there is one.
func realPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	const most = 40 // links one after the other
	rest := ""
	for range most {
		if found, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(found, rest)
		}
		if target, err := os.Readlink(path); err == nil { // a link to nothing yet
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			path = target
			continue
		}
		dir := filepath.Dir(path)
		if dir == path {
			break
		}
		path, rest = dir, filepath.Join(filepath.Base(path), rest)
	}
	return filepath.Join(path, rest)
}
