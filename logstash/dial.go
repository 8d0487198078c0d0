package logstash

import (
	"errors"
	"fmt"
	"strings"
)

// Dial returns a Shipper to the receiver at addr, which is one of
//
//	beats://host[:port]      a Beats input: acked, at least once; port 5044 by default
//	beats+tls://host[:port]  the same over TLS
//	http://host[:port]/path  an http input: acked, at least once; port 8080 by default
//	https://host[:port]/path the same over TLS; port 443 by default
//	tcp://host:port          a tcp input with the codec json_lines: no acks, see ResendBytes
//	tls://host:port          the same over TLS
//	unix:///path             a unix input in mode server with the codec json_lines: no acks
//	udp://host:port          a udp input: no acks, one datagram for each event
//
// and the further ones that opts.Schemes has, such as kafka://host[:port]/topic.
//
// But for unix, there may be several, as in beats://a,b:5045. Which of them is
// used is the Strategy's business; with the zero value the first that works. An
// IPv6 address stands in brackets. Names are looked up for each connection.
//
// Dial does not wait for the receiver, which may be unreachable for as long
// as it likes. The error is about addr, opts, or files that they name, and says
// what is allowed.
func Dial(addr string, opts *DialOptions) (*Shipper, error) {
	to, o, err := opts.target(addr)
	if err != nil {
		return nil, err
	}
	if to.scheme == "udp" {
		o.MaxEventBytes = min(o.MaxEventBytes, maxDatagram)
		if opts == nil || opts.FlushInterval == 0 {
			o.FlushInterval = -1 // a datagram gains nothing by waiting for others
		}
	}
	var files *tlsFiles
	if to.secure {
		if files, err = newTLSFiles(&o); err != nil {
			return nil, err
		}
	}
	peers := newEndpoints(to.hosts, &o)
	lanes := make([]Transport, connections(to, &o))
	for i := range lanes {
		if lanes[i], err = newTransport(to, peers, files, &o); err != nil {
			return nil, err
		}
	}
	if to.own {
		if _, ok := lanes[0].(Pipeliner); !ok && len(opts.given("Pipeline")) > 0 {
			_ = lanes[0].Close() // it has done nothing yet
			return nil, fmt.Errorf("logstash: DialOptions.Pipeline: want none for %s://, where it means nothing", to.scheme)
		}
		peers = nil // the Transport has its own ways to find them
	}
	return newShipper(to.String(), lanes, peers, o)
}

// target takes an address apart, and completes the options for it.
func (opts *DialOptions) target(addr string) (target, DialOptions, error) {
	var more []Scheme
	if opts != nil {
		more = opts.Schemes
	}
	to, err := parseAddr(addr, more...)
	if err != nil {
		return to, DialOptions{}, err
	}
	if err := opts.suit(to); err != nil {
		return to, DialOptions{}, err
	}
	o, err := opts.complete()
	return to, o, err
}

// connections returns how many connections there are to be.
func connections(to target, o *DialOptions) int {
	switch {
	case o.Strategy != LoadBalance:
		return 1
	case o.Connections > 0:
		return o.Connections
	default:
		return len(to.hosts)
	}
}

// newTransport returns what carries events to a target.
func newTransport(to target, peers *endpoints, files *tlsFiles, o *DialOptions) (Transport, error) {
	if s := o.schemeOf(to); s != nil {
		return s.open(to, peers, files, o)
	}
	switch to.scheme {
	case "beats", "beats+tls":
		return newBeats(peers, files, o)
	case "http", "https":
		return newHTTP(peers, to, files, o)
	case "udp":
		return newDatagrams(peers, o), nil
	case "unix":
		return newStream(peers, "unix", nil, o), nil
	default:
		return newStream(peers, "tcp", files, o), nil
	}
}

// NewShipper returns a Shipper over a Transport of the caller's, which it owns
// from now on unless there is an error. What DialOptions say of connections, from Timeout to
// Schemes, is the Transport's business and must not be set, but for MinBackoff
// and MaxBackoff, and Pipeline for a [Pipeliner]. Errors name the Transport by its String
// method, if it has one. It panics if t is nil. The error is about opts, or the files that
// they name.
func NewShipper(t Transport, opts *DialOptions) (*Shipper, error) {
	if t == nil {
		panic("logstash: NewShipper: nil transport")
	}
	idle := []string{
		"Timeout", "CompressionLevel", "Strategy", "Connections", "ConnectionTTL",
		"MinConnectionTime", "TLS", "CAFile", "CertFile", "KeyFile", "KeepAlive", "ResendBytes",
		"Username", "Password", "BearerToken", "Header", "DialContext", "Schemes", "Key",
	}
	if _, ok := t.(Pipeliner); !ok {
		idle = append(idle, "Pipeline")
	}
	if fields := opts.given(idle...); len(fields) > 0 {
		return nil, fmt.Errorf("logstash: NewShipper: DialOptions.%s: want none, as they are the transport's business",
			strings.Join(fields, ", "))
	}
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%T", t)
	if s, ok := t.(fmt.Stringer); ok {
		name = s.String()
	}
	return newShipper(name, []Transport{t}, nil, o)
}

// suit reports an error if opts has fields that mean nothing for a target.
func (opts *DialOptions) suit(to target) error {
	var idle []string
	if !to.secure {
		idle = append(idle, "TLS", "CAFile", "CertFile", "KeyFile")
	}
	switch to.scheme {
	case "beats", "beats+tls":
		idle = append(idle, "KeepAlive", "ResendBytes", "Username", "Password", "BearerToken", "Header")
	case "http", "https":
		idle = append(idle, "Pipeline", "KeepAlive", "ResendBytes")
	case "udp":
		idle = append(idle, "Key", "Pipeline", "CompressionLevel", "KeepAlive", "ResendBytes",
			"Username", "Password", "BearerToken", "Header")
	case "tcp", "tls", "unix": // without acks nobody knows when the next event of a key may go elsewhere
		idle = append(idle, "Key", "Pipeline", "CompressionLevel", "Username", "Password", "BearerToken", "Header")
	default:
		idle = append(idle, "CompressionLevel", "Strategy", "Connections", "ConnectionTTL", "MinConnectionTime",
			"KeepAlive", "ResendBytes", "BearerToken", "Header")
	}
	if fields := opts.given(idle...); len(fields) > 0 {
		return fmt.Errorf("logstash: DialOptions.%s: want none for %s://, where they mean nothing",
			strings.Join(fields, ", "), to.scheme)
	}
	if opts != nil && opts.Key != nil && !to.own && opts.Strategy != LoadBalance {
		return errors.New("logstash: DialOptions.Key: want none, or LoadBalance as the Strategy: one connection keeps all events in order")
	}
	if opts != nil && to.scheme == "udp" && opts.MaxEventBytes > maxDatagram {
		return fmt.Errorf("logstash: DialOptions.MaxEventBytes %d: want 0 to %d for udp://", opts.MaxEventBytes, maxDatagram)
	}
	return nil
}
