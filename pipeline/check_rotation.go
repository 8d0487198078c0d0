package pipeline

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/rotate"
)

// rotation looks at how large a sink's files may become.
func (c *checker) rotation(s *Sink, r *report) {
	opts := s.fileOptions()
	next, err := opts.Next(time.Now())
	if err != nil {
		c.refuse("rotation", strings.TrimPrefix(err.Error(), "rotate: options: "), r)
		return
	}
	other := c.rotatedBy(s.Path)
	size := cmp.Or(opts.MaxSize, 100*rotate.MiB)
	var when []string
	if size > 0 {
		when = append(when, "at "+bytesText(size))
	}
	if !next.IsZero() {
		when = append(when, fmt.Sprintf("%s (next %s)", opts.Schedule, next.Format("2006-01-02 15:04 MST")))
	}
	switch rotates := len(when) > 0; {
	case rotates && other != "":
		r.warn("rotation", strings.Join(when, ", ")+", and by logrotate as well, which "+other+" tells to: each renames what the other keeps",
			"take "+s.Path+" out of "+other)
	case rotates:
		r.pass("rotation", strings.Join(when, ", "))
	case other != "":
		r.pass("rotation", "by logrotate, as "+other+" says")
	default:
		r.warn("rotation", "none: the file grows until the disk is full", `set rotation, as in "100 MB, daily"`)
	}
	c.retention(&opts, len(when) > 0, r)
	r.needs = append(r.needs, needOf(s, &opts, size))
}

// retention looks at which backups are kept.
func (c *checker) retention(opts *rotate.Options, rotates bool, r *report) {
	var kept []string
	if opts.MaxAge > 0 {
		kept = append(kept, ageText(opts.MaxAge))
	}
	if opts.MaxBackups > 0 {
		kept = append(kept, fmt.Sprintf("%d files", opts.MaxBackups))
	}
	if opts.MaxTotalSize > 0 {
		kept = append(kept, bytesText(opts.MaxTotalSize)+" in all")
	}
	form := "not compressed"
	if opts.Compress != rotate.None {
		form = opts.Compress.String()
	}
	switch {
	case !rotates && len(kept) > 0:
		r.warn("retention", strings.Join(kept, ", ")+": without rotation there are no backups to keep", `set rotation, as in "100 MB, daily"`)
	case !rotates:
	case len(kept) == 0:
		r.warn("retention", "none: backups are kept until the disk is full, "+form, `set retention, as in "30 days, 5 GB"`)
	case opts.MaxBackups == 0 && opts.MaxTotalSize == 0:
		r.pass("retention", strings.Join(kept, ", ")+", "+form+"; a size beside it would bound what a storm of errors takes")
	default:
		r.pass("retention", strings.Join(kept, ", ")+", "+form)
	}
}

// bytesText returns a number of bytes for people, in the units that it is even in.
func bytesText(n int64) string {
	if n%1000 == 0 && (n%1024 != 0 || n%1e6 == 0) {
		return humanize.Bytes(uint64(max(n, 0)))
	}
	return humanize.IBytes(uint64(max(n, 0)))
}

// ageText returns an age for people.
func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// rotatedBy returns the file in which logrotate is told to rotate path, empty if there
// is none.
func (c *checker) rotatedBy(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	entries, err := os.ReadDir(c.logrotate)
	if err != nil {
		return "" // there is no logrotate
	}
	for _, e := range entries {
		name := filepath.Join(c.logrotate, e.Name())
		if e.Type().IsRegular() && mentions(name, path) {
			return name
		}
	}
	return ""
}

// mentions reports whether a file of logrotate has a pattern that path matches, on a
// line that begins with one.
func mentions(name, path string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()                                   //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, 1<<20)) // more is no configuration
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		words, _, _ := strings.Cut(strings.TrimSpace(string(line)), "{")
		for word := range strings.FieldsSeq(words) {
			word = strings.Trim(word, `"'`)
			if !filepath.IsAbs(word) {
				break // a directive, or a comment
			}
			if ok, err := filepath.Match(word, path); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// need is how much more space a sink may take.
type need struct {
	sink      string
	dir       string
	bytes     int64
	unbounded string // says what has no bound, empty if all have
}

// needOf returns the need of a file with its backups.
func needOf(s *Sink, opts *rotate.Options, size int64) need {
	n := need{sink: s.Name, dir: dirOf(s.Path)}
	var most int64
	switch {
	case size <= 0:
		n.unbounded = s.Name + " has no size to rotate at"
	case opts.MaxTotalSize > 0:
		most = plus(opts.MaxTotalSize, size)
	case opts.MaxBackups > 0:
		most = times(size, opts.MaxBackups+1)
	default:
		n.unbounded = s.Name + " keeps backups without a bound in bytes"
		most = size
	}
	n.bytes = max(most-taken(s.Path), 0)
	return n
}

// taken returns what a file and its backups take now.
func taken(path string) int64 {
	base := filepath.Base(path)
	ext := filepath.Ext(base)
	var sum int64
	entries, _ := os.ReadDir(filepath.Dir(path)) // none where it cannot be read
	for _, e := range entries {
		if of, ok := strings.CutPrefix(e.Name(), strings.TrimSuffix(base, ext)+"-"); e.Name() != base &&
			(!ok || !strings.Contains(of, ext) || strings.IndexAny(of, "0123456789") != 0) { // a time
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum = plus(sum, info.Size())
		}
	}
	return sum
}

// plus and times stop at what fits.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func times(a int64, n int) int64 {
	if a > 0 && int64(n) > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * int64(n)
}

// space compares what sinks may take with what each file system has left.
func (c *checker) space(needs []need, r *report) {
	type disk struct {
		need
		volume    volume.Volume
		sinks     []string
		unbounded []string
	}
	var disks []*disk
	byID := make(map[uint64]*disk)
	for _, n := range needs {
		at, _, err := foothold(n.dir)
		if err != nil {
			continue // as its directory says
		}
		v, err := volume.Of(at)
		if err != nil {
			continue // there is no call for it on this system
		}
		d := byID[v.ID]
		if d == nil {
			d = &disk{need: need{dir: n.dir}, volume: v}
			byID[v.ID] = d
			disks = append(disks, d)
		}
		d.bytes = plus(d.bytes, n.bytes)
		d.sinks = append(d.sinks, n.sink)
		if n.unbounded != "" {
			d.unbounded = append(d.unbounded, n.unbounded)
		}
	}
	for _, d := range disks {
		what := "space for " + d.dir
		detail := fmt.Sprintf("%s of %s free; %s may take %s more",
			bytesText(d.volume.Free), bytesText(d.volume.Size), strings.Join(d.sinks, ", "), bytesText(d.bytes))
		if len(d.unbounded) > 0 {
			detail += " and then any amount: " + strings.Join(d.unbounded, ", ")
		}
		inodes := d.volume.FreeFiles
		switch {
		case d.volume.Free == 0 || inodes == 0:
			r.fail(what, detail+noInodes(inodes), "remove something: to see what there is, run: df -h "+shellWord(d.dir)+"; df -i "+shellWord(d.dir))
		case d.bytes > d.volume.Free:
			r.warn(what, detail, "keep less (retention, spool_max_size), or make room for "+bytesText(d.bytes-d.volume.Free)+" more")
		case inodes >= 0 && inodes < 100:
			r.warn(what, fmt.Sprintf("%s; it can hold %d more files", detail, inodes), "remove some: run: df -i "+shellWord(d.dir))
		case d.volume.Free < min(d.volume.Size/20, rotate.GiB):
			r.warn(what, detail+"; hardly any is left", "make room: to see what there is, run: df -h "+shellWord(d.dir))
		default:
			r.pass(what, detail)
		}
	}
}

func noInodes(left int64) string {
	if left == 0 {
		return "; it can hold no more files"
	}
	return ""
}
