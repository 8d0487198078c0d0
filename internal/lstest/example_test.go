package lstest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// A receiver takes a window and dies before it has acked it. The events come
// again, and a Ledger tells that none is missing.
func Example() {
	var ledger lstest.Ledger
	srv, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{OnEvent: ledger.Receiver()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	died := false
	srv.SetAnswer(func(n int) lstest.Answer {
		if died {
			return lstest.Answer{Acks: []uint32{uint32(n)}}
		}
		died = true
		return lstest.Answer{Reset: true}
	})

	s, err := logstash.Dial("beats://"+srv.Addr(), &logstash.DialOptions{
		MinBackoff:    time.Millisecond,
		FlushInterval: time.Minute, // or until Shutdown: all go in one window
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for id := range 3 {
		if _, err := s.Write(lstest.AppendEvent(nil, 0, id, "hello")); err != nil {
			fmt.Println(err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d missing, %d twice, over %d connections\n",
		len(ledger.Missing(0, 3)), ledger.Duplicates(), srv.Connections())
	// Output: 0 missing, 3 twice, over 2 connections
}
