//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"

	sloglogstash "github.com/samber/slog-logstash/v2"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// A way is one of the ways from a program to Logstash.
type way struct {
	name string
	// listen starts the receiver. Nil means that nothing is sent anywhere.
	listen func(take func([]byte)) (receiver, error)
	// open returns the handler of a program that sends to addr and may keep files
	// in dir, and what the program calls at its end.
	open func(addr, dir string) (slog.Handler, finish, error)
	// beside says that Filebeat runs beside the program, and ships the file.
	beside bool
}

type finish func(context.Context) error

// ways are all ways, in the order of the tables.
func ways() []way {
	plain := logstash.DialOptions{}
	overflow := logstash.DialOptions{SpoolMode: logstash.SpoolOverflow}
	always := logstash.DialOptions{SpoolMode: logstash.SpoolAlways}
	resending1 := logstash.DialOptions{ResendBytes: 1 << 20}
	resending8 := logstash.DialOptions{ResendBytes: 8 << 20}
	return []way{
		{name: "a file, and Filebeat", listen: listenBeats, open: openFile, beside: true},
		{name: "`beats://`", listen: listenBeats, open: dial("beats", plain)},
		{name: "`beats://`, `SpoolOverflow`", listen: listenBeats, open: dial("beats", overflow)},
		{name: "`beats://`, `SpoolAlways`", listen: listenBeats, open: dial("beats", always)},
		{name: "`http://`", listen: listenHTTP, open: dial("http", plain)},
		{name: "`tcp://`", listen: listenTCP, open: dial("tcp", plain)},
		{name: "`tcp://`, `ResendBytes` 1 MiB", listen: listenTCP, open: dial("tcp", resending1)},
		{name: "`tcp://`, `ResendBytes` 8 MiB", listen: listenTCP, open: dial("tcp", resending8)},
		{name: "`udp://`", listen: listenUDP, open: dial("udp", plain)},
		{name: "`NewHandler` on a `net.Conn`", listen: listenTCP, open: openBare},
		{name: "samber/slog-logstash on a `net.Conn`", listen: listenTCP, open: openSamber},
		{name: "`NewHandler` on `io.Discard`", open: openNothing},
	}
}

func wayOf(name string) (way, error) {
	for _, w := range ways() {
		if w.name == name {
			return w, nil
		}
	}
	return way{}, fmt.Errorf("no way %q", name)
}

// events are the options of every handler: an id is what a receiver needs to
// recognise what comes twice.
func events() *logstash.Options { return &logstash.Options{EventID: true} }

func dial(scheme string, opts logstash.DialOptions) func(addr, dir string) (slog.Handler, finish, error) {
	return func(addr, dir string) (slog.Handler, finish, error) {
		if opts.SpoolMode != logstash.SpoolOff {
			opts.SpoolDir = filepath.Join(dir, "spool")
		}
		shipper, err := logstash.Dial(scheme+"://"+addr, &opts)
		if err != nil {
			return nil, nil, err
		}
		return logstash.NewHandler(shipper, events()), shipper.Shutdown, nil
	}
}

func openFile(_, dir string) (slog.Handler, finish, error) {
	file, err := rotate.Open(logFile(dir), nil)
	if err != nil {
		return nil, nil, err
	}
	return logstash.NewHandler(file, events()), file.Shutdown, nil
}

func openBare(addr, _ string) (slog.Handler, finish, error) {
	conn, err := connect(addr)
	if err != nil {
		return nil, nil, err
	}
	return logstash.NewHandler(conn, events()), closing(conn), nil
}

func openSamber(addr, _ string) (slog.Handler, finish, error) {
	conn, err := connect(addr)
	if err != nil {
		return nil, nil, err
	}
	return sloglogstash.Option{Level: slog.LevelInfo, Conn: conn}.NewLogstashHandler(), closing(conn), nil
}

func openNothing(string, string) (slog.Handler, finish, error) {
	return logstash.NewHandler(io.Discard, events()), func(context.Context) error { return nil }, nil
}

func connect(addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(context.Background(), "tcp", addr)
}

func closing(c io.Closer) finish { return func(context.Context) error { return c.Close() } }
