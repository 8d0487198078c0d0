package rotate

import (
	"fmt"
	"io/fs"
	"time"
)

// Sizes for Options.MaxSize, in bytes.
const (
	KiB int64 = 1 << 10
	MiB int64 = 1 << 20
	GiB int64 = 1 << 30
)

const (
	defaultMaxSize  = 100 * MiB
	defaultFileMode = fs.FileMode(0o600)
	defaultDirMode  = fs.FileMode(0o750)
)

// Options are the settings of a [File].
// A zero Options consists entirely of default values.
type Options struct {
	// MaxSize is the size in bytes that a file is rotated at: a Write that
	// would pass it goes into a new file. A Write larger than MaxSize is
	// written whole, into a file of its own. Zero means 100 MiB, a negative
	// value means that size never causes a rotation.
	MaxSize int64

	// MaxBackups is how many backups are kept; a backup counts once, plain or
	// compressed. Zero means all; negative values are an error.
	MaxBackups int

	// MaxAge is how long backups are kept, by the time in their names. It is
	// enforced at Open, after each rotation and every hour. Zero means for
	// ever; negative values are an error.
	MaxAge time.Duration

	// Compress turns backups into gzip files. The newest backup stays as it is
	// until the next rotation, so that a program following the log can read it
	// to its end.
	Compress bool

	// FileMode is the permission bits of each file that is created, whatever
	// the umask says. A file that exists keeps its mode; a compressed backup
	// has the mode of the plain one. Zero means the mode of the live file
	// being rotated, and 0600 if there is none. Other values must include 0600
	// and nothing but permission bits. Windows knows no such bits.
	FileMode fs.FileMode

	// DirMode is the permission bits of each directory that Open has to
	// create, whatever the umask says. Directories that exist are left as they
	// are. Zero means 0750; other values must include 0700 and nothing but
	// permission bits.
	DirMode fs.FileMode

	// SyncEveryWrite makes each Write return only after its lines are on the
	// storage device (fsync). A line that could not be synced is taken back
	// and counts as dropped. It costs milliseconds per Write: for audit logs.
	SyncEveryWrite bool

	// OnError, if not nil, is told about every failed rotation, reopening,
	// compression and removal, about the first Write that fails, and, once
	// writing works again, about how many lines were dropped in between. It is
	// called without a lock, on the goroutine of the Write that noticed or of
	// the worker, and has to be safe for concurrent use. If it panics, the
	// panic is discarded.
	OnError func(error)

	// OnRotate, if not nil, is told about each rotation after it is complete,
	// one at a time and in order, on the worker goroutine: the next
	// compression and removal wait for it to return. It must not call Close
	// or Shutdown. If it panics, the panic goes to OnError.
	OnRotate func(Event)
}

// withDefaults returns a copy of o with every default filled in, except for
// FileMode whose default depends on the file.
func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxSize == 0 {
		opts.MaxSize = defaultMaxSize
	}
	if opts.MaxBackups < 0 {
		return Options{}, fmt.Errorf("MaxBackups is %d, must be 0 (keep all) or more", opts.MaxBackups)
	}
	if opts.MaxAge < 0 {
		return Options{}, fmt.Errorf("MaxAge is %v, must be 0 (keep for ever) or more", opts.MaxAge)
	}
	if err := checkMode("FileMode", opts.FileMode, 0o600); err != nil {
		return Options{}, err
	}
	if err := checkMode("DirMode", opts.DirMode, 0o700); err != nil {
		return Options{}, err
	}
	if opts.DirMode == 0 {
		opts.DirMode = defaultDirMode
	}
	return opts, nil
}

func checkMode(field string, mode, owner fs.FileMode) error {
	if mode == 0 || mode&^fs.ModePerm == 0 && mode&owner == owner {
		return nil
	}
	return fmt.Errorf("%s is %#o, must be 0 (default) or permission bits that include %#o", field, uint32(mode), uint32(owner))
}
