package kafka

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
)

// rejection is the failure of a record that is its own fault.
type rejection struct {
	err   error
	large bool
}

func (e *rejection) Error() string { return e.err.Error() }
func (e *rejection) Unwrap() error { return e.err }

// Is reports whether target is what the Shipper looks for.
func (e *rejection) Is(target error) bool {
	return target == logstash.ErrRejected || e.large && target == logstash.ErrTooLarge
}

// First returns true: Progress tells of it when Kafka has all events before it.
func (e *rejection) First() bool { return true }

// SentNothing returns true: what Kafka has of the others is not sent again.
func (e *rejection) SentNothing() bool { return true }

func isRejection(err error) bool { return errors.Is(err, logstash.ErrRejected) }

// trouble is a failure that leaves everything under way.
type trouble struct{ err error }

func (e *trouble) Error() string { return e.err.Error() }
func (e *trouble) Unwrap() error { return e.err }

// UnderWay returns true.
func (e *trouble) UnderWay() bool { return true }

// refusal is a failure of the producer or of a topic before anything was written: what is refused now may have been
// taken before, when the answer was lost.
type refusal struct{ err error }

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// SentNothing returns true.
func (e *refusal) SentNothing() bool { return true }

func isTrouble(err error) bool {
	var e *trouble
	return errors.As(err, &e)
}

// explain returns what the failure of a record means.
func explain(r *kgo.Record, err error) error {
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
	}
	switch {
	case is(kerr.MessageTooLarge, kerr.RecordListTooLarge):
		return &rejection{large: true, err: fmt.Errorf(
			"kafka: topic %q does not take an event of %d bytes, with its key and headers, see max.message.bytes and kgo.ProducerBatchMaxBytes: %w", r.Topic, size(r), err)}
	case is(kerr.InvalidRecord, kerr.CorruptMessage):
		return &rejection{err: fmt.Errorf("kafka: topic %q does not take an event; one that is compacted wants a Key: %w", r.Topic, err)}
	case is(kerr.InvalidTimestamp):
		return &rejection{err: fmt.Errorf("kafka: topic %q does not take the time %v of this machine: %w", r.Topic, r.Timestamp, err)}
	default:
		return fmt.Errorf("kafka: %w", hint(r.Topic, err))
	}
}

// size returns how many bytes of the user's a record has.
func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// hint adds to an error what to do about it.
func hint(topic string, err error) error {
	for _, h := range []struct {
		is   error
		text string
	}{
		{kerr.UnknownTopicOrPartition, "create it, or let the brokers, with kgo.AllowAutoTopicCreation"},
		{kerr.InvalidTopicException, "want another name"},
		{kerr.TopicAuthorizationFailed, "want the permission WRITE for the user"},
		{kerr.ClusterAuthorizationFailed, "want the permission IDEMPOTENT_WRITE for the user"},
		{kerr.NotEnoughReplicas, "fewer replicas than min.insync.replicas are in sync"},
		{kerr.LeaderNotAvailable, "no leader yet"},
	} {
		if errors.Is(err, h.is) {
			return fmt.Errorf("topic %q: %s: %w", topic, h.text, err)
		}
	}
	return fmt.Errorf("topic %q: %w", topic, err)
}
