// Package redis ships events to Redis, from where Logstash reads them.
package redis

import (
	"errors"
	"slices"

	_ "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/logstash"
)

// Options are options for [Scheme]. A zero Options consists entirely of default
// values.
type Options struct{}

// Scheme makes logstash.Dial take addresses that begin with redis:// or redis+tls://.
func Scheme(opts *Options) logstash.Scheme {
	return logstash.Scheme{Name: "redis", Port: "6379", Open: func(logstash.Remote) (logstash.Transport, error) {
		return nil, errors.New("redis: to be written")
	}}
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
