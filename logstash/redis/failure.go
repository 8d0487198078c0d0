package redis

import (
	"errors"
	"fmt"
	"strings"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/logstash"
)

// sendError is why events were not taken.
type sendError struct {
	addr   string
	err    error
	unsent bool // the server has nothing of the batch
	died   bool // the connection ended over the batch without a word
}

func (e *sendError) Error() string {
	if e.addr == "" {
		return "redis: " + e.err.Error()
	}
	return "redis: " + e.addr + ": " + e.err.Error()
}

func (e *sendError) Unwrap() error { return e.err }

// SentNothing reports whether the server has nothing of the batch.
func (e *sendError) SentNothing() bool { return e.unsent }

// Died reports whether it may be the work of an event that the server cannot bear.
func (e *sendError) Died() bool { return e.died }

// waitError says that events have to wait although the connection works.
type waitError struct {
	text  string
	after time.Duration // 0 for the backoff
}

func (e *waitError) Error() string { return e.text }

// RetryAfter returns how long to wait.
func (e *waitError) RetryAfter() time.Duration { return e.after }

func isWait(err error) bool {
	var e *waitError
	return errors.As(err, &e)
}

// failed returns the error for a failure of the connection that there is.
func (t *transport) failed(err error, unsent bool) *sendError {
	err = hint(err, t.to.Path)
	if t.to.TLS && !t.conn.greeted && t.conn.link.gone && t.to.Options.CertFile == "" {
		err = fmt.Errorf("%w; does it want a client certificate (CertFile, KeyFile)? Redis does, unless it has tls-auth-clients no", err)
	}
	return &sendError{addr: t.conn.addr, err: err, unsent: unsent}
}

// lost returns the error for a batch of which the server has acked nothing. It may have
// the batch nevertheless, unless it has refused it, or cannot have got the end of it.
func (t *transport) lost(err error, refused bool, events [][]byte) error {
	l := t.conn.link
	e := t.failed(err, refused || !t.conn.greeted || l.partial)
	e.died = t.conn.greeted && l.gone && l.words == ""
	if e.died && len(events) == 1 && len(events[0]) >= leastQueryBuffer {
		e.err = fmt.Errorf("%w; is an event of %d bytes longer than client-query-buffer-limit?", e.err, len(events[0]))
	}
	return e
}

// leastQueryBuffer is the least client-query-buffer-limit that Redis can have.
const leastQueryBuffer = 1 << 20

// isRefusal reports whether err is the answer of a server that does not do what it is told.
func isRefusal(err error) bool {
	var answer client.Error
	return errors.As(err, &answer) && !errors.Is(err, client.Nil)
}

// answerOf returns the error that a server answered with, "" if err is none.
func answerOf(err error) string {
	var answer client.Error
	var parting *lastWordsError
	switch {
	case errors.As(err, &parting):
		return parting.words
	case errors.As(err, &answer):
		return answer.Error()
	default:
		return ""
	}
}

const wantsPassword = "it wants a password: Username and Password in the DialOptions, SentinelPassword for a sentinel"

// hint adds to an answer what it means for the events, and what to do.
func hint(err error, key string) error {
	answer := answerOf(err)
	if answer == "" {
		return err
	}
	var what string
	word, rest, _ := strings.Cut(strings.TrimPrefix(answer, aborted+" Transaction discarded because of: "), " ")
	switch word {
	case "OOM":
		what = "Redis has reached its maxmemory; events wait until there is room"
	case "MISCONF":
		what = "Redis cannot save to its disk, and takes nothing until it can"
	case "LOADING":
		what = "Redis is reading its data from disk"
	case "BUSY":
		what = "a script keeps Redis busy"
	case "READONLY":
		what = "this is a replica; name the master, or the sentinels with Options.MasterName"
	case "MASTERDOWN":
		what = "this is a replica that has lost its master"
	case "NOREPLICAS":
		what = "fewer replicas than min-replicas-to-write are there"
	case "CLUSTERDOWN", "TRYAGAIN":
		what = "the cluster is being repaired or reshaped; events wait"
	case "MOVED", "ASK":
		what = "the nodes of the cluster do not agree where the key is"
	case "CROSSSLOT":
		what = "one key is all that is used; is there a proxy in between?"
	case "NOAUTH":
		what = wantsPassword
	case "WRONGPASS":
		what = "it does not know this user, or not with this password"
	case "NOPERM":
		what = fmt.Sprintf("on %q the user needs rpush for a list, xadd, multi and exec for a stream, "+
			"llen or xlen with a CongestionThreshold, wait with Replicas, select with a DB", key)
	case "WRONGTYPE":
		what = fmt.Sprintf("%q holds something else; a list and a stream cannot share a key, see Options.Stream", key)
	case "DENIED":
		what = "Redis is in protected mode: give it a password, or the address to listen on"
	case "ERR":
		return hintOfRest(err, rest)
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, what)
}

// hintOfRest is hint for an answer without a word of its own.
func hintOfRest(err error, text string) error {
	switch {
	case strings.Contains(text, "unauthenticated"): // and too much for somebody who is not
		return fmt.Errorf("%w; %s", err, wantsPassword)
	case strings.Contains(text, "invalid bulk length"):
		return fmt.Errorf("%w, %w: longer than proto-max-bulk-len: %w", logstash.ErrRejected, logstash.ErrTooLarge, err)
	case strings.Contains(text, "invalid multibulk length"):
		return fmt.Errorf("%w: a smaller BatchSize is needed: %w", logstash.ErrRejected, err)
	case strings.HasPrefix(text, "max number of clients"):
		return fmt.Errorf("%w; raise maxclients", err)
	case strings.HasPrefix(text, "SELECT is not allowed"):
		return fmt.Errorf("%w; a cluster has the database 0 only, see Options.DB", err)
	case strings.HasPrefix(text, "DB index"):
		return fmt.Errorf("%w; Options.DB is beyond its databases", err)
	case strings.HasPrefix(text, "unknown command"):
		text, _, _ = strings.Cut(text, ", with args beginning with") // they are events
		return fmt.Errorf("ERR %s; it has been renamed or disabled there, this is a sentinel, or a server too old for streams (Redis 5)", text)
	default:
		return err
	}
}
