package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// exampleKafka starts a Kafka for an example, with one partition for each topic.
func exampleKafka(topics ...string) *kfake.Cluster {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		panic(err)
	}
	return c
}

// printRecords prints the next n records of a topic.
func printRecords(c *kfake.Cluster, topic string, n int) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.DisableClientMetrics())
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	for n > 0 {
		for _, r := range cl.PollRecords(context.Background(), n).Records() {
			fmt.Println(strings.TrimSpace(fmt.Sprintf("%s %s", r.Key, r.Value)))
			n--
		}
	}
}

// withoutTime leaves out what is another one each time.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Records go to a topic, from which Logstash reads them.
func Example() {
	cluster := exampleKafka("logs")
	defer cluster.Close()
	brokers := strings.Join(cluster.ListenAddrs(), ",")

	shipper, err := kafka.Dial("kafka://"+brokers+"/logs", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(slog.NewJSONHandler(shipper, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("order placed", "order", 4711)
	logger.Warn("payment is late", "order", 4711)
	if err := shipper.Close(); err != nil {
		fmt.Println(err)
	}

	printRecords(cluster, "logs", 2)
	// Output:
	// {"level":"INFO","msg":"order placed","order":4711}
	// {"level":"WARN","msg":"payment is late","order":4711}
}

// Events of one client stay in order, in one partition, and those for the audit have a topic of their own.
func ExampleScheme() {
	cluster := exampleKafka("logs", "audit")
	defer cluster.Close()
	brokers := strings.Join(cluster.ListenAddrs(), ",")

	kind := logstash.Field("kind")
	shipper, err := logstash.Dial("kafka://"+brokers+"/logs", &logstash.DialOptions{
		Key: logstash.Field("client"),
		Schemes: []logstash.Scheme{kafka.Scheme(&kafka.Options{
			Topic: func(event []byte) string {
				// Never what the event says: a topic that is not there would stop all others.
				if string(kind(event)) == "audit" {
					return "audit"
				}
				return "" // the one of the address
			},
			Client: []kgo.Opt{kgo.ProducerBatchCompression(kgo.ZstdCompression())},
		})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(slog.NewJSONHandler(shipper, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	client := slog.Any("client", netip.MustParseAddr("192.0.2.7"))
	logger.Info("signed in", client, "kind", "audit")
	logger.Info("order placed", client)
	if err := shipper.Close(); err != nil {
		fmt.Println(err)
	}

	printRecords(cluster, "audit", 1)
	printRecords(cluster, "logs", 1)
	// Output:
	// 192.0.2.7 {"level":"INFO","msg":"signed in","client":"192.0.2.7","kind":"audit"}
	// 192.0.2.7 {"level":"INFO","msg":"order placed","client":"192.0.2.7"}
}
