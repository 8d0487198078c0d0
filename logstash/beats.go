package logstash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// beats carries events to a Beats input, over version 2 of the Lumberjack
// protocol: a batch is a window, and several may be under way.
//
// It delivers at least once. What is not acked is for the Shipper to send again,
// so that a break may bring events twice, but never more than those of the
// windows that were under way. An ack says that Logstash has pushed the events
// into its queue: on disk with queue.type persisted, in memory otherwise, where
// they are lost if Logstash dies before they are through its pipeline.
type beats struct {
	peers   *endpoints
	files   *tlsFiles // nil without TLS
	enc     *lumber.Encoder
	timeout time.Duration
	changed chan struct{} // has room for one: Progress has something to tell
	heldUp  func() bool   // whether others wait for what is not acked, nil if they never do

	conn   *lumber.Conn // nil when there is none
	turn   *turn        // that of conn
	acked  int          // events of which Progress has not told
	worked bool         // some receiver has acked something
	died   bool         // the last connection did, over events
	wary   time.Duration
}

// waryTime is how long a new connection is watched before it gets events, when the
// last one has died over some. A load balancer whose receivers are down takes
// connections all the same, and ends them at once: the events are not to blame.
const waryTime = 100 * time.Millisecond

func newBeats(peers *endpoints, files *tlsFiles, o *DialOptions) (Pipeliner, error) {
	enc, err := lumber.NewEncoder(o.CompressionLevel)
	if err != nil {
		return nil, fmt.Errorf("logstash: DialOptions.CompressionLevel: %w", err)
	}
	return &beats{
		peers: peers, files: files, enc: enc, timeout: o.Timeout,
		changed: make(chan struct{}, 1), wary: min(waryTime, o.MinBackoff),
	}, nil
}

// Start writes events as one more window, over a new connection where the last
// one has ended or is to end.
func (t *beats) Start(ctx context.Context, events [][]byte) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	if err := t.conn.Send(ctx, events); err != nil {
		return t.failed(ctx, err)
	}
	return nil
}

// connect opens a connection where the last one has ended, or is to end and has
// nothing under way.
func (t *beats) connect(ctx context.Context) error {
	if err := t.look(); err != nil {
		return err
	}
	var link *link
	if t.conn != nil {
		if !t.conn.Idle() || !t.turn.expired() {
			return nil
		}
		if link = t.peers.move(ctx, "tcp", t.files, t.turn); link == nil {
			return nil
		}
		t.drop(nil)
	}
	if link == nil {
		var err error
		if link, err = t.peers.connect(ctx, "tcp", t.files); err != nil {
			return err
		}
	}
	t.conn, t.turn = lumber.NewConn(link, t.enc, t.timeout, t.changed), link.turn
	t.conn.LeaveIf(t.heldUp)
	return t.watch(ctx)
}

// watch reports whether a new connection ends by itself, where that is to be
// feared.
func (t *beats) watch(ctx context.Context) error {
	if !t.died {
		return nil
	}
	timer := time.NewTimer(t.wary)
	defer timer.Stop()
	for over := false; !over && t.conn.Err() == nil; {
		select {
		case <-timer.C:
			over = true
		case <-t.changed:
		case <-ctx.Done():
			over = true
		}
	}
	err := t.conn.Err()
	if err == nil {
		return ctx.Err()
	}
	err = &dialError{fmt.Errorf("logstash: %s takes connections and closes them: %w", t.turn.addr(), err)}
	t.drop(err)
	return err
}

// Progress tells of the acks that have come, and of the end of the connection
// if that was not quiet.
func (t *beats) Progress() (acked int, err error) {
	err = t.look()
	acked, t.acked = t.acked, 0
	return acked, err
}

// News receives when Progress has something to tell.
func (t *beats) News() <-chan struct{} { return t.changed }

func (t *beats) expired() bool { return t.conn != nil && t.turn.expired() }

// Send sends events as one window and waits until they are acked.
func (t *beats) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if err := t.Start(ctx, events); err != nil {
		acked, t.acked = t.acked, 0
		return acked, err
	}
	for acked < len(events) && err == nil {
		select {
		case <-t.changed:
		case <-ctx.Done():
			t.drop(nil)
			err = ctx.Err()
		}
		n, lost := t.Progress()
		if acked += n; lost != nil {
			err = lost
		}
	}
	return acked, err
}

// Close closes the connection.
func (t *beats) Close() error {
	if t.conn != nil {
		t.drop(nil)
	}
	return nil
}

// look takes note of what has become of the connection. That it ended while
// nothing was under way is no error: the Beats input closes connections that
// are idle for a minute.
func (t *beats) look() error {
	if t.conn == nil {
		return nil
	}
	err := t.conn.Err() // asked for before the acks, so that none is missed
	t.collect()
	switch {
	case err == nil:
		return nil
	case t.conn.Idle() && t.conn.Fate() == lumber.Stale:
		t.drop(nil)
		return nil
	}
	return t.failed(context.Background(), err)
}

// collect counts the acks that have come.
func (t *beats) collect() {
	if n := t.conn.Acked(); n > 0 {
		t.acked += n
		t.worked, t.died = true, false
		t.turn.worked()
	}
}

// failed drops the connection and returns the error that says what became of it.
func (t *beats) failed(ctx context.Context, err error) error {
	addr, fate := t.turn.addr(), t.conn.Fate()
	if ctx.Err() != nil {
		t.drop(nil)
		return err
	}
	if fate == lumber.Died && errors.Is(err, io.EOF) && !t.worked && t.files == nil {
		err = fmt.Errorf("%w: it closed the connection; does it want TLS, beats+tls://?", err)
	}
	err = fmt.Errorf("logstash: send to %s: %w", addr, err)
	switch fate {
	case lumber.Stale:
		t.drop(nil)
		return &staleError{err}
	case lumber.Died:
		t.died = true
		t.drop(err)
		return &diedError{err}
	default:
		t.drop(err)
		return err
	}
}

// drop closes and forgets the connection, but not the acks that it has brought;
// err says why unless that is no trouble.
func (t *beats) drop(err error) {
	t.conn.Close()
	t.collect()
	t.turn.done(err)
	t.conn, t.turn = nil, nil
}
