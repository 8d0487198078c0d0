package rotate_test

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

func TestOptionsOutOfRange(t *testing.T) {
	header := func() []byte { return nil }
	tests := []struct {
		name string
		opts rotate.Options
		want []string // the field, its value and what is allowed
	}{
		{"backups", rotate.Options{MaxBackups: -1}, []string{"MaxBackups is -1, must be 0 (keep all) or more"}},
		{"fewest backups", rotate.Options{MaxBackups: math.MinInt32}, []string{"MaxBackups is -2147483648, must be 0"}},
		{"age", rotate.Options{MaxAge: -time.Hour}, []string{"MaxAge is -1h0m0s, must be 0 (keep for ever) or more"}},
		{"smallest age", rotate.Options{MaxAge: -1}, []string{"MaxAge is -1ns, must be 0"}},
		{"total size", rotate.Options{MaxTotalSize: -1}, []string{"MaxTotalSize is -1, must be 0 (no limit) or more"}},
		{
			"delay of compression",
			rotate.Options{CompressDelay: -time.Second},
			[]string{"CompressDelay is -1s, must be 0 (until the next rotation) or more"},
		},
		{"interval of syncs", rotate.Options{SyncInterval: -1}, []string{"SyncInterval is -1ns, must be 0 (never) or more"}},

		{"compression", rotate.Options{Compress: 3}, []string{"Compress is Compression(3), must be None, Gzip or Zstd"}},
		{"negative compression", rotate.Options{Compress: -1}, []string{"Compress is Compression(-1), must be"}},
		{
			"level of gzip",
			rotate.Options{Compress: rotate.Gzip, CompressLevel: 10},
			[]string{"CompressLevel is 10, must be 0 (fastest) to 9", "gzip"},
		},
		{
			"level of zstd",
			rotate.Options{Compress: rotate.Zstd, CompressLevel: 23},
			[]string{"CompressLevel is 23, must be 0 (fastest) to 22", "zstd"},
		},
		{
			"negative level",
			rotate.Options{Compress: rotate.Gzip, CompressLevel: -1},
			[]string{"CompressLevel is -1, must be 0 (fastest) to 9"},
		},
		{"level without compression", rotate.Options{CompressLevel: 1}, []string{"CompressLevel is 1, must be 0", "none"}},

		{"unreadable file", rotate.Options{FileMode: 0o200}, []string{"FileMode is 0200, must be 0 (default) or", "0600"}},
		{"read-only file", rotate.Options{FileMode: 0o444}, []string{"FileMode is 0444, must be"}},
		{"file mode with other bits", rotate.Options{FileMode: fs.ModeSetuid | 0o600}, []string{"FileMode is ", "permission bits"}},
		{"closed directory", rotate.Options{DirMode: 0o600}, []string{"DirMode is 0600, must be 0 (default) or", "0700"}},
		{"directory mode with other bits", rotate.Options{DirMode: fs.ModeDir | 0o700}, []string{"DirMode is ", "permission bits"}},

		{"owner of nothing", rotate.Options{Owner: ":"}, []string{`Owner is ":"`, "must be"}},
		{"owner without the group", rotate.Options{Owner: "root:"}, []string{`Owner is "root:"`, "must be"}},
		{"owner that is not there", rotate.Options{Owner: "no such user"}, []string{`Owner is "no such user"`}},
		{"group that is not there", rotate.Options{Owner: ":no such group"}, []string{`Owner is ":no such group"`}},
		{"owner with a bad group", rotate.Options{Owner: "0:no such group"}, []string{`Owner is "0:no such group"`}},
		{"three parts", rotate.Options{Owner: "0:0:0"}, []string{`Owner is "0:0:0"`}},
		{"negative owner", rotate.Options{Owner: "-1"}, []string{`Owner is "-1"`}},
		{"owner that stands for none", rotate.Options{Owner: "4294967295"}, []string{`Owner is "4294967295"`}},

		{"schedule in no form", rotate.Options{Schedule: "dayly"}, []string{`Schedule is "dayly": want `, `"daily"`}},
		{"schedule of spaces", rotate.Options{Schedule: " "}, []string{`Schedule is " ": want `}},
		{"schedule without end", rotate.Options{Schedule: "every 0s"}, []string{`Schedule is "every 0s": want `, "1m"}},
		{"schedule that never fires", rotate.Options{Schedule: "0 0 31 2 *"}, []string{`Schedule is "0 0 31 2 *": `}},
		{"schedule with an hour too many", rotate.Options{Schedule: "daily at 24:00"}, []string{`Schedule is "daily at 24:00": want `, "23:59"}},

		{
			"one file for all and one for each",
			rotate.Options{MultiProcess: true, PerProcess: true},
			[]string{"MultiProcess and PerProcess are set, must be one of them"},
		},
		{
			"header of several processes",
			rotate.Options{MultiProcess: true, Header: header},
			[]string{"MultiProcess and Header are set, must be one of them"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new")
			path := filepath.Join(dir, "app.log")
			_, err := rotate.Open(path, &tt.opts)
			if err == nil {
				t.Fatal("Open succeeded")
			}
			for _, want := range append(tt.want, "rotate: open "+path+": ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Open = %v, want an error with %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), " is ") > 3 {
				t.Errorf("Open = %q, want one line", err)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the directory was created")
			}
			f := mustOpen(t, path, nil) // nothing holds the path
			mustWrite(t, f, "line\n")
			mustClose(t, f)
			if got := names(t, dir); len(got) != 1 {
				t.Errorf("files %v, want the live one only", got)
			}
		})
	}
}

func TestOptionsAtTheirLimits(t *testing.T) {
	tests := []struct {
		name string
		opts *rotate.Options
	}{
		{"none", nil},
		{"zero", new(rotate.Options)},
		{"smallest", &rotate.Options{
			MaxSize: 1, MaxBackups: 1, MaxAge: 1, MaxTotalSize: 1, Compress: rotate.Gzip, CompressLevel: 1, CompressDelay: 1,
			FileMode: 0o600, DirMode: 0o700, SyncInterval: 1, Schedule: "every 1m",
		}},
		{"largest", &rotate.Options{
			MaxSize: math.MaxInt64, MaxBackups: math.MaxInt, MaxAge: math.MaxInt64, MaxTotalSize: math.MaxInt64,
			Compress: rotate.Zstd, CompressLevel: 22, CompressDelay: math.MaxInt64, FileMode: 0o777, DirMode: 0o777,
			SyncInterval: math.MaxInt64, SyncLevel: slog.Level(math.MaxInt), Schedule: "every 8784h",
		}},
		{"no limit", &rotate.Options{MaxSize: math.MinInt64, SyncLevel: slog.Level(math.MinInt)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			var log errorLog
			opts := new(rotate.Options)
			if tt.opts != nil {
				*opts = *tt.opts
				opts.OnError = log.add
				tt.opts = opts
			}
			f := mustOpen(t, path, tt.opts)
			for range 3 {
				mustWrite(t, f, "line\n")
				if _, err := f.WriteLevel(slog.LevelInfo, []byte("line\n")); err != nil {
					t.Error(err)
				}
				mustRotate(t, f)
			}
			mustClose(t, f)
			if errs := log.all(f); len(errs) > 0 {
				t.Errorf("OnError was told %v", errs)
			}
			checkStats(t, f, 6, 0)
			if tt.name == "largest" {
				if got := strings.Join(contents(t, path), "|"); got != strings.Repeat("line\nline\n|", 3) {
					t.Errorf("contents %q, want three backups", got)
				}
			}
		})
	}
}
