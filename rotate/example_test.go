package rotate_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/rotate"
)

func Example() {
	dir, err := os.MkdirTemp("", "rotate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

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

func ExampleNewHandler() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("rotate-example-%d.log", os.Getpid()))
	defer os.Remove(path)

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

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// A program that does not rotate itself, because logrotate does, opens its file
// again when it is told to.
func ExampleFile_Reopen() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("rotate-example-%d.log", os.Getpid()))
	defer os.Remove(path)
	defer os.Remove(path + ".1")

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
