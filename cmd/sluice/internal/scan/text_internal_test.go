package scan

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file is read as far as it went when it was opened.
func TestGrowingFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, closeFile, err := source{name: path}.open(t.Context(), nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile()
	grown, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer grown.Close()
	if _, err := grown.WriteString("two\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(in); err != nil || string(got) != "one\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
