package logstash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// MaxBatchSize is the largest BatchSize there is.
const MaxBatchSize = 2048

// maxEventBytes is the largest MaxEventBytes there is.
const maxEventBytes = 64 << 20

// DialOptions are options for [Dial] and [NewShipper]. A zero DialOptions
// consists entirely of default values.
type DialOptions struct {
	// Size bounds the events in memory, in bytes, where each event counts
	// eight more than its length. Zero means 64 MiB. The smallest is
	// MaxEventBytes and eight.
	Size int64

	// MaxEvents bounds the events in memory by their number. Zero means that
	// only Size bounds them.
	MaxEvents int

	// MaxEventBytes is the length of the longest event that is taken. Zero
	// means 1 MiB, or what fits in Size if that is less. The limit is 64 MiB.
	MaxEventBytes int

	// Policy says what happens to an event that finds no room. The zero value
	// is DropNewest.
	Policy Policy

	// BlockTimeout is how long Write waits for room under the policy Block.
	// Zero means one second. Negative means until there is room or the
	// Shipper is closed.
	BlockTimeout time.Duration

	// BatchSize is how many events are sent together at most: a window, over
	// beats://. Zero means 2048, which is the limit.
	BatchSize int

	// FlushInterval is how long an event waits at most for its batch to fill
	// before it is sent. Zero means 100 milliseconds. Negative means that it
	// does not wait: a batch then is what came while the one before was sent.
	FlushInterval time.Duration

	// SyncLevel is the level from which on an event is sent without waiting
	// for its batch to fill. Nil means ERROR.
	SyncLevel slog.Leveler

	// Timeout is how long a connection may take to be made, a piece of 64 KiB
	// to be taken by the peer, and the peer to say nothing at all while it
	// owes an ack. A peer that sends keepalives instead is waited for. Zero
	// means 30 seconds.
	Timeout time.Duration

	// CompressionLevel is the zlib level of beats:// windows, from 1, the
	// fastest, to 9, the smallest. Zero means no compression. It must be zero
	// for tcp://, which has none.
	CompressionLevel int

	// MinBackoff is the delay after a failed attempt. It doubles with each
	// further one up to MaxBackoff, and up to half of it is left to chance.
	// An ack ends that. Zero means one second.
	MinBackoff time.Duration

	// MaxBackoff is the longest delay between attempts. Zero means one
	// minute, or MinBackoff if that is longer.
	MaxBackoff time.Duration

	// DialContext opens the connections, for a proxy or a test. It must
	// return when ctx is done. Nil means that of a zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// OnError is told of failures: of the first in a row when it happens, and
	// of their number when it works again. It runs on the goroutine that met
	// the failure, without locks, and holds that goroutine up; it must not
	// call Flush, Shutdown or Close nor, under the policy Block, write to the
	// Shipper. What it panics with is ignored. Nil means that Stats alone tells.
	OnError func(err error)

	// OnDrop is given every event that is dropped, once, with the reason,
	// which Is ErrFull, ErrTooLarge, ErrInvalid or os.ErrClosed. The event is
	// only valid during the call. It runs on the goroutine of the Write that
	// fails, or on the Shipper's own during Shutdown, without locks; it must
	// not call Write, Flush, Shutdown or Close. What it panics with is ignored. Nil
	// means that dropped events are counted, no more.
	OnDrop func(event []byte, reason error)
}

// Dial returns a Shipper to the receiver at addr, which is one of
//
//	beats://host[:port][,host[:port]...]    a Beats input: acked, port 5044 by default
//	tcp://host:port[,host:port...]          a tcp input with the json_lines codec: no acks
//
// Of several hosts the first that can be reached is used, and the others take
// over while it cannot. An IPv6 address stands in brackets. Names are looked
// up at each connection.
//
// Dial does not wait for the receiver, which may be unreachable for as long
// as it likes. The error is about addr or opts, and says what is allowed.
func Dial(addr string, opts *DialOptions) (*Shipper, error) {
	scheme, hosts, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	peers := &endpoints{addrs: hosts, dial: o.DialContext, timeout: o.Timeout}
	var t Transport
	if scheme == "tcp" {
		if o.CompressionLevel != 0 {
			return nil, fmt.Errorf("logstash: DialOptions.CompressionLevel %d: want 0 for tcp://", o.CompressionLevel)
		}
		t = &tcp{endpoints: peers}
	} else {
		enc, err := lumber.NewEncoder(o.CompressionLevel)
		if err != nil {
			return nil, fmt.Errorf("logstash: DialOptions.CompressionLevel: %w", err)
		}
		t = &beats{endpoints: peers, enc: enc}
	}
	return newShipper(addr, t, o), nil
}

// NewShipper returns a Shipper over a Transport of the caller's, which it owns
// from now on. Timeout, CompressionLevel and DialContext are the Transport's
// business and must not be set. It panics if t is nil. The error is about opts.
func NewShipper(t Transport, opts *DialOptions) (*Shipper, error) {
	if t == nil {
		panic("logstash: NewShipper: nil transport")
	}
	if opts != nil && (opts.Timeout != 0 || opts.CompressionLevel != 0 || opts.DialContext != nil) {
		return nil, errors.New("logstash: NewShipper: DialOptions with Timeout, CompressionLevel or DialContext: " +
			"want none of them, as they are the transport's business")
	}
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	return newShipper(fmt.Sprintf("%T", t), t, o), nil
}

// complete returns a copy of the options with the defaults filled in, or an
// error that names every field that is wrong.
func (opts *DialOptions) complete() (DialOptions, error) {
	var o DialOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	check := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("logstash: DialOptions.%s %v: want %s", field, value, want))
		}
	}
	check(o.Size >= 0, "Size", o.Size, "0 or more bytes")
	check(o.MaxEvents >= 0, "MaxEvents", o.MaxEvents, "0 or more")
	check(o.MaxEventBytes >= 0 && o.MaxEventBytes <= maxEventBytes, "MaxEventBytes", o.MaxEventBytes,
		fmt.Sprintf("0 to %d", maxEventBytes))
	check(o.Policy == DropNewest || o.Policy == Block, "Policy", o.Policy, "DropNewest or Block")
	check(o.BatchSize >= 0 && o.BatchSize <= MaxBatchSize, "BatchSize", o.BatchSize, "0 to 2048")
	check(o.Timeout >= 0, "Timeout", o.Timeout, "0 or more")
	check(o.CompressionLevel >= 0 && o.CompressionLevel <= 9, "CompressionLevel", o.CompressionLevel, "0 to 9")
	check(o.MinBackoff >= 0, "MinBackoff", o.MinBackoff, "0 or more")
	check(o.MaxBackoff >= 0, "MaxBackoff", o.MaxBackoff, "0 or more")

	setDefault(&o.Size, 64<<20)
	setDefault(&o.MaxEventBytes, int(min(1<<20, max(o.Size-eventOverhead, 0))))
	setDefault(&o.BlockTimeout, time.Second)
	setDefault(&o.BatchSize, MaxBatchSize)
	setDefault(&o.FlushInterval, 100*time.Millisecond)
	setDefault(&o.Timeout, 30*time.Second)
	setDefault(&o.MinBackoff, time.Second)
	setDefault(&o.MaxBackoff, max(time.Minute, o.MinBackoff))
	if o.SyncLevel == nil {
		o.SyncLevel = slog.LevelError
	}
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}

	check(o.MaxEventBytes > 0 && int64(o.MaxEventBytes)+eventOverhead <= o.Size || len(errs) > 0,
		"Size", o.Size, fmt.Sprintf("at least MaxEventBytes and %d, %d", eventOverhead, o.MaxEventBytes+eventOverhead))
	check(o.MinBackoff <= o.MaxBackoff, "MinBackoff", o.MinBackoff, fmt.Sprintf("at most MaxBackoff, %v", o.MaxBackoff))
	return o, errors.Join(errs...)
}

// setDefault gives a field that is zero its value.
func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}
