package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"
)

// Sizes for Options.MaxSize and Options.MaxTotalSize, in bytes.
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

	// Schedule says when a file is rotated whatever its size, on the clock of
	// Location: "hourly", "daily", "daily at 03:00", "weekly",
	// "monday at 04:00", "every 15m", or the five fields of cron, as in
	// "0 3 * * 1-5", or its names, as in "@monthly". A week begins on Monday,
	// but for "@weekly", which is Sunday to cron. A time that daylight saving skips is the first one after
	// it, and one that it repeats is taken once. An empty file is not rotated,
	// an idle one is. The period of a file that Open finds began with the last
	// write to it, so that one which should have been rotated meanwhile is
	// rotated by Open. Empty means never.
	Schedule string

	// Location is the time zone of Schedule. Nil means [time.Local].
	Location *time.Location

	// RotateAtOpen makes Open rotate a file that it finds, unless it is empty:
	// each run of the program has files of its own.
	RotateAtOpen bool

	// MaxBackups is how many backups are kept; a backup counts once, plain or
	// compressed. Zero means all; negative values are an error.
	MaxBackups int

	// MaxAge is how long backups are kept, by the time in their names. It is
	// enforced at Open, after each rotation and every hour. Zero means for
	// ever; negative values are an error.
	MaxAge time.Duration

	// MaxTotalSize is how many bytes the live file and its backups may take
	// together; the oldest backups are removed. It is enforced when MaxAge is,
	// so that the live file's growth up to the next rotation comes on top.
	// Zero means no limit; negative values are an error.
	MaxTotalSize int64

	// Keep, if not nil, is asked before a backup is removed because of a
	// limit, and keeps it by returning true; it is asked again the next time.
	// A backup that was kept counts for the limits. Keep is called without a
	// lock, while the worker waits, or, with RemoveOnFullDisk, the Write that found
	// the disk full: it must not write to the File. If it panics, the backup is
	// kept.
	Keep func(Backup) bool

	// Compress is the form that backups are turned into. The zero value, None,
	// leaves them as they are.
	Compress Compression

	// CompressLevel is the level of compression: 1 to 9 for Gzip, 1 to 22 for
	// Zstd. Zero means the fastest; other values are an error. Log files hardly
	// get smaller with the others, and Zstd takes much memory from 10 on.
	CompressLevel int

	// CompressDelay is how long a backup stays plain, so that a program which
	// follows the log can read it to its end. Zero means until the next
	// rotation; negative values are an error.
	CompressDelay time.Duration

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

	// Owner is the owner and the group of each file that is created, by name
	// or number, as in "app", "app:adm" and ":adm". Open fails if there is no
	// such user, or if this process may not give files to it. A file that
	// exists keeps its owner. Empty means those of the live file being rotated,
	// as far as this process may. On Windows anything but empty is an error.
	Owner string

	// NoFollow makes a symbolic link at the path an error. Without it, Open
	// follows the link, once, and rotates the file that it leads to; a link
	// that takes the place of that file later is not followed either way.
	NoFollow bool

	// LocalTime makes the time in the names of backups that of the system's
	// time zone, with its offset from UTC. The names that lumberjack and
	// timberjack have left, which do not say their zone, are then read as
	// local times. Without it, both are UTC.
	LocalTime bool

	// Header, if not nil, makes the first bytes of each file, ahead of its
	// first line; they should end in a newline. It is called with the File's
	// lock held, and must not use the File. If it panics, there is no header.
	Header func() []byte

	// MultiProcess lets several processes, all with this option and the same
	// limits, write to one file, which one of them rotates. Each Write takes a
	// lock between processes (flock), so a buffer before the File is worth the
	// more: asyncbuf.Writer. It is an error where there are no such locks, as
	// on Windows, and together with PerProcess or Header.
	MultiProcess bool

	// PerProcess gives each process a file of its own, with its number in the
	// name: app.log becomes app.1234.log. The files of processes that have
	// ended become backups, and count for the limits of those that live. A process
	// that lives, or has not been found to have ended, has a hidden file that it
	// locks, such as .app.1234.log.lock; other files with a number in their names
	// are left alone. It is an error where such locks fail.
	PerProcess bool

	// SyncEveryWrite makes each Write return only after its lines are on the
	// storage device (fsync). A line that could not be synced is taken back
	// and counts as dropped. It costs milliseconds per Write: for audit logs.
	SyncEveryWrite bool

	// SyncLevel does so for the lines of this level and above that come by
	// WriteLevel or through a [Handler], which with slog's encoders can only
	// sync what has been written. Nil means for none. What a buffer
	// before the File writes has no level: SyncInterval is for that.
	SyncLevel slog.Leveler

	// SyncInterval is the longest that a line waits to be synced, in the
	// background. Zero means for as long as the operating system likes;
	// negative values are an error.
	SyncInterval time.Duration

	// RemoveOnFullDisk removes the oldest backup, and the next one, and so on,
	// when there is no space left for what is written, until there is. With
	// MultiProcess the first Write that finds none although all are gone waits for
	// the other processes to close what was removed, for about two seconds at most.
	RemoveOnFullDisk bool

	// OnError, if not nil, is told about every failed rotation, reopening,
	// compression and removal, about the first Write that fails, and, once
	// writing works again, about how many lines were dropped in between. It is
	// called without a lock, one at a time and in order, on a goroutine of its
	// own, and must not call Close or Shutdown. If it panics, the panic is
	// discarded. While it hangs, the last 256 errors wait for it.
	OnError func(error)

	// OnRotate, if not nil, is told about each rotation after it is complete,
	// one at a time and in order, by the worker, which waits for it to return
	// before it compresses or removes anything. It must not call Close
	// or Shutdown. If it panics, the panic goes to OnError.
	OnRotate func(Event)

	// OnArchive, if not nil, is told about each backup that was compressed, as
	// OnRotate is about rotations.
	OnArchive func(Backup)

	// OnRemove, if not nil, is told about each backup that was removed, as
	// OnRotate is about rotations.
	OnRemove func(Backup)
}

// withDefaults returns a copy of o with every default filled in, except for
// FileMode whose default depends on the file.
func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if err := opts.check(); err != nil {
		return Options{}, err
	}
	if opts.MaxSize == 0 {
		opts.MaxSize = defaultMaxSize
	}
	if opts.DirMode == 0 {
		opts.DirMode = defaultDirMode
	}
	if opts.Location == nil {
		opts.Location = time.Local
	}
	return opts, nil
}

func (o *Options) check() error {
	for _, limit := range []struct {
		field string
		value any
		bad   bool
		zero  string
	}{
		{"MaxBackups", o.MaxBackups, o.MaxBackups < 0, "keep all"},
		{"MaxAge", o.MaxAge, o.MaxAge < 0, "keep for ever"},
		{"MaxTotalSize", o.MaxTotalSize, o.MaxTotalSize < 0, "no limit"},
		{"CompressDelay", o.CompressDelay, o.CompressDelay < 0, "until the next rotation"},
		{"SyncInterval", o.SyncInterval, o.SyncInterval < 0, "never"},
	} {
		if limit.bad {
			return fmt.Errorf("%s is %v, must be 0 (%s) or more", limit.field, limit.value, limit.zero)
		}
	}
	if err := o.Compress.checkLevel(o.CompressLevel); err != nil {
		return err
	}
	if err := checkMode("FileMode", o.FileMode, 0o600); err != nil {
		return err
	}
	if err := checkMode("DirMode", o.DirMode, 0o700); err != nil {
		return err
	}
	switch {
	case !o.MultiProcess:
		return nil
	case o.PerProcess:
		return errors.New("MultiProcess and PerProcess are set, must be one of them: one file for all processes, or one for each")
	case o.Header != nil:
		return errors.New("MultiProcess and Header are set, must be one of them: several processes would each write a header")
	case !locking:
		return errors.New("MultiProcess is set, which this operating system has no locks for: use PerProcess")
	}
	return nil
}

func checkMode(field string, mode, owner fs.FileMode) error {
	if mode == 0 || mode&^fs.ModePerm == 0 && mode&owner == owner {
		return nil
	}
	return fmt.Errorf("%s is %#o, must be 0 (default) or permission bits that include %#o", field, uint32(mode), uint32(owner))
}
