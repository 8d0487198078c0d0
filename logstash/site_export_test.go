package logstash

import (
	"context"
	"net"
	"net/netip"
)

// DialNames is Dial with names and connections of the test's.
func DialNames(
	addr string, opts *DialOptions,
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error),
	dial func(ctx context.Context, network, addr string) (net.Conn, error),
) (*Shipper, error) {
	to, o, err := opts.target(addr)
	if err != nil {
		return nil, err
	}
	peers := newEndpoints(to.hosts, &o)
	peers.names = resolver{lookup, dial}
	lanes := make([]Transport, connections(to, &o))
	for i := range lanes {
		if lanes[i], err = newTransport(to, peers, nil, &o); err != nil {
			return nil, err
		}
	}
	return newShipper(to.String(), lanes, peers, o)
}
