package rotate_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/rotate"
)

func Example() {
	dir, remove := scratch()
	defer remove()

	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{MaxSize: 100, MaxBackups: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 10 {
		fmt.Fprintf(f, "line %d of a log that is rotated at 100 bytes\n", i)
	}
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}

	backups, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
	live, _ := os.ReadFile(filepath.Join(dir, "app.log"))
	fmt.Println(len(backups), "backups, and the live file:")
	fmt.Print(string(live))
	// Output:
	// 2 backups, and the live file:
	// line 8 of a log that is rotated at 100 bytes
	// line 9 of a log that is rotated at 100 bytes
}

// An existing user of lumberjack changes one line. The backups that lumberjack
// has left count for MaxBackups.
func ExampleWrap() {
	dir, remove := scratch()
	defer remove()
	for _, day := range []string{"01", "02", "03"} {
		old := filepath.Join(dir, "app-2026-11-"+day+"T00-00-00.000.log")
		_ = os.WriteFile(old, []byte("what lumberjack has left\n"), 0o600)
	}
	logger := &lumberjack.Logger{Filename: filepath.Join(dir, "app.log"), MaxSize: 100, MaxBackups: 2}

	f, err := rotate.Wrap(logger, nil) // from here on f takes the place of logger
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(f, "the first line of rotate's")
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}

	files, _ := os.ReadDir(dir)
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), ".") {
			fmt.Println(file.Name())
		}
	}
	// Output:
	// app-2026-11-02T00-00-00.000.log
	// app-2026-11-03T00-00-00.000.log
	// app.log
}

// A file is rotated once a day even if the program is started anew every hour:
// its period began with the last write to it.
func ExampleOptions_schedule() {
	dir, remove := scratch()
	defer remove()
	path := filepath.Join(dir, "app.log")
	_ = os.WriteFile(path, []byte("written two days ago\n"), 0o600)
	old := time.Now().Add(-48 * time.Hour)
	_ = os.Chtimes(path, old, old)

	f, err := rotate.Open(path, &rotate.Options{
		Schedule: "daily", // or "monday at 04:00", "every 15m", "0 3 * * 1-5"
		Location: time.UTC,
		OnRotate: func(e rotate.Event) { fmt.Println(e.Reason, "rotation of", e.Size, "bytes") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// scheduled rotation of 21 bytes
}

// The hooks are told when a file is complete: the place to count, or to copy a
// backup elsewhere.
func ExampleOptions_hooks() {
	dir, remove := scratch()
	defer remove()
	archived := make(chan struct{})

	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{
		Compress: rotate.Gzip,
		OnRotate: func(e rotate.Event) { fmt.Println("rotated", e.Size, "bytes:", e.Reason) },
		OnArchive: func(b rotate.Backup) {
			fmt.Println("compressed by", b.Compression, "to", filepath.Ext(b.Path))
			close(archived)
		},
		OnError: func(err error) { fmt.Println(err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range []string{"one", "three"} { // the newest backup stays plain
		fmt.Fprintln(f, line)
		if err := f.Rotate(); err != nil {
			fmt.Println(err)
		}
	}
	<-archived
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// rotated 4 bytes: requested
	// rotated 6 bytes: requested
	// compressed by gzip to .gz
}

// A backup that nobody has copied yet is not removed, whatever the limits say.
func ExampleOptions_keep() {
	dir, remove := scratch()
	defer remove()
	copied := func(path string) bool { // ask whoever copies them
		content, _ := os.ReadFile(path)
		return string(content) != "two\n"
	}

	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{
		MaxBackups: 1,
		Keep:       func(b rotate.Backup) bool { return !copied(b.Path) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range []string{"one", "two", "three", "four"} {
		fmt.Fprintln(f, line)
		if err := f.Rotate(); err != nil {
			fmt.Println(err)
		}
	}
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}

	backups, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
	for _, path := range backups {
		content, _ := os.ReadFile(path)
		fmt.Print(string(content))
	}
	// Output:
	// two
	// four
}

// Backups as zstd files, which any zstd reads. A backup stays plain for
// CompressDelay, so that a program which follows the log can finish it.
func ExampleOptions_zstd() {
	dir, remove := scratch()
	defer remove()
	archived := make(chan string, 1)

	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{
		Compress:      rotate.Zstd,
		CompressDelay: time.Millisecond, // minutes, in a program that somebody follows
		OnArchive:     func(b rotate.Backup) { archived <- b.Path },
		OnError:       func(err error) { fmt.Println(err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, "a line of a backup")
	if err := f.Rotate(); err != nil {
		fmt.Println(err)
	}

	file, err := os.Open(<-archived)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	fmt.Println(strings.TrimPrefix(filepath.Ext(file.Name()), "."))
	r, err := zstd.NewReader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	_, _ = io.Copy(os.Stdout, r)
	// Output:
	// zst
	// a line of a backup
}

// A header that no other file begins with. Filebeat takes files that begin with
// the same 1024 bytes for one file.
func ExampleOptions_header() {
	dir, remove := scratch()
	defer remove()
	path := filepath.Join(dir, "app.log")

	f, err := rotate.Open(path, &rotate.Options{
		Header: func() []byte {
			return fmt.Appendf(nil, "{\"begun\":%q,\"pid\":%d,\"version\":\"1.2\"}\n",
				time.Now().UTC().Format(time.RFC3339Nano), os.Getpid())
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		fmt.Fprintln(f, "{}")
		if err := f.Rotate(); err != nil {
			fmt.Println(err)
		}
	}
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}

	backups, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
	first, _ := os.ReadFile(backups[0])
	second, _ := os.ReadFile(backups[1])
	fmt.Println(len(backups), "backups, the same header:", bytes.Equal(first, second))
	// Output:
	// 2 backups, the same header: false
}

// Each process has a file of its own, with its number in the name. The files of
// processes that have ended count as backups.
func ExampleOptions_perProcess() {
	dir, remove := scratch()
	defer remove()

	f, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true, MaxBackups: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, "a line")

	content, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("app.%d.log", os.Getpid())))
	fmt.Print(string(content))
	// Output:
	// a line
}

func ExampleNewHandler() {
	dir, remove := scratch()
	defer remove()
	path := filepath.Join(dir, "app.log")

	f, err := rotate.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()

	h := rotate.NewHandler(f, func(w io.Writer) slog.Handler {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	})
	slog.New(h).Info("started", "port", 8080)

	content, _ := os.ReadFile(path)
	fmt.Print(string(content))
	// Output:
	// {"level":"INFO","msg":"started","port":8080}
}

// A program that does not rotate itself, because logrotate does, opens its file
// again when it is told to.
func ExampleFile_Reopen() {
	dir, remove := scratch()
	defer remove()
	path := filepath.Join(dir, "app.log")

	f, err := rotate.Open(path, &rotate.Options{MaxSize: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()

	fmt.Fprintln(f, "before")
	_ = os.Rename(path, path+".1") // what logrotate does
	if err := f.Reopen(); err != nil {
		fmt.Println(err)
	}
	fmt.Fprintln(f, "after")

	for _, name := range []string{path + ".1", path} {
		content, _ := os.ReadFile(name)
		fmt.Print(string(content))
	}
	// Output:
	// before
	// after
}

// scratch makes a directory for an example.
func scratch() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "rotate")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
