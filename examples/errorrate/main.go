// Errorrate is "Error Rate Monitoring" of the production guide: errors and warnings
// of the last minute and hour, at any time, in memory that does not grow in a storm
// of errors; and somebody is told, once, when there are more than ten in a minute,
// and once when that is over.
//
//	go run ./examples/errorrate
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/monitor"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "errorrate:", err)
		os.Exit(1)
	}
}

func run() error {
	// Before any handler; a pipeline has one already: Pipeline.Monitor.
	mon := monitor.NewHandler(handler.NewJSONHandler(io.Discard, nil), nil)
	logger := slog.New(mon)

	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	var watching sync.WaitGroup
	var alert monitor.Alert
	watching.Go(func() {
		mon.Watch(ctx, monitor.Threshold{
			Level:    slog.LevelError,
			Above:    10,
			Window:   time.Minute,
			CoolDown: 5 * time.Minute, // between the end of an alert and the next one
			Func: func(a monitor.Alert) {
				alert = a // call, page, post to a chat
				stop()    // enough for an example
			},
		})
	})
	work(logger)
	watching.Wait()

	r := mon.Rates()
	fmt.Println(alert)
	fmt.Println("errors_per_minute:", r.ErrorsPerMinute)
	fmt.Println("warnings_per_minute:", r.WarningsPerMinute)
	fmt.Println("total_errors_hour:", r.ErrorsLastHour)
	fmt.Println("total_warnings_hour:", r.WarningsLastHour)
	if alert.Count != 20 || alert.Ended || r.ErrorsPerMinute != 20 || r.WarningsLastHour != 10 {
		return errors.New("no alert, or not the one there should be")
	}
	return nil
}

// work is a service on a bad day.
func work(logger *slog.Logger) {
	for order := range 20 {
		logger.Info("order accepted", "order", order)
		if order%2 == 0 {
			logger.Warn("no answer from the warehouse, trying again", "order", order)
		}
		logger.Error("order lost", "order", order)
	}
}
