package bench

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"time"
)

// ManyKeys is how many different messages a [Memory] is given.
const ManyKeys = 1_000_000

// Memory is a handler that remembers records, to know one that comes again.
type Memory struct {
	Name    string
	Version string // as that of a [Peer]

	new func(*end) slog.Handler
}

// Filled says what became of records with different messages.
type Filled struct {
	Arrived int           // records that were let through
	Heap    int64         // bytes that the handler has in the end
	Took    time.Duration // for each record
}

// Fill gives the handler n records, each with another message.
func (m Memory) Fill(n int) Filled {
	e := &end{w: new(Counter), shared: true}
	before, ctx := heap(), context.Background()
	logger, begun := slog.New(m.new(e)), time.Now()
	for i := range n {
		logger.LogAttrs(ctx, slog.LevelInfo, "request "+strconv.Itoa(i)+" served") //nolint:sloglint // each is to be another
	}
	f := Filled{Took: time.Since(begun) / time.Duration(n), Arrived: e.arrived()}
	f.Heap = heap() - before
	runtime.KeepAlive(logger)
	return f
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool had survives the first
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc) //nolint:gosec // far less than that
}
