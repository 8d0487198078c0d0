package bench_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

func BenchmarkHandlers(b *testing.B) {
	for _, c := range append(bench.Chapters(), bench.WatchChapter()) {
		b.Run(c.Name, func(b *testing.B) {
			for _, t := range c.Tasks {
				b.Run(t.Name, func(b *testing.B) {
					for _, w := range t.Ways {
						b.Run(w.Name, func(b *testing.B) {
							if err := t.Check(w); err != nil {
								b.Skip(err)
							}
							if err := t.Run(b, w); err != nil {
								b.Fatal(err)
							}
						})
					}
				})
			}
		})
	}
}

// TestChaptersAreRight fails when at a sink there arrives something else than was
// logged, and also when a way that is known to do so has mended its ways.
func TestChaptersAreRight(t *testing.T) {
	known := map[string]string{
		// After WithGroup it is not there any more.
		"PumpkinSeed/slog-context, 2, With 2, WithGroup, and 2 attrs":         "/tenant: missing",
		"PumpkinSeed/slog-context, 2, With 2, WithGroup, With 1, and 2 attrs": "/tenant: missing",
	}
	checked := 0
	for _, c := range append(bench.Chapters(), bench.WatchChapter()) {
		for _, task := range c.Tasks {
			for _, w := range task.Ways {
				checked++
				name := w.Name + ", " + task.Name
				err := task.Check(w)
				switch want, faulty := known[name]; {
				case !faulty && err != nil:
					t.Error(err)
				case faulty && (err == nil || !strings.Contains(err.Error(), want)):
					t.Errorf("%s: got %v, want an error with %q", name, err, want)
				}
				delete(known, name)
			}
		}
	}
	for name := range known {
		t.Errorf("%s: no such way or task", name)
	}
	if checked < 140 {
		t.Errorf("only %d ways were checked", checked)
	}
}

// TestMemoriesAreBounded fills each of ours with far more keys than it has room for.
func TestMemoriesAreBounded(t *testing.T) {
	const keys, limit = 50_000, 1 << 20
	for _, m := range bench.Memories() {
		f := m.Fill(keys)
		if f.Heap > limit {
			t.Errorf("%s: %d bytes after %d keys, want %d at most", m.Name, f.Heap, keys, limit)
		}
		// The sampler of zap takes different messages for one.
		if whole := !strings.Contains(m.Name, "zap"); whole != (f.Arrived == keys) {
			t.Errorf("%s: %d of %d records passed", m.Name, f.Arrived, keys)
		}
	}
}
