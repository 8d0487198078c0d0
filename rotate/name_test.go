package rotate_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/rotate"
)

func TestParseBackup(t *testing.T) {
	tests := []struct {
		live, name string
		plain      string // empty if name is not a backup of live
	}{
		{"app.log", "app-20261121T233046.123456Z.log", "app-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z.log.gz", "app-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z-7.log", "app-20261121T233046.123456Z-7.log"},
		{"app.log", "app-2026-11-21T23-30-46.123.log", "app-2026-11-21T23-30-46.123.log"},
		{"app.log", "app-2026-11-21T23-30-46.123.log.gz", "app-2026-11-21T23-30-46.123.log"},
		{"app", "app-20261121T233046.123456Z", "app-20261121T233046.123456Z"},
		{".app", ".app-20261121T233046.123456Z", ".app-20261121T233046.123456Z"},
		{"app.x.log", "app.x-20261121T233046.123456Z.log", "app.x-20261121T233046.123456Z.log"},
		{"app.log", "app-20261121T233046.123456Z.log.gz.gz", ""},
		{"app.log", "app-20261121T233046.123456Z+7.log", ""},
		{"app.log", "app-20261121T233046.123456Z-+7.log", ""},
		{"app.log", "app-20261121T233046.123456Z-99999999999999999999.log", ""},
		{"app.log", "app-20261121T233046.123456.log", ""},
		{"app.log", "app-20261121T233046,123456Z.log", ""},
		{"app.log", "app-20261121T233046.1234560Z.log", ""},
		{"app.log", "app-20261131T233046.123456Z.log", ""},
		{"app.log", "app-2026-11-21T23-30-46,123.log", ""},
		{"app.log", "app-2026-11-21T23-30-46.123-size.log", "app-2026-11-21T23-30-46.123-size.log"},
		{"app.log", "app.log", ""},
		{"app.log", "app-.log", ""},
		{"app.log", "", ""},
		{"app", "app-20261121T233046.123456Z.log", ""},
		{"app.log", "App-20261121T233046.123456Z.log", ""},
	}
	for _, tt := range tests {
		plain, ok := rotate.ParseBackup(tt.live, tt.name)
		if plain != tt.plain || ok != (tt.plain != "") {
			t.Errorf("parse(%q, %q) = %q, %v, want %q", tt.live, tt.name, plain, ok, tt.plain)
		}
	}
}

// A name is a backup exactly if it could have been made: writing down again
// what was understood must give the same name.
func FuzzParseBackup(f *testing.F) {
	f.Add("app.log", "app-20261121T233046.123456Z-7.log.gz")
	f.Add("app.log", "app-2026-11-21T23-30-46.123.log")
	f.Add("app", "app-20261121T233046.123456Z")
	f.Add("a-b.c", "a-b-00000101T000000.000000Z.c")
	f.Add("app.log", ".app.log.123.tmp")
	f.Fuzz(func(t *testing.T, live, name string) {
		plain, ok := rotate.ParseBackup(live, name)
		if ok {
			again, legacy := rotate.RebuildBackup(live, name)
			if again != plain && legacy != plain {
				t.Errorf("%q is a backup of %q, but that makes %q or %q", name, live, again, legacy)
			}
			if name != plain && name != plain+".gz" {
				t.Errorf("%q has the plain form %q", name, plain)
			}
			if name == live {
				t.Errorf("%q is a backup of itself", name)
			}
		}
		if rotate.IsTemp(live, name) {
			if ok {
				t.Errorf("%q is both a backup and a temporary file of %q", name, live)
			}
			if !strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ".tmp") {
				t.Errorf("%q is a temporary file of %q", name, live)
			}
		}
	})
}
