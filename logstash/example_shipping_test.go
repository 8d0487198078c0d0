package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// startLogstash stands in for Logstash with a Beats input, and returns its
// address.
func startLogstash() (addr string, stop func()) {
	srv, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		panic(err)
	}
	return srv.Addr(), srv.Kill
}

func ExampleDial() {
	addr, stop := startLogstash()
	defer stop()

	shipper, err := logstash.Dial("beats://"+addr, &logstash.DialOptions{
		CompressionLevel: 3,
		OnError:          func(err error) { fmt.Fprintln(os.Stderr, err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(logstash.NewHandler(shipper, nil))
	logger.Info("order placed", "order", 4711)
	logger.Warn("stock is low", "item", "teapot")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shipper.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(shipper.Stats().Written, "events acked")
	// Output:
	// 2 events acked
}

// What cannot be delivered in time goes to OnDrop, which may keep it for later.
func ExampleShipper_Shutdown() {
	shipper, err := logstash.Dial("tcp://logs.example.com:5000", &logstash.DialOptions{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no route to host")
		},
		OnDrop: func(event []byte, reason error) {
			if errors.Is(reason, os.ErrClosed) {
				fmt.Printf("kept: %s\n", event)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(shipper, `{"message":"the last words"}`)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println(errors.Is(shipper.Shutdown(ctx), context.DeadlineExceeded))
	// Output:
	// kept: {"message":"the last words"}
	// true
}
