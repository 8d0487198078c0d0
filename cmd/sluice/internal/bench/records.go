package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/pipeline"
)

// record is what a call logs.
type record struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

// mixed is how many different records there are, sampled how many of a log are taken, and likeBytes what these may have together.
const (
	mixed     = 2000
	sampled   = 5000
	likeBytes = 64 << 20
)

// mix returns records as a service logs them: lines of 300 bytes with five attrs, of which 8 % are at WARN and 2 % at ERROR.
// One in a thousand has the tag of an audit. They are the same each time.
func mix() []record {
	r := rand.New(rand.NewPCG(20, 26)) //nolint:gosec // they are to be the same each time
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	all := make([]record, 0, mixed)
	for i := range mixed {
		m := record{level: slog.LevelInfo, message: "request was served"}
		status := 200
		switch {
		case i%50 == 25:
			m.level, m.message, status = slog.LevelError, "upstream failed, the order was not taken", 502
		case i%25 == 3 || i%25 == 14:
			m.level, m.message, status = slog.LevelWarn, "request took longer than its budget", 200
		}
		path := fmt.Sprintf("/api/v2/%s/%d", pick("orders", "carts", "customers", "invoices"), r.IntN(1e6))
		m.attrs = []slog.Attr{
			slog.String("method", pick("GET", "POST", "PUT")),
			slog.String("path", path),
			slog.Int("status", status),
			slog.Duration("duration", time.Duration(r.IntN(2e9))),
			slog.Group("request",
				slog.String("id", fmt.Sprintf("%08x-%04x-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.Int64N(1<<48))),
				slog.String("agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) "+pick("Firefox/130.0", "Chrome/128.0.0.0", "Safari/605.1.15")),
				slog.String("user", pick("ann", "bob", "carol", "dora", "emil")),
			),
		}
		if i%1000 == 500 {
			m.attrs = append(m.attrs, slog.Any("tags", []string{"security"}))
		}
		all = append(all, m)
	}
	return all
}

// records returns what is to be logged.
func (f *flags) records(ctx context.Context, c *cobra.Command) ([]record, error) {
	if f.like == "" {
		return mix(), nil
	}
	if info, err := os.Stat(f.like); err != nil || info.IsDir() {
		if err == nil {
			err = errors.New("is a directory")
		}
		return nil, cli.Usagef("--like: %s: %w", cli.Printable(f.like), err)
	}
	return sample(ctx, f.like, likeBytes, c.ErrOrStderr())
}

// sample returns records of a log, each of which is as likely to be taken as any other,
// together with no more bytes of lines than the limit, which is more than a line has.
func sample(ctx context.Context, name string, limit int, stderr io.Writer) (all []record, err error) {
	var failed error
	r, err := input.Open([]string{name}, &input.Options{OnError: func(err error) { failed = err }})
	if err != nil {
		return nil, cli.Usagef("--like: %w", err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	var (
		parser  jsonlog.Parser
		numbers = rand.New(rand.NewPCG(20, 26)) //nolint:gosec // they are to be the same each time
		sizes   []int                           // of the lines of all
		bytes   int
		room    = sampled // how many of them there may be
		seen    int
		odd     int
	)
	for {
		chunk, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, text := range chunk.Lines() {
			line, err := parser.Parse(text)
			if err != nil {
				odd++
				continue
			}
			seen++
			n := len(text)
			switch i := numbers.IntN(seen); {
			case len(all) < room:
				all, sizes, bytes = append(all, recordOf(line)), append(sizes, n), bytes+n
			case i < room:
				all[i], sizes[i], bytes = recordOf(line), n, bytes+n-sizes[i]
			}
			for bytes > limit { // each of them is as likely to go
				i, last := numbers.IntN(len(all)), len(all)-1
				bytes -= sizes[i]
				all[i], sizes[i], all[last] = all[last], sizes[last], record{}
				all, sizes, room = all[:last], sizes[:last], last
			}
		}
		r.Release(chunk)
	}
	if failed != nil {
		_, _ = fmt.Fprintf(stderr, "--like: %v: records are like those that could be read\n", failed)
	}
	if len(all) == 0 {
		return nil, cli.Usagef("--like: %s has no line of JSON (and %d others)", cli.Printable(name), odd)
	}
	if left := min(seen, sampled) - len(all); left > 0 {
		_, _ = fmt.Fprintf(stderr, "--like: records are like %d lines of %d: %d more would take more than %v\n", len(all), seen, left, pipeline.Size(limit))
	}
	return all, nil
}

func recordOf(line *jsonlog.Line) record {
	r := line.Record()
	m := record{level: r.Level, message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		m.attrs = append(m.attrs, a)
		return true
	})
	return m
}
