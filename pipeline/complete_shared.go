package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
)

// checkShared reports what two sinks have that only one can have: a name, a file,
// a spool.
func checkShared(sinks []Sink) []error {
	var errs []error
	for i := range sinks {
		for j := range i {
			a, b := &sinks[j], &sinks[i]
			wrong := func(says, path, what string) {
				errs = append(errs, fmt.Errorf("pipeline: %s.%s%s: %s, the %s of %s%s too: want one each",
					sinkPlace(i), path, named(b, i), says, what, sinkPlace(j), named(a, j)))
			}
			if a.Name == b.Name {
				wrong(fmt.Sprintf("Name is %q", b.Name), "name", "name")
			}
			if a.Path != "" && b.Path != "" && sameFile(a.Path, b.Path) {
				wrong(fmt.Sprintf("Path is %q", b.Path), "path", "file")
			}
			if a.spool() != "" && b.spool() != "" && sameFile(a.spool(), b.spool()) {
				wrong(fmt.Sprintf("SpoolDir is %q", b.spool()), "spool_dir", "spool")
			}
		}
	}
	return errs
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

// sameFile reports whether two paths lead to one file or directory, whether it
// exists or not.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	if err == nil && err2 == nil {
		return os.SameFile(first, second)
	}
	return realPath(a) == realPath(b)
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
