// Sockets is the third strategy for Logstash: a connection from net.Dial under
// logstash.NewHandler, for trying things out. It shows what that can do, and
// where it ends: nobody connects again, and a datagram has a greatest size.
//
//	go run ./examples/sockets
//
// The receivers are in this process. docs/logstash-strategies.md has figures;
// examples/logstash is the same with a Shipper, which loses nothing here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

func main() {
	if err := errors.Join(tcp(), udp()); err != nil {
		fmt.Fprintln(os.Stderr, "sockets:", err)
		os.Exit(1)
	}
}

// dial is all that this strategy has instead of a library.
func dial(network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// tcp logs before, while and after the receiver is away.
func tcp() error {
	receiver, err := lstest.ListenTCP("127.0.0.1:0", nil) // tcp { codec => json_lines }
	if err != nil {
		return err
	}
	defer receiver.Close()
	conn, err := dial("tcp", receiver.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	failed := 0
	logger := newLogger(conn, 0, func(error) { failed++ }) // slog itself looks at no error

	logEvents(logger, 100)
	before, ok := arrived(100, receiver.Count)
	receiver.Kill()
	logEvents(logger, 100)
	if err := receiver.Restart(); err != nil {
		return err
	}
	logEvents(logger, 100)
	after := receiver.Count() - before

	fmt.Printf("tcp: %d of 100 events arrived\n", before)
	fmt.Printf("tcp: %d of 200 arrived after the receiver had been away for a moment\n", after)
	if !ok || after != 0 || failed == 0 {
		return fmt.Errorf("tcp: %d and %d arrived, %d calls failed", before, after, failed)
	}
	return nil
}

// udp sends an event that is one datagram, and two that are too long for one.
func udp() error {
	receiver, err := lstest.ListenUDP("127.0.0.1:0", nil) // udp { codec => json }
	if err != nil {
		return err
	}
	defer receiver.Close()
	conn, err := dial("udp", receiver.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	refused := 0
	long := strings.Repeat("x", 100_000)

	newLogger(conn, 0, nil).Info("short")
	newLogger(conn, 0, func(error) { refused++ }).Info("long", "payload", long)
	newLogger(conn, 1400, nil).Info("cut", "payload", long) // MaxEventBytes: no fragments on the way

	n, ok := arrived(2, receiver.Count)
	fmt.Printf("udp: %d of 3 events arrived; %d was too long for a datagram\n", n, refused)
	for _, event := range receiver.Datagrams() {
		fmt.Printf("udp: one with at most 1400 bytes: %t\n", len(event) <= 1400)
	}
	if !ok || refused != 1 {
		return fmt.Errorf("udp: %d arrived, %d were refused", n, refused)
	}
	return nil
}

func newLogger(w io.Writer, maxBytes int, onError func(error)) *slog.Logger {
	return slog.New(logstash.NewHandler(w, &logstash.Options{MaxEventBytes: maxBytes, OnError: onError}))
}

func logEvents(logger *slog.Logger, n int) {
	for i := range n {
		logger.Info("paid", "order", i)
	}
}

// arrived waits until there are n events, for at most ten seconds.
func arrived(n int, count func() int) (int, bool) {
	for range 1000 {
		if count() >= n {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return count(), count() == n
}
