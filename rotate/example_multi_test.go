//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package rotate_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/rotate"
)

// Several processes write to one file, and one of them rotates it. All of them
// open it like this. The buffer before the file saves a lock for each line.
func ExampleOptions_multiProcess() {
	dir, remove := scratch()
	defer remove()
	path := filepath.Join(dir, "app.log")

	f, err := rotate.Open(path, &rotate.Options{MultiProcess: true, MaxSize: 100 * rotate.MiB, MaxBackups: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := asyncbuf.NewWriter(f, nil)
	fmt.Fprintf(w, "a line of process %d\n", os.Getpid())
	if err := w.Close(); err != nil { // writes what is in the buffer
		fmt.Println(err)
	}
	if err := f.Close(); err != nil {
		fmt.Println(err)
	}

	content, _ := os.ReadFile(path)
	fmt.Println(string(content) == fmt.Sprintf("a line of process %d\n", os.Getpid()))
	// Output:
	// true
}
