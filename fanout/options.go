package fanout

import "time"

// Options are options for a [Handler], a [FirstMatch] and a [Failover]; all but
// OnError are for a Failover alone. A zero Options consists entirely of default
// values.
//
// The hooks are called by the goroutine that logs, after the record has been with
// all handlers that get it, and by several such goroutines at once. A hook must
// not log to the same handler, which can be a recursion without an end that takes the
// program with it; a panic in one is ignored.
type Options struct {
	// OnError is called with each failure of a handler: an *[Error], which says
	// which handler it was. Nil means that failures are only counted and returned.
	// A handler that fails in WithAttrs or WithGroup is reported too, by the goroutine
	// that calls them.
	OnError func(error)

	// OnState is told when a handler of a [Failover] goes [Down] and when it is
	// [Up] again. Since brings reports from several goroutines into order. It may
	// be nil.
	OnState func(Health)

	// Spread makes a [Failover] begin with another handler for each record: with each
	// of those that are Up in turn, which spreads the records evenly over them. What
	// one does not want or does not take goes to the one behind it. False means that
	// it begins with the first.
	Spread bool

	// MaxFailures is after how many failures in a row a handler of a [Failover]
	// is Down. 0 means 5. With a negative number it never is.
	MaxFailures int

	// CoolDown is how long a handler of a [Failover] that went Down is passed over
	// before it is tried again, up to half of it less by chance. It doubles with
	// each try that fails. 0 and less mean one second.
	CoolDown time.Duration

	// MaxCoolDown is the limit of the doubling. 0 and less mean one minute. One
	// that is less than CoolDown is taken for that.
	MaxCoolDown time.Duration
}

const (
	defaultMaxFailures = 5
	defaultCoolDown    = time.Second
	defaultMaxCoolDown = time.Minute
)

// withDefaults returns a copy of o with the defaults in place.
func (o *Options) withDefaults() *Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxFailures == 0 {
		opts.MaxFailures = defaultMaxFailures
	}
	if opts.CoolDown <= 0 {
		opts.CoolDown = defaultCoolDown
	}
	if opts.MaxCoolDown <= 0 {
		opts.MaxCoolDown = defaultMaxCoolDown
	}
	opts.MaxCoolDown = max(opts.MaxCoolDown, opts.CoolDown)
	return &opts
}
