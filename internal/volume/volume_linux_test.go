package volume_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/internal/volume"
)

func TestOfATinyDisk(t *testing.T) {
	v, err := volume.Of(testlog.TinyDisk(t, "size=64k,nr_inodes=8"))
	if err != nil || v.Type != "tmpfs" || v.Size != 64<<10 || v.Free != 64<<10 || v.FreeFiles < 1 || v.FreeFiles > 8 {
		t.Errorf("got %+v, %v", v, err)
	}
	other, err := volume.Of(testlog.TinyDisk(t, "size=64k,ro"))
	if err != nil || !other.ReadOnly || other.ID == v.ID {
		t.Errorf("got %+v, %v; want one apart from %+v", other, err, v)
	}
}
