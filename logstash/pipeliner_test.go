package logstash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// touchyPipeliner acks a batch when it is asked for progress, and panics in its
// first calls of a method.
type touchyPipeliner struct {
	panics map[string]int
	under  int
	closed int
	sent   int
	moved  chan struct{}
}

func (p *touchyPipeliner) call(method string) {
	if p.panics[method]--; p.panics[method] >= 0 {
		panic("injected")
	}
}

func (p *touchyPipeliner) Send(context.Context, [][]byte) (int, error) {
	return 0, errors.New("not called")
}

func (p *touchyPipeliner) Close() error {
	p.under = 0
	p.closed++
	p.call("Close")
	return nil
}

func (p *touchyPipeliner) Start(_ context.Context, events [][]byte) error {
	p.under += len(events)
	p.sent += len(events)
	p.call("start")
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return nil
}

func (p *touchyPipeliner) Progress() (int, error) {
	p.call("progress")
	acked := p.under
	p.under = 0
	return acked, nil
}

func (p *touchyPipeliner) News() <-chan struct{} { return p.moved }
func (p *touchyPipeliner) expired() bool         { return false }

// A panic of a pipeliner ends what is under way, and nothing else.
func TestPipelinerPanics(t *testing.T) {
	for name, panics := range map[string]map[string]int{
		"start":          {"start": 2},
		"progress":       {"progress": 3},
		"Close, as well": {"start": 1, "progress": 2, "Close": 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var first error
				o, err := (&DialOptions{OnError: func(err error) {
					if first == nil {
						first = err
					}
				}}).complete()
				if err != nil {
					t.Fatal(err)
				}
				p := &touchyPipeliner{panics: panics, moved: make(chan struct{}, 1)}
				s, err := newShipper("touchy", []Transport{p}, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 10 {
					if _, err := fmt.Fprintf(s, `{"id":%d}`, i); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := s.Flush(ctx); err != nil {
					t.Errorf("Flush: %v", err)
				}
				if st := s.Stats(); st.Written != 10 || st.Queued != 0 || st.Dropped != 0 {
					t.Errorf("written %d, queued %d, dropped %d; want 10, 0, 0", st.Written, st.Queued, st.Dropped)
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				if first == nil || !strings.Contains(first.Error(), "panicked: injected") || p.closed < 2 {
					t.Errorf("OnError was told %v, closed %d times; want the panic, and the connection ended", first, p.closed)
				}
			})
		})
	}
}
