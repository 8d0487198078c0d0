// Logstash is the second strategy: the library ships events itself, with nothing
// to deploy beside the program. Logstash is killed in the middle and comes back;
// every event arrives all the same, over Beats (acknowledged) and over TCP (with
// ResendBytes, which sends again what may have been lost).
//
//	go run ./examples/logstash
//
// The receivers are in this process. An event may come twice, so each has an id:
// document_id => "%{[@metadata][_id]}" makes the two one document.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
)

const total = 900

// A receiver stands in for an input of Logstash.
type receiver interface {
	Addr() string
	Kill()
	Restart() error
	Close() error
}

func main() {
	beats, errBeats := lstest.ListenBeats("127.0.0.1:0", nil)
	tcp, errTCP := lstest.ListenTCP("127.0.0.1:0", nil)
	err := errors.Join(errBeats, errTCP)
	if err == nil {
		err = errors.Join(ship("beats", beats, beats.Events, 0), ship("tcp", tcp, tcp.Lines, 8<<20))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "logstash:", err)
		os.Exit(1)
	}
}

// ship logs to the receiver while it is up, away, and up again.
func ship(scheme string, r receiver, received func() [][]byte, resend int) (err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Type: pipeline.Logstash, Addr: scheme + "://" + r.Addr(), Service: "orders", EventType: "app", Tags: []string{"prod"}, EventID: true,
		Dial: logstash.DialOptions{ResendBytes: resend, MinBackoff: 20 * time.Millisecond},
	}}})
	if err != nil {
		return err // the address or an option is wrong; a Logstash that is away is no error
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	logger := p.Logger()

	for i := range total {
		switch i {
		case total / 3:
			r.Kill()
		case total * 2 / 3:
			if err := r.Restart(); err != nil {
				return err
			}
		}
		logger.Info("paid", "order", i)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil { // waits until Logstash has everything
		return err
	}
	r.Kill() // returns when it has read what was sent

	found, err := orders(received())
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d of %d events arrived although Logstash was away for a third of them\n", scheme, found, total)
	if found != total {
		return fmt.Errorf("%s: %d events are lost", scheme, total-found)
	}
	return nil
}

// orders returns how many different orders are in the events.
func orders(events [][]byte) (int, error) {
	seen := make(map[int]bool)
	for _, text := range events {
		var event struct {
			Message string   `json:"message"`
			Type    string   `json:"type"`
			Tags    []string `json:"tags"`
			UUID    string   `json:"uuid"`
			Order   int      `json:"order"`
		}
		if err := json.Unmarshal(text, &event); err != nil {
			return 0, err
		}
		if event.Message != "paid" || event.Type != "app" || len(event.Tags) != 1 || event.UUID == "" {
			return 0, fmt.Errorf("an event is not as it should be: %s", text)
		}
		seen[event.Order] = true
	}
	return len(seen), nil
}
