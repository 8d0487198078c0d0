package rotate

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A backup is what one rotation left: a plain file, a compressed one, or both
// if turning one into the other was interrupted.
type backup struct {
	name  string // the plain form's
	stamp stamp
	pid   string
	forms []form
}

type form struct {
	compression Compression
	size        int64
	written     time.Time
}

// has reports whether there is a form of b.
func (b backup) has(c Compression) bool {
	return slices.ContainsFunc(b.forms, func(f form) bool { return f.compression == c })
}

// bytes returns what b takes on disk.
func (b backup) bytes() (sum int64) {
	for _, f := range b.forms {
		sum += f.size
	}
	return sum
}

// age returns how old b is, by its last line if its name is of no use.
func (b backup) age(now time.Time) time.Duration {
	if b.stamp.absurd(now) {
		return now.Sub(b.forms[0].written)
	}
	return now.Sub(b.stamp.time)
}

// public returns what hooks are told of b. Of two forms that is the plain one.
func (b backup) public(dir string) Backup {
	c := slices.MinFunc(b.forms, func(x, y form) int { return int(x.compression - y.compression) }).compression
	return Backup{Path: filepath.Join(dir, b.name+c.ext()), Time: b.stamp.time, Size: b.bytes(), Compression: c}
}

// list returns the backups in dir, newest first, of all processes but those
// that live. A file is one only if its whole name says so, if it is a regular
// file, and if it is not the live one.
func list(dir string, names naming, live fs.FileInfo, living map[string]bool) ([]backup, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*backup)
	for _, entry := range entries {
		p, ok := names.parse(entry.Name())
		if !ok || !entry.Type().IsRegular() || living[p.pid] {
			continue
		}
		info, err := entry.Info()
		if err != nil || live != nil && os.SameFile(info, live) {
			continue // an error means that it is gone by now
		}
		b := byName[p.plain]
		if b == nil {
			b = &backup{name: p.plain, stamp: p.stamp, pid: p.pid}
			byName[p.plain] = b
		}
		b.forms = append(b.forms, form{p.form, info.Size(), info.ModTime()})
	}
	backups := make([]backup, 0, len(byName))
	for _, b := range byName {
		backups = append(backups, *b)
	}
	now := time.Now()
	slices.SortFunc(backups, func(a, b backup) int {
		// What a wrong clock has dated far ahead was made before it was put right.
		if a, b := a.stamp.absurd(now), b.stamp.absurd(now); a != b {
			if a {
				return +1
			}
			return -1
		}
		if c := b.stamp.compare(a.stamp); c != 0 {
			return c
		}
		return strings.Compare(b.name, a.name)
	})
	return backups, nil
}
