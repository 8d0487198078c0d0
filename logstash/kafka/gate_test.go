package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

var errAway, errNoAnswer = errors.New("away"), errors.New("i/o timeout")

// tardy is a context of which the deadline is over before it says so.
type tardy struct{ context.Context }

func (tardy) Err() error { return nil }

// brokers are those behind a gate, each of which is away or not.
type brokers struct {
	mu    sync.Mutex
	begun time.Time
	up    map[string]bool
	mute  bool                // none has an answer
	dials map[string][]string // when each was dialed
}

func (b *brokers) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dials[addr] = append(b.dials[addr], time.Since(b.begun).String())
	if b.mute {
		end, _ := ctx.Deadline()
		<-time.After(time.Until(end))
		return nil, errNoAnswer
	}
	if !b.up[addr] {
		return nil, errAway
	}
	near, _ := net.Pipe()
	return near, nil
}

// newTestGate returns a gate of which the pauses are 1 s, 2 s, 3 s and so on.
func newTestGate(up ...string) (*gate, *brokers) {
	b := &brokers{begun: time.Now(), up: make(map[string]bool), dials: make(map[string][]string)}
	for _, addr := range up {
		b.up[addr] = true
	}
	return newGate(b.dial, func(fails int) time.Duration { return time.Duration(fails) * time.Second }), b
}

// connect is what the client does with a gate. With an answer the connection works.
func connect(ctx context.Context, g *gate, host string, answer error) (net.Conn, error) {
	conn, err := g.DialContext(ctx, "tcp", host+":1")
	if err == nil {
		err = answer
	}
	g.OnBrokerConnect(kgo.BrokerMetadata{Host: host, Port: 1}, 0, conn, err)
	return conn, err
}

func TestGate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(*testing.T, *gate, *brokers)
		want map[string][]string
	}{
		"one after the other": {func(t *testing.T, g *gate, _ *brokers) {
			for range 4 {
				if _, err := connect(t.Context(), g, "a", nil); !errors.Is(err, errAway) {
					t.Error(err)
				}
			}
		}, map[string][]string{"a:1": {"0s", "1s", "3s", "6s"}}},
		"several at once": {func(t *testing.T, g *gate, _ *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // away, as the times show
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { _, _ = connect(t.Context(), g, "a", nil) }) // the same
			}
			wg.Wait()
		}, map[string][]string{"a:1": {"0s", "1s", "3s", "6s"}}},
		"each its own": {func(t *testing.T, g *gate, _ *brokers) {
			for _, host := range []string{"a", "b", "a", "b"} {
				_, _ = connect(t.Context(), g, host, nil) // the same
			}
		}, map[string][]string{"a:1": {"0s", "1s"}, "b:1": {"0s", "1s"}}},
		"another one works": {func(t *testing.T, g *gate, b *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // the same
			conn, err := connect(t.Context(), g, "up", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := connect(t.Context(), g, "a", nil); !errors.Is(err, errAway) || time.Since(b.begun) > 0 {
				t.Errorf("%v after %v", err, time.Since(b.begun))
			}
			g.OnBrokerDisconnect(kgo.BrokerMetadata{}, conn)
			_, _ = connect(t.Context(), g, "a", nil) // which waits now
		}, map[string][]string{"a:1": {"0s", "1s"}, "up:1": {"0s"}}},
		"it comes back": {func(t *testing.T, g *gate, b *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // the same
			b.up["a:1"] = true
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if _, err := connect(t.Context(), g, "a", nil); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}, map[string][]string{"a:1": {"0s", "1s", "1s"}}},
		"it hangs up": {func(t *testing.T, g *gate, _ *brokers) {
			for range 3 {
				_, _ = connect(t.Context(), g, "up", errAway) // the same
			}
		}, map[string][]string{"up:1": {"0s", "1s", "3s"}}},
		"no time to wait": {func(t *testing.T, g *gate, b *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // the same
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			if _, err := connect(ctx, g, "a", nil); !errors.Is(err, errAway) || time.Since(b.begun) > 0 {
				t.Errorf("%v after %v", err, time.Since(b.begun))
			}
		}, map[string][]string{"a:1": {"0s"}}},
		"given up": {func(t *testing.T, g *gate, b *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // the same
			ctx, cancel := context.WithCancel(t.Context())
			defer time.AfterFunc(time.Second/2, cancel).Stop()
			if _, err := connect(ctx, g, "a", nil); !errors.Is(err, errAway) || time.Since(b.begun) != time.Second/2 {
				t.Errorf("%v after %v", err, time.Since(b.begun))
			}
		}, map[string][]string{"a:1": {"0s"}}},
		"given up while it is dialed": {func(t *testing.T, g *gate, b *brokers) {
			_, _ = connect(t.Context(), g, "a", nil) // the same
			b.mute = true
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second/2)
			defer cancel()
			if _, err := connect(ctx, g, "a", nil); !errors.Is(err, errAway) || time.Since(b.begun) != 3*time.Second/2 {
				t.Errorf("%v after %v", err, time.Since(b.begun))
			}
		}, map[string][]string{"a:1": {"0s", "1s"}}},
		"given up at once": {func(t *testing.T, g *gate, b *brokers) {
			b.mute = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			if _, err := connect(tardy{ctx}, g, "up", nil); !errors.Is(err, errNoAnswer) {
				t.Error(err)
			}
			b.mute = false
			if _, err := connect(t.Context(), g, "up", nil); err != nil { // it is not away
				t.Error(err)
			}
		}, map[string][]string{"up:1": {"0s", "500ms"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, b := newTestGate("up:1")
				tt.do(t, g, b)
				if diff := cmp.Diff(tt.want, b.dials); diff != "" {
					t.Errorf("dials mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}
