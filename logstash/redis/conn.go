package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"

	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sluicelog/sluice/logstash"
)

// conn is one connection to a server, with a client that has no other.
type conn struct {
	addr    string
	link    *link
	client  *client.Client
	greeted bool  // the server has taken the user, the password and the database
	doubt   bool  // whether there are enough replicas
	entries int64 // how many there were behind the last batch

	transacts bool     // MULTI and EXEC are allowed
	late      []uint64 // the events that replicas did not have in time
}

// login is what a connection begins with.
type login struct {
	username, password string
	db                 int
	bare               bool // not even HELLO, over which a proxy may hang up
}

// open connects to a server. The login goes there with the first command.
func open(ctx context.Context, to *logstash.Remote, addr string, as login) (*conn, error) {
	// The client would write a line to stderr when it cannot connect itself.
	raw, err := to.Dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{addr: addr, link: &link{Conn: raw, timeout: to.Options.Timeout}, doubt: true, entries: math.MaxInt64}
	var taken atomic.Bool
	c.client = client.NewClient(&client.Options{
		Addr: addr, Username: as.username, Password: as.password, DB: as.db,
		Protocol: 2, // all that is needed
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if taken.Swap(true) {
				over, there := net.Pipe() // an error would be a line on stderr as well
				return over, there.Close()
			}
			return c.link, nil
		},
		OnConnect: func(context.Context, *client.Conn) error {
			if c.link.isTurnedAway() {
				return &lastWordsError{c.link.words, errors.New("it takes no commands")}
			}
			c.greeted, c.link.words = true, "" // an old server does not know HELLO
			return nil
		},
		// A command that the client repeats by itself would be a duplicate that nobody counts.
		MaxRetries: -1, DialerRetries: 1,
		PoolSize: 1, PipelinePoolSize: -1, ConnMaxIdleTime: -1,
		ReadTimeout: -2, WriteTimeout: -2, // they are the link's
		// A user that may do no more than is needed may not do this.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	if as.bare {
		c.client.AddHook(bareHook{})
	}
	return c, nil
}

// tryTransaction finds out whether transactions are allowed. Where MULTI is not, what comes
// behind it would be executed all the same.
func (c *conn) tryTransaction(ctx context.Context) error {
	empty := c.client.Pipeline()
	empty.Do(ctx, "multi")
	empty.Do(ctx, "exec")
	_, err := empty.Exec(ctx)
	c.transacts = err == nil
	if err != nil && c.greeted && c.link.gone {
		err = fmt.Errorf("%w, in answer to MULTI; is there a proxy in between?", err)
	}
	return err
}

// cut ends what the connection is waiting for. It may be called at any time.
func (c *conn) cut() {
	raw := c.link.Conn
	if over, ok := raw.(interface{ NetConn() net.Conn }); ok {
		raw = over.NetConn() // TLS would say goodbye first, to somebody who may not listen
	}
	_ = raw.Close() // what waits gets the error
}

// close closes the connection when nothing is under way.
func (c *conn) close() {
	_ = c.client.Close() // nothing depends on it
	_ = c.link.Close()   // the client has it only if it was used
}
