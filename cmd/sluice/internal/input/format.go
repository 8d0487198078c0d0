package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// rawSize is what is read of a compressed file at once.
	rawSize = 128 << 10
	// maxWindow is how far back a zstd frame may refer: as far as every reader should have memory for
	// (RFC 8878, section 3.1.1.1.2).
	maxWindow = 8 << 20
	// magicSize is how much of a file tells its format.
	magicSize = 6
	// skippable is what a zstd frame to be skipped has behind its first byte.
	skippable = "\x2a\x4d\x18"
)

// format is what the first bytes of a file say that it is.
type format int

const (
	plain  format = iota
	marked        // plain, with a byte order mark in front
	gzipped
	zstandard
	bzipped
	xzipped
	wide // UTF-16
)

// magics returns how files of the formats begin.
func magics() []struct {
	format format
	begin  string
} {
	return []struct {
		format format
		begin  string
	}{
		{gzipped, "\x1f\x8b\x08"},
		{zstandard, "\x28\xb5\x2f\xfd"},
		{bzipped, "BZh"},
		{xzipped, "\xfd7zXZ\x00"},
		{marked, "\xef\xbb\xbf"},
		{wide, "\xff\xfe"},
		{wide, "\xfe\xff"},
	}
}

// sniff tells the format of what begins with head.
func sniff(head []byte) format {
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == skippable {
		return zstandard
	}
	for _, m := range magics() {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return m.format
		}
	}
	return plain
}

// formatOf tells the format of a file.
func formatOf(f io.ReaderAt) format {
	head := make([]byte, magicSize)
	n, _ := f.ReadAt(head, 0) // reading it will say what is wrong
	return sniff(head[:n])
}

// followed reports whether lines can be added to a file of that format.
func (f format) followed() bool { return f == plain || f == marked }

// undecided reports whether more bytes behind head could tell another format.
func undecided(head []byte) bool {
	if len(head) > 0 && len(head) < 4 && head[0]&0xf0 == 0x50 && strings.HasPrefix(skippable, string(head[1:])) {
		return true
	}
	for _, m := range magics() {
		if len(head) < len(m.begin) && strings.HasPrefix(m.begin, string(head)) {
			return true
		}
	}
	return false
}

// unreadable says what to do about a format that is not read, nil for the others.
func (f format) unreadable() error {
	switch f {
	case bzipped:
		return errors.New("is compressed with bzip2, which is not read: pipe it through bzcat")
	case xzipped:
		return errors.New("is compressed with xz, which is not read: pipe it through xzcat")
	case wide:
		return errors.New("is UTF-16, which is not read: pipe it through iconv -f UTF-16 -t UTF-8")
	case plain, marked, gzipped, zstandard:
	}
	return nil
}

// compressed reports whether f is decompressed here.
func (f format) compressed() bool { return f == gzipped || f == zstandard }

// decoder decompresses one file after the other, in the goroutine of its caller.
type decoder struct {
	raw  *bufio.Reader
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

// reset returns a reader of what is compressed in from, until the next call.
func (d *decoder) reset(f format, from io.Reader) (_ io.Reader, err error) {
	if d.raw == nil {
		d.raw = bufio.NewReaderSize(nil, rawSize)
	}
	d.raw.Reset(from)
	switch f {
	case gzipped:
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		return d.gzip, d.gzip.Reset(d.raw)
	case zstandard:
		if d.zstd == nil {
			d.zstd, err = zstd.NewReader(nil,
				zstd.WithDecoderConcurrency(1),
				zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(maxWindow),
				zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
		}
		return d.zstd, d.zstd.Reset(d.raw)
	case plain, marked, bzipped, xzipped, wide:
	}
	return d.raw, nil
}

func (d *decoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}

// explain says what an error of a decoder means, where that is not what it says.
func explain(f format, err error) error {
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("the zstd frame asks for more memory than %d MiB: pipe it through zstd -dc --long=31", maxWindow>>20)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return errors.New("the zstd frame asks for a dictionary: pipe it through zstd -dc -D DICTIONARY")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the compressed file is torn: it ends too early")
	case f == gzipped && (errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)), f.compressed():
		return fmt.Errorf("the compressed file is corrupt: %w", err)
	}
	return err
}
