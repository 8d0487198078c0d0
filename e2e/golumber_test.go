package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	lumber "github.com/elastic/go-lumber/server/v2"

	"github.com/sluicelog/sluice/logstash"
)

// lumberServer collects what a go-lumber server decodes, by id.
type lumberServer struct {
	addr string

	mu     sync.Mutex
	events map[int]any
	count  int
}

// listen starts the server on its address and returns how to stop it, which
// leaves the batch it has in hand without an ack.
func (s *lumberServer) listen(t *testing.T) (stop func()) {
	t.Helper()
	srv, err := lumber.ListenAndServe(s.addr, lumber.Keepalive(50*time.Millisecond), lumber.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case batch, ok := <-srv.ReceiveChan():
				if !ok {
					return
				}
				s.receive(t, batch.Events)
				batch.ACK()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (s *lumberServer) receive(t *testing.T, events []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		fields, ok := e.(map[string]any)
		if !ok {
			t.Errorf("event %v is not an object", e)
			continue
		}
		id, ok := fields["id"].(float64)
		if !ok {
			t.Errorf("event %v has no id", e)
		}
		s.events[int(id)] = e
		s.count++
	}
}

func (s *lumberServer) received() (unique, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events), s.count
}

func line(i int) string {
	return fmt.Sprintf(`{"id":%d,"message":"event \u0041 \"quoted\" ünïcode","nested":{"list":[1,2.5,null,true],"n":%d}}`, i, i%7)
}

// freeAddr returns an address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// Every event reaches a go-lumber server that is restarted halfway, with the
// same content, compressed or not.
func TestBeatsIntoGoLumber(t *testing.T) {
	for _, level := range []int{0, 3} {
		t.Run("level "+strconv.Itoa(level), func(t *testing.T) {
			const total = 50_000
			srv := &lumberServer{addr: freeAddr(t), events: make(map[int]any)}
			s, err := logstash.Dial("beats://"+srv.addr, &logstash.DialOptions{
				CompressionLevel: level,
				Policy:           logstash.Block, BlockTimeout: -1, MaxEvents: 8192,
				BatchSize: 500, FlushInterval: 5 * time.Millisecond,
				MinBackoff: 5 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			stop := srv.listen(t)
			for i := range total {
				if i == total/2 {
					stop()
					if unique, _ := srv.received(); unique == 0 || unique >= total {
						t.Errorf("%d events before the restart, want some", unique)
					}
					stop = srv.listen(t)
				}
				if _, err := s.Write([]byte(line(i))); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			stop()
			for i := range total {
				var want any
				if err := json.Unmarshal([]byte(line(i)), &want); err != nil {
					t.Fatal(err)
				}
				if got := srv.events[i]; !reflect.DeepEqual(got, want) {
					t.Fatalf("event %d arrived as %v, want %v", i, got, want)
				}
			}
			unique, all := srv.received()
			st := s.Stats()
			if unique != total || st.Written != total || st.Dropped != 0 || st.Queued != 0 {
				t.Errorf("%d arrived, written %d, dropped %d, queued %d; want %d, %d, 0, 0",
					unique, st.Written, st.Dropped, st.Queued, total, total)
			}
			if uint64(all-unique) > st.Resent {
				t.Errorf("%d duplicates, but only %d events were sent again", all-unique, st.Resent)
			}
			if st.Reconnects == 0 {
				t.Error("the restart was not met")
			}
			t.Logf("%d duplicates, %d resent, %d reconnects", all-unique, st.Resent, st.Reconnects)
		})
	}
}
