package redis

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"

	client "github.com/redis/go-redis/v9"
)

// load turns batches into commands. What these need is kept from one batch to the next,
// so that an event costs no allocation.
type load struct {
	key  string
	opts Options
	seed maphash.Seed

	slots []slot         // the events
	push  []any          // RPUSH, the key and the slots, in order
	adds  []client.Cmder // an XADD for each slot
}

// slot holds an event. A pointer to it can stay in the arguments of a command.
type slot struct{ event []byte }

// MarshalBinary returns the event.
func (s *slot) MarshalBinary() ([]byte, error) { return s.event, nil }

// send sends events with one command or one transaction, and returns how many of them, from
// the first on, the server has. With refused, it has said that it takes none.
func (l *load) send(ctx context.Context, c *conn, events [][]byte) (acked int, refused bool, err error) {
	l.grow(len(events))
	for i, event := range events {
		l.slots[i].event = event
	}
	defer clear(l.slots[:len(events)]) // they are not ours to keep
	if l.opts.Stream {
		return l.add(ctx, c, l.adds[:len(events)])
	}
	push := client.NewIntCmd(ctx, l.push[:2+len(events)]...)
	if err := c.client.Process(ctx, push); err != nil {
		return 0, isRefusal(err), err
	}
	c.entries = push.Val()
	return len(events), false, nil
}

// errUnanswered stands for the answer to a command for as long as there is none. The client
// does not say of each command that a transaction has failed as a whole.
var errUnanswered = errors.New("no answer")

// add executes XADDs as one transaction. What counts is the answer to each of them.
func (l *load) add(ctx context.Context, c *conn, adds []client.Cmder) (acked int, refused bool, err error) {
	for _, cmd := range adds {
		cmd.SetErr(errUnanswered)
	}
	tx := c.client.TxPipeline()
	if err := tx.BatchProcess(ctx, adds...); err != nil {
		return 0, true, err
	}
	var length *client.IntCmd
	if l.opts.CongestionThreshold > 0 {
		length = tx.XLen(ctx, l.key)
	}
	_, err = tx.Exec(ctx)
	if strings.HasPrefix(answerOf(err), aborted) {
		return 0, true, causeOf(adds, err)
	}
	for ; acked < len(adds); acked++ {
		switch own := adds[acked].Err(); {
		case errors.Is(own, errUnanswered): // a server that has refused MULTI may have added them one by one
			return acked, false, cmp.Or(err, own)
		case own != nil:
			return acked, !slices.ContainsFunc(adds, isOpen), own
		}
	}
	if length != nil && length.Err() == nil {
		c.entries = length.Val()
	}
	return acked, false, nil
}

// isOpen reports whether a server may have executed a command: it has not refused it.
func isOpen(cmd client.Cmder) bool { return !isRefusal(cmd.Err()) }

// aborted begins the answer to a transaction of which nothing was executed.
const aborted = "EXECABORT"

// causeOf returns what a server had against one of the commands of such a transaction.
func causeOf(cmds []client.Cmder, err error) error {
	for _, cmd := range cmds {
		if answer := answerOf(cmd.Err()); answer != "" && !strings.HasPrefix(answer, aborted) {
			return cmd.Err()
		}
	}
	return err
}

// sums returns what tells events apart when they are given to Send again.
func (l *load) sums(events [][]byte) []uint64 {
	sums := make([]uint64, len(events))
	for i, event := range events {
		sums[i] = maphash.Bytes(l.seed, event)
	}
	return sums
}

// match returns how many of the events, from the first on, are those of sums.
func (l *load) match(events [][]byte, sums []uint64) (n int) {
	for n < min(len(events), len(sums)) && maphash.Bytes(l.seed, events[n]) == sums[n] {
		n++
	}
	return n
}

// grow makes room for n events.
func (l *load) grow(n int) {
	if n <= len(l.slots) {
		return
	}
	l.slots = make([]slot, n)
	if !l.opts.Stream {
		l.push = append(make([]any, 0, 2+n), "rpush", l.key)
		for i := range l.slots {
			l.push = append(l.push, &l.slots[i])
		}
		return
	}
	head := []any{"xadd", l.key}
	if l.opts.MaxLen > 0 {
		head = append(head, "maxlen", "~", l.opts.MaxLen)
	}
	head = append(head, "*", l.opts.Field)
	l.adds = l.adds[:0]
	for i := range l.slots {
		args := append(append(make([]any, 0, len(head)+1), head...), &l.slots[i])
		l.adds = append(l.adds, client.NewStringCmd(context.Background(), args...))
	}
}
