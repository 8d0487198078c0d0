package redact

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxUnzstd is the most memory for the window of a zstd archive: what the zstd
// command takes too, if not told otherwise.
const maxUnzstd = 128 << 20

// unpack returns the text in r, which may be compressed; its first bytes tell. As
// many bytes as size are read at once. Release gives up what that takes.
func unpack(r io.Reader, size int) (text io.Reader, release func(), err error) {
	release = func() {}
	buf := bufio.NewReaderSize(r, size)
	switch begin, _ := buf.Peek(4); { // an error will be back when that is read
	case bytes.HasPrefix(begin, []byte{0x1f, 0x8b, 8}): // RFC 1952, section 2.3.1
		unzip, err := gzip.NewReader(buf)
		if err != nil {
			return nil, release, err
		}
		return unzip, func() { _ = unzip.Close() }, nil
	case isZstd(begin):
		unzip, err := zstd.NewReader(buf,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(maxUnzstd),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, release, err
		}
		return unzip, unzip.Close, nil
	}
	return buf, release, nil
}

// isZstd reports whether begin is what a frame of zstd begins with, or one to skip
// (RFC 8878, sections 3.1.1 and 3.1.2).
func isZstd(begin []byte) bool {
	return bytes.HasPrefix(begin, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(begin) == 4 && begin[0]&0xf0 == 0x50 && bytes.Equal(begin[1:], []byte{0x2a, 0x4d, 0x18})
}
