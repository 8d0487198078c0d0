package redis

import (
	"slices"

	"github.com/sluicelog/sluice/logstash"
)

// Scheme makes logstash.Dial take addresses that begin with redis:// or redis+tls://,
// as in redis://host:6379/key. A host without a port has 6379, or 26379 if opts has a
// MasterName. Nil opts are the zero Options, and what is wrong about them is the error of
// Dial. Of the DialOptions, Key, Pipeline and those of other protocols must not be set.
func Scheme(opts *Options) logstash.Scheme {
	var o Options
	if opts != nil {
		o = *opts
	}
	port := "6379"
	if o.MasterName != "" {
		port = "26379"
	}
	return logstash.Scheme{Name: "redis", Port: port, Open: o.open}
}

// Dial is logstash.Dial that takes addresses of Redis as well, with the zero Options.
func Dial(addr string, opts *logstash.DialOptions) (*logstash.Shipper, error) {
	var o logstash.DialOptions
	if opts != nil {
		o = *opts
	}
	o.Schemes = append(slices.Clone(o.Schemes), Scheme(nil))
	return logstash.Dial(addr, &o)
}
