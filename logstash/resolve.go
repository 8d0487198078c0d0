package logstash

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// resolver opens connections to names that have several addresses. net.Dialer
// takes the first that can be connected to, and would take it for ever if what
// answers there is a dead balancer.
type resolver struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	dial   dialFunc
}

func newResolver() resolver {
	names := net.DefaultResolver
	return resolver{names.LookupNetIP, (&net.Dialer{Resolver: names}).DialContext}
}

// dialFrom dials the addresses of a name in turn, from a place in their order on.
// Place 0 leaves it to net.Dialer, which knows which one is to be preferred.
func (r resolver) dialFrom(ctx context.Context, network, addr string, place int) (net.Conn, error) {
	var ips []netip.Addr
	host, port, err := net.SplitHostPort(addr)
	if err == nil && place > 0 {
		ips, err = r.lookup(ctx, "ip", host)
	}
	if err != nil || len(ips) < 2 {
		return r.dial(ctx, network, addr) // which says what is wrong
	}
	slices.SortFunc(ips, netip.Addr.Compare) // some servers give another order each time
	var first error
	for i := range ips {
		ip := ips[(place+i)%len(ips)]
		conn, err := r.dialWithin(ctx, len(ips)-i, network, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// dialWithin dials an address in its share of the time that is left for several.
func (r resolver) dialWithin(ctx context.Context, several int, network, addr string) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(several))
		defer cancel()
	}
	return r.dial(ctx, network, addr)
}
