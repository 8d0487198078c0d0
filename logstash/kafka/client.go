package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluicelog/sluice/logstash"
)

const (
	// idleTime is how long a connection may be idle. It is longer than the client's own
	// default, so that a program which logs now and then need not shake hands each time, and
	// shorter than firewalls and load balancers forget one.
	idleTime = 3 * time.Minute
	// metadataAge is how often at most the client asks for leaders and topics that it misses.
	metadataAge = 2 * time.Second
	// leastTimeout and mostTimeout are what the client takes for a part of Timeout.
	leastTimeout = 100 * time.Millisecond
	mostTimeout  = 15 * time.Minute
)

// clientOptions returns the options of a client: ours that the user's may change, the
// user's, and ours that what we promise rests on.
func clientOptions(to *logstash.Remote, own []kgo.Opt, retry func(fails int) time.Duration) []kgo.Opt {
	opts := append([]kgo.Opt{
		kgo.ClientID("sluice"),
		kgo.ConnIdleTimeout(idleTime),
		kgo.MetadataMinAge(metadataAge),
		kgo.DisableClientMetrics(), // Close would wait a second for them
	}, own...)
	opts = append(opts, kgo.SASL(mechanisms(to)...))
	g := newGate(to.Dial, backoff(to.Options.MinBackoff, to.Options.MaxBackoff))
	part := min(max(to.Options.Timeout/2, leastTimeout), mostTimeout)
	return append(opts,
		kgo.WithContext(context.Background()), // Close is what ends the client
		kgo.SeedBrokers(to.Hosts...),
		kgo.Dialer(g.DialContext),
		kgo.WithHooks(g),
		kgo.ProduceRequestTimeout(part),  // how long the leader waits for the replicas, and
		kgo.RequestTimeoutOverhead(part), // how much longer we wait for its answer
		kgo.RetryBackoffFn(retry),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxProduceRequestsInflightPerBroker(1), // no more than the least: idempotence has its own number
		kgo.RecordRetries(math.MaxInt),
		kgo.RecordDeliveryTimeout(0),
		kgo.UnknownTopicRetries(-1),
		kgo.ProducerLinger(0),
		kgo.AlwaysRetryEOF(),                // a load balancer without a broker behind it ends new connections
		kgo.MaxBufferedRecords(math.MaxInt), // Pipeline is the limit
		kgo.MaxBufferedBytes(0),
	)
}

// mechanisms returns those for a Username, of which the client takes the first that the broker has. The
// password is not told before that.
func mechanisms(to *logstash.Remote) []sasl.Mechanism {
	if to.Username == "" {
		return nil
	}
	scrambled := scram.Auth{User: to.Username, Pass: to.Password}
	return []sasl.Mechanism{
		plain.Auth{User: to.Username, Pass: to.Password}.AsMechanism(), scrambled.AsSha512Mechanism(), scrambled.AsSha256Mechanism(),
	}
}

// backoff returns how long to wait after so many failures, of which up to half is left to
// chance, so that many senders do not come back at once.
func backoff(least, most time.Duration) func(int) time.Duration {
	return func(fails int) time.Duration {
		d := most
		if shift := max(fails-1, 0); shift < 32 && least <= most>>shift {
			d = least << shift
		}
		return d - time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // chance, no secret
	}
}

// checkClient returns the logger of the user's, or what is wrong with the options.
func checkClient(to *logstash.Remote, own []kgo.Opt) (kgo.Logger, error) {
	for i, opt := range own {
		if opt == nil {
			return nil, fmt.Errorf("kafka: Options.Client[%d] is nil: want an option", i)
		}
	}
	c, err := kgo.NewClient(clientOptions(to, own, backoff(1, 1))...) // nothing is dialed yet
	if err != nil {
		return nil, fmt.Errorf("kafka: Options.Client: %w", err)
	}
	defer c.Close()
	var wrong []string
	for _, option := range []string{
		"DisableIdempotentWrite", "AllowIdempotentProduceCancellation", "StopProducerOnDataLossDetected", "ManualFlushing",
		"TransactionalID", "DefaultProduceTopicAlways", "ConsumeTopics", "ConsumePartitions", "ConsumeRegex", "ConsumerGroup", "ShareGroup",
	} {
		if v := reflect.ValueOf(c.OptValue(option)); v.Kind() == reflect.Map && v.Len() > 0 || v.Kind() != reflect.Map && v.IsValid() && !v.IsZero() {
			wrong = append(wrong, option)
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("kafka: Options.Client: %s: want none of it, see Options", strings.Join(wrong, ", "))
	}
	if v, ok := c.OptValue(kgo.MaxVersions).(*kversion.Versions); ok && v != nil && !v.HasKey(kmsg.InitProducerID.Int16()) {
		return nil, errors.New("kafka: Options.Client: MaxVersions without InitProducerID: want those of Kafka 0.11 or newer")
	}
	if p := reflect.TypeOf(c.OptValue(kgo.RecordPartitioner)); !isOwnPartitioner(p) {
		return nil, fmt.Errorf("kafka: Options.Client: RecordPartitioner of type %v: want one of kgo's own that calls no function of yours: a panic there would end the program", p)
	}
	if v := reflect.ValueOf(c.OptValue(kgo.SASL)); to.Username != "" && v.Len() > len(mechanisms(to)) {
		return nil, errors.New("kafka: a Username and kgo.SASL in Options.Client: want one of the two")
	}
	log, _ := c.OptValue(kgo.WithLogger).(kgo.Logger)
	return log, nil
}

// isOwnPartitioner reports whether t is a partitioner of kgo that calls no function of the user's, or
// only one that makes a number of a key. The client calls them where a panic cannot be met, and takes
// a partition that is not there for a failure of its own.
func isOwnPartitioner(t reflect.Type) bool {
	function := reflect.TypeOf(kgo.ManualPartitioner())
	return t != nil && t != function && t.Kind() == function.Kind() && t.Elem().PkgPath() == function.Elem().PkgPath()
}
