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

// exampleBrokers returns a broker with a case for each of its own clients and one of
// which a client loses events, and a broker that is not there.
func exampleBrokers() []*brokerFigures {
	client := func(name, version string) bench.BrokerClient { return bench.BrokerClient{Name: name, Version: version} }
	ours := []bench.BrokerClient{client("our transport", "of this tree"), client("our Shipper", "of this tree")}
	return []*brokerFigures{
		newBrokerFigures(bench.Broker{
			Name: "Post", Server: "postd", Version: "1.2", Setting: "It is slow.",
			Cases: []bench.BrokerCase{
				{Name: "list", Peers: []bench.BrokerClient{client("push", "v3"), client("push all", "v3")}, Ours: ours},
				{Name: "stream", Peers: []bench.BrokerClient{client("add", "v3")}, Ours: ours},
			},
		}),
		newBrokerFigures(bench.Broker{
			Name: "Smoke", Server: "smoked", Missing: errors.New("no smoked in $PATH"),
			Cases: []bench.BrokerCase{{Name: "signals", Peers: []bench.BrokerClient{client("fire", "v1")}, Ours: ours}},
		}),
	}
}

// measuredBrokers returns them with rounds of which ours was once faster and once slower.
func measuredBrokers() []*brokerFigures {
	all := exampleBrokers()
	f := all[0]
	add := func(c int, name string, ns time.Duration, allocs float64) {
		rounds := []time.Duration{ns, ns, ns}
		if strings.HasPrefix(name, "our ") {
			rounds = []time.Duration{ns * 8 / 10, ns, ns * 13 / 10}
		}
		for _, wall := range rounds {
			f.add(c, name, bench.Delivery{Cost: bench.Cost{Wall: wall, CPU: ns / 2, HasCPU: true}, Allocs: allocs}, nil)
		}
	}
	add(0, "push", 800, 5.01)
	add(0, "push all", 400, 1)
	add(0, "our transport", 445, 0.004) // 0.899 of the other, which is printed as 0.90
	add(0, "our Shipper", 500, 0.01)
	add(1, "add", 1000, 8)
	add(1, "our transport", 1250, 2)
	f.add(1, "our Shipper", bench.Delivery{}, &bench.LossError{Lines: 3, Records: 4})
	return all
}

func TestBrokerSummary(t *testing.T) {
	all := measuredBrokers()
	got := brokerSummary(all, bench.FullLoad(), exampleSetting())
	want := "What an event of 320 bytes costs until the broker has acked it, when 100000 are sent as fast as they are taken, in batches of 2048. " +
		"Times are multiples of that of the first client in the same round, whose own are in nanoseconds. CPU is what this process worked for an event; " +
		"the third figure is how often it allocated. Each time the broker is a new one, and what it has in the end is read and compared with what was sent.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" + `
### Post

It is slow.

| client | list | CPU | allocs | stream | CPU | allocs |
| --- | --- | --- | --- | --- | --- | --- |
| push | 800 ns | 400 ns | 5.01 | – | – | – |
| push all | 0.50x | 0.50x | 1.00 | – | – | – |
| our transport | 0.56x | 0.56x | 0.00 | 1.25x | 1.25x | 2.00 |
| our Shipper | 0.62x | 0.62x | 0.01 | lost 25 % | lost 25 % | – |
| add | – | – | – | 1.0 µs | 500 ns | 8.00 |

### Smoke

Not on this machine, and left out: no smoked in $PATH.

### What was asked for

How many events ours gets acked while the broker's own client gets one:

| ours | the other | events | at least | measured |  |
| --- | --- | --- | --- | --- | --- |
| our transport | push | list | 0.90 | 1.80 | holds |
| our transport | push all | list | 0.90 | 0.90 | holds |
| our Shipper | push | list | – | 1.60 |  |
| our Shipper | push all | list | – | 0.80 |  |
| our transport | add | stream | 0.90 | 0.80 | missed |
| our Shipper | add | stream | – | – |  |
| Smoke | – | – | 0.90 | – | not measured |

postd 1.2, push v3, push all v3, our transport of this tree, our Shipper of this tree, add v3.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if more := brokerDetails(all); !strings.Contains(more, "| Post, CPU | stream | our transport | 625 | 625 | 625 |\n") ||
		!strings.Contains(more, "\nPost, wall, stream: lost 25 %: 3 lines for 4 records\n") {
		t.Errorf("details:\n%s", more)
	}
}

func TestReportBrokers(t *testing.T) {
	text, printed := reportBlock(t, brokerBlock, options{rounds: 1, write: true, brokers: true, load: bench.Load{Brokered: 2 * bench.BrokerBatch}})
	for _, b := range bench.Brokers() {
		if b.Missing != nil {
			if want := "\n### " + b.Name + "\n\nNot on this machine, and left out: "; !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
			continue
		}
		for _, c := range b.Cases {
			for _, client := range append(c.Peers, c.Ours...) {
				if !strings.Contains(text, "\n| "+client.Name+" | ") {
					t.Errorf("no figures of %s in\n%s", client.Name, text)
				}
			}
		}
	}
	if strings.Contains(text, "invalid |") || strings.Contains(text, "| lost ") {
		t.Errorf("something is wrong in\n%s", printed)
	}
	seesBrokers(t, text, writtenPicture(t, brokerBlock))
}

// writtenPicture returns the picture that reportBlock has written.
func writtenPicture(t *testing.T, b block) string {
	t.Helper()
	file, _ := b.picture()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reportBlock writes a report into a page that has its block alone, and returns what is
// in it then, but for the picture, and what was printed.
func reportBlock(t *testing.T, b block, o options) (text, printed string) {
	t.Helper()
	readme, _ := repository(t, "")
	page := filepath.Join(filepath.Dir(readme), b.page())
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(b.begin()+"\n"+b.end()+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report(o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	file, seen := b.picture()
	text, ok := strings.CutPrefix(string(got), b.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, "\n!["+seen+"](img/"+filepath.Base(file)+")\n"+b.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", got, &out)
	}
	return text, out.String()
}
