package rotate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Compression is what a backup is compressed with.
type Compression int

const (
	// None leaves a file as it is.
	None Compression = iota
	// Gzip is for tools of every age (RFC 1952). The name gets the ending .gz.
	Gzip
	// Zstd is smaller and as fast (RFC 8878). The name gets the ending .zst.
	Zstd
)

// codecs are the values of Compression that change a file.
//
//nolint:gochecknoglobals // never written
var codecs = []Compression{Gzip, Zstd}

// String returns "none", "gzip" or "zstd".
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("Compression(%d)", int(c))
}

// check fails unless c is one of the constants.
func (c Compression) check() error {
	switch c {
	case None, Gzip, Zstd:
		return nil
	}
	return fmt.Errorf("the Compress is %v, must be None, Gzip or Zstd", c)
}

// MarshalText returns what String does. It fails if c is none of the constants.
func (c Compression) MarshalText() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("rotate: %w", err)
	}
	return []byte(c.String()), nil
}

// UnmarshalText sets c from a name that [Compression.String] returns. Case does
// not matter. It leaves c alone when the name is unknown.
func (c *Compression) UnmarshalText(text []byte) error {
	for _, known := range []Compression{None, Gzip, Zstd} {
		if strings.EqualFold(string(text), known.String()) {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("rotate: unknown compression %q: want %q, %q or %q", text, None, Gzip, Zstd)
}

// ext is what the name of a compressed file ends in.
func (c Compression) ext() string {
	switch c {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	case None:
	}
	return ""
}

// compressionOf tells by the end of name what a file is compressed with.
func compressionOf(name string) Compression {
	for _, c := range codecs {
		if strings.HasSuffix(name, c.ext()) {
			return c
		}
	}
	return None
}

// levels returns the highest level of c. The lowest is 1, and 0 stands for it.
func (c Compression) levels() int {
	switch c {
	case Gzip:
		return gzip.BestCompression
	case Zstd:
		return 22
	case None:
	}
	return 0
}

// checkLevel fails unless c is one of the constants and has the level.
func (c Compression) checkLevel(level int) error {
	if err := c.check(); err != nil {
		return err
	}
	highest := c.levels()
	switch {
	case level >= 0 && level <= highest:
		return nil
	case highest == 0:
		return fmt.Errorf("CompressLevel is %d, must be 0 as Compress is %v", level, c)
	}
	return fmt.Errorf("CompressLevel is %d, must be 0 (fastest) to %d as Compress is %v", level, highest, c)
}

const (
	// zstdWindow is how far back a repetition is found. Lines of a log resemble
	// those just before them: a larger window takes a multiple of the memory
	// and makes no smaller files.
	zstdWindow = 1 << 20
	// zstdMaxWindow is the window that every reader should have memory for
	// (RFC 8878, section 3.1.1.1.2).
	zstdMaxWindow = 8 << 20

	// ioBuffer is the size of what is read and written at once. The codecs by
	// themselves would go to the file for a few hundred bytes.
	ioBuffer = 64 << 10
)

// newWriter returns a writer that compresses to w, on the caller's goroutine
// and no other. Its Close completes what is in w, and does not close w.
func (c Compression) newWriter(w io.Writer, level int) (io.WriteCloser, error) {
	if err := c.checkLevel(level); err != nil {
		return nil, err
	}
	level = max(level, 1)
	switch c {
	case Gzip:
		return gzip.NewWriterLevel(w, level)
	case Zstd:
		return zstd.NewWriter(w,
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithWindowSize(zstdWindow),
			zstd.WithLowerEncoderMem(true))
	case None:
	}
	return nopCloser{w}, nil
}

// nopCloser is a writer with nothing to complete.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// newReader returns a reader of what is compressed in r. It reads on the
// caller's goroutine and no other, and does not close r.
func (c Compression) newReader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(bufio.NewReaderSize(r, ioBuffer))
	case Zstd:
		unzip, err := zstd.NewReader(r,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(zstdMaxWindow),
			zstd.WithDecoderMaxWindow(zstdMaxWindow),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return unzip.IOReadCloser(), nil
	case None:
		return io.NopCloser(r), nil
	}
	return nil, c.check()
}

// isBeyond reports whether a reader gave up on a file that may be intact,
// because it takes more memory than a log may, or a dictionary.
func isBeyond(err error) bool {
	return errors.Is(err, zstd.ErrWindowSizeExceeded) ||
		errors.Is(err, zstd.ErrDecoderSizeExceeded) ||
		errors.Is(err, zstd.ErrUnknownDictionary)
}
