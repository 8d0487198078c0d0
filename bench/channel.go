package bench

import (
	"context"
	"log/slog"
)

// A channel is the textbook's asynchronous handler: records go through a
// buffered channel to a goroutine, which calls the next handler. A caller waits
// while the channel is full. Handle must not be called after Close.
type channel struct {
	next  slog.Handler
	queue *queue
}

type queue struct {
	items chan item
	done  chan struct{}
}

type item struct {
	ctx    context.Context
	record slog.Record
	next   slog.Handler
}

func newChannel(next slog.Handler, size int) *channel {
	q := &queue{items: make(chan item, size), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for i := range q.items {
			_ = i.next.Handle(i.ctx, i.record)
		}
	}()
	return &channel{next: next, queue: q}
}

func (c *channel) Enabled(ctx context.Context, level slog.Level) bool {
	return c.next.Enabled(ctx, level)
}

func (c *channel) Handle(ctx context.Context, r slog.Record) error {
	c.queue.items <- item{ctx, r.Clone(), c.next}
	return nil
}

func (c *channel) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &channel{c.next.WithAttrs(attrs), c.queue}
}

func (c *channel) WithGroup(name string) slog.Handler {
	return &channel{c.next.WithGroup(name), c.queue}
}

// Close waits until all records were handled.
func (c *channel) Close() error {
	close(c.queue.items)
	<-c.queue.done
	return nil
}
