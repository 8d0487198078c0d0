// Volume is "Log Volume Monitoring" of the production guide: at an interval, a
// record says how much was logged since the last one, how fast, what was dropped and
// how much memory the program has. It is a record like others, so a sink can take it
// to where metrics are collected. The same can be asked for by hand, with counters
// that begin anew.
//
//	go run ./examples/volume
//
// -dir is where the log stays.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the log (default a temporary one)")
	interval := flag.Duration("interval", time.Second, "how `long` from one record to the next; a minute in a program")
	flag.Parse()
	if err := run(*dir, *interval); err != nil {
		fmt.Fprintln(os.Stderr, "volume:", err)
		os.Exit(1)
	}
}

func run(dir string, interval time.Duration) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "volume-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	volumes := make(chan slog.Record, 8)
	p, err := pipeline.Open(pipeline.Config{
		VolumeInterval: pipeline.Duration(interval),
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log")},
			{
				Name: "metrics", Type: pipeline.Func, Match: pipeline.Match{Message: "^log volume$"},
				Func: func(_ context.Context, r slog.Record) error {
					volumes <- r.Clone()
					return nil
				},
			},
		},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	for order := range 1000 {
		if order%10 == 0 {
			p.Logger().Warn("order is late", "order", order)
		} else {
			p.Logger().Info("order shipped", "order", order)
		}
	}

	total := uint64(0)
	for total < 1000 {
		select {
		case r := <-volumes:
			fmt.Println(r.Message)
			r.Attrs(func(a slog.Attr) bool {
				fmt.Println("   ", a)
				return true
			})
			v, _ := handler.Lookup(r, "total")
			total += v.Uint64()
		case <-time.After(10 * interval):
			return errors.New("nobody says how much was logged")
		}
	}

	// By hand: what was counted, from now on anew.
	s := p.Monitor().Reset()
	fmt.Printf("by hand: %d records, %d of them warnings, %.0f a second\n", s.Total, s.ByLevel[slog.LevelWarn], s.PerSecond)
	if again := p.Monitor().Stats(); s.Total <= 1000 || again.Total > 1 {
		return fmt.Errorf("%d records, and %d after Reset", s.Total, again.Total)
	}
	return p.Close()
}
