package archive

import (
	"testing"

	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/rotate"
)

func TestWhatSpeaksAgainstFitting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	here, err := volume.Of(dir)
	if err != nil {
		t.Skip(err)
	}
	other := here.ID + 1
	r := report{Source: dir, Copied: 2, Bytes: 30 << 10, Files: []file{{Size: 10 << 10}, {Size: 20 << 10}, {Size: 99 << 10, Existing: true}}}
	for _, tt := range []struct {
		name    string
		volume  volume.Volume
		options options
		want    string
	}{
		{"enough", volume.Volume{ID: other, Free: 30 << 10, FreeFiles: 2}, options{}, ""},
		{"unknown number of files", volume.Volume{ID: other, Free: 30 << 10, FreeFiles: -1}, options{}, ""},
		{"no room", volume.Volume{ID: other, Free: 29 << 10, FreeFiles: -1}, options{}, "29 KiB are free, and the copies take 30 KiB: not all will fit"},
		{
			"compressed",
			volume.Volume{ID: other, Free: 29 << 10, FreeFiles: -1},
			options{compress: rotate.Gzip},
			"29 KiB are free, and there are 30 KiB to compress: it may not fit",
		},
		{"moved within one disk", volume.Volume{ID: here.ID, Free: 20 << 10, FreeFiles: -1}, options{removeSource: true}, ""},
		{
			"moved within one disk that is full",
			volume.Volume{ID: here.ID, Free: 19 << 10, FreeFiles: -1},
			options{removeSource: true},
			"19 KiB are free, and the copies take 20 KiB: not all will fit",
		},
		{"too many files", volume.Volume{ID: other, Free: 1 << 20, FreeFiles: 1}, options{}, "there is room for 1 more files, and there are 2 to copy"},
		{"read-only", volume.Volume{ID: other, ReadOnly: true}, options{}, "the file system is read-only"},
	} {
		if got := r.tight(tt.volume, &tt.options); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
