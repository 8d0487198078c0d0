package rotate

import (
	"context"
	"io"
)

// CompressFile is compressFile.
func CompressFile(ctx context.Context, src, dst string, c Compression, level int) error {
	return compressFile(ctx, src, dst, c, level)
}

// Results of CompareCompressed and Compare.
const (
	Equal      = equal
	Unfinished = unfinished
	Different  = different
)

// Comparison is comparison.
type Comparison = comparison

// CompareCompressed is compareCompressed.
func CompareCompressed(ctx context.Context, plain, compressed string) (Comparison, error) {
	return compareCompressed(ctx, plain, compressed)
}

// Compare is compare.
func Compare(ctx context.Context, plain, compressed io.Reader, c Compression) (Comparison, error) {
	return compare(ctx, plain, compressed, c)
}

// NewCompressor is Compression.newWriter.
func NewCompressor(c Compression, w io.Writer, level int) (io.WriteCloser, error) {
	return c.newWriter(w, level)
}

// NewDecompressor is Compression.newReader.
func NewDecompressor(c Compression, r io.Reader) (io.ReadCloser, error) { return c.newReader(r) }

// CheckLevel is Compression.checkLevel.
func CheckLevel(c Compression, level int) error { return c.checkLevel(level) }

// Ext is Compression.ext.
func Ext(c Compression) string { return c.ext() }

// CompressionOf is compressionOf.
func CompressionOf(name string) Compression { return compressionOf(name) }
