package bench

import (
	"net"
	"sync"
)

// server serves connections until it is closed.
type server struct {
	net.Listener

	served sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// listen starts a server that calls serve with each connection, which returns when that ends.
func listen(serve func(net.Conn) error) (*server, error) {
	l, err := net.Listen("tcp", local) //nolint:noctx // it does not wait
	if err != nil {
		return nil, err
	}
	s := &server{Listener: l, conns: make(map[net.Conn]bool)}
	s.served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.served.Go(func() {
				defer conn.Close() //nolint:errcheck // what matters was answered
				if s.add(conn) {
					_ = serve(conn) // the client sees that it has ended, and says so
				}
			})
		}
	})
	return s, nil
}

func (s *server) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = true
	return !s.closed
}

// Addr returns host:port.
func (s *server) Addr() string { return s.Listener.Addr().String() }

// Close ends it, and all connections.
func (s *server) Close() error {
	err := s.Listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close() // its goroutine ends then
	}
	s.mu.Unlock()
	s.served.Wait()
	return err
}
