package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/sluicelog/sluice/pipeline"
)

const (
	kafkaBroker = "broker"
	// mayWrite is the bit of the permission WRITE among those of a topic.
	mayWrite = 1 << 4
	// untold is what a Kafka says that does not tell permissions.
	untold = math.MinInt32
)

// kafka asks a Kafka for the topic, and whether those can be reached that lead its partitions: they are found by the names that
// the cluster tells, which need not be those of the address.
func (q *question) kafka(ctx context.Context) {
	var connected atomic.Bool
	opts := []kgo.Opt{
		kgo.ClientID("sluice"), kgo.DisableClientMetrics(), kgo.SeedBrokers(q.to.Hosts...),
		kgo.Dialer(func(dialing context.Context, network, addr string) (net.Conn, error) {
			conn, err := q.to.Dial(dialing, network, addr)
			if err == nil {
				connected.Store(true)
				context.AfterFunc(ctx, func() { _ = conn.Close() }) // the client waits longer for an answer
			}
			return conn, err
		}),
		kgo.RequestRetries(2 * len(q.to.Hosts)), // it begins with any of them
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	}
	opts = append(opts, q.settings.Kafka.Client...)
	if q.to.Username != "" {
		opts = append(opts, kgo.SASL(plain.Auth{User: q.to.Username, Pass: q.to.Password}.AsMechanism()))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		return // Dial has made one of the same, and said so
	}
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	if topic := q.to.Path; topic != "" {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topic
		req.Topics, req.IncludeTopicAuthorizedOperations = append(req.Topics, t), true
	}
	resp, err := req.RequestWith(ctx, c)
	if err != nil && !connected.Load() {
		return // as Probe says
	}
	if err != nil {
		do := "see whether it is a Kafka, what its own log says, and what the user is allowed"
		if errors.Is(err, io.EOF) {
			do = "a broker hangs up so on a wrong password or mechanism, and without TLS where it wants that: see to these"
		}
		q.add(pipeline.Fail, kafkaBroker, do, "does not answer as a Kafka does: %v", late(ctx, err))
		return
	}
	if len(resp.Topics) == 0 {
		q.add(pipeline.Pass, kafkaBroker, "", "a Kafka of %s; the program chooses the topics, which are not known here", brokers(len(resp.Brokers)))
		return
	}
	q.topic(ctx, resp)
}

func brokers(n int) string { return english.Plural(n, "broker", "") }

// topic says what is known of a topic.
func (q *question) topic(ctx context.Context, resp *kmsg.MetadataResponse) {
	what, t := "topic "+q.to.Path, resp.Topics[0]
	switch err := kerr.ErrorForCode(t.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		q.add(pipeline.Fail, what, "create it, as docs/kafka.md shows: nothing is sent before it is there", "is not there")
		return
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		q.add(pipeline.Fail, what, "give the user the permissions WRITE and DESCRIBE", "the user may not see it")
		return
	case err != nil:
		q.add(pipeline.Fail, what, "see what the brokers' own logs say", "%v", err)
		return
	}
	if t.AuthorizedOperations != untold && t.AuthorizedOperations&mayWrite == 0 {
		q.add(pipeline.Fail, what, "give the user the permission WRITE", "the user may not write to it")
	}
	partitions := english.Plural(len(t.Partitions), "partition", "")
	var leaderless, behind, single []string
	leads := make(map[int32]bool)
	slices.SortFunc(t.Partitions, func(a, b kmsg.MetadataResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	for _, p := range t.Partitions {
		number := strconv.Itoa(int(p.Partition))
		switch {
		case p.Leader < 0:
			leaderless = append(leaderless, number)
			continue
		case len(p.ISR) < len(p.Replicas):
			behind = append(behind, number)
		case len(p.Replicas) == 1:
			single = append(single, number)
		}
		leads[p.Leader] = true
	}
	if len(leaderless) > 0 {
		q.add(pipeline.Fail, what, "see why: one of them stops a whole Shipper", "without a leader: partition %s", numbers(leaderless))
	}
	if len(behind) > 0 {
		q.add(pipeline.Warn, what, "see why: below min.insync.replicas nothing is taken", "with fewer replicas in sync than it has: partition %s", numbers(behind))
	}
	if len(single) > 0 {
		q.add(pipeline.Warn, what, "give it three, and min.insync.replicas=2: docs/kafka.md", "with one replica, whose broker takes what was acked with it: partition %s", numbers(single))
	}
	if q.leaders(ctx, resp.Brokers, leads) {
		q.add(pipeline.Pass, what, "", "%s, led by %s that can be reached", partitions, brokers(len(leads)))
	}
}

// numbers returns the first of a list.
func numbers(all []string) string {
	const most = 8
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// leaders connects to the brokers that lead, and reports whether all can be reached.
func (q *question) leaders(ctx context.Context, all []kmsg.MetadataResponseBroker, leads map[int32]bool) bool {
	failed := make([]error, len(all))
	var asked sync.WaitGroup
	for i, b := range all {
		if !leads[b.NodeID] {
			continue
		}
		asked.Go(func() {
			conn, err := q.to.Dial(ctx, "tcp", address(b))
			if err == nil {
				err = conn.Close()
			}
			failed[i] = err
		})
	}
	asked.Wait()
	reached := true
	for i, err := range failed {
		if err == nil {
			continue
		}
		reached = false
		do := "see whether it runs"
		if !slices.Contains(q.to.Hosts, address(all[i])) {
			do = "the cluster tells this name, which the address has not: see to advertised.listeners, or to the name"
		}
		q.add(pipeline.Fail, fmt.Sprintf("%s %d", kafkaBroker, all[i].NodeID), do, "leads partitions, and cannot be reached at %s: %v", address(all[i]), late(ctx, err))
	}
	return reached
}

func address(b kmsg.MetadataResponseBroker) string {
	return net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
}
