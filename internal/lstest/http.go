package lstest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What the http input has by default.
const (
	maxContentLength = 100 << 20
	maxPending       = 200
)

// HTTPOptions are options for [ListenHTTP]. A zero HTTPOptions consists
// entirely of default values.
type HTTPOptions struct {
	// TLS makes the server speak TLS. It needs a certificate. Nil is plain TCP.
	TLS *tls.Config

	// MaxContentLength is how long a body may be, before compression. A longer
	// one is answered with 413. 0 is 100 MiB, as in the real input.
	MaxContentLength int64

	// MaxPending is how many requests may be under way at once. Those above
	// are answered with 429. 0 is 200, as in the real input.
	MaxPending int

	// Username and Password, if there are any, are what requests must have.
	// Others are answered with 401.
	Username, Password string

	// Poison reports whether an event is one that breaks the input. As the
	// real one does, the server takes the events of the body in front of it,
	// and answers with 500. Nil is none.
	Poison func(event []byte) bool

	// PoisonStatus is the answer to a body with such an event. 0 is 500. With another
	// one, as from a firewall in front of the input, nothing of the body is taken.
	PoisonStatus int

	// OnEvent is called with each event in the order of arrival and the number
	// of its connection, counted from 1, before the body is answered.
	// The event must not be changed. [Ledger.Receiver] makes one.
	OnEvent func(conn int, event []byte)

	// Forget keeps no events, for long runs.
	Forget bool

	// ReadBuffer is the size of the kernel's buffer of a connection, in bytes.
	// 0 leaves it to the kernel.
	ReadBuffer int
}

// HTTP is a receiver that stands in for the http input of Logstash with its
// default codecs, over HTTP/1.1. It starts one goroutine that accepts, and one
// per connection; Kill and Close end them.
type HTTP struct {
	server
	opts    HTTPOptions
	pending atomic.Int64

	mu       sync.Mutex
	events   [][]byte
	taken    int
	acked    int
	failures int
	requests int
	last     *http.Request
	answer   func(r *http.Request) HTTPAnswer
}

// HTTPAnswer is what an [HTTP] server does about a request. The zero
// HTTPAnswer is what the real input does.
type HTTPAnswer struct {
	// Status is the code of the answer. 0 is that of the real input, and
	// leaves the Body to it too.
	Status int
	// Header is added to the answer.
	Header http.Header
	// Body is what the answer says.
	Body string
	// Endless says it again and again, until the connection ends.
	Endless bool
	// Refuse takes none of the events.
	Refuse bool
	// Unread answers before the body of the request has been read, which never
	// is, and takes none of the events.
	Unread bool
	// Delay is how long the answer is held back.
	Delay time.Duration
	// Reset resets the connection in place of the answer.
	Reset bool
	// Close closes the connection after the answer, without saying so in it.
	Close bool
}

// ListenHTTP starts a receiver on addr, where port 0 picks a free port.
func ListenHTTP(addr string, opts *HTTPOptions) (*HTTP, error) {
	h := newHTTP("tcp", opts)
	if err := h.start(addr); err != nil {
		return nil, err
	}
	return h, nil
}

// NewHTTP returns a receiver that only has the connections its Dial makes.
func NewHTTP(opts *HTTPOptions) *HTTP {
	h := newHTTP("", opts)
	_ = h.start("") // nothing is there that could fail
	return h
}

func newHTTP(network string, opts *HTTPOptions) *HTTP {
	h := new(HTTP)
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.MaxContentLength == 0 {
		h.opts.MaxContentLength = maxContentLength
	}
	if h.opts.MaxPending == 0 {
		h.opts.MaxPending = maxPending
	}
	h.server.opts = serverOptions{network: network, tls: h.opts.TLS, readBuffer: h.opts.ReadBuffer}
	h.serve = h.read
	return h
}

// read takes requests from c until it ends.
func (h *HTTP) read(c *conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		answer, n := h.treat(c, req)
		there := answer.Delay <= 0 || c.sleep(answer.Delay)
		h.pending.Add(-1)
		if !there {
			return
		}
		if answer.Reset {
			c.end(RST)
			return
		}
		if ack(answer.Status) {
			h.mu.Lock()
			h.acked += n
			h.mu.Unlock()
		}
		if err := write(c, req, answer); err != nil {
			c.end(RST)
			return
		}
		if answer.Unread {
			drain(c)
		}
		if answer.Close || answer.Unread || req.Close {
			return
		}
	}
}

// drain throws away what the client is still sending, for a while: closing the
// connection before would reset it, and the answer might be lost.
func drain(c *conn) {
	_ = c.raw.SetReadDeadline(time.Now().Add(time.Second)) // fails as the reading will
	_, _ = io.Copy(io.Discard, c.raw)
}

func ack(status int) bool {
	return status == http.StatusOK || status == http.StatusCreated || status == http.StatusAccepted ||
		status == http.StatusNoContent
}

// treat returns the answer to a request, and how many of its events were taken.
func (h *HTTP) treat(c *conn, req *http.Request) (HTTPAnswer, int) {
	var answer HTTPAnswer
	pending := h.pending.Add(1)
	h.mu.Lock()
	h.requests++
	h.last = req
	if h.answer != nil {
		answer = h.answer(req)
	}
	h.mu.Unlock()

	user, password, _ := req.BasicAuth()
	own, unread := HTTPAnswer{Status: http.StatusOK, Body: "ok"}, true
	switch {
	case answer.Unread:
		return answer, 0
	case h.opts.Username+h.opts.Password != "" && (user != h.opts.Username || password != h.opts.Password):
		own = HTTPAnswer{Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {"Basic"}}}
	case pending > int64(h.opts.MaxPending):
		own = HTTPAnswer{Status: http.StatusTooManyRequests, Body: "Busy"}
	case req.ContentLength > h.opts.MaxContentLength:
		own = HTTPAnswer{Status: http.StatusRequestEntityTooLarge}
	default:
		unread = false
	}
	if unread {
		// The input closes what it has not read.
		own.Unread, own.Delay = true, answer.Delay
		return own, 0
	}
	events, status := h.parse(req)
	if status != 0 {
		own = HTTPAnswer{Status: status, Unread: true}
	}
	n := 0
	isPoison := func(event json.RawMessage) bool { return h.opts.Poison(event) }
	switch {
	case answer.Refuse:
	case h.opts.PoisonStatus != 0 && slices.ContainsFunc(events, isPoison):
		own = HTTPAnswer{Status: h.opts.PoisonStatus}
	default:
		var whole bool
		if n, whole = h.take(c, events); !whole {
			own = HTTPAnswer{Status: http.StatusInternalServerError}
		}
	}
	switch {
	case answer.Status == 0:
		answer.Status, answer.Body, answer.Unread = own.Status, own.Body, own.Unread
	case ack(answer.Status) && !ack(own.Status) && !answer.Refuse:
		return own, n // not an ack of what was not taken, unless that is asked for
	}
	return answer, n
}

// parse returns the events of a body as the codec json sees them: those of an
// array, or else one, whatever else there is behind it. A status other than 0
// says that there is no body to see.
func (h *HTTP) parse(req *http.Request) (events []json.RawMessage, status int) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(body)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		body = zip
	}
	text, err := io.ReadAll(io.LimitReader(body, h.opts.MaxContentLength+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest
	case int64(len(text)) > h.opts.MaxContentLength:
		return nil, http.StatusRequestEntityTooLarge
	}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind != "application/json" {
		h.fail()
		return nil, 0
	}
	if json.Unmarshal(text, &events) == nil {
		return events, 0
	}
	var first json.RawMessage
	if json.NewDecoder(bytes.NewReader(text)).Decode(&first) != nil {
		h.fail()
		return nil, 0
	}
	if first[0] != '[' {
		return []json.RawMessage{first}, 0
	}
	_ = json.Unmarshal(first, &events) // it is valid
	return events, 0
}

// take takes the events in front of the first that is poison, and reports
// whether there is none.
func (h *HTTP) take(c *conn, events []json.RawMessage) (n int, whole bool) {
	for _, event := range events {
		switch {
		case event[0] != '{':
			h.fail()
			continue
		case h.opts.Poison != nil && h.opts.Poison(event):
			return n, false
		}
		n++
		h.mu.Lock()
		h.taken++
		if !h.opts.Forget {
			h.events = append(h.events, event)
		}
		h.mu.Unlock()
		if h.opts.OnEvent != nil {
			h.opts.OnEvent(c.number, event)
		}
	}
	return n, true
}

// fail counts what becomes an event tagged with _jsonparsefailure.
func (h *HTTP) fail() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
}

// write writes an answer.
func write(w io.Writer, req *http.Request, a HTTPAnswer) error {
	resp := &http.Response{
		StatusCode: a.Status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: make(http.Header), ContentLength: int64(len(a.Body)), Body: io.NopCloser(strings.NewReader(a.Body)),
		Close: a.Unread,
	}
	for name, values := range a.Header {
		resp.Header[http.CanonicalHeaderKey(name)] = values
	}
	if a.Endless {
		resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
		resp.Body = io.NopCloser(&echo{text: a.Body})
	}
	if err := resp.Write(w); err != nil {
		return fmt.Errorf("lstest: answer: %w", err)
	}
	return nil
}

// echo is a text without an end.
type echo struct {
	text string
	at   int
}

func (e *echo) Read(p []byte) (n int, err error) {
	if e.text == "" {
		return 0, errors.New("lstest: endless answer without a body")
	}
	for n < len(p) {
		m := copy(p[n:], e.text[e.at:])
		n, e.at = n+m, (e.at+m)%len(e.text)
	}
	return n, nil
}

// SetAnswer makes the server treat each request as answer says, of which it
// may see the head but not the body. Nil restores what is right.
func (h *HTTP) SetAnswer(answer func(r *http.Request) HTTPAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

// Events returns the events that were taken, in order of arrival.
func (h *HTTP) Events() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([][]byte(nil), h.events...)
}

// Count returns how many events were taken.
func (h *HTTP) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taken
}

// Acked returns how many of them were answered with a code that acks them. The
// answer may never have arrived.
func (h *HTTP) Acked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked
}

// ParseFailures returns how many bodies, or members of an array, were no JSON
// objects. The real input makes an event tagged with _jsonparsefailure of each,
// and answers with 200 all the same.
func (h *HTTP) ParseFailures() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures
}

// Requests returns how many requests were begun.
func (h *HTTP) Requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}

// LastRequest returns the last request that was begun, without its body, nil
// if there was none.
func (h *HTTP) LastRequest() *http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}
