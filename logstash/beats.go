package logstash

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sluicelog/sluice/internal/lumber"
)

// beats carries events to a Beats input: every batch is a window, and done
// when it is acked.
type beats struct {
	*endpoints
	enc    *lumber.Encoder
	conn   *lumber.Conn // nil when there is none
	proven bool         // conn has acked a window
}

// Send sends events as one window, over a new connection where the last one
// has ended.
func (t *beats) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if t.conn != nil && t.conn.Err() != nil {
		t.drop() // closed while idle, which the Beats input does after a minute
	}
	if t.conn == nil {
		nc, err := t.connect(ctx)
		if err != nil {
			return 0, err
		}
		t.conn = lumber.NewConn(nc, t.enc, t.timeout)
	}
	acked, err = t.conn.Send(ctx, events)
	if err == nil {
		t.proven = true
		return acked, nil
	}
	stale := t.proven && acked == 0 && ctx.Err() == nil &&
		!errors.Is(err, lumber.ErrProtocol) && !errors.Is(err, os.ErrDeadlineExceeded)
	err = fmt.Errorf("logstash: send %d events to %s: %w", len(events), t.addrs[t.next], err)
	t.proven = t.proven || acked > 0
	t.drop()
	if stale {
		return 0, &staleError{err}
	}
	return acked, err
}

// drop forgets the connection.
func (t *beats) drop() {
	t.conn.Close()
	t.lost(t.proven)
	t.conn, t.proven = nil, false
}

// Close closes the connection.
func (t *beats) Close() error {
	if t.conn != nil {
		t.drop()
	}
	return nil
}
