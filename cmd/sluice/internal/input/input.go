// Package input reads the files that the commands are given: plain, gzip and zstd, by name, pattern or
// directory, with the older files of a rotated one in the order of time, from standard input, and
// on and on while they grow. It reads whole lines in chunks, in bounded memory.
package input

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Options are options for Open. A zero Options consists entirely of default values.
type Options struct {
	// Rotated adds the rotated files of each log file, oldest first: app-20261121T233046.123456Z.log.gz, app.log.1 and so on.
	Rotated bool

	// Since passes over files that were last written to before it. Zero means none.
	Since time.Time

	// Follow goes on at the end of the files, through rotations and truncations, until the context is done.
	// The chunks of several files come in the order in which these grow. A file that is not there yet is waited for.
	// Standard input, pipes and compressed files are read to their end.
	Follow bool

	// Tail begins that many lines before the end of each file (of the last one of a rotated set, and of that only);
	// negative at the end itself. Zero begins at the beginning. It needs no more of a plain file than that. Of what is
	// compressed, and of standard input, it keeps the last 8 MiB, and begins no earlier; what is followed to an end that
	// may never come is read from its beginning.
	Tail int

	// MaxLine is the length of the longest line, in bytes. What a longer one has behind is skipped and
	// counted. Zero means 1 MiB.
	MaxLine int

	// Stdin is what "-" stands for, and no name at all.
	Stdin io.Reader

	// OnError is called with what cannot be read, or only in part; the reader goes on with the next file. Nil
	// means that it is only counted. It is called by Open, Next and Map, in their goroutine.
	OnError func(error)
}

// maxMaxLine is how long a line can be at most that is kept whole.
const maxMaxLine = 256 << 20

func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	var errs []error
	switch {
	case opts.MaxLine < 0:
		errs = append(errs, fmt.Errorf("MaxLine is %d, must be 0 (1 MiB) or more", opts.MaxLine))
	case opts.MaxLine > maxMaxLine:
		errs = append(errs, fmt.Errorf("MaxLine is %d, must be %d (256 MiB) or less", opts.MaxLine, maxMaxLine))
	case opts.MaxLine == 0:
		opts.MaxLine = 1 << 20
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return opts, errors.Join(errs...)
}

// Stats is what a Reader has done so far.
type Stats struct {
	Files  int   // begun
	Failed int   // could not be opened, or not be read to the end
	Read   int64 // bytes read from disk
	Total  int64 // bytes that there are to read, where that is known
	Bytes  int64 // bytes of lines, decompressed
	Lines  int64
	Cut    int64 // lines longer than MaxLine
	Cutoff int64 // bytes of them that were skipped
}

// Open finds the files, and opens the first when Next is called; those of a rotated set it opens at once. It fails if an
// option is out of range, and if a name or a pattern stands for nothing.
//
// A directory stands for the log files in it, and with "/..." behind for those below it as well. The files of a rotated set come
// oldest first, in place of the first one that was named, and a file that has two names is read once.
func Open(names []string, o *Options) (*Reader, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	sources, err := find(names, &opts)
	if err != nil {
		for _, s := range sources {
			s.close()
		}
		return nil, err
	}
	return newReader(sources, opts), nil
}
