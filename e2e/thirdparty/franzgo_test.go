package thirdparty_test

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"

	"github.com/sluicelog/sluice/internal/testlog"
)

// TestFranzGo produces to a broker of Kafka in this process. The client logs from several goroutines.
func TestFranzGo(t *testing.T) {
	p := newPipeline(t, slog.LevelDebug)
	testlog.CheckGoroutines(t)
	useFranzGo(t, p)
	p.wait(t, "produced")
	p.has(t, []string{
		`{"level":"INFO","source":"github.com/twmb/franz-go/plugin/kslog kslog.go",` +
			`"msg":"producing to a new topic for the first time, fetching metadata to learn its partitions",` +
			`"logger":"kafka","kafka":{"topic":"orders"}}`,
		`{"level":"DEBUG","source":"github.com/twmb/franz-go/plugin/kslog kslog.go","msg":"opening connection to broker",` +
			`"logger":"kafka","kafka":{"addr":"host","broker":"seed_0"}}`,
		`{"level":"INFO","source":"github.com/twmb/franz-go/plugin/kslog kslog.go","msg":"initializing producer id",` +
			`"logger":"kafka"}`,
		`{"level":"DEBUG","source":"github.com/twmb/franz-go/plugin/kslog kslog.go","msg":"produced",` +
			`"logger":"kafka","kafka":{"broker":"0","to":"orders[0{0=>1}]"}}`,
		`{"level":"DEBUG","source":"github.com/twmb/franz-go/plugin/kslog kslog.go","msg":"connection initialized successfully",` +
			`"logger":"kafka","kafka":{"addr":"host","broker":"0"}}`,
	}, `127\.0\.0\.1:\d+`, `host`)
}

// useFranzGo starts a broker, a client of it, and produces a record.
func useFranzGo(t *testing.T, h slog.Handler) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("orders"),
		kgo.WithLogger(kslog.New(slog.New(h).With("logger", "kafka").WithGroup("kafka"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("order 1")).FirstErr(); err != nil {
		t.Error(err)
	}
	client.Close()
}
