package bench

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/pipeline"
)

// CommandWith returns the command of a program with an environment, whose configurations are edited.
func CommandWith(getenv func(string) string, edit func(*pipeline.Config)) *cobra.Command {
	return command(getenv, edit)
}

// Pace logs at a rate, and returns how many records there were and what callers waited.
func Pace(ctx context.Context, h slog.Handler, goroutines int, d time.Duration, rate float64) (count int64, quantile func(float64) time.Duration) {
	drive := &drive{logger: slog.New(h), records: mix(), goroutines: goroutines, duration: d, rate: rate}
	done := drive.run(ctx)
	return done.count, func(q float64) time.Duration {
		if q == 1 {
			return done.longest
		}
		v, err := done.sketch.GetValueAtQuantile(q)
		if err != nil {
			panic(err)
		}
		return time.Duration(v)
	}
}

// AskedOf logs, as fast as it goes for a rate of 0, until it was asked n times whether there is enough. It returns when it was.
func AskedOf(ctx context.Context, h slog.Handler, n int, rate float64) (asked []time.Duration, records int64) {
	start := time.Now()
	drive := &drive{logger: slog.New(h), records: mix(), goroutines: 1, duration: time.Minute, rate: rate}
	drive.enough = func() bool {
		asked = append(asked, time.Since(start))
		return len(asked) == n
	}
	done := drive.run(ctx)
	return asked, done.count
}

// Mix returns the levels of the records, and how long their lines are on average.
func Mix() (levels map[slog.Level]int, size float64) {
	levels = make(map[slog.Level]int)
	for _, r := range mix() {
		levels[r.level]++
	}
	return levels, meanSize(mix())
}

// Like returns how many records are like those of a log, and what is said of it.
func Like(ctx context.Context, name string, limit int) (records int, stderr string, err error) {
	var said bytes.Buffer
	all, err := sample(ctx, name, limit, &said)
	return len(all), said.String(), err
}

// Duration returns how a duration is printed.
func Duration(d time.Duration) string { return seconds(d) }
