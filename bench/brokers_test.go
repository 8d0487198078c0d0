package bench

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestBrokers(t *testing.T) {
	testlog.CheckGoroutines(t)
	for _, b := range Brokers() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Missing != nil {
				t.Skip(b.Missing)
			}
			if b.Version == "" {
				t.Errorf("%s has no version", b.Server)
			}
			for _, c := range b.Cases {
				for _, client := range slices.Concat(c.Peers, c.Ours) {
					cost, err := c.Ship(Load{Brokered: 2 * BrokerBatch}, client)
					if err != nil || cost.Wall <= 0 {
						t.Errorf("%s, %s: %v, %v", client.Name, c.Name, cost.Wall, err)
					}
				}
			}
		})
	}
}

// TestBrokersFindWhatIsWrong has clients that lose an event or change one, in each of
// the ways.
func TestBrokersFindWhatIsWrong(t *testing.T) {
	tests := []struct {
		name    string
		instead func(events [][]byte) [][]byte
		want    string
	}{
		{"nothing", func(events [][]byte) [][]byte { return events }, ""},
		{"one is lost", func(events [][]byte) [][]byte { return events[1:] }, "lost"},
		{"all are lost", func([][]byte) [][]byte { return nil }, "lost"},
		{"one comes twice", func(events [][]byte) [][]byte { return append(slices.Clone(events), events[0]) }, "lines for"},
		{"one is another", func(events [][]byte) [][]byte {
			return append([][]byte{bytes.Replace(events[0], []byte("request"), []byte("REQUEST"), 1)}, events[1:]...)
		}, "others than those that were sent"},
	}
	for _, b := range Brokers() {
		for _, c := range b.Cases {
			for _, tt := range tests {
				t.Run(b.Name+"/"+c.Name+"/"+tt.name, func(t *testing.T) {
					if b.Missing != nil {
						t.Skip(b.Missing)
					}
					dial := c.Peers[0].dial
					_, err := c.Ship(Load{Brokered: BrokerBatch}, BrokerClient{Name: "odd", dial: func(addr string) (shipment, error) {
						conn, err := dial(addr)
						return thief{conn, tt.instead}, err
					}})
					if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
						t.Errorf("got %v, want %q", err, tt.want)
					}
				})
			}
		}
	}
}

func TestBrokersFindAnotherKey(t *testing.T) {
	c := kafkaCase("keys", nil, logstash.Field("path"))
	_, err := c.Ship(Load{Brokered: BrokerBatch}, BrokerClient{Name: "odd", dial: func(addr string) (shipment, error) {
		return dialKafka(addr, func([]byte) []byte { return []byte("x") }, true, nil)
	}})
	if err == nil || !strings.Contains(err.Error(), `the key "x" is not that of the event`) {
		t.Errorf("got %v", err)
	}
}

func TestBrokerClientThatDoesNotConnect(t *testing.T) {
	c := kafkaBroker().Cases[0]
	_, err := c.Ship(Load{Brokered: BrokerBatch}, BrokerClient{Name: "odd", dial: func(string) (shipment, error) {
		return nil, errors.New("no way")
	}})
	if err == nil || err.Error() != "odd: no compression: no way" {
		t.Errorf("got %v", err)
	}
}

func BenchmarkBrokers(b *testing.B) {
	for _, broker := range Brokers() {
		for _, c := range broker.Cases {
			for _, client := range slices.Concat(c.Peers, c.Ours) {
				b.Run(broker.Name+"/"+c.Name+"/"+client.Name, func(b *testing.B) {
					if broker.Missing != nil {
						b.Skip(broker.Missing)
					}
					cost, err := c.Ship(Load{Brokered: max(b.N, BrokerBatch)}, client)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(cost.Wall), "ns/op")
					b.ReportMetric(float64(cost.CPU), "cpu-ns/op")
					b.ReportMetric(cost.Allocs, "allocs/op")
				})
			}
		}
	}
}
