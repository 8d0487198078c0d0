package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	lumber "github.com/elastic/go-lumber/server/v2"

	"github.com/sluicelog/sluice/internal/lstest"
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

// freeAddr returns an address on which nothing listens, and whose port no connection is given.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// Every event reaches a go-lumber server with the same content, compressed or
// not, while the server is restarted again and again, and over a network that
// breaks each connection.
func TestBeatsIntoGoLumber(t *testing.T) {
	for _, level := range []int{0, 3} {
		t.Run("restarts, level "+strconv.Itoa(level), func(t *testing.T) {
			const restarts = 10
			srv := &lumberServer{addr: freeAddr(t), events: make(map[int]any)}
			stop := srv.listen(t)
			defer func() { stop() }()
			st := srv.fill(t, srv.addr, level, func(i, total int) {
				if i%(total/(restarts+1)) == total/(restarts+1)-1 {
					stop()
					stop = srv.listen(t)
				}
			})
			if st.Reconnects < restarts/2 { // two can look like one
				t.Errorf("%d reconnects after %d restarts", st.Reconnects, restarts)
			}
		})
		t.Run("bad network, level "+strconv.Itoa(level), func(t *testing.T) {
			srv := &lumberServer{addr: freeAddr(t), events: make(map[int]any)}
			stop := srv.listen(t)
			defer func() { stop() }()
			proxy, err := lstest.ListenProxy("127.0.0.1:0", srv.addr, &lstest.ProxyOptions{
				Script: lstest.Chaos(rand.Uint64(), int64(200<<10/(1+2*level)), 20*time.Millisecond),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			st := srv.fill(t, proxy.Addr(), level, func(int, int) {})
			if proxy.Stats().Cut == 0 || st.Reconnects == 0 {
				t.Errorf("%d reconnects, proxy %+v: nothing was cut", st.Reconnects, proxy.Stats())
			}
			t.Logf("proxy %+v", proxy.Stats())
		})
	}
}

// fill sends events to addr, calls meanwhile before each, and checks that all
// have arrived.
func (s *lumberServer) fill(t *testing.T, addr string, level int, meanwhile func(i, total int)) logstash.Stats {
	t.Helper()
	const total = 20_000
	shipper := dialShipper(t, "beats://"+addr, logstash.DialOptions{
		CompressionLevel: level, BatchSize: 250, MaxEvents: 1500, MinConnectionTime: time.Millisecond,
	})
	for i := range total {
		meanwhile(i, total)
		write(t, shipper, line(i))
	}
	shutdown(t, shipper)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range total {
		var want any
		if err := json.Unmarshal([]byte(line(i)), &want); err != nil {
			t.Fatal(err)
		}
		if got := s.events[i]; !reflect.DeepEqual(got, want) {
			t.Fatalf("event %d arrived as %v, want %v", i, got, want)
		}
	}
	st := shipper.Stats()
	if st.Written != total || st.Dropped != 0 || st.Queued != 0 || len(s.events) != total {
		t.Errorf("written %d, dropped %d, queued %d, arrived %d; want %d, 0, 0, %d",
			st.Written, st.Dropped, st.Queued, len(s.events), total, total)
	}
	duplicates := uint64(s.count - len(s.events))
	if duplicates > st.Resent {
		t.Errorf("%d duplicates, but only %d events were sent again", duplicates, st.Resent)
	}
	t.Logf("%d duplicates, %d resent, %d reconnects", duplicates, st.Resent, st.Reconnects)
	return st
}
