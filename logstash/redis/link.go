package redis

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	// pieceBytes is how much the server has to take within the timeout. A limit for a whole
	// batch would never let a large one through a slow line.
	pieceBytes = 64 << 10
	// idleTime is after how long a connection is looked at before it is used.
	idleTime = time.Second
	// probeTime is how long that takes.
	probeTime = time.Millisecond
	// wordsTime is how long what a server said before it closed the connection is waited for.
	wordsTime = 100 * time.Millisecond
	// maxWords is how much of that is kept.
	maxWords = 200
)

// link is a connection with a timeout for each step, and an ear for what the server says
// when it does not want it.
type link struct {
	net.Conn

	timeout time.Duration
	used    time.Time // when something was written or read last
	ready   bool      // the server takes commands
	words   string    // its last error before that
}

// Read reads what the server says within the timeout.
func (l *link) Read(p []byte) (int, error) {
	if err := l.SetReadDeadline(time.Now().Add(l.timeout)); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	l.used = time.Now()
	if !l.ready {
		l.hear(p[:n])
	}
	return n, l.explain(err)
}

// Write writes p, with the timeout for each piece of it.
func (l *link) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		if err = l.SetWriteDeadline(time.Now().Add(l.timeout)); err != nil {
			break
		}
		var n int
		n, err = l.Conn.Write(p[:min(len(p), pieceBytes)])
		written += n
		p = p[n:]
	}
	l.used = time.Now()
	if err != nil {
		l.listen()
	}
	return written, l.explain(err)
}

// listen reads what a server said that closed the connection in the middle of a batch.
func (l *link) listen() {
	if l.SetReadDeadline(time.Now().Add(wordsTime)) != nil {
		return
	}
	var buf [maxWords]byte
	n, _ := l.Conn.Read(buf[:]) // there may be nothing
	l.hear(buf[:n])
}

// hear notes an error of the server, unless it only is an old one that does not know HELLO.
func (l *link) hear(p []byte) {
	if bytes.HasPrefix(p, []byte("-")) && !bytes.HasPrefix(p, []byte("-ERR unknown command")) {
		line, _, _ := bytes.Cut(p[1:min(len(p), maxWords)], []byte("\r"))
		l.words = strings.ToValidUTF8(string(line), "?")
	}
}

// explain adds the last words of the server to the error of a broken connection.
func (l *link) explain(err error) error {
	if err == nil || l.words == "" || isLate(err) {
		return err
	}
	return &lastWordsError{words: l.words, err: err}
}

// isOver reports whether the server has closed the connection, or broken it in some other
// way, since it was used.
func (l *link) isOver() bool {
	if time.Since(l.used) < idleTime || l.SetReadDeadline(time.Now().Add(probeTime)) != nil {
		return false
	}
	var buf [1]byte
	n, err := l.Conn.Read(buf[:])
	return n > 0 || !isLate(err)
}

// isLate reports whether an error is that of a deadline.
func isLate(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// lastWordsError is the end of a connection that the server has explained.
type lastWordsError struct {
	words string
	err   error
}

func (e *lastWordsError) Error() string { return fmt.Sprintf("%s (%v)", e.words, e.err) }
func (e *lastWordsError) Unwrap() error { return e.err }
