package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	day            = 24 * time.Hour
	lumberjackSize = 100 * MiB // where its MaxSize is zero
	lumberjackDir  = fs.FileMode(0o755)
)

// Wrap is Open for a program that uses lumberjack: it opens the file that l is
// about, under the policy in l's fields, and takes over the backups that are
// there. Filename, empty or not, MaxSize, MaxAge, MaxBackups, LocalTime and
// Compress mean what they mean to lumberjack; directories are created with 0755,
// as it does. What is set in opts counts instead, and opts may be nil.
//
// Wrap closes l, in case it has the file open, and does not change it. From then
// on only the File is to be used. Wrap fails as Open does, and if l is nil or a
// limit in it is negative.
func Wrap(l *lumberjack.Logger, opts *Options) (*File, error) {
	path, o, err := policy(l, opts)
	if err != nil {
		return nil, fmt.Errorf("rotate: wrap: %w", err)
	}
	if err := l.Close(); err != nil {
		return nil, fmt.Errorf("rotate: wrap %s: close the Logger: %w", path, err)
	}
	return Open(path, o)
}

// policy returns what l and opts say together.
func policy(l *lumberjack.Logger, opts *Options) (path string, _ *Options, err error) {
	if l == nil {
		return "", nil, errors.New("the Logger is nil")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	for _, limit := range []struct {
		field string
		value int
	}{{"MaxSize", l.MaxSize}, {"MaxAge", l.MaxAge}, {"MaxBackups", l.MaxBackups}} {
		if limit.value < 0 {
			return "", nil, fmt.Errorf("the Logger's %s is %d, must be 0 or more", limit.field, limit.value)
		}
	}
	if o.MaxSize == 0 {
		o.MaxSize = lumberjackSize
		if l.MaxSize > 0 {
			o.MaxSize = min(int64(l.MaxSize), math.MaxInt64/MiB) * MiB
		}
	}
	if o.MaxAge == 0 {
		o.MaxAge = day * min(time.Duration(l.MaxAge), math.MaxInt64/day) //nolint:durationcheck // a number of days
	}
	if o.MaxBackups == 0 {
		o.MaxBackups = l.MaxBackups
	}
	if o.Compress == None && l.Compress {
		o.Compress = Gzip
	}
	if o.DirMode == 0 {
		o.DirMode = lumberjackDir
	}
	o.LocalTime = o.LocalTime || l.LocalTime
	if path = l.Filename; path == "" {
		path = filepath.Join(os.TempDir(), filepath.Base(os.Args[0])+"-lumberjack.log")
	}
	return path, &o, nil
}
