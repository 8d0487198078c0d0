// Package kafka ships events to Apache Kafka, from where Logstash reads them.
package kafka

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
)

// Options are options for [Scheme]. A zero Options consists entirely of default
// values.
type Options struct {
	// Topic returns the topic for an event. Nil means the path of the address.
	Topic func(event []byte) string

	// Headers returns the headers of the record for an event. Nil means none.
	Headers func(event []byte) []kgo.RecordHeader

	// Client are further options of the client.
	Client []kgo.Opt
}

// Scheme makes logstash.Dial take addresses that begin with kafka:// or kafka+tls://.
func Scheme(opts *Options) logstash.Scheme {
	return logstash.Scheme{Name: "kafka", Port: "9092", Open: func(logstash.Remote) (logstash.Transport, error) {
		return nil, errors.New("kafka: to be written")
	}}
}

// Dial is logstash.Dial that takes addresses of Kafka as well, with the zero Options.
func Dial(addr string, opts *logstash.DialOptions) (*logstash.Shipper, error) {
	var o logstash.DialOptions
	if opts != nil {
		o = *opts
	}
	o.Schemes = append(slices.Clone(o.Schemes), Scheme(nil))
	return logstash.Dial(addr, &o)
}
