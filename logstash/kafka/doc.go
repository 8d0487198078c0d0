/*
Package kafka ships events to Apache Kafka, from where Logstash reads them.

A Kafka between many programs and Logstash takes what the programs log while Logstash is
slow, restarted or away, keeps it for as long as its topics do, and spreads it over several
Logstashes. The [logstash.Shipper] that [Dial] returns is the same as over any other address,
with its queue, its spool, its hooks and its accounts:

	shipper, err := kafka.Dial("kafka+tls://a:9093,b:9093/logs", nil)
	if err != nil {
		return err // the address or an option is wrong; a Kafka that is away is not an error
	}
	defer shipper.Close()
	logger := slog.New(logstash.NewHandler(shipper, nil))

The value of a record is the event, one JSON object, for the codec json of the kafka input of
Logstash. Its key is what DialOptions.Key returns for the event, and its timestamp is when
it was given to the client; that of the event is in the event. [Scheme] is for logstash.Dial,
with [Options] for topics and headers by a function, and for further options of the client.

Not for: one program and one Logstash, for which beats:// needs no broker, and its acks come
from Logstash itself; events that must be in one transaction with others; a consumer.

# Guarantees

An event counts as written when all replicas in sync have it (acks=all). Until then it is
the Shipper's: in memory or in the spool. None is lost but those that Stats counts as dropped.

The producer is idempotent: a request that is sent again, because its answer was lost, a
leader moved or a broker restarted, brings nothing twice. An event may arrive twice when the
producer begins anew while the answer to a batch is missing, at most those of Pipeline batches:
the program ends or dies, and the spool sends again what was not acked; Kafka has forgotten the
producer, or finds a gap behind a batch that it has rejected; it refuses a batch that it has written
before; a topic is made again with fewer partitions, by brokers before 2.8. With an EventID, see
logstash.Options, Elasticsearch stores an event once all the same.

Events of one partition are in the order in which their Writes returned, but for those around
one that Kafka rejects, and those of a batch that it refuses and has written before. Those with
the same key have the same partition, as long as the topic
has as many partitions. Events without a key are spread over all partitions.

At most DialOptions.Pipeline batches are under way, each up to BatchSize events. Everything
else waits in the Shipper. What is under way is in memory a second time, with at most 600 bytes more
for each event, and 6 MiB of that at most are kept for what comes next. The client keeps some KiB more for each
topic that was ever written to.

# Failure

Brokers that are away, leaders that move and replicas that are missing are waited for without
an end: what is under way stays under way, the state becomes Down with the reason, and the
first ack ends that. So is a topic that is not there, until somebody makes it. A broker that could
not be reached is tried again after MinBackoff to MaxBackoff, whatever the client wants it for, and one that wants no
requests for a while, as a quota is used up, gets none. Brokers that do not know idempotent producers, those
before Kafka 0.11, get nothing. As all events
are acked in their order, one partition without a leader, or one topic of several that is not there,
stops all of them after Pipeline batches; the queue and the spool take what comes.

A record that Kafka rejects for what it is (MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE,
INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_MESSAGE) takes the whole batch of its partition
with it. The batch is sent again in halves until it is alone, and goes to the quarantine as
over any other address, while the others arrive, once. So does an event for which a function
of the Options panics, ends its goroutine, or has no topic that can be one. Unless it is too
large, it goes there only once other events have been acked meanwhile: the last event of all stays
queued until then, and a Flush waits for it.

When Kafka refuses the whole producer, for want of a permission, say, the error tells it, and
the Shipper tries again after its backoff.

The client of github.com/twmb/franz-go runs some goroutines for each broker, one more
looks for trouble while something is under way, and each question that it asks of a broker is waited for by another
one, Timeout at most. Close of the Shipper ends them all.
*/
package kafka
