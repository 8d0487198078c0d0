package redis

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicelog/sluice/logstash"
)

// Options are options for [Scheme]. A zero Options consists entirely of default
// values: events go to a list in the database 0 of the server that the address names.
type Options struct {
	// DB is the number of the database, from 0 on.
	DB int

	// Stream makes the key a stream rather than a list. No input of Logstash's own reads
	// streams.
	Stream bool

	// Field is the field of a stream's entries that has the event. Empty means "event". It
	// must be empty for a list.
	Field string

	// MaxLen bounds a stream to about so many entries: Redis then deletes the oldest
	// ones, read or not, and tells nobody. Zero means no bound. It must be zero for a list.
	MaxLen int64

	// CongestionThreshold holds events back while the list, or the stream, has more
	// entries: they stay with the Shipper, which looks again each second. Each sender may go
	// beyond it by one batch. Entries of a stream count until they are deleted, read
	// or not. Zero means no threshold.
	CongestionThreshold int64

	// Replicas is how many replicas must have a batch before it counts as acked. When they
	// do not have it within half of the Timeout, it stays with the Shipper, and nothing else is
	// sent until they are back. Zero means none, so that a failover loses what was acked just
	// before and, with sentinels, for about a second after it.
	Replicas int

	// MasterName is the name by which the sentinels know the server to send to. The hosts of
	// the address are sentinels then, of which each is asked about once a second, and the user,
	// the password and DB are still for the server.
	// With redis+tls:// both speak TLS, and the certificate of the server has to name the host
	// that the sentinels tell, which is an IP address unless they are set to tell names. Empty
	// means that there are no sentinels: several hosts are nodes of one cluster.
	MasterName string

	// SentinelUsername and SentinelPassword are for the sentinels. Both empty means that these
	// want none; the password alone is that of their default user.
	SentinelUsername, SentinelPassword string
}

// open returns the Transport to an address, or what is wrong about it or the options.
func (o Options) open(to logstash.Remote) (logstash.Transport, error) {
	var errs []error
	check := func(ok bool, what string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("redis: %s %v: want %s", what, value, want))
		}
	}
	const none = "none without "
	check(to.Path != "", "path", `""`, "the key of the list or the stream, as in redis://host:6379/logstash")
	check(to.Path == "" || strings.Trim(to.Path, "0123456789") != "", "path", fmt.Sprintf("%q", to.Path), "the key; the number of a database is Options.DB")
	check(to.Username == "" || to.Password != "", "Username", fmt.Sprintf("%q", to.Username), "a password with it")
	check(to.Options.Key == nil, "DialOptions.Key", "", "none: a list and a stream keep the order of all events")
	check(o.DB >= 0, "Options.DB", o.DB, "0 or more")
	check(o.Field == "" || o.Stream, "Options.Field", fmt.Sprintf("%q", o.Field), none+"Stream")
	check(o.MaxLen >= 0, "Options.MaxLen", o.MaxLen, "0 or more entries")
	check(o.MaxLen <= 0 || o.Stream, "Options.MaxLen", o.MaxLen, none+"Stream")
	check(o.CongestionThreshold >= 0, "Options.CongestionThreshold", o.CongestionThreshold, "0 or more entries")
	check(o.Replicas >= 0, "Options.Replicas", o.Replicas, "0 or more")
	check(o.SentinelUsername+o.SentinelPassword == "" || o.MasterName != "", "Options.SentinelUsername, SentinelPassword", "", none+"MasterName")
	check(o.SentinelUsername == "" || o.SentinelPassword != "", "Options.SentinelUsername", fmt.Sprintf("%q", o.SentinelUsername), "SentinelPassword with it")
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	o.Field = cmp.Or(o.Field, "event")
	return newTransport(o, to), nil
}
