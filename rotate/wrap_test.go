package rotate_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/rotate"
)

// policyOf is what of the Options depends on a Logger.
type policyOf struct {
	MaxSize    int64
	MaxAge     time.Duration
	MaxBackups int
	LocalTime  bool
	Compress   rotate.Compression
	DirMode    os.FileMode
}

func TestWrapTakesThePolicyOfTheLogger(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		name   string
		logger lumberjack.Logger
		opts   *rotate.Options
		want   policyOf
	}{
		{
			name: "nothing is set",
			want: policyOf{MaxSize: 100 * rotate.MiB, DirMode: 0o755},
		}, {
			name:   "everything is set",
			logger: lumberjack.Logger{MaxSize: 7, MaxAge: 3, MaxBackups: 5, LocalTime: true, Compress: true},
			want:   policyOf{MaxSize: 7 * rotate.MiB, MaxAge: 3 * day, MaxBackups: 5, LocalTime: true, Compress: rotate.Gzip, DirMode: 0o755},
		}, {
			name:   "empty options change nothing",
			logger: lumberjack.Logger{MaxSize: 7, MaxAge: 3, MaxBackups: 5, LocalTime: true, Compress: true},
			opts:   new(rotate.Options),
			want:   policyOf{MaxSize: 7 * rotate.MiB, MaxAge: 3 * day, MaxBackups: 5, LocalTime: true, Compress: rotate.Gzip, DirMode: 0o755},
		}, {
			name:   "options count instead",
			logger: lumberjack.Logger{MaxSize: 7, MaxAge: 3, MaxBackups: 5, Compress: true},
			opts: &rotate.Options{
				MaxSize: 11, MaxAge: time.Hour, MaxBackups: 2, LocalTime: true, Compress: rotate.Zstd, DirMode: 0o700,
			},
			want: policyOf{MaxSize: 11, MaxAge: time.Hour, MaxBackups: 2, LocalTime: true, Compress: rotate.Zstd, DirMode: 0o700},
		}, {
			name:   "and so does a size of never",
			logger: lumberjack.Logger{MaxSize: 7},
			opts:   &rotate.Options{MaxSize: -1},
			want:   policyOf{MaxSize: -1, DirMode: 0o755},
		}, {
			name:   "options count one by one",
			logger: lumberjack.Logger{MaxSize: 7, MaxBackups: 5},
			opts:   &rotate.Options{MaxAge: time.Hour},
			want:   policyOf{MaxSize: 7 * rotate.MiB, MaxAge: time.Hour, MaxBackups: 5, DirMode: 0o755},
		}, {
			name:   "beyond all bounds",
			logger: lumberjack.Logger{MaxSize: math.MaxInt, MaxAge: math.MaxInt, MaxBackups: math.MaxInt},
			want: policyOf{
				MaxSize: min(math.MaxInt, math.MaxInt64>>20) << 20, MaxAge: 106_751 * day, // 292 years
				MaxBackups: math.MaxInt, DirMode: 0o755,
			},
		},
	}
	for i := range tests {
		tt := &tests[i] // a Logger is not to be copied
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.logger.Filename = filepath.Join(t.TempDir(), "logs", "app.log")
			path, o, err := rotate.Policy(&tt.logger, tt.opts)
			if err != nil || path != tt.logger.Filename {
				t.Fatalf("policy of %q = %q, %v", tt.logger.Filename, path, err)
			}
			got := policyOf{o.MaxSize, o.MaxAge, o.MaxBackups, o.LocalTime, o.Compress, o.DirMode}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("policy mismatch (-want +got):\n%s", diff)
			}
			f, err := rotate.Wrap(&tt.logger, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			mustWrite(t, f, "line\n")
			mustRotate(t, f)
			mustWrite(t, f, "line\n")
			mustClose(t, f)
			if s := f.Stats(); s.Errors != 0 || s.Rotations != 1 {
				t.Errorf("%d rotations and %d errors, want 1 and 0: %v", s.Rotations, s.Errors, s.LastError)
			}
		})
	}
}

func TestWrapRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "app.log")
	tests := []struct {
		name   string
		logger *lumberjack.Logger
		opts   *rotate.Options
		want   string
	}{
		{"no Logger", nil, nil, "rotate: wrap: the Logger is nil"},
		{"size", &lumberjack.Logger{Filename: path, MaxSize: -1}, nil, "the Logger's MaxSize is -1, must be 0 or more"},
		{"age", &lumberjack.Logger{Filename: path, MaxAge: -2}, nil, "the Logger's MaxAge is -2, must be 0 or more"},
		{"backups", &lumberjack.Logger{Filename: path, MaxBackups: -3}, nil, "the Logger's MaxBackups is -3, must be 0 or more"},
		{"option", &lumberjack.Logger{Filename: path}, &rotate.Options{MaxAge: -1}, "MaxAge is -1ns, must be 0"},
		{"name", &lumberjack.Logger{Filename: path + ".gz"}, nil, "cannot end in .gz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := rotate.Wrap(tt.logger, tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Wrap = %v, want an error with %q", err, tt.want)
			}
			if _, err := os.Stat(filepath.Dir(path)); err == nil {
				t.Error("the directory was created")
			}
		})
	}
}

func TestWrapWithoutANameTakesLumberjacks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // of whichever system
		t.Setenv(name, dir)
	}
	bare := new(lumberjack.Logger)
	mustWrite(t, bare, "one\n")
	mustClose(t, bare)
	f, err := rotate.Wrap(new(lumberjack.Logger), nil)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "two\n")
	mustClose(t, f)
	all := names(t, dir)
	if len(all) != 1 {
		t.Fatalf("files %v, want lumberjack's only", all)
	}
	if diff := cmp.Diff("one\ntwo\n", read(t, filepath.Join(dir, all[0]))); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
}

func TestWrapClosesTheLogger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	l := &lumberjack.Logger{Filename: path, MaxSize: 1, MaxBackups: 2, MaxAge: 1, LocalTime: true, Compress: true}
	mustWrite(t, l, "one\n")
	f, err := rotate.Wrap(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "two\n")
	mustClose(t, f)
	if diff := cmp.Diff("one\ntwo\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	if l.Filename != path || l.MaxSize != 1 || l.MaxBackups != 2 || l.MaxAge != 1 || !l.LocalTime || !l.Compress {
		t.Error("the Logger was changed")
	}
	// A Logger that is closed opens the file again, one that is not goes on in
	// the file that is gone.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, "three\n")
	mustClose(t, l)
	if diff := cmp.Diff("three\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
}

// In the bubble it is 2000-01-01 00:00 UTC.
func TestWrapTakesOverBackups(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	// From the oldest to the newest, of lumberjack, timberjack and a File.
	have := []string{
		"app-1999-12-30T00-00-00.000.log",
		"app-1999-12-30T01-00-00.000.log.gz",
		"app-1999-12-30T02-00-00.000-size.log",
		"app-1999-12-30T03-00-00.000-time.log.gz",
		"app-1999-12-30T04-00-00.000-manual.log.zst",
		"app.log-1999-12-30T05-00-00.000-size",
		"app.log-1999-12-30T06-00-00.000-size.gz",
		"app-19991230T070000.000000Z.log",
		"app-1999-12-31T12-00-00.000.log",
		"app-1999-12-31T13-00-00.000-size.log",
	}
	tests := []struct {
		name   string
		logger lumberjack.Logger
		local  *time.Location
		kept   int // of have, from the end
	}{
		{name: "no limit", kept: len(have)},
		{name: "number", logger: lumberjack.Logger{MaxBackups: 4}, kept: 4},
		{name: "one", logger: lumberjack.Logger{MaxBackups: 1}, kept: 1},
		{name: "age", logger: lumberjack.Logger{MaxAge: 1}, kept: 2},
		{
			// 12:00 and 13:00 on the 31st were 22:00 and 23:00 UTC on the 30th.
			name: "age in local time, east", logger: lumberjack.Logger{MaxAge: 1, LocalTime: true},
			local: time.FixedZone("east", 14*3600), kept: 0,
		},
		{
			// Up to 05:00 on the 30th was before 17:00 UTC, 07:00 UTC is that.
			name: "age in local time, west", logger: lumberjack.Logger{MaxAge: 2, LocalTime: true},
			local: time.FixedZone("west", -12*3600), kept: len(have),
		},
	}
	for i := range tests {
		tt := &tests[i] // a Logger is not to be copied
		t.Run(tt.name, func(t *testing.T) {
			if tt.local != nil {
				former := time.Local
				time.Local = tt.local
				defer func() { time.Local = former }()
			}
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range slices.Concat(have, siblings) {
					writeFile(t, filepath.Join(dir, name), name+"\n")
				}
				tt.logger.Filename = filepath.Join(dir, "app.log")
				f, err := rotate.Wrap(&tt.logger, nil)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				mustClose(t, f)
				want := slices.Concat(have[len(have)-tt.kept:], siblings, []string{"app.log"})
				slices.Sort(want)
				if diff := cmp.Diff(want, names(t, dir)); diff != "" {
					t.Errorf("files mismatch (-want +got):\n%s", diff)
				}
				if s := f.Stats(); s.Backups != tt.kept || s.Removed != uint64(len(have)-tt.kept) || s.Errors != 0 {
					t.Errorf("%d backups, %d removed, %d errors, want %d, %d and none",
						s.Backups, s.Removed, s.Errors, tt.kept, len(have)-tt.kept)
				}
			})
		})
	}
}

func TestWrapCompressesWhatLumberjackLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		have := []string{"app-1999-12-30T00-00-00.000.log", "app-1999-12-30T02-00-00.000-size.log", "app-1999-12-31T00-00-00.000.log"}
		for _, name := range have {
			writeFile(t, filepath.Join(dir, name), name+"\n")
		}
		f, err := rotate.Wrap(&lumberjack.Logger{Filename: filepath.Join(dir, "app.log"), Compress: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mustClose(t, f)
		for _, name := range have[:2] {
			if diff := cmp.Diff(name+"\n", read(t, filepath.Join(dir, name+".gz"))); diff != "" {
				t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
			}
		}
		want := []string{have[0] + ".gz", have[1] + ".gz", have[2], "app.log"}
		slices.Sort(want)
		if diff := cmp.Diff(want, names(t, dir)); diff != "" {
			t.Errorf("files mismatch (-want +got):\n%s", diff)
		}
	})
}
