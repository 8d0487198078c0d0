package redis

import (
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
	idleTime = 100 * time.Millisecond
	// probeTime is how long that takes, and longProbeTime when the machine is busy: the time may
	// have been over before the look.
	probeTime     = time.Millisecond
	longProbeTime = 10 * time.Millisecond
	// wordsTime is how long what a server said before it closed the connection is waited for.
	wordsTime = 100 * time.Millisecond
	// maxWords is how much of that is kept.
	maxWords = 200
)

// link is a connection with a timeout for each step, and an ear for what the server says.
type link struct {
	net.Conn
	answers

	timeout time.Duration
	used    time.Time // when something was written or read last
	gone    bool      // the peer, or something between, has ended the connection
	partial bool      // what was written last has not left as a whole
}

// Read reads what the server says within the timeout.
func (l *link) Read(p []byte) (int, error) {
	if err := l.SetReadDeadline(time.Now().Add(l.timeout)); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	l.used = time.Now()
	if strange := l.hear(p[:n]); strange != nil {
		return 0, strange
	}
	return n, l.explain(err)
}

// Write writes p, with the timeout for each piece of it.
func (l *link) Write(p []byte) (written int, err error) {
	l.room = maxAnswer
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
		l.partial = true
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
	_ = l.hear(buf[:n])         // it is over anyway
}

// explain adds the last words of the server to the error of a broken connection.
func (l *link) explain(err error) error {
	if err == nil || isLate(err) {
		return err
	}
	l.gone = true
	if l.words == "" {
		return err
	}
	return &lastWordsError{words: l.words, err: err}
}

// isTurnedAway reports whether the server has said that it takes no commands at all.
func (l *link) isTurnedAway() bool {
	return strings.HasPrefix(l.words, "ERR max number of clients") || strings.HasPrefix(l.words, "DENIED ")
}

// isOver reports whether the server has closed the connection, or broken it in some other
// way, since it was used.
func (l *link) isOver() bool {
	if time.Since(l.used) < idleTime {
		return false
	}
	begun := time.Now()
	return l.ends(probeTime) || time.Since(begun) > 2*probeTime && l.ends(longProbeTime)
}

// ends reports whether the connection is found to be over within a time.
func (l *link) ends(within time.Duration) bool {
	if l.SetReadDeadline(time.Now().Add(within)) != nil {
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

// lastWordsError is the end of a connection that the server has explained. It does not
// unwrap, as the client would leave the explanation behind.
type lastWordsError struct {
	words string
	err   error
}

func (e *lastWordsError) Error() string { return fmt.Sprintf("%s (%v)", e.words, e.err) }
