// Memory is "Memory Usage Monitoring" of the production guide: how much memory
// logging takes. 100,000 DEBUG records that nobody wants allocate nothing, through
// the whole chain; 100,000 that are wanted, while the disk stands still, take what
// the buffer was allowed, twice, and what was given up is counted.
//
//	go run ./examples/memory
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/metrics"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

const (
	records = 100_000
	queue   = 1 << 20 // bytes
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

// usage is what the runtime says about memory.
type usage struct{ allocs, heap, total uint64 }

func measure() usage {
	runtime.GC() // what is garbage is no use
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:objects"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(samples)
	return usage{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()}
}

func run() error {
	before := measure()
	disk := stuck(make(chan struct{}))
	buf := asyncbuf.NewWriter(disk, &asyncbuf.WriterOptions{Size: queue, Policy: asyncbuf.DropNewest})
	level := new(slog.LevelVar)
	logger := slog.New(redact.NewHandler(fanout.NewHandler(nil,
		handler.NewJSONHandler(buf, &slog.HandlerOptions{Level: level})), nil))

	unwanted := allocations(logger)
	fmt.Printf("%d records below the level: %d allocations per record\n", records, unwanted/records)

	level.Set(slog.LevelDebug)
	allocations(logger)
	after, stats := measure(), buf.Stats()
	grown := int64(after.heap) - int64(before.heap) //nolint:gosec // far below the limit
	fmt.Printf("%d records while the disk stands still: %.1f MB more heap, %d records queued, %d dropped\n",
		records, float64(grown)/1e6, stats.Queued, stats.Dropped)
	fmt.Printf("memory of the process: %.1f MB\n", float64(after.total)/1e6)

	close(disk)
	if err := buf.Close(); err != nil {
		return err
	}
	switch {
	case unwanted > records/100:
		return fmt.Errorf("%d allocations for records that nobody wants", unwanted)
	case stats.HighWater > queue || grown > 3*queue: // two buffers, and where the lines begin in them
		return fmt.Errorf("%d bytes queued and %d of heap, want %d and %d at most", stats.HighWater, grown, queue, 3*queue)
	case stats.Accepted != stats.Written+stats.Dropped+stats.Queued:
		return fmt.Errorf("the account does not add up: %+v", stats)
	}
	return nil
}

// allocations logs and returns how many allocations that took. LogAttrs is what makes
// them none: for Debug("…", "counter", i), Go allocates the number before the
// logger is asked whether it wants the record.
func allocations(logger *slog.Logger) uint64 {
	before := measure()
	ctx := context.Background()
	for i := range records {
		logger.LogAttrs(ctx, slog.LevelDebug, "memory test message", slog.Int("counter", i))
	}
	return measure().allocs - before.allocs
}

// stuck is a disk on which nothing can be written until the channel is closed.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}
