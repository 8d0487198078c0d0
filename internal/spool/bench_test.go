package spool_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/spool"
)

func benchBatch() [][]byte {
	batch := make([][]byte, 100)
	for i := range batch {
		batch[i] = []byte(strings.Repeat("x", 300))
	}
	return batch
}

// BenchmarkBatch is a batch of 100 events of 300 bytes, in and out again.
func BenchmarkBatch(b *testing.B) {
	for name, mode := range map[string]spool.Sync{"unsynced": spool.SyncNever, "synced": spool.SyncEveryBatch} {
		b.Run(name, func(b *testing.B) {
			q := mustOpen(b, b.TempDir(), &spool.Options{Sync: mode})
			batch := benchBatch()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Append(batch); err != nil {
					b.Fatal(err)
				}
				l, err := q.Read(100, 0, 0)
				if err != nil {
					b.Fatal(err)
				}
				q.Ack(l, 100)
			}
		})
	}
}

// BenchmarkAck is what noting the position costs with each event, and what it
// would cost by a file that is written anew and renamed.
func BenchmarkAck(b *testing.B) {
	b.Run("two slots", func(b *testing.B) {
		q := mustOpen(b, b.TempDir(), &spool.Options{Sync: spool.SyncNever, SegmentBytes: 1 << 30})
		batch := benchBatch()
		var l *spool.Lease
		b.ReportAllocs()
		for b.Loop() {
			if l == nil || len(l.Events) == 0 {
				b.StopTimer()
				for range 100 {
					if _, err := q.Append(batch); err != nil {
						b.Fatal(err)
					}
				}
				l = mustRead(b, q, 0, 0, 0)
				b.StartTimer()
			}
			q.Ack(l, 1)
		}
	})
	renamed := func(b *testing.B, sync bool) {
		b.Helper()
		path := filepath.Join(b.TempDir(), "position")
		text := make([]byte, 28)
		for b.Loop() {
			f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.Write(text); err != nil {
				b.Fatal(err)
			}
			if sync {
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			if err := os.Rename(path+".tmp", path); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("renamed", func(b *testing.B) { renamed(b, false) })
	b.Run("renamed, synced", func(b *testing.B) { renamed(b, true) })
}
