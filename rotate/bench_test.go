package rotate_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/sluicelog/sluice/rotate"
)

// BenchmarkWrite writes lines of 200 bytes to a plain file, to lumberjack alone,
// and to a File.
func BenchmarkWrite(b *testing.B) {
	line := []byte(strings.Repeat("x", 199) + "\n")
	for _, bench := range []struct {
		name string
		open func(b *testing.B, path string) io.WriteCloser
	}{
		{"os.File", func(b *testing.B, path string) io.WriteCloser {
			b.Helper()
			file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			return file
		}},
		{"lumberjack", func(_ *testing.B, path string) io.WriteCloser {
			return &lumberjack.Logger{Filename: path, MaxSize: 1 << 20}
		}},
		{"File", func(b *testing.B, path string) io.WriteCloser {
			b.Helper()
			return mustOpen(b, path, &rotate.Options{MaxSize: -1})
		}},
		{"lumberjack, rotating at 10 MiB", func(_ *testing.B, path string) io.WriteCloser {
			return &lumberjack.Logger{Filename: path, MaxSize: 10, MaxBackups: 3}
		}},
		{"File, rotating at 10 MiB", func(b *testing.B, path string) io.WriteCloser {
			b.Helper()
			return mustOpen(b, path, &rotate.Options{MaxSize: 10 * rotate.MiB, MaxBackups: 3})
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w := bench.open(b, filepath.Join(b.TempDir(), "app.log"))
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(line); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRotate is one line and one rotation. The worker keeps the number of
// backups small meanwhile.
func BenchmarkRotate(b *testing.B) {
	f := mustOpen(b, filepath.Join(b.TempDir(), "app.log"), &rotate.Options{MaxBackups: 3})
	line := []byte("line\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := f.Rotate(); err != nil {
			b.Fatal(err)
		}
	}
}
