package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

// A job that runs once a day removes what is older than a month, and leaves
// alone what a program still writes to, however quiet it is.
func ExampleClean() {
	dir, err := os.MkdirTemp("", "rotate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	f, err := rotate.Open(filepath.Join(dir, "quiet.log"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, name := range []string{"quiet.log", "batch.log", "batch.log.1"} {
		path := filepath.Join(dir, name)
		last := time.Now().AddDate(0, -2, 0)
		if err := errors.Join(os.WriteFile(path, []byte("a line\n"), 0o600), os.Chtimes(path, last, last)); err != nil {
			fmt.Println(err)
		}
	}

	report, err := rotate.Clean(context.Background(), dir, &rotate.CleanOptions{MaxAge: 30 * 24 * time.Hour})
	if err != nil {
		fmt.Println(err)
	}
	for _, b := range report.Removed {
		fmt.Println("removed:", filepath.Base(b.Path))
	}
	for _, b := range report.InUse {
		fmt.Println("in use:", filepath.Base(b.Path))
	}
	fmt.Println(report.Freed, "bytes are free again")
	// Output:
	// removed: batch.log
	// removed: batch.log.1
	// in use: quiet.log
	// 14 bytes are free again
}

// A job that runs once a week copies the logs to a place of their own. The live
// file is left out unless it is rotated first.
func ExampleArchive() {
	base, err := os.MkdirTemp("", "rotate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(base)
	logs, backup := filepath.Join(base, "logs"), filepath.Join(base, "backup")
	f, err := rotate.Open(filepath.Join(logs, "app.log"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, "of this week")
	if err := f.Rotate(); err != nil {
		fmt.Println(err)
	}
	fmt.Fprintln(f, "of the next week")

	for range 2 { // the second time there is nothing left to do
		report, err := rotate.Archive(context.Background(), logs, backup, &rotate.ArchiveOptions{Compress: rotate.Gzip})
		if err != nil {
			fmt.Println(err)
		}
		for _, a := range report.Files {
			fmt.Println(strings.HasSuffix(a.Path, ".log.gz"), a.Size, "bytes, existing:", a.Existing)
		}
		for _, path := range report.InUse {
			fmt.Println("in use:", filepath.Base(path))
		}
	}
	// Output:
	// true 13 bytes, existing: false
	// in use: app.log
	// true 13 bytes, existing: true
	// in use: app.log
}

func ExampleProbe() {
	dir, err := os.MkdirTemp("", "rotate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	fmt.Println(rotate.Probe(filepath.Join(dir, "not", "there", "yet")))
	if err := os.WriteFile(filepath.Join(dir, "app"), nil, 0o600); err != nil {
		fmt.Println(err)
	}
	err = rotate.Probe(filepath.Join(dir, "app"))
	fmt.Println(strings.ReplaceAll(err.Error(), dir, "/var/log"))
	// Output:
	// <nil>
	// rotate: probe /var/log/app: /var/log/app is a file, must be a directory: move it away, or log elsewhere: not a directory
}
