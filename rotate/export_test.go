package rotate

import (
	"context"
	"io"
)

// WrapEngine puts what wrap returns between f and its live file.
func (f *File) WrapEngine(wrap func(io.Writer) io.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live.w = wrap(f.live.w)
}

// CloseProbe makes all that needs the probe of the live file fail.
func (f *File) CloseProbe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.live.probe.Close()
}

// SetLink replaces os.Link.
func (f *File) SetLink(link func(oldname, newname string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.link = link
}

// ParseBackup is naming.parse for the backups of live.
func ParseBackup(live, name string) (plain string, ok bool) {
	plain, _, ok = newNaming(live).parse(name)
	return plain, ok
}

// IsTemp is naming.isTemp for the temporary files of live.
func IsTemp(live, name string) bool { return newNaming(live).isTemp(name) }

// GzipFile is gzipFile.
func GzipFile(ctx context.Context, src, dst string) error { return gzipFile(ctx, src, dst) }

// RebuildBackup parses name and returns what our and lumberjack's plain name
// for the same stamp would be.
func RebuildBackup(live, name string) (ours, legacy string) {
	n := newNaming(live)
	_, s, _ := n.parse(name)
	return n.backup(s), n.base + "-" + s.time.Format(legacyLayout) + n.ext
}
