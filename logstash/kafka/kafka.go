package kafka

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
)

// Options are options for [Scheme]. A zero Options consists entirely of default
// values. Its functions are called by one goroutine at a time, again for an event that is
// sent again, and must neither change the event nor keep it, nor wait for anything: nothing is sent meanwhile. An event
// for which one of them panics, or ends its goroutine, is rejected.
type Options struct {
	// Topic returns the topic for an event. When that is empty, it is the path of the
	// address; when there is none either, or the name cannot be one, the event is rejected.
	// One that nobody has made stops all events until somebody does: choose among those that
	// are there, and do not believe the event. Nil means the path for all of them.
	Topic func(event []byte) string

	// Headers returns the headers of the record for an event, which must not change
	// afterwards. Nil means none.
	Headers func(event []byte) []kgo.RecordHeader

	// Client are further options of the client, such as kgo.SASL, kgo.ProducerBatchCompression,
	// kgo.ProducerBatchMaxBytes or kgo.AllowAutoTopicCreation. What the guarantees rest on is set
	// after them: the brokers, the dialer, acks, retries without a limit and no timeout of a record,
	// buffers without a limit of their own, no linger, as FlushInterval is one, and a context that
	// never ends. Those that cannot be undone are an error of Dial: DisableIdempotentWrite,
	// AllowIdempotentProduceCancellation, StopProducerOnDataLossDetected, ManualFlushing,
	// TransactionalID, DefaultProduceTopicAlways, MaxVersions of a Kafka before 0.11 and all that make a consumer; and so is a
	// kgo.RecordPartitioner that is none of kgo's own, or one of a function, as kgo.ManualPartitioner
	// is: if it panicked, the program would end. The hasher of one of kgo's own must not.
	//
	// Dial makes a client to check them, and closes it, of which hooks and a logger are told. A hook must
	// not keep a record that it is given, and a logger, which is told of each batch at INFO, must
	// not lead to this Shipper. A panic in one, or in another function here, ends the program. Nil means none.
	Client []kgo.Opt
}

// Scheme makes logstash.Dial take addresses of Kafka, kafka://host[:port],host[:port]/topic
// and the same over TLS with kafka+tls://, with port 9092 by default. The hosts are those that are asked
// first for all the others. The topic must be there, unless opts.Topic is. Username
// and Password, of the address or of the DialOptions, are for SASL PLAIN, which sends the password
// as it is: only over kafka+tls://. Where the brokers have no PLAIN, they are for SCRAM-SHA-512, or else for
// SCRAM-SHA-256. Other mechanisms are for kgo.SASL in opts.Client, beside which there must be no Username.
func Scheme(opts *Options) logstash.Scheme {
	var o Options
	if opts != nil {
		o = *opts
		o.Client = slices.Clone(o.Client)
	}
	return logstash.Scheme{Name: "kafka", Port: "9092", Open: o.open}
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

// open returns the Transport to a Kafka, and connects to nothing yet.
func (o Options) open(to logstash.Remote) (logstash.Transport, error) {
	switch {
	case to.Path == "" && o.Topic == nil:
		return nil, errors.New("kafka: address without a topic: want one, as in kafka://host/topic, or Options.Topic")
	case to.Path != "" && !isTopic(to.Path):
		return nil, fmt.Errorf("kafka: topic %q: want %s", to.Path, wantTopic)
	case to.Username == "" && to.Password != "":
		return nil, errors.New("kafka: Password: want a Username with it")
	}
	log, err := checkClient(&to, o.Client)
	if err != nil {
		return nil, err
	}
	return newTransport(to, o, log), nil
}

const wantTopic = "1 to 249 letters, digits, dots, underscores and hyphens, and not only a dot or two"

// isTopic reports whether Kafka could have a topic of that name.
func isTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
