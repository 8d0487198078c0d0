package clean

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// The backups of a log match, whatever its name, and neither the log nor another one does.
func FuzzBackupsOf(f *testing.F) {
	for _, name := range []string{"app.log", "app", "a*b?.log", "[x]", `back\slash.log`, "-", "a-b.log.txt", "ü\xff.log"} {
		f.Add(name, false)
		f.Add(name, true)
	}
	f.Fuzz(func(t *testing.T, name string, perProcess bool) {
		if name == "" || strings.ContainsAny(name, "/\x00") || strings.HasPrefix(name, ".") {
			return
		}
		ext := filepath.Ext(name)
		base := strings.TrimSuffix(name, ext)
		process := ""
		if perProcess {
			process = ".1234"
		}
		pattern, exact := backupsOf(name, perProcess)
		for _, tt := range []struct {
			name string
			want bool
		}{
			{base + process + "-20261121T233046.123456Z" + ext, true},
			{base + process + "-20261121T233046.123456+0100-12" + ext + ".gz", true},
			{base + process + "-20261121T233046.123456-0930" + ext + ".zst", true},
			{base + process + "-audit-20261121T233046.123456Z" + ext, false},
			{base + process + "-20261121T233046.123456Z.x" + ext, false},
			{base + process + "-20261121T233046.123456Z" + ext + ".old", false},
			{base + process + "-20261121" + ext, false},
			{base + process + ext, false},
			{"x" + base + process + "-20261121T233046.123456Z" + ext, false},
		} {
			counts, err := path.Match(pattern, tt.name)
			if got := exact(tt.name); err != nil || got != tt.want || got && !counts {
				t.Errorf("%q: is one: %v, matches %q: %v, %v; want %v", tt.name, got, pattern, counts, err, tt.want)
			}
		}
	})
}
