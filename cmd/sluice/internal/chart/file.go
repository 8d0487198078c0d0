package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// CheckFile returns what is wrong with a file as the one that a picture is written to: it has to be a picture, or empty, or
// not there yet. So no log and no device is replaced because its name stood where that of the picture should.
func CheckFile(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		_, err = os.Stat(filepath.Dir(name))
		return err
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // what is only read
	begin, err := io.ReadAll(io.LimitReader(f, 4))
	if err == nil && len(begin) > 0 && !bytes.Equal(begin, []byte("<svg")) {
		err = fmt.Errorf("%q is there, and no picture of sluice: remove it, or name another file", name)
	}
	return err
}

// WriteFile writes the picture to a file, which then has all of it or, after an error, what it had before. The error is that of
// CheckFile if it may not be replaced.
func (p *Picture) WriteFile(name string) error {
	if err := CheckFile(name); err != nil {
		return err
	}
	f, err := cli.CreateFile(name, 0o644)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := p.WriteTo(f); err != nil {
		return err
	}
	return f.Publish()
}
