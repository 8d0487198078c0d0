package redis_test

import (
	"bytes"
	"context"
	"testing"

	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// BenchmarkSend compares the Transport with what a program would do with the client.
func BenchmarkSend(b *testing.B) {
	s := newServer(b)
	events := make([][]byte, logstash.MaxBatchSize)
	size := 0
	for i := range events {
		events[i] = lstest.AppendEvent(nil, 0, i, string(bytes.Repeat([]byte("x"), 280)))
		size += len(events[i])
	}
	own := s.client()
	boxed := make([]any, len(events))
	for i, event := range events {
		boxed[i] = event
	}
	ctx := context.Background()
	ways := []struct {
		name string
		send func() error
	}{
		{"RPUSH/sluice", sender(b, s, nil, events)},
		{"RPUSH/one command", func() error { return own.RPush(ctx, "key", boxed...).Err() }},
		{"RPUSH/pipeline", func() error {
			_, err := own.Pipelined(ctx, func(p client.Pipeliner) error {
				for _, event := range events {
					p.RPush(ctx, "key", event)
				}
				return nil
			})
			return err
		}},
		{"XADD/sluice", sender(b, s, &redis.Options{Stream: true}, events)},
		{"XADD/pipeline", func() error {
			_, err := own.Pipelined(ctx, func(p client.Pipeliner) error {
				for _, event := range events {
					p.XAdd(ctx, &client.XAddArgs{Stream: "key", Values: []any{"event", event}})
				}
				return nil
			})
			return err
		}},
		{"XADD/transaction", func() error {
			_, err := own.TxPipelined(ctx, func(p client.Pipeliner) error {
				for _, event := range events {
					p.XAdd(ctx, &client.XAddArgs{Stream: "key", Values: []any{"event", event}})
				}
				return nil
			})
			return err
		}},
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			own.Del(ctx, "key")
			for n := 0; b.Loop(); n++ {
				if err := way.send(); err != nil {
					b.Fatal(err)
				}
				if n%100 == 99 { // or it has no memory left
					b.StopTimer()
					own.Del(ctx, "key")
					b.StartTimer()
				}
			}
		})
	}
}

// sender returns a function that sends events over a Transport.
func sender(tb testing.TB, s *server, opts *redis.Options, events [][]byte) func() error {
	tb.Helper()
	transport := openTransport(tb, "redis://"+s.addr+"/key", opts, nil)
	return func() error {
		_, err := transport.Send(context.Background(), events)
		return err
	}
}
