package rotate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// gzipFile makes dst, the gzip form of src, with src's mode, owner and time.
// There is no dst until it is complete and durable. If ctx ends meanwhile,
// nothing is left of it.
func gzipFile(ctx context.Context, src, dst string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read from
	before, err := in.Stat()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(dst), tempPattern(filepath.Base(dst)))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignore(tmp.Close(), os.ErrClosed), ignore(os.Remove(tmp.Name()), fs.ErrNotExist))
		}
	}()
	zip, err := gzip.NewWriterLevel(tmp, gzip.BestSpeed)
	if err != nil {
		return err
	}
	read, err := io.Copy(zip, contextReader{ctx, in})
	if err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	inheritOwner(tmp, before)
	if err := tmp.Chmod(before.Mode().Perm()); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	// Another process may have had the source open, and may have written to it
	// after it was rotated away.
	after, err := in.Stat()
	if err != nil {
		return err
	}
	if after.Size() != read || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("somebody is still writing to it: %d bytes after %d were read", after.Size(), read)
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(tmp.Name(), before.ModTime(), before.ModTime()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), dst); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dst))
}

// comparison is what a gzip file is to the plain file it should be made from.
type comparison int

const (
	equal      comparison = iota
	unfinished            // damaged, and as far as it can be read the same
	different
)

// compareGzip reads both files to the end.
func compareGzip(ctx context.Context, plain, gzipped string) (comparison, error) {
	want, err := os.Open(plain)
	if err != nil {
		return different, err
	}
	defer want.Close() //nolint:errcheck // only read from
	file, err := os.Open(gzipped)
	if err != nil {
		return different, err
	}
	defer file.Close() //nolint:errcheck // only read from
	unzip, err := gzip.NewReader(contextReader{ctx, file})
	if err != nil {
		return unfinished, readError(err)
	}
	got, beside := make([]byte, 64*KiB), make([]byte, 64*KiB)
	for {
		n, zipErr := io.ReadFull(unzip, got)
		m, err := io.ReadFull(want, beside[:n])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return different, err
		}
		if !bytes.Equal(got[:n], beside[:m]) {
			return different, nil
		}
		switch {
		case zipErr == nil:
			continue
		// ReadFull turns the io.EOF of a good end into io.ErrUnexpectedEOF when
		// it has read something, and so does gzip for a missing end: ask again.
		case errors.Is(zipErr, io.EOF), errors.Is(zipErr, io.ErrUnexpectedEOF):
			if _, zipErr = unzip.Read(got[:1]); !errors.Is(zipErr, io.EOF) {
				return unfinished, readError(zipErr)
			}
			if m, _ := want.Read(beside[:1]); m > 0 {
				return different, nil // good, but shorter
			}
			return equal, nil
		default:
			return unfinished, readError(zipErr)
		}
	}
}

// readError returns err if it says that a gzip file could not be read, and nil
// if it says that the file is damaged.
func readError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) || errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// contextReader is a reader that ends with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// ignore returns err unless it is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
