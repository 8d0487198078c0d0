package scan

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	readSize  = 64 << 10
	maxUnzstd = 128 << 20 // for the window of an archive: what the zstd command takes too
)

// format is what the first bytes of a text tell.
type format struct {
	begin      string
	unpack     func(io.Reader) (io.Reader, func(), error)
	unreadable string // why
}

func formatOf(r *bufio.Reader) format {
	head, _ := r.Peek(6)                                                               // an error will be back when that is read
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" { // a frame to skip: RFC 8878, section 3.1.2
		return format{unpack: unzstd}
	}
	for _, f := range []format{
		{begin: "\x1f\x8b\x08", unpack: unzip},
		{begin: "\x28\xb5\x2f\xfd", unpack: unzstd},
		{begin: "BZh", unreadable: "is compressed with bzip2, which is not read: pipe it through bzcat"},
		{begin: "\xfd7zXZ\x00", unreadable: "is compressed with xz, which is not read: pipe it through xzcat"},
		{begin: "PK\x03\x04", unreadable: "is a zip archive, which is not read: pipe it through unzip -p"},
		{begin: "\xff\xfe", unreadable: "is UTF-16, which is not read: pipe it through iconv -f UTF-16 -t UTF-8"},
		{begin: "\xfe\xff", unreadable: "is UTF-16, which is not read: pipe it through iconv -f UTF-16 -t UTF-8"},
	} {
		if strings.HasPrefix(string(head), f.begin) {
			return f
		}
	}
	return format{}
}

// unpacked returns the text in r, which may be compressed. What it is in and cannot be looked into is an error, and no text without
// secrets.
func unpacked(r io.Reader) (io.Reader, func(), error) {
	in, release := bufio.NewReaderSize(r, readSize), func() {}
	f := formatOf(in)
	if f.unpack != nil {
		text, closeText, err := f.unpack(in)
		if err != nil {
			return nil, nil, err
		}
		in, release = bufio.NewReaderSize(text, readSize), closeText
		if f = formatOf(in); f.unpack != nil {
			f.unreadable = "is compressed twice, which is not read: unpack it once"
		}
	}
	if f.unreadable != "" {
		release()
		return nil, nil, errors.New(f.unreadable)
	}
	return in, release, nil
}

func unzip(r io.Reader) (io.Reader, func(), error) {
	in, err := gzip.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	return in, func() { _ = in.Close() }, nil
}

func unzstd(r io.Reader) (io.Reader, func(), error) {
	in, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxUnzstd), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	return in, in.Close, nil
}
