package asyncbuf_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
)

func Example() {
	buf := asyncbuf.NewWriter(os.Stdout, nil)
	defer buf.Close()

	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewJSONHandler(buf, &slog.HandlerOptions{ReplaceAttr: noTime}))
	logger.Info("listening", "port", 8080)
	// Output:
	// {"level":"INFO","msg":"listening","port":8080}
}

func ExampleWriter_WriteLevel() {
	buf := asyncbuf.NewWriter(os.Stdout, nil)
	defer buf.Close()

	_, _ = buf.WriteLevel(slog.LevelInfo, []byte("starting\n")) // on its way
	if _, err := buf.WriteLevel(slog.LevelError, []byte("out of paper\n")); err != nil {
		fmt.Println(err)
	}
	// Both lines are written.
	fmt.Println("queued:", buf.Stats().Queued)
	// Output:
	// starting
	// out of paper
	// queued: 0
}

func ExampleWriter_Flush() {
	buf := asyncbuf.NewWriter(os.Stdout, nil)
	defer buf.Close()

	_, _ = fmt.Fprintln(buf, "about to start a child process")
	if err := buf.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("written:", buf.Stats().Written)
	// Output:
	// about to start a child process
	// written: 1
}

// A pipeline that writes text wants summary lines in text, too.
func ExampleDrop_Record() {
	summary := func(d asyncbuf.Drop) []byte {
		var line bytes.Buffer
		if err := slog.NewTextHandler(&line, nil).Handle(context.Background(), d.Record()); err != nil {
			return nil
		}
		return line.Bytes()
	}
	buf := asyncbuf.NewWriter(os.Stderr, &asyncbuf.WriterOptions{
		Policy:  asyncbuf.DropNewest,
		Summary: summary,
	})
	defer buf.Close()

	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	fmt.Printf("%s", summary(asyncbuf.Drop{
		Lines:  12,
		Levels: map[slog.Level]uint64{slog.LevelInfo: 12},
		Since:  at,
		Until:  at,
	}))
	// Output:
	// time=2026-11-22T10:00:00.000Z level=WARN msg="log lines dropped" dropped=12 levels.INFO=12 since=2026-11-22T10:00:00.000Z until=2026-11-22T10:00:00.000Z
}

// slow stands for a handler that asks a network.
type slow struct{ slog.Handler }

func (slow) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		fmt.Println(r.Message, a)
		return true
	})
	return nil
}

func ExampleHandler() {
	buf := asyncbuf.NewHandler(slow{slog.NewTextHandler(io.Discard, nil)}, nil)
	logger := slog.New(buf)

	cart := map[string]int{"apples": 2}
	logger.Info("order", "cart", cart)
	cart["apples"] = 0 // the record has a copy

	if err := buf.Close(); err != nil { // hands over what is queued
		fmt.Println(err)
	}
	fmt.Println("handled:", buf.Stats().Written)
	// Output:
	// order cart=map[apples:2]
	// handled: 1
}
