package logstash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What is read of an answer: so much text into an error, so much in all, and
// for so long.
const (
	maxText       = 200
	maxAnswer     = 64 << 10
	answerTimeout = 2 * time.Second
)

// maxRetryAfter bounds what a receiver may ask for, so that a slip of its
// clock does not end the shipping.
const maxRetryAfter = 10 * time.Minute

// answer is what a receiver says to a request.
type answer struct {
	status int
	wait   time.Duration // as its Retry-After asks
	to     string        // where a redirect leads
	text   string        // the beginning, for people
	page   bool          // it is one for a browser
	noTLS  bool          // it says that the request should have come over TLS
	early  bool          // it came before the events had been sent
	last   bool          // of the connection
}

// readAnswer reads resp to its end, or gives it up with cancel if that is far
// away or long in coming: the status is known by then. What is secret is not in it.
func readAnswer(resp *http.Response, hidden secrets, cancel context.CancelFunc) answer {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	a := answer{
		status: resp.StatusCode,
		page:   kind == "text/html" || kind == "application/xhtml+xml",
		last:   resp.Close,
	}
	if resp.ContentLength != 0 {
		timer := time.AfterFunc(answerTimeout, cancel)
		defer timer.Stop()
	}
	if !a.acks() {
		a.wait = retryTime(resp.Header.Get("Retry-After"), resp.Header.Get("Date"), time.Now())
		a.to = hidden.hide(leadsTo(resp))
		a.text = readText(resp.Body, kind, hidden)
	}
	_, err := io.CopyN(io.Discard, resp.Body, maxAnswer)
	a.last = a.last || !errors.Is(err, io.EOF) // what is left of it would stand before the next answer
	return a
}

// acks reports whether the events are queued: these are the codes that an http
// input can be told to answer with, and it has no pages. A web server that
// answers every request with its front page must not swallow the events, nor must
// one that does not even read them.
func (a *answer) acks() bool {
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return !a.page && !a.early
	}
	return false
}

// rejects reports whether the receiver works, and will not take these events.
func (a *answer) rejects() bool {
	switch a.status {
	case http.StatusBadRequest:
		return !a.noTLS
	case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// missesTLS reports whether the answer is the one with which the servers of Go and
// nginx meet a request that should have come over TLS. It has to begin with it, as
// an event that a receiver repeats may say anything.
func (a *answer) missesTLS() bool {
	return a.status == http.StatusBadRequest &&
		(strings.HasPrefix(a.text, "Client sent an HTTP request to an HTTPS server") ||
			strings.HasPrefix(a.text, "<html> <head><title>400 The plain HTTP request was sent to HTTPS port"))
}

// wantsCredentials reports whether only the user can help.
func (a *answer) wantsCredentials() bool {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	}
	return false
}

// isHarm reports whether one event may be what the answer is about: 500 says that
// the input has failed, and a firewall says 403 or 406 to what looks to it like an
// attack. Where nothing has ever been acked, these are about everything.
func (a *answer) isHarm(worked bool) bool {
	switch a.status {
	case http.StatusInternalServerError:
		return true
	case http.StatusForbidden, http.StatusNotAcceptable:
		return worked
	}
	return false
}

// advice says what to do about the answer, where that is known.
func (a *answer) advice() string {
	switch a.status {
	case http.StatusUnauthorized:
		return "check Username and Password, or BearerToken"
	case http.StatusForbidden:
		return "check what Username or BearerToken is allowed to do, or whether a firewall refuses an event"
	case http.StatusProxyAuthRequired:
		return "the proxy wants a user and a password in HTTP_PROXY or HTTPS_PROXY"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "check the port and the path of the address"
	case http.StatusRequestEntityTooLarge:
		return "longer than max_content_length of the input, or than a proxy lets through"
	case http.StatusUnsupportedMediaType:
		return "check the Content-Type in Header, and CompressionLevel"
	case http.StatusTooManyRequests:
		return "the input is busy"
	case http.StatusInternalServerError:
		return "the input may have failed over an event"
	case http.StatusBadRequest:
		if !a.rejects() {
			return "the receiver wants https://"
		}
	}
	switch {
	case a.to != "":
		return "redirects are not followed, and this one leads to " + a.to
	case a.early && a.status < 300:
		return "no ack, as it came before the events had been sent"
	case a.page && a.status < 300:
		return "a web page is no ack: check the port and the path of the address"
	case a.status < 300:
		return "no ack: want 200, 201, 202 or 204"
	}
	return ""
}

// answerError is an answer that is no ack.
type answerError struct {
	op string
	answer
}

// Error says what was asked, what the answer was, what to do, and what the
// receiver says.
func (e *answerError) Error() string {
	s := fmt.Sprintf("logstash: %s: %d %s", e.op, e.status, http.StatusText(e.status))
	s = strings.TrimSuffix(s, " ")
	if advice := e.advice(); advice != "" {
		s += ", " + advice
	}
	if e.text != "" {
		s += ": " + strconv.Quote(e.text)
	}
	return s
}

// Is reports whether the answer means ErrRejected, or ErrTooLarge as well: where it
// is about one event, another attempt is of no use.
func (e *answerError) Is(target error) bool {
	return target == ErrRejected && e.rejects() || target == ErrTooLarge && e.status == http.StatusRequestEntityTooLarge
}

// isTooLarge reports whether err is the answer to a body that is too large.
func isTooLarge(err error) bool {
	e, ok := errors.AsType[*answerError](err)
	return ok && e.status == http.StatusRequestEntityTooLarge
}

// retryTime returns how long a Retry-After asks to wait at the time now, at
// most maxRetryAfter, and 0 if it says nothing that can be understood. A date
// is compared with the date of the answer, as the receiver's clock may be
// wrong (RFC 9110, 10.2.3).
func retryTime(value, date string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return maxRetryAfter // too many digits
		}
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(date); err == nil {
		now = theirs
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// leadsTo returns where a redirect leads, without what may be secret in it.
func leadsTo(resp *http.Response) string {
	if resp.StatusCode < 300 || resp.StatusCode >= 400 {
		return ""
	}
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || *u == (url.URL{}) {
		return "nowhere"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return clean(u.String())
}

// readText returns the beginning of a text fit for an error.
func readText(body io.Reader, kind string, hidden secrets) string {
	if kind != "" && !strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "json") &&
		!strings.HasSuffix(kind, "xml") {
		return ""
	}
	const most = 2 * maxText
	raw, _ := io.ReadAll(io.LimitReader(body, int64(most+hidden.longest()))) // what came counts
	text := hidden.hide(string(raw))                                         // before it is cut, perhaps in a secret
	return clean(text[:min(len(text), most)])
}

// clean makes one printable line of what a receiver says: it goes to logs and
// terminals, and must not do anything there.
func clean(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) || r == ' ' {
			blank = b.Len() > 0
			continue
		}
		if b.Len()+1+utf8.RuneLen(r) > maxText {
			break
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
