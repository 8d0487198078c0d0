package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
)

// A Stream is what a service logs: record after record, with five attrs each, of
// which two are texts that differ from one record to the next.
type Stream struct {
	Name string

	levels   []slog.Level // of the records, in turn
	requests []served5
}

// served5 is what differs.
type served5 struct{ path, id string }

// Streams returns those that services are compared with.
func Streams() []Stream {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same records each time
	requests := make([]served5, 1024)
	for i := range requests {
		requests[i] = served5{
			fmt.Sprintf("/api/v1/customers/%d/orders/%d", r.IntN(1e4), r.IntN(1e5)),
			fmt.Sprintf("%08x-%04x-7%03x-9%03x-%012x", r.Uint32(), r.Uint32()>>16, r.IntN(1<<12), r.IntN(1<<12), r.Uint64()>>16),
		}
	}
	mixed := slices.Repeat([]slog.Level{slog.LevelInfo}, 50)
	for _, i := range []int{3, 17, 28, 41} {
		mixed[i] = slog.LevelWarn
	}
	mixed[49] = slog.LevelError
	return []Stream{
		{"all INFO", []slog.Level{slog.LevelInfo}, requests},
		{"90 % INFO, 8 % WARN, 2 % ERROR", mixed, requests},
	}
}

func (s Stream) level(number int) slog.Level { return s.levels[number%len(s.levels)] }

// log logs the records with these numbers.
func (s Stream) log(l *slog.Logger, from, to int) {
	ctx := context.Background()
	for n := from; n < to; n++ {
		q := &s.requests[n%len(s.requests)]
		l.LogAttrs(ctx, s.level(n), "request served", slog.String("method", servedMethod), slog.String("path", q.path),
			slog.Duration("duration", servedTook), slog.String("request_id", q.id), slog.Int("number", n))
	}
}

// audit logs a record for the audit log, with a secret in it, at INFO.
func (s Stream) audit(l *slog.Logger, number int) {
	l.LogAttrs(context.Background(), slog.LevelInfo, "password changed", slog.String("user", "bob"),
		slog.String("password", plantedSecret), slog.Any("tags", []string{"security"}), slog.Int("number", number))
}
