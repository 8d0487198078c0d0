package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
)

func TestEvents(t *testing.T) {
	seen := map[string]bool{}
	for _, event := range newEvents() {
		if len(event) != EventSize || !json.Valid(event) {
			t.Fatalf("event of %d bytes: %s", len(event), event)
		}
		seen[string(event)] = true
	}
	if len(seen) < len(newEvents()) {
		t.Errorf("%d different events of %d", len(seen), len(newEvents()))
	}
}

func TestShip(t *testing.T) {
	testlog.CheckGoroutines(t)
	for _, s := range Senders() {
		for _, how := range []Shipping{{2048, 0}, {100, 3}} {
			cost, err := s.Ship(Load{Shipped: 3 * how.Window}, how)
			if err != nil || cost.Wall <= 0 {
				t.Errorf("%s, %s: %v, %v", s.Name, how, cost.Wall, err)
			}
		}
	}
}

// thief sends something else than it was given.
type thief struct {
	shipment

	instead func(events [][]byte) [][]byte
}

func (t thief) send(events [][]byte, times int) error {
	return t.shipment.send(t.instead(events), times)
}

// TestShipFindsWhatIsWrong has senders that lose an event or change one.
func TestShipFindsWhatIsWrong(t *testing.T) {
	tests := []struct {
		name    string
		instead func(events [][]byte) [][]byte
		want    string
	}{
		{"nothing", func(events [][]byte) [][]byte { return events }, ""},
		{"one is lost", func(events [][]byte) [][]byte { return events[1:] }, "lost"},
		{"one is another", func(events [][]byte) [][]byte {
			return append([][]byte{bytes.Replace(events[0], []byte("request"), []byte("REQUEST"), 1)}, events[1:]...)
		}, "others than those that were sent"},
	}
	for _, tt := range tests {
		s := Sender{Name: "odd", dial: func(addr string, how Shipping) (shipment, error) {
			c, err := dialShipper(addr, how)
			return thief{c, tt.instead}, err
		}}
		_, err := s.Ship(Load{Shipped: 20}, Shipping{10, 0})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	_, err := Sender{Name: "odd", dial: func(string, Shipping) (shipment, error) {
		return nil, fmt.Errorf("no way: %w", net.ErrClosed)
	}}.Ship(Load{Shipped: 20}, Shipping{10, 0})
	if err == nil || !strings.HasPrefix(err.Error(), "odd: windows of 10, zlib 0: no way") {
		t.Errorf("a sender that does not connect: %v", err)
	}
}

func BenchmarkShip(b *testing.B) {
	for _, how := range Shippings() {
		for _, s := range Senders() {
			b.Run(how.String()+"/"+s.Name, func(b *testing.B) {
				cost, err := s.Ship(Load{Shipped: max(b.N, how.Window)}, how)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(cost.Wall), "ns/op")
				b.ReportMetric(float64(cost.CPU), "cpu-ns/op")
			})
		}
	}
}
