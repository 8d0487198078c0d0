package logstash

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// Probed is what [Probe] has found out about an address.
type Probed struct {
	// Receivers are those of the address, in its order.
	Receivers []Receiver
	// Client is the certificate that receivers are shown, nil if there is none.
	Client *x509.Certificate
}

// Receiver is what [Probe] has found out about one receiver.
type Receiver struct {
	Addr   string        // host:port, or the path of a unix socket
	Remote net.Addr      // what was connected to; nil if nothing was
	Proxy  string        // host:port of the proxy of the environment that was used, empty for none
	Took   time.Duration // to look up the name, to connect, and for the handshake of TLS

	// Certificate is the one of the receiver's chain that ends first, nil without TLS
	// or behind a proxy. Err is nil then: it has been verified.
	Certificate *x509.Certificate

	// Err says why a Shipper could not send to it, and what may be done about it.
	Err error
}

// Probe reports whether a [Shipper] that [Dial] returns for the same addr and opts
// would reach its receivers. It is for the start of a program, and for tools that
// look over a system. It tries all of them at the same time: it looks the name up,
// connects, does the handshake of TLS, and listens for a moment whether the receiver
// hangs up. No event is sent, nor a request, of which an http input would make one; to
// a receiver without TLS go five bytes that mean nothing yet, or blank lines over
// tcp://, so that one which wants TLS says so. Over udp:// nobody can tell, and Probe
// sends nothing.
//
// It returns when ctx is done, or after Timeout, if DialContext does. The error is
// that of Dial: about addr, opts, or files that they name.
func Probe(ctx context.Context, addr string, opts *DialOptions) (Probed, error) {
	to, o, err := opts.target(addr)
	if err != nil {
		return Probed{}, err
	}
	p := probe{to: to, peers: newEndpoints(to.hosts, &o), opts: &o}
	var found Probed
	if to.secure {
		if p.files, err = newTLSFiles(&o); err != nil {
			return Probed{}, err
		}
		found.Client = p.files.shown()
	}
	if lane, err := newTransport(to, p.peers, p.files, &o); err != nil { // as of a header that cannot be
		return Probed{}, err
	} else if err := lane.Close(); err != nil {
		return Probed{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	results := make([]chan Receiver, len(to.hosts))
	for i, host := range to.hosts {
		results[i] = make(chan Receiver, 1)
		go func() { results[i] <- p.try(ctx, host) }()
	}
	for _, result := range results {
		found.Receivers = append(found.Receivers, <-result)
	}
	return found, nil
}

// probe is one call of Probe.
type probe struct {
	to    target
	peers *endpoints
	files *tlsFiles // nil without TLS
	opts  *DialOptions
}

// shown returns the certificate that a receiver is shown, nil for none.
func (t *tlsFiles) shown() *x509.Certificate {
	c, _ := t.config() // read a moment ago
	switch {
	case t.certFile != "":
		if cert, err := c.GetClientCertificate(nil); err == nil { // read's own, which asks for nothing
			return cert.Leaf
		}
	case len(c.Certificates) > 0:
		return c.Certificates[0].Leaf
	}
	return nil
}

func (p *probe) try(ctx context.Context, host string) Receiver {
	r := Receiver{Addr: host}
	start := time.Now()
	if proxy, err := p.proxy(host); proxy != nil || err != nil {
		if err == nil {
			r.Proxy = proxy.Host
			err = p.throughProxy(ctx, host)
		}
		r.Took, r.Err = time.Since(start), err
		return r
	}
	network := "tcp"
	switch p.to.scheme {
	case "udp", "unix":
		network = p.to.scheme
	}
	conn, err := p.peers.callDial(ctx, network, host)
	if err == nil {
		r.Remote = conn.RemoteAddr()
		if p.files != nil {
			conn, err = p.files.handshake(ctx, conn, host)
		}
	}
	r.Took = time.Since(start)
	if err != nil {
		r.Err = fmt.Errorf("logstash: connect to %s: %w", host, err)
		return r
	}
	defer conn.Close() //nolint:errcheck // nothing has been sent that matters
	if secure, ok := conn.(*secureConn); ok {
		r.Certificate = firstToEnd(secure.ConnectionState())
	}
	if network == "tcp" {
		if r.Err = p.listen(ctx, conn, r.Took); r.Err != nil {
			r.Certificate = nil
		}
	}
	return r
}

// firstToEnd returns the certificate of a chain that ends first.
func firstToEnd(state tls.ConnectionState) *x509.Certificate {
	chain := state.PeerCertificates // not verified if the user's configuration says so
	if len(state.VerifiedChains) > 0 {
		chain = state.VerifiedChains[0]
	}
	var first *x509.Certificate
	for _, cert := range chain {
		if first == nil || cert.NotAfter.Before(first.NotAfter) {
			first = cert
		}
	}
	return first
}

// proxy returns the proxy that a Shipper would use for a host, nil for none.
func (p *probe) proxy(host string) (*url.URL, error) {
	if p.to.scheme != "http" && p.to.scheme != "https" || p.opts.DialContext != nil {
		return nil, nil
	}
	h := httpInput{url: url.URL{Scheme: p.to.scheme, Host: host, Path: "/"}}
	return h.proxy(nil)
}

// throughProxy connects to a host the way a Shipper does, which for http:// is no
// farther than to the proxy.
func (p *probe) throughProxy(ctx context.Context, host string) error {
	t, err := newHTTP(p.peers, p.to, p.files, p.opts)
	h, ok := t.(*httpInput)
	if err != nil || !ok {
		return err
	}
	if err := h.renew(); err != nil {
		return err
	}
	h.url.Host = host
	conn, err := h.maker.NewClientConn(ctx, p.to.scheme, host)
	if err != nil {
		return fmt.Errorf("logstash: connect to %s: %w", host, h.explain(err))
	}
	return conn.Close()
}

// opening is what begins a conversation, too short to mean anything. Whoever
// expects TLS has read the header of a record then, and knows that it is none.
func (p *probe) opening() []byte {
	switch p.to.scheme {
	case "beats":
		return []byte("2W\x00\x00\x00") // the header of a window, but for its last byte
	case "http":
		return []byte("POST ")
	case "tcp":
		return []byte("\n\n\n\n\n") // half a line would be an event
	default:
		return nil
	}
}

const (
	// leastLook is for how long a receiver is listened to at least.
	leastLook = 300 * time.Millisecond
	// lateLook is how late that ends when the machine has stood still. The end may then have come before what
	// the receiver had said, and it is listened to once more.
	lateLook = 50 * time.Millisecond
)

// listen returns an error if the receiver hangs up.
func (p *probe) listen(ctx context.Context, conn net.Conn, took time.Duration) error {
	// An answer takes as long as the connection did, if the receiver is not busy.
	until := time.Now().Add(min(leastLook+2*took, 2*time.Second))
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		until = end
	}
	if err := conn.SetDeadline(until); err != nil {
		return nil // a connection of the user's that knows no time: it is there, no more is known
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(p.opening()); errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // it is there, no more is known
	} else if err != nil {
		return p.hungUp(err)
	}
	var first [8]byte
	n, err := io.ReadAtLeast(conn, first[:], 2)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && time.Since(until) > lateLook && ctx.Err() == nil &&
		conn.SetReadDeadline(time.Now().Add(leastLook)) == nil {
		n, err = io.ReadAtLeast(conn, first[:], 2)
	}
	const alert = "\x15\x03" // the type of a TLS record, and the major version
	switch {
	case p.files == nil && bytes.HasPrefix(first[:n], []byte(alert)):
		return fmt.Errorf("logstash: %s speaks TLS: want %s:// instead of %s://",
			conn.RemoteAddr(), p.withTLS(), p.to.scheme)
	case n >= 2 && (p.to.scheme == "http" || p.to.scheme == "beats"):
		return fmt.Errorf("logstash: %s answers before it is asked (it is something else than Logstash)", conn.RemoteAddr())
	case n > 0, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	default:
		return p.hungUp(err)
	}
}

// hungUp says what it may mean that a receiver ends a connection at once.
func (p *probe) hungUp(err error) error {
	if p.files != nil {
		if strings.HasSuffix(err.Error(), ")") { // what Read has said of an alert
			return fmt.Errorf("logstash: hung up after the handshake: %w", err)
		}
		return fmt.Errorf("logstash: hung up after the handshake: %w (perhaps %s; or a balancer has lost its receivers)",
			err, p.files.certificateAdvice("certificate required"))
	}
	return fmt.Errorf("logstash: hung up at once: %w (it may want TLS, by %s://, or be something else than Logstash, "+
		"or a balancer that has lost its receivers)", err, p.withTLS())
}

// withTLS returns the scheme with TLS that belongs to one without.
func (p *probe) withTLS() string {
	switch p.to.scheme {
	case "beats":
		return "beats+tls"
	case "http":
		return "https"
	case "tcp":
		return "tls"
	default:
		return p.to.scheme + "+tls"
	}
}
