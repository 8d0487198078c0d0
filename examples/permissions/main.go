// Permissions is "Directory Permissions" and "Log File Permissions" of the
// production guide, without a shell: the place of the logs is looked at before the
// start, directories and files are made with the modes they should have, whatever
// the umask says, and backups have them too. A directory in which everybody could
// replace the files is reported.
//
//	go run ./examples/permissions
//
// -dir keeps the logs there; -owner gives them to somebody, as in -owner root:adm,
// which takes root.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	owner := flag.String("owner", "", "`user:group` of the files (default this user)")
	flag.Parse()
	if err := run(*dir, *owner); err != nil {
		fmt.Fprintln(os.Stderr, "permissions:", err)
		os.Exit(1)
	}
}

func run(dir, owner string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "permissions-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := secured(filepath.Join(dir, "log", "app"), owner); err != nil {
		return err
	}
	return unsafe(filepath.Join(dir, "everybodys"))
}

// secured logs to a directory that only its owner may enter, and to files that the
// group may read.
func secured(dir, owner string) error {
	if err := rotate.Probe(dir); err != nil { // says what to run
		return err
	}
	compressed := make(chan rotate.Backup, 1)
	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{
		DirMode:   0o700, // 0o755 lets others look
		FileMode:  0o640,
		Owner:     owner,
		Compress:  rotate.Gzip,
		OnArchive: func(b rotate.Backup) { compressed <- b },
	})
	if err != nil {
		return err
	}
	logger := slog.New(handler.NewJSONHandler(f, nil))
	logger.Info("one backup")
	err = f.Rotate()
	logger.Info("and another one, at which the first is compressed")
	err = errors.Join(err, f.Rotate())
	logger.Info("the live file")
	if err != nil {
		return errors.Join(err, f.Close())
	}
	<-compressed
	if err := f.Close(); err != nil {
		return err
	}
	return show(dir)
}

// show prints the modes of a directory of logs, and of what is in it.
func show(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Println(info.Mode(), path)
		want := fs.FileMode(0o640)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			return fmt.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
}

// unsafe looks at a directory whose files every user may rename and remove.
func unsafe(dir string) error {
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o777)); err != nil { //nolint:gosec // the mistake to find
		return err
	}
	err := rotate.Probe(dir)
	if !errors.Is(err, rotate.ErrWorldWritable) {
		return fmt.Errorf("a directory that everybody may write to is fine: %w", err)
	}
	fmt.Println(err)
	return nil
}
