package handler

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// AddAttrs returns a context with attrs, after those that ctx has, for a [Context]
// to add to each record that is logged with it. The slice is copied. If ctx is one
// of [CollectAttrs], or made from one, they are collected there too.
func AddAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	if len(attrs) == 0 {
		return ctx
	}
	node := &added{}
	if outer := addedOf(ctx); outer != nil {
		node.attrs, node.collector = outer.attrs, outer.collector
	}
	node.attrs = slices.Concat(node.attrs, attrs)
	for c := node.collector; c != nil; c = c.outer {
		c.add(attrs)
	}
	return context.WithValue(ctx, addedKey{}, node)
}

// CollectAttrs returns a context that also gets the attrs which [AddAttrs] adds to
// contexts made from it, by whatever function and goroutine. It is for the one
// record about a request that is logged when the request is done, with the user
// that was only found out on the way:
//
//	ctx := handler.CollectAttrs(r.Context())
//	next.ServeHTTP(w, r.WithContext(ctx))
//	logger.InfoContext(ctx, "request")
//
// A record has what has been collected when it is logged with the context itself,
// or one made from it by other means than AddAttrs. Of the attrs with one key that
// were collected the last is kept, and of keys no more than 128; an attr "!DROPPED" says
// how many attrs there were beyond these.
func CollectAttrs(ctx context.Context) context.Context {
	node := &added{collects: true, collector: new(collector)}
	if outer := addedOf(ctx); outer != nil {
		node.attrs, node.collector.outer = outer.attrs, outer.collector
	}
	return context.WithValue(ctx, addedKey{}, node)
}

type addedKey struct{}

// added is what a context holds.
type added struct {
	attrs     []slog.Attr // never appended to in place
	collector *collector  // the nearest one, or nil
	collects  bool        // whether the context is the collector's own
}

func addedOf(ctx context.Context) *added {
	a, _ := ctx.Value(addedKey{}).(*added)
	return a
}

// addedTo returns the attrs that have been added to ctx, and those collected.
func addedTo(ctx context.Context) (attrs, collected []slog.Attr) {
	a := addedOf(ctx)
	if a == nil {
		return nil, nil
	}
	if a.collects {
		if list := a.collector.attrs.Load(); list != nil {
			collected = *list
		}
	}
	return a.attrs, collected
}

// maxCollected is how many keys are collected in one context, which a program that
// adds attrs in a loop could fill without end.
const maxCollected = 128

// A collector has the attrs that were added below a context.
type collector struct {
	outer *collector
	attrs atomic.Pointer[[]slog.Attr] // what it points to is never changed

	mu      sync.Mutex // for those who add
	dropped int64
}

func (c *collector) add(attrs []slog.Attr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []slog.Attr
	if before := c.attrs.Load(); before != nil {
		list = slices.Clone(*before)
	}
	for _, a := range attrs {
		same := func(b slog.Attr) bool { return b.Key == a.Key }
		i := slices.IndexFunc(list, same)
		switch {
		case i >= 0 && a.Key != "": // an inlined group has no key of its own
			list[i] = a
		case len(list) < maxCollected:
			list = append(list, a)
		default:
			c.dropped++
			list = append(list[:maxCollected], slog.Attr{Key: "!DROPPED", Value: slog.Int64Value(c.dropped)}) //nolint:sloglint // it is meant to stand out
		}
	}
	c.attrs.Store(&list)
}
