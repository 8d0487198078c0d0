package redact_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/redact"
)

func ExampleScan() {
	log := strings.NewReader(`{"level":"INFO","msg":"listening","port":8080}
{"level":"INFO","msg":"login","user":{"name":"bob","password":"hunter2"}}
`)
	for f, err := range redact.Scan(log) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("line %d: %s: %s\n", f.Line, f.Path, f.Excerpt)
	}
	// Output:
	// line 2: user.password: {"level":"INFO","msg":"login","user":{"name":"bob","password":"[REDACTED]"}}
}

// A check for continuous integration: no secret in any log of a directory, be it
// compressed or not.
func ExampleScan_directory() {
	dir, err := os.MkdirTemp("", "logs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	_ = os.WriteFile(filepath.Join(dir, "app.log"), []byte("started\nlogin token=hunter2 ok\n"), 0o600)
	_ = os.WriteFile(filepath.Join(dir, "errors.log"), []byte("out of memory\n"), 0o600)

	secrets := 0
	scan := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for f, err := range redact.Scan(file) {
			if err != nil {
				return err
			}
			secrets++
			fmt.Printf("%s:%d: %s\n", filepath.Base(f.File), f.Line, f.Excerpt)
		}
		return nil
	}
	if err := filepath.WalkDir(dir, scan); err != nil {
		fmt.Println(err)
	}
	fmt.Println("secrets:", secrets)
	// Output:
	// app.log:2: login token=[REDACTED] ok
	// secrets: 1
}
