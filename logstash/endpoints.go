package logstash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// dialFunc opens a connection, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// endpoints are the addresses of one receiver, in order of preference.
type endpoints struct {
	addrs   []string
	dial    dialFunc
	timeout time.Duration

	next   int // the address to try first
	opened atomic.Uint64
}

// connect opens a connection to the first address that takes one, beginning
// with the next. The names are looked up again each time.
func (e *endpoints) connect(ctx context.Context) (net.Conn, error) {
	var errs []error
	for range e.addrs {
		conn, err := e.dialOne(ctx, e.addrs[e.next])
		if err == nil {
			e.opened.Add(1)
			return &steadyConn{Conn: conn, timeout: e.timeout}, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
		e.skip()
	}
	return nil, &dialError{errors.Join(errs...)}
}

func (e *endpoints) dialOne(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	conn, err := e.dial(ctx, "tcp", addr)
	if conn == nil && err == nil {
		return nil, fmt.Errorf("logstash: dial %s: DialContext returned neither a connection nor an error", addr)
	}
	return conn, err
}

// lost notes the end of the connection that connect gave last. A peer that
// has proved itself before leaves the preferred address the first to try;
// one that took the connection and nothing else lets the next address have
// its turn.
func (e *endpoints) lost(proven bool) {
	if proven {
		e.next = 0
	} else {
		e.skip()
	}
}

func (e *endpoints) skip() { e.next = (e.next + 1) % len(e.addrs) }

// reconnects returns how many connections were opened after the first.
func (e *endpoints) reconnects() uint64 {
	return max(e.opened.Load(), 1) - 1
}

// steadyConn is a connection of which every write has to make progress: each
// piece must be taken within the timeout, however long the whole takes.
type steadyConn struct {
	net.Conn
	timeout time.Duration
}

// Write writes p, and fails once the peer has taken nothing for the timeout.
func (c *steadyConn) Write(p []byte) (n int, err error) {
	const piece = 64 << 10
	for n < len(p) && err == nil {
		if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return n, err
		}
		var m int
		m, err = c.Conn.Write(p[n:min(n+piece, len(p))])
		n += m
	}
	return n, err
}

// parseAddr splits "scheme://host:port,host:port" into its scheme and its
// addresses.
func parseAddr(addr string) (scheme string, hosts []string, err error) {
	if strings.Contains(addr, "@") {
		// The text may hold a password, so it is not repeated.
		return "", nil, errors.New("logstash: dial: address with user information: want scheme://host:port")
	}
	scheme, list, found := strings.Cut(addr, "://")
	if !found {
		return "", nil, fmt.Errorf("logstash: dial %q: want beats://host:port or tcp://host:port", addr)
	}
	scheme = strings.ToLower(scheme)
	port := ""
	switch scheme {
	case "beats":
		port = "5044"
	case "tcp":
	default:
		return "", nil, fmt.Errorf("logstash: dial %q: scheme %q: want beats or tcp", addr, scheme)
	}
	for host := range strings.SplitSeq(list, ",") {
		host, err := parseHost(host, port)
		if err != nil {
			return "", nil, fmt.Errorf("logstash: dial %q: %w", addr, err)
		}
		hosts = append(hosts, host)
	}
	return scheme, hosts, nil
}

// parseHost completes "host:port" with the default port, if there is one.
func parseHost(s, defaultPort string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil && defaultPort != "" {
		host, port, err = net.SplitHostPort(s + ":" + defaultPort)
	}
	switch {
	case err != nil && defaultPort != "":
		return "", fmt.Errorf("address %q: want host, host:port or [IPv6]:port", s)
	case err != nil:
		return "", fmt.Errorf("address %q: want host:port or [IPv6]:port", s)
	case host == "":
		return "", fmt.Errorf("address %q: no host", s)
	case strings.ContainsAny(host, "/?#[] \t\r\n"):
		return "", fmt.Errorf("address %q: host %q is not a name or an IP address", s, host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("address %q: port %q: want 1 to 65535", s, port)
	}
	return net.JoinHostPort(host, port), nil
}
