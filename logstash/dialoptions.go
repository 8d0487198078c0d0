package logstash

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// MaxBatchSize is the largest BatchSize there is.
const MaxBatchSize = 2048

const (
	// maxEventBytes is the largest MaxEventBytes there is.
	maxEventBytes = 64 << 20
	// maxDatagram is the longest event that an UDP datagram over IPv4 can hold.
	maxDatagram = 65507
	maxPipeline = 64
	// maxConnections is the largest number of Connections there is.
	maxConnections = 64
)

// DialOptions are options for [Dial] and [NewShipper]. A zero DialOptions
// consists entirely of default values.
type DialOptions struct {
	// Size bounds the events in memory, in bytes, where each event counts
	// eight more than its length. Zero means 64 MiB. The smallest is
	// MaxEventBytes and eight. What is read from the spool to be sent is not
	// among them: up to 1 MiB for each batch under way, with a Key up to 2 MiB for each
	// that may be.
	Size int64

	// MaxEvents bounds the events in memory by their number. Zero means that
	// only Size bounds them.
	MaxEvents int

	// MaxEventBytes is the length of the longest event that is taken. Zero
	// means 1 MiB, or what fits in Size if that is less. The limit is 64 MiB,
	// and 65,507 bytes for udp://, which is the default there.
	MaxEventBytes int

	// Policy says what happens to an event that finds no room, neither in
	// memory nor in the spool. The zero value is DropNewest.
	Policy Policy

	// BlockTimeout is how long Write waits for room under the policy Block.
	// Zero means one second. Negative means until there is room or the
	// Shipper is closed.
	BlockTimeout time.Duration

	// Reserve is the share of Size and MaxEvents that is kept free for events at
	// Protect and above. Zero means 0.2, a negative share none; at most 0.9 is used.
	Reserve float64

	// Protect is the level from which on an event may use what Reserve keeps
	// free, and is given up after all others under the policy DropOldest.
	// Nil means slog.LevelWarn.
	Protect slog.Leveler

	// BatchSize is how many events are sent together at most: a window, over
	// beats://. Zero means 2048, which is the limit.
	BatchSize int

	// FlushInterval is how long an event waits at most for its batch to fill
	// before it is sent. Zero means 100 milliseconds. Negative, and zero for udp://,
	// means that it does not wait: a batch then is what came while the one before
	// was sent.
	FlushInterval time.Duration

	// SyncLevel is the level from which on an event does not wait for its batch
	// to fill: the first goes at once, with what there is. Those that follow each
	// other within a millisecond are sent together. Nil means ERROR.
	SyncLevel slog.Leveler

	// Pipeline is how many batches may be under way at once on a connection to
	// a Beats input, or in a [Pipeliner]. After a break, as many may arrive twice. Zero means 4. The
	// limit is 64.
	Pipeline int

	// Timeout is how long a connection may take to be made, with its TLS
	// handshake, a piece of 64 KiB to be taken by the peer, the peer to say
	// nothing at all while it owes an ack, and an HTTP request. A Beats input that
	// sends keepalives is waited for. While others may be tried, an address has no more than
	// three seconds for a connection, and no more than half of Timeout. The last one has
	// what is left, as all that are tried for a connection share the time; while one that has
	// worked refuses connections, as when it restarts, only until that may be tried
	// again. When the time is over OnError is told.
	// Zero means 30 seconds.
	Timeout time.Duration

	// CompressionLevel is the level of zlib for beats://, or of gzip for http://,
	// from 1, the fastest, to 9, the smallest; over beats://, 1 to 4 are the same.
	// Zero means no compression. It must be zero for the others, which have none.
	CompressionLevel int

	// MinBackoff is the delay after a failed attempt, for each address. It doubles
	// with each further one up to MaxBackoff, and up to half of it is left to
	// chance. Only an ack ends that. When a connection ends that has worked, there is no
	// delay before the first attempt, unless the peer was silent or has broken the protocol.
	// Zero means one second.
	MinBackoff time.Duration

	// MaxBackoff is the longest delay between attempts. Zero means one
	// minute, or MinBackoff if that is longer.
	MaxBackoff time.Duration

	// Strategy says which of several addresses is used. The zero value is
	// PreferPrimary.
	Strategy Strategy

	// Connections is how many connections LoadBalance keeps open. Zero means
	// one for each host in the address of Dial. It must be zero with the other
	// strategies. The limit is 64.
	//
	// A name that has several addresses, such as a headless service of Kubernetes,
	// counts as one host here. A program that is to use n of them at a time wants n; of a
	// fleet, each program has one connection, to any of them. The name is looked up
	// again for a new connection and, while events are sent, about every 30 seconds.
	// An address that is new gets its share, one connection at a time, see
	// MinConnectionTime. One that is missing gets no more, and loses those it has between
	// two batches when the answers have lacked it for five minutes, as some name servers
	// tell of some addresses at a time. A lookup that fails changes nothing.
	// Of IPv4 and IPv6 the one that the system prefers is used until none of its addresses
	// works, and then the other one, for as long as it works. An address that is given twice counts once. Where a DialContext or a proxy looks it up, the name is one address.
	Connections int

	// ConnectionTTL is how long a connection is used before another one takes its place,
	// between two batches, and up to a quarter longer by chance, so that those of a fleet
	// do not end together. It is used until the other one is there, however long that
	// takes; with PreferPrimary, only one to another than the first
	// address. In a fleet with few Connections each, it is what brings them back to a
	// receiver that was restarted. Over tcp://, tls:// and unix:// sending pauses then until the receiver
	// has read everything and closed the connection, too, or for half a second, and
	// what it may not have read is written again, see ResendBytes. Zero means as long
	// as it lasts.
	ConnectionTTL time.Duration

	// MinConnectionTime is how long a connection must have lasted for
	// PreferPrimary to go back to the first address. After a shorter one it goes
	// on to the next, so that it does not hang on to a receiver that only takes
	// connections. LoadBalance moves one connection in such a time to an address that
	// has fewer than others, and ends it as ConnectionTTL does. Zero means 10 seconds.
	MinConnectionTime time.Duration

	// Key returns what some events have in common that must stay in order among
	// themselves, while LoadBalance spreads all events over several connections, with
	// acks: see [Field]. Those for which it returns nothing go wherever there is room. It must not
	// change the event nor keep it, may be called for an event again, from several
	// goroutines, and a panic counts as nothing; over several connections, so does the end of
	// its goroutine. One that does not return holds up all that is not sent yet, until Shutdown is over. Over kafka:// it is the key of the record. Nil means that the order of events on different connections does not matter.
	//
	// Events of a key are under way on one connection at a time, and those behind them
	// wait for the acks. They arrive for the first time in their order, but for those around
	// one that the receiver does not bear, see [Shipper]; over tcp:// and its like, which have no
	// acks, that is so only as long as nothing breaks and all receivers read at once.
	//
	// Each connection is the home of its share of the keys. Others take these when they
	// have waited for 20 milliseconds, or when it cannot keep up with them. So a receiver
	// that stalls holds up its share and what it had taken over, over beats:// a new one 32 events' keys, and the other keys only
	// when too much waits: 2 MiB for each batch that may be under way, where what was read from
	// a spool counts in full until the last event of its batch is acked, or, under the policy
	// DropOldest, half of the memory. One that acks nothing for the Timeout, even if it sends
	// keepalives, loses its connection when another one has nothing to send but what
	// waits for these keys; what it was sent may arrive twice then.
	Key func(event []byte) []byte

	// TLS is the configuration for beats+tls://, tls:// and https://. It must not
	// allow versions below 1.2. Nil means the default one.
	TLS *tls.Config

	// CAFile is a file in PEM format with the certificates that the receiver's
	// must be signed by, in place of those of the system. Empty means those of TLS
	// or of the system; TLS.RootCAs must not be set beside it. It is read by Dial,
	// which refuses it if it is broken, and again for a new connection when it has
	// changed; if it is broken then, what was read before stays, and Health says so.
	CAFile string

	// CertFile and KeyFile are files in PEM format with the certificate and the
	// key that the receiver is shown. They are read as CAFile is. Empty means
	// those of TLS, which must have none beside these. Each wants the other.
	CertFile, KeyFile string

	// KeepAlive is the time without an event after which a newline is sent over
	// tcp://, tls:// and unix://, so that nothing on the way takes the connection
	// for dead. The codec json_lines takes no notice of it, while others may make an
	// event of it. Zero means none.
	KeepAlive time.Duration

	// ResendBytes is how much of what was written last, in whole events, is written
	// again when a connection over tcp://, tls:// or unix:// has broken, as the
	// receiver may not have read it. So it is when we have ended the connection, after
	// ConnectionTTL, in Shutdown, or because LoadBalance moves it, see Connections and
	// MinConnectionTime, and the receiver has not closed it in turn within
	// half a second: one that never does gets that much twice each time. It is written as soon
	// as there is a connection, whether there are other events or not, and Shutdown waits
	// for that as long as its context lasts, and says if it was too short. Stats.Resent
	// counts what was written again. Each connection keeps as much. Zero means
	// nothing.
	ResendBytes int

	// Username and Password are for http:// and https://, by the scheme Basic, and for
	// Schemes. Both empty means none, or what the address says.
	Username, Password string

	// BearerToken is for http:// and https://, by the scheme Bearer. Empty means
	// none.
	BearerToken string

	// Header is sent with each request over http:// and https://. Nil means none.
	Header http.Header

	// DialContext opens the connections, for a proxy or a test. It must
	// return when ctx is done, and may be called by several goroutines. Nil means that of a zero net.Dialer and, for http://
	// and https://, the proxy that the environment names, see
	// [http.ProxyFromEnvironment].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Schemes are further kinds of addresses, and how to send to these. Nil means
	// none.
	Schemes []Scheme

	// SpoolDir is the directory of the spool, made if it is not there, which
	// one Shipper has for itself. SpoolMode must be set with it.
	SpoolDir string

	// SpoolMode says which events are written to the spool. The zero value is
	// SpoolOff.
	SpoolMode SpoolMode

	// SpoolMaxBytes bounds the spool on disk. Zero means 1 GiB. The least is
	// four times MaxEventBytes.
	SpoolMaxBytes int64

	// SpoolMaxAge is the age from which on events of the spool are given up when
	// it is their turn. Zero means never.
	SpoolMaxAge time.Duration

	// SpoolSync says when the spool is synced to disk. The zero value is
	// SyncInterval.
	SpoolSync SpoolSync

	// QuarantineFile is the file, up to 64 MiB, to which events are appended that
	// the receiver will not take: those that it rejects, or that make it close each
	// connection, see [Shipper]. They are counted as dropped. Empty means quarantine.json in
	// SpoolDir, or none without that.
	QuarantineFile string

	// OnError is told of failures: of the first in a row when it happens, and
	// of their number when it works again; of one of several addresses, while events go to
	// the others, in the same way. It is called by a goroutine that is
	// there for OnError and OnState only, one call at a time, and may log through
	// this Shipper; in it, Shutdown and Close take a second longer. What it panics with
	// is ignored. Nil means that Stats alone tells.
	OnError func(err error)

	// OnDrop is given every event that is dropped, once, with the reason,
	// which Is ErrFull, ErrTooLarge, ErrInvalid, ErrRejected or os.ErrClosed. The event
	// is only valid during the call. It runs on the goroutine of the Write that
	// fails or makes room, or on one of the Shipper's own, without locks; it must
	// not call Write, Flush, Shutdown or Close. What it panics with is ignored. Of
	// events that the spool gives up, only the number is known, see Stats. Nil
	// means that dropped events are counted, no more.
	OnDrop func(event []byte, reason error)

	// OnState is told when the state changes, by the goroutine of OnError.
	// Several changes while it is busy become one, and none if they lead back to the
	// state that it was told last. Nil means nobody is told.
	OnState func(Health)
}

// checker collects what is wrong about options.
type checker struct{ errs []error }

func (c *checker) check(ok bool, field string, value any, want string) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("logstash: DialOptions.%s %v: want %s", field, value, want))
	}
}

// complete returns a copy of the options with the defaults filled in, or an
// error that names every field that is wrong.
func (opts *DialOptions) complete() (DialOptions, error) {
	var o DialOptions
	if opts != nil {
		o = *opts
	}
	var c checker
	c.check(o.Size >= 0, "Size", o.Size, "0 or more bytes")
	c.check(o.MaxEvents >= 0, "MaxEvents", o.MaxEvents, "0 or more")
	c.check(o.MaxEventBytes >= 0 && o.MaxEventBytes <= maxEventBytes, "MaxEventBytes", o.MaxEventBytes,
		fmt.Sprintf("0 to %d", maxEventBytes))
	c.check(policyNames.has(int(o.Policy)), "Policy", o.Policy, "DropNewest, Block or DropOldest")
	c.check(o.Reserve <= 1, "Reserve", o.Reserve, "a share up to 1") // neither is NaN
	c.check(o.BatchSize >= 0 && o.BatchSize <= MaxBatchSize, "BatchSize", o.BatchSize, "0 to 2048")
	c.check(o.Pipeline >= 0 && o.Pipeline <= maxPipeline, "Pipeline", o.Pipeline, "0 to 64")
	c.check(o.Timeout >= 0, "Timeout", o.Timeout, "0 or more")
	c.check(o.CompressionLevel >= 0 && o.CompressionLevel <= 9, "CompressionLevel", o.CompressionLevel, "0 to 9")
	c.check(o.MinBackoff >= 0, "MinBackoff", o.MinBackoff, "0 or more")
	c.check(o.MaxBackoff >= 0, "MaxBackoff", o.MaxBackoff, "0 or more")
	c.check(strategyNames.has(int(o.Strategy)), "Strategy", o.Strategy, "PreferPrimary, RoundRobin, Random or LoadBalance")
	c.check(o.Connections >= 0 && o.Connections <= maxConnections, "Connections", o.Connections, "0 to 64")
	c.check(o.Connections == 0 || o.Strategy == LoadBalance, "Connections", o.Connections, "0, or LoadBalance as the Strategy")
	c.check(o.ConnectionTTL >= 0, "ConnectionTTL", o.ConnectionTTL, "0 or more")
	c.check(o.MinConnectionTime >= 0, "MinConnectionTime", o.MinConnectionTime, "0 or more")
	c.check(o.KeepAlive >= 0, "KeepAlive", o.KeepAlive, "0 or more")
	c.check(o.ResendBytes >= 0, "ResendBytes", o.ResendBytes, "0 or more bytes")

	o.fillIn()
	c.check(works(o.Protect), "Protect", "a Leveler that panics", "one that does not, such as slog.LevelWarn")
	c.check(works(o.SyncLevel), "SyncLevel", "a Leveler that panics", "one that does not, such as slog.LevelError")
	c.check(o.MaxEventBytes > 0 && int64(o.MaxEventBytes)+eventOverhead <= o.Size || len(c.errs) > 0,
		"Size", o.Size, fmt.Sprintf("at least MaxEventBytes and %d, %d", eventOverhead, o.MaxEventBytes+eventOverhead))
	c.check(o.MinBackoff <= o.MaxBackoff, "MinBackoff", o.MinBackoff, fmt.Sprintf("at most MaxBackoff, %v", o.MaxBackoff))
	o.checkSpool(&c)
	o.checkSchemes(&c)
	return o, errors.Join(c.errs...)
}

// checkSpool checks what is about the spool.
func (opts *DialOptions) checkSpool(c *checker) {
	c.check(spoolModeNames.has(int(opts.SpoolMode)), "SpoolMode", opts.SpoolMode, "SpoolOff, SpoolOverflow or SpoolAlways")
	c.check(spoolSyncNames.has(int(opts.SpoolSync)), "SpoolSync", opts.SpoolSync, "SyncInterval, SyncEveryBatch or SyncNever")
	c.check(opts.SpoolMaxAge >= 0, "SpoolMaxAge", opts.SpoolMaxAge, "0 or more")
	if opts.SpoolDir == "" {
		const want = "SpoolDir with it"
		c.check(opts.SpoolMode == SpoolOff, "SpoolMode", opts.SpoolMode, want)
		c.check(opts.SpoolMaxBytes == 0, "SpoolMaxBytes", opts.SpoolMaxBytes, want)
		c.check(opts.SpoolMaxAge <= 0, "SpoolMaxAge", opts.SpoolMaxAge, want)
		c.check(opts.SpoolSync <= 0, "SpoolSync", opts.SpoolSync, want)
		return
	}
	c.check(opts.SpoolMode != SpoolOff, "SpoolMode", opts.SpoolMode, "SpoolOverflow or SpoolAlways with SpoolDir")
	least := 4 * int64(opts.MaxEventBytes)
	c.check(opts.SpoolMaxBytes >= least, "SpoolMaxBytes", opts.SpoolMaxBytes, fmt.Sprintf("at least four times MaxEventBytes, %d", least))
}

// fillIn gives the fields that are zero their defaults.
func (opts *DialOptions) fillIn() {
	setDefault(&opts.Size, 64<<20)
	setDefault(&opts.MaxEventBytes, int(min(1<<20, max(opts.Size-eventOverhead, 0))))
	setDefault(&opts.BlockTimeout, time.Second)
	setDefault(&opts.Reserve, 0.2)
	opts.Reserve = min(max(opts.Reserve, 0), 0.9)
	setDefault(&opts.BatchSize, MaxBatchSize)
	setDefault(&opts.FlushInterval, 100*time.Millisecond)
	setDefault(&opts.Pipeline, 4)
	setDefault(&opts.Timeout, 30*time.Second)
	setDefault(&opts.MinBackoff, time.Second)
	setDefault(&opts.MaxBackoff, max(time.Minute, opts.MinBackoff))
	setDefault(&opts.MinConnectionTime, 10*time.Second)
	if opts.SpoolDir != "" {
		setDefault(&opts.SpoolMaxBytes, 1<<30)
	}
	if opts.Protect == nil {
		opts.Protect = slog.LevelWarn
	}
	if opts.SyncLevel == nil {
		opts.SyncLevel = slog.LevelError
	}
}

// works reports whether a Leveler can be asked, which a nil *slog.LevelVar cannot.
func works(l slog.Leveler) (ok bool) {
	defer func() { _ = recover() }()
	_ = l.Level()
	return true
}

// setDefault gives a field that is zero its value.
func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// given returns the names of the fields of a connection that are set, of those in
// which the answer is true.
func (opts *DialOptions) given(fields ...string) []string {
	if opts == nil {
		return nil
	}
	set := map[string]bool{
		"Pipeline":          opts.Pipeline != 0,
		"Timeout":           opts.Timeout != 0,
		"CompressionLevel":  opts.CompressionLevel != 0,
		"Strategy":          opts.Strategy != 0,
		"Connections":       opts.Connections != 0,
		"ConnectionTTL":     opts.ConnectionTTL != 0,
		"MinConnectionTime": opts.MinConnectionTime != 0,
		"TLS":               opts.TLS != nil,
		"CAFile":            opts.CAFile != "",
		"CertFile":          opts.CertFile != "",
		"KeyFile":           opts.KeyFile != "",
		"KeepAlive":         opts.KeepAlive != 0,
		"ResendBytes":       opts.ResendBytes != 0,
		"Username":          opts.Username != "",
		"Password":          opts.Password != "",
		"BearerToken":       opts.BearerToken != "",
		"Header":            opts.Header != nil,
		"DialContext":       opts.DialContext != nil,
		"Schemes":           opts.Schemes != nil,
		"Key":               opts.Key != nil,
	}
	var out []string
	for _, field := range fields {
		if set[field] {
			out = append(out, field)
		}
	}
	return out
}
