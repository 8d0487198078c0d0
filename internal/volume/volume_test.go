package volume_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/internal/volume"
)

func TestOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := volume.Of(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || v.Free <= 0 || v.Size < v.Free || v.FreeFiles < -1 || v.ReadOnly {
		t.Errorf("got %+v, %v", v, err)
	}
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if w, err := volume.Of(below); err != nil || w.ID != v.ID {
		t.Errorf("got %+v, %v; want that of %+v", w, err, v)
	}
	if _, err := volume.Of(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
