package bench

import (
	"io"
	"strings"

	"github.com/sluicelog/sluice/internal/lstest"
)

// local is where receivers in this process listen.
const local = "127.0.0.1:0"

// A standIn is a receiver in this process that speaks the protocol of the configured one, without TLS and passwords, and takes
// everything.
type standIn struct {
	io.Closer

	scheme string
	addr   string // to send to
}

// newStandIn starts one in place of the receiver at an address.
func newStandIn(addr string) (s *standIn, err error) {
	var to interface {
		io.Closer
		Addr() string
	}
	s = &standIn{}
	path := ""
	scheme, _, _ := strings.Cut(strings.ToLower(addr), "://")
	switch s.scheme = strings.TrimSuffix(scheme, "+tls"); s.scheme {
	case "beats":
		to, err = lstest.ListenBeats(local, &lstest.BeatsOptions{Forget: true})
	case "http", "https":
		s.scheme = "http"
		to, err = lstest.ListenHTTP(local, &lstest.HTTPOptions{Forget: true})
	case "udp":
		to, err = lstest.ListenUDP(local, &lstest.UDPOptions{Forget: true})
	case "kafka":
		path = "/" + topic
		to, err = listen(serveKafka)
	case "redis":
		path = "/sluice-bench"
		to, err = listen(serveRedis)
	default: // tcp, tls and unix
		s.scheme = "tcp"
		to, err = lstest.ListenTCP(local, &lstest.TCPOptions{Forget: true})
	}
	if err != nil {
		return nil, err
	}
	s.Closer, s.addr = to, s.scheme+"://"+to.Addr()+path
	return s, nil
}
