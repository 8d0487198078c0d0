package logstash

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// idleLimit is how long a connection may have been idle before a request. The
// balancers between us and Logstash forget connections after a minute, and
// some of them say nothing about it.
const idleLimit = 50 * time.Second

// A connection that ends behind its first answer is not worth keeping. After maxSingles
// of them in a row, the next singleUse are closed by us: net/http writes a line to the
// standard logger for each on which the peer has sent more than its answer, and this
// line may become an event.
const (
	maxSingles = 3
	singleUse  = 1000
)

// httpInput carries events to an http input: every request holds a JSON array,
// and its events are done when the input has answered 200, 201, 202 or 204.
//
// That is at least once: the input answers when the events are in the queue of
// Logstash, which survives a crash of Logstash if it is a persisted one. A
// request without an answer, or with an answer of 5xx, is sent again, and what
// Logstash had queued of it arrives twice.
//
// There is one connection with one request under way, over HTTP/2 where the
// peer offers it with TLS. The proxy is that of HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY, as in net/http, unless there is a DialContext. Redirects are not
// followed, because the credentials are for nobody else.
//
// net/http runs two goroutines per connection; Close ends them.
type httpInput struct {
	peers      *endpoints
	files      *tlsFiles // nil without TLS
	proxied    bool      // the environment may name a proxy
	timeout    time.Duration
	rest       backoff // of an endpoint that answers with an error
	maxBackoff time.Duration
	url        url.URL // of every request, but for the host
	header     http.Header
	hidden     secrets
	host       string // the header Host, "" for the address

	body   requestBody
	limit  bodyLimit
	resend atomic.Uint64

	maker  *http.Transport // makes the connections, and pools none
	config *tls.Config     // that maker was made with
	turn   *turn           // nil when there is none
	conn   *http.ClientConn
	req    *http.Request // for conn, to be copied for each request
	worked bool          // something was acked, over any of them
	proven bool          // conn has brought an answer
	again  bool          // and another one
	used   time.Time     // and did so last

	singles int // connections in a row that brought one answer
}

// newHTTP returns the Transport for an http input at t.
func newHTTP(peers *endpoints, t target, files *tlsFiles, o *DialOptions) (Transport, error) {
	header, host, err := requestHeader(t, o)
	if err != nil {
		return nil, err
	}
	u, err := url.ParseRequestURI(t.path) // for Parse, what follows // is a host
	if err != nil {
		return nil, errors.New("logstash: path of the address: want one of a URL") // the query may be secret
	}
	u.Scheme, u.Host = "http", t.hosts[0]
	if t.secure {
		u.Scheme = "https"
	}
	h := &httpInput{
		peers: peers, files: files, proxied: o.DialContext == nil,
		timeout: o.Timeout, rest: backoff{least: o.MinBackoff, most: o.MinBackoff}, maxBackoff: o.MaxBackoff,
		url: *u, header: header, hidden: secretsOf(t, header, o), host: host,
		limit: newBodyLimit(),
	}
	if h.body, err = newRequestBody(o.CompressionLevel); err != nil {
		return nil, err
	}
	return h, nil
}

// Send sends events in as few requests as the receiver lets it.
func (h *httpInput) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	for acked < len(events) {
		n := h.body.fill(events[acked:], h.limit.now)
		err := h.post(ctx, n)
		switch {
		case err == nil:
			h.limit.worked(h.body.size())
			acked += n
		case isTooLarge(err) && n > 1:
			h.limit.refused(h.body.size())
			h.resend.Add(uint64(n))
		default:
			return acked, err
		}
	}
	return acked, nil
}

// post sends the body, which holds n events, and returns nil when it is acked.
func (h *httpInput) post(ctx context.Context, n int) error {
	for {
		if err := h.connect(ctx); err != nil {
			return err
		}
		a, sent, err := h.exchange(ctx)
		switch {
		case err == nil:
			return h.settle(a, n)
		case h.proven && sent == nothing && ctx.Err() == nil:
			h.end(nil) // it had been closed while idle; the next one is new, so this happens once
		default:
			return h.broken(ctx, fmt.Errorf("logstash: post %d events to %s: %w", n, h.name(), err), sent)
		}
	}
}

// exchange sends the body and returns the answer. It says how much of the body
// was taken.
func (h *httpInput) exchange(ctx context.Context) (a answer, sent progress, err error) {
	limited, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	body := h.body.reader()
	defer body.detach()
	req := h.req.WithContext(limited)
	req.Body, req.ContentLength = body, int64(body.len())
	resp, err := h.conn.RoundTrip(req)
	switch {
	case err == nil:
		defer resp.Body.Close() //nolint:errcheck // the answer is known
		early := body.progress() != everything
		a := readAnswer(resp, h.hidden, cancel)
		a.last = a.last || req.Close
		a.noTLS = h.files == nil && !h.proven && a.missesTLS()
		a.early = early
		return a, everything, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = fmt.Errorf("no answer within %v: %w", h.timeout, os.ErrDeadlineExceeded)
	case errors.Is(err, net.ErrClosed) && h.conn.Err() != nil:
		err = h.conn.Err() // why it was closed under our hands
	}
	return answer{}, body.detach(), h.explain(err)
}

// settle draws the conclusions from an answer to n events.
func (h *httpInput) settle(a answer, n int) error {
	h.again, h.proven, h.used = h.proven, true, time.Now()
	if a.acks() {
		h.worked = true
		h.turn.worked()
		if a.last {
			h.end(nil)
		}
		return nil
	}
	err := &answerError{op: fmt.Sprintf("post %d events to %s", n, h.name()), answer: a}
	if a.rejects() {
		if a.last {
			h.end(nil)
		}
		return err
	}
	wait := max(a.wait, h.rest.next()) // also for one that has just worked
	harm := a.isHarm(h.worked)
	if a.wantsCredentials() && !harm {
		wait = max(wait, h.maxBackoff) // nobody changes them within a second, and some receivers lock out
	}
	h.fail(err, wait)
	if harm {
		return &diedError{h.retry(err)}
	}
	return h.retry(err)
}

// broken draws the conclusions from a request without an answer.
func (h *httpInput) broken(ctx context.Context, err error, sent progress) error {
	timeout, closed, proven := errors.Is(err, os.ErrDeadlineExceeded), closedByPeer(err), h.proven
	if timeout || closed {
		h.limit.late(h.body.size()) // a receiver that finds a body too large may hang up before it can say so
	}
	switch {
	case ctx.Err() != nil:
		h.end(nil) // by us, so the endpoint is not to blame
		return err
	case closed && proven:
		h.end(nil)
		return &staleError{err}
	case closed && sent == everything:
		h.end(err)
		return &diedError{h.retry(err)}
	}
	h.end(err)
	return h.retry(err)
}

// connect makes a connection where there is none that can be used, to the
// endpoint whose turn it is or else to any other that may be tried.
func (h *httpInput) connect(ctx context.Context) error {
	fileErr := h.renew()
	if h.conn != nil && h.conn.Err() != nil {
		if h.singles++; h.again {
			h.singles = 0
		}
		h.end(nil)
	}
	switch {
	case h.conn == nil:
	case time.Since(h.used) > idleLimit:
		h.end(nil)
	case h.turn.expired():
		h.move(ctx, fileErr)
	}
	if h.conn == nil && h.turn == nil && !h.hasProxy() {
		h.peers.lookUp(ctx)
	}
	w := walk{endpoints: h.peers, since: time.Now()}
	for h.conn == nil {
		if h.turn == nil {
			turn, err := w.take()
			if err != nil {
				return &dialError{err}
			}
			h.turn = turn
		}
		conn, err := h.opener()(ctx, h.turn)
		switch {
		case err == nil:
			w.tellOf(w.tried...)
			h.use(conn, h.turn, fileErr)
		case ctx.Err() != nil:
			h.end(nil) // nothing that the endpoint has done
			return &dialError{err}
		default:
			w.failed(h.turn, err)
			h.end(err)
		}
	}
	return nil
}

// move goes on with another connection in place of one that has expired, if there is one
// by now.
func (h *httpInput) move(ctx context.Context, fileErr error) {
	old := h.conn
	conn, turn := h.turn.succeed(ctx, h.opener())
	if turn == nil {
		return
	}
	_ = old.Close() // what matters has been read
	h.use(conn, turn, fileErr)
}

// opener returns what makes a connection for a turn, perhaps while another one is in use.
func (h *httpInput) opener() opener {
	maker, scheme := h.maker, h.url.Scheme
	return func(ctx context.Context, t *turn) (io.Closer, error) {
		ctx, cancel := context.WithTimeout(context.WithValue(ctx, turnKey{}, t), t.limit)
		defer cancel()
		conn, err := maker.NewClientConn(ctx, scheme, t.to.host)
		if err != nil {
			return nil, fmt.Errorf("logstash: connect to %s: %w", t.addr(), err)
		}
		return conn, nil
	}
}

// turnKey is the key of the turn in the context of the dial for it.
type turnKey struct{}

// turnOf returns that turn, nil if there is none.
func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// use takes a new connection, which is that of an opener.
func (h *httpInput) use(conn io.Closer, t *turn, fileErr error) {
	t.begin(fileErr)
	h.turn, h.url.Host = t, t.to.host
	u := h.url                       // a copy, because net/http may look at the last one still
	h.conn = conn.(*http.ClientConn) //nolint:forcetypeassert // see above
	h.proven, h.again, h.used = false, false, time.Now()
	h.req = &http.Request{
		Method: http.MethodPost, URL: &u, Host: h.host, Header: h.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if h.singles >= maxSingles {
		h.req.Close = true
		h.singles = (h.singles + 1) % (maxSingles + singleUse)
	}
}

// renew begins anew when the TLS files have changed. The error says why it
// does not although they have.
func (h *httpInput) renew() error {
	var (
		config  *tls.Config
		fileErr error
	)
	if h.files != nil {
		config, fileErr = h.files.config()
	}
	if h.maker != nil && config == h.config {
		return fileErr
	}
	h.end(nil)
	h.config = config
	h.maker = &http.Transport{
		DialContext:            h.dial,
		DialTLSContext:         h.dialTLS(config),
		TLSClientConfig:        config.Clone(), // behind a proxy; net/http adds to it
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // of answers, which are short
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        64 << 10,
	}
	if h.proxied {
		h.maker.Proxy = h.proxy
	}
	return fileErr
}

// dial connects to the endpoint whose turn it is, or to a proxy.
func (h *httpInput) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if t := turnOf(ctx); t != nil && addr == t.to.host {
		addr = t.to.dialled()
	}
	return h.peers.callDial(ctx, network, addr)
}

// dialTLS returns what makes a connection with TLS that is to have HTTP/2, if the peer
// has it.
func (h *httpInput) dialTLS(config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := h.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		config := config.Clone()
		if len(config.NextProtos) == 0 {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
		if config.ServerName == "" {
			config.ServerName = serverName(addr)
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake says why
			return nil, h.files.explain(err)
		}
		return secure, nil
	}
}

// proxy returns the proxy that the environment names for the endpoint. The
// request that net/http asks with has lost the port.
func (h *httpInput) proxy(req *http.Request) (*url.URL, error) {
	host := h.url.Host
	if req != nil {
		if t := turnOf(req.Context()); t != nil { // not that of the connection in use
			host = t.to.host
		}
	}
	u, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: h.url.Scheme, Host: host}})
	if err != nil { // which repeats it, perhaps with a password
		return nil, errors.New("proxy of the environment, HTTP_PROXY or HTTPS_PROXY: want a URL such as http://host:port")
	}
	return u, nil
}

// hasProxy reports whether the environment names a proxy, which then looks names up.
func (h *httpInput) hasProxy() bool {
	if !h.proxied {
		return false
	}
	u, err := h.proxy(nil)
	return u != nil || err != nil
}

// retry adds to err how long it is until there is an endpoint to try, and
// keeps the one there is.
func (h *httpInput) retry(err error) error {
	turn, none := h.peers.take()
	if wait, ok := errors.AsType[*retryError](none); ok {
		return &retryError{err, wait.after}
	}
	h.turn = turn
	return &retryError{err, 0}
}

// end ends the connection and the turn, for the reason err if there is one.
func (h *httpInput) end(err error) {
	if h.turn != nil {
		h.turn.done(err)
	}
	h.hangUp()
}

// fail ends the connection and the turn, and lets the endpoint rest.
func (h *httpInput) fail(err error, rest time.Duration) {
	h.turn.failed(err, rest)
	h.hangUp()
}

func (h *httpInput) hangUp() {
	if h.conn != nil {
		_ = h.conn.Close() // what matters has been read
	}
	h.turn, h.conn, h.req = nil, nil, nil
}

// name returns the URL for people: without credentials, which it never holds,
// and without the query, where some receivers want them.
func (h *httpInput) name() string {
	u := h.url
	u.RawQuery = ""
	return u.String()
}

// resent returns how many events were sent again after the receiver had found
// a request too large.
func (h *httpInput) resent() uint64 { return h.resend.Load() }

// Close closes the connection.
func (h *httpInput) Close() error {
	h.end(nil)
	return nil
}

// explain adds to the failure of a request what can be done about it.
func (h *httpInput) explain(err error) error {
	if h.files != nil {
		err = h.files.explainAlert(err) // a client certificate is judged after the handshake
	}
	switch {
	case h.files != nil && !h.proven && closedByPeer(err): // the alert may have been lost behind the end
		return fmt.Errorf("%w (perhaps %s)", err, h.files.certificateAdvice("certificate required"))
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		return fmt.Errorf("the receiver speaks TLS: want https://: %w", err) // this is the head of an alert
	}
	text := h.hidden.hide(err.Error()) // net/http repeats what it does not understand
	if len(text) > 2*maxText {
		text = clean(text) + " [...]"
	}
	if text != err.Error() {
		return &shownError{err, text}
	}
	return err
}

// shownError is an error of which only a part is shown.
type shownError struct {
	err  error
	text string
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }

// closedByPeer reports whether err is the end of a connection, and not
// something the peer said.
func closedByPeer(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return (op.Op == "read" || op.Op == "write") && !op.Timeout()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}
