package rotate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// compressFile makes dst, the compressed form of src, with src's mode, owner
// and time. There is no dst until it is complete and durable, and one that
// exists is not replaced. If ctx ends meanwhile, nothing is left of it. What
// else has src open must be done with it: src is for the caller to remove.
func compressFile(ctx context.Context, src, dst string, c Compression, level int) (err error) {
	in, before, err := openSource(src)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read from
	tmp, err := os.CreateTemp(filepath.Dir(dst), tempPattern(filepath.Base(dst)))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignore(tmp.Close(), os.ErrClosed), ignore(os.Remove(tmp.Name()), fs.ErrNotExist))
		}
	}()
	read, err := encode(ctx, tmp, in, c, level)
	if err != nil {
		return err
	}
	uid, gid := ownerOf(before)
	if err := (permissions{mode: before.Mode().Perm(), uid: uid, gid: gid, copied: true}).apply(tmp); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(tmp.Name(), before.ModTime(), before.ModTime()); err != nil {
		return err
	}
	if err := unchanged(in, before, read); err != nil {
		return err
	}
	if err := publish(tmp.Name(), dst); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dst))
}

// encode copies r to w in the form c, and returns how much it has read.
func encode(ctx context.Context, w io.Writer, r io.Reader, c Compression, level int) (read int64, err error) {
	buf := bufio.NewWriterSize(w, ioBuffer)
	zip, err := c.newWriter(buf, level)
	if err != nil {
		return 0, err
	}
	read, err = io.Copy(zip, &source{ctx: ctx, r: r})
	if err != nil {
		return read, err
	}
	if err := zip.Close(); err != nil {
		return read, err
	}
	return read, buf.Flush()
}

// unchanged fails unless the file that in has open is still at its path, and
// holds nothing but the bytes read since it was as before says. Another process
// may have had it open, and may have written to it after it was rotated away.
func unchanged(in *os.File, before fs.FileInfo, read int64) error {
	after, err := os.Lstat(in.Name())
	if err != nil {
		return err
	}
	switch {
	case !os.SameFile(before, after):
		return &fs.PathError{Op: "compress", Path: in.Name(), Err: errors.New("replaced by another file meanwhile")}
	case after.Size() != read || !after.ModTime().Equal(before.ModTime()):
		return &fs.PathError{Op: "compress", Path: in.Name(), Err: fmt.Errorf(
			"somebody is still writing to it: %d bytes after %d were read", after.Size(), read)}
	}
	return nil
}

// publish gives the file at tmp the name dst, which nothing may have yet.
func publish(tmp, dst string) error {
	err := os.Link(tmp, dst)
	switch {
	case err == nil:
		return ignore(os.Remove(tmp), fs.ErrNotExist)
	case errors.Is(err, fs.ErrExist):
		return err
	case exists(dst): // there are no hard links, but renaming would replace it
		return &fs.PathError{Op: "rename", Path: dst, Err: fs.ErrExist}
	}
	return os.Rename(tmp, dst)
}

// comparison is what a compressed file is to the plain file it should be made
// from.
type comparison int

const (
	equal      comparison = iota // holds the same
	unfinished                   // damaged, and as far as it can be read the same
	different                    // holds something else, or only the beginning, or more
)

// compareCompressed reads both files to the end. The form of compressed is what
// the end of its name says. An error means that it is not known whether they
// hold the same.
func compareCompressed(ctx context.Context, plain, compressed string) (comparison, error) {
	want, _, err := openSource(plain)
	if err != nil {
		return different, err
	}
	defer want.Close() //nolint:errcheck // only read from
	got, info, err := openSource(compressed)
	if err != nil {
		return different, err
	}
	defer got.Close() //nolint:errcheck // only read from
	c := compressionOf(compressed)
	if c != None && info.Size() == 0 { // to some readers that is the end of no content
		return unfinished, nil
	}
	return compare(ctx, want, got, c)
}

// compare reads plain, and compressed in the form c, to the end.
func compare(ctx context.Context, plain, compressed io.Reader, c Compression) (comparison, error) {
	from := &source{ctx: ctx, r: compressed}
	// What keeps the content from being read is damage, unless it is the
	// file's or the context's error, or only a matter of resources.
	failed := func(err error) (comparison, error) {
		switch {
		case from.err != nil:
			return different, from.err
		case isBeyond(err):
			return different, err
		}
		return unfinished, nil
	}
	unzip, err := c.newReader(from)
	if err != nil {
		return failed(err)
	}
	defer unzip.Close() //nolint:errcheck // only read from
	got, beside := make([]byte, ioBuffer), make([]byte, ioBuffer)
	for {
		n, zipErr := unzip.Read(got)
		m, err := io.ReadFull(plain, beside[:n])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return different, err
		}
		switch {
		case !bytes.Equal(got[:n], beside[:m]):
			return different, nil
		case zipErr == nil:
			continue
		case zipErr != io.EOF:
			return failed(zipErr)
		}
		switch _, err := io.ReadFull(plain, beside[:1]); {
		case err == nil:
			return different, nil // good, but shorter
		case errors.Is(err, io.EOF):
			return equal, nil
		default:
			return different, err
		}
	}
}

// source is a reader that ends with the context and remembers why it failed,
// so that the failure is not taken for a fault of the content.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	if err := context.Cause(s.ctx); err != nil {
		s.err = err
		return 0, err
	}
	n, err = s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// openSource opens the regular file at path for reading. It follows no
// symbolic link.
func openSource(path string) (*os.File, fs.FileInfo, error) {
	named, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file but %s", kind(named.Mode()))}
	}
	file, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(named, info) {
		err = &fs.PathError{Op: "open", Path: path, Err: errReplaced}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// ignore returns err unless it is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
