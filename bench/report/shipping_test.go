package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestSendersAreThere finds the name of a sender that is none.
func TestSendersAreThere(t *testing.T) {
	names := map[string]bool{}
	for _, s := range bench.Senders() {
		names[s.Name] = true
	}
	for _, name := range []string{lumberSync, lumberAsync, lumberConn, shipper} {
		if !names[name] {
			t.Errorf("no sender %q", name)
		}
	}
}

func TestShipSummary(t *testing.T) {
	f := newShipFigures([]bench.Sender{
		{Name: lumberSync, Version: "v1"}, {Name: lumberAsync, Version: "v1"}, {Name: shipper, Version: "of this tree"}, {Name: "odd", Version: "v2"},
	})
	for c := range bench.Shippings() {
		for p, ns := range []time.Duration{800, 600, 400} {
			for range 3 {
				f.wall.add(c, p, ns, nil)
				f.cpu.add(c, p, ns+200, nil)
				f.wire.add(c, p, 100, nil)
			}
		}
		f.wall.add(c, 3, 0, &bench.LossError{Lines: 3, Records: 4})
		f.cpu.add(c, 3, 0, errors.New("odd"))
		f.wire.add(c, 3, 0, errors.New("odd"))
	}
	got := shipSummary(f, bench.FullLoad(), exampleSetting())
	want := "What an event of 320 bytes costs from its sender to its ack, when 200000 are sent as fast as they are taken, over one connection to the " +
		"server of go-lumber, which is in the same process and does not decode them. Times are multiples of that of `go-lumber SyncClient` " +
		"in the same round, whose own are in nanoseconds. CPU is what the whole process worked for an event, the server included; the third figure is its bytes on the wire.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" + `
| sender | windows of 2048, zlib 0 | CPU | bytes | windows of 512, zlib 0 | CPU | bytes | windows of 2048, zlib 3 | CPU | bytes | windows of 512, zlib 3 | CPU | bytes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| go-lumber SyncClient | 800 ns | 1.0 µs | 100 | 800 ns | 1.0 µs | 100 | 800 ns | 1.0 µs | 100 | 800 ns | 1.0 µs | 100 |
| go-lumber AsyncClient | 0.75x | 0.80x | 100 | 0.75x | 0.80x | 100 | 0.75x | 0.80x | 100 | 0.75x | 0.80x | 100 |
| logstash.Shipper | 0.50x | 0.60x | 100 | 0.50x | 0.60x | 100 | 0.50x | 0.60x | 100 | 0.50x | 0.60x | 100 |
| odd | lost 25 % | invalid | – | lost 25 % | invalid | – | lost 25 % | invalid | – | lost 25 % | invalid | – |

How many events ours gets acked while another gets one:

| ours | other | windows of 2048, zlib 0 | windows of 512, zlib 0 | windows of 2048, zlib 3 | windows of 512, zlib 3 |
| --- | --- | --- | --- | --- | --- |
| lumber.Conn | go-lumber SyncClient | – | – | – | – |
| lumber.Conn | go-lumber AsyncClient | – | – | – | – |
| logstash.Shipper | go-lumber SyncClient | 2.00 | 2.00 | 2.00 | 2.00 |
| logstash.Shipper | go-lumber AsyncClient | 1.50 | 1.50 | 1.50 | 1.50 |

go-lumber SyncClient v1, go-lumber AsyncClient v1, logstash.Shipper of this tree, odd v2. ` +
		"The one that waits for the ack of each window is `go-lumber SyncClient`; the others have up to four under way. " +
		"`lumber.Conn` is the client in a Shipper. `logstash.Shipper` checks that each event is a JSON object, and has a queue, which are part of its times; its zlib levels 1 to 4 are the same.\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if more := shipDetails(f); !strings.Contains(more, "| CPU | windows of 512, zlib 3 | logstash.Shipper | 600 | 600 | 600 |\n") ||
		!strings.Contains(more, "\nwall, windows of 512, zlib 3: lost 25 %: 3 lines for 4 records\n") {
		t.Errorf("details:\n%s", more)
	}
}

func TestReportShipping(t *testing.T) {
	readme, _ := repository(t, "")
	page := filepath.Join(filepath.Dir(readme), shipBlock.page())
	block := shipBlock.begin() + "\n" + shipBlock.end() + "\n"
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report(options{rounds: 1, write: true, ship: true, load: bench.Load{Shipped: 4096}}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(got), shipBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, shipBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", got, &out)
	}
	for _, s := range bench.Senders() {
		if !strings.Contains(text, "\n| "+s.Name+" | ") || strings.Contains(text, "invalid |") {
			t.Errorf("no figures of %s in\n%s", s.Name, text)
		}
	}
}
