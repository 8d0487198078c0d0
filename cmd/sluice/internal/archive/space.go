package archive

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/rotate"
)

// warnOfSpace says what speaks against the copies fitting into the archive.
func (r *report) warnOfSpace(w io.Writer, o *options) {
	if r.Copied == 0 {
		return
	}
	v, err := volume.Of(nearest(r.Destination))
	if err != nil { // nobody knows: the copying will tell
		return
	}
	if text := r.tight(v, o); text != "" {
		r.say(w, cli.Printable(r.Destination)+": "+text)
	}
}

// tight returns in words why the copies will not fit, or may not.
func (r *report) tight(v volume.Volume, o *options) string {
	need := r.Bytes
	if from, err := volume.Of(r.Source); err == nil && from.ID == v.ID && o.removeSource {
		need = 0 // each file makes room for the next
		for _, f := range r.Files {
			if !f.Existing {
				need = max(need, f.Size)
			}
		}
	}
	switch {
	case v.ReadOnly:
		return "the file system is read-only"
	case v.FreeFiles >= 0 && v.FreeFiles < int64(r.Copied):
		return fmt.Sprintf("there is room for %s more files, and there are %s to copy", humanize.Comma(v.FreeFiles), humanize.Comma(int64(r.Copied)))
	case need <= v.Free:
		return ""
	case o.compress == rotate.None:
		return fmt.Sprintf("%s are free, and the copies take %s: not all will fit", size(v.Free), size(need))
	}
	return fmt.Sprintf("%s are free, and there are %s to compress: it may not fit", size(v.Free), size(need))
}

// nearest returns the directory itself, or the one nearest to it that is there.
func nearest(dir string) string {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || filepath.Dir(at) == at {
			return at
		}
	}
}
