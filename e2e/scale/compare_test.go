package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// lastRun is what go run ./fleet -write has written.
func lastRun() string { return filepath.Join("..", "..", "docs", "img", "fleet.json") }

// The last run of the fleet is as the model says.
func TestTheFleetIsAsReckoned(t *testing.T) {
	t.Parallel()
	run, err := readRun(lastRun())
	if os.IsNotExist(err) {
		t.Skip("there is no docs/img/fleet.json: cd e2e && go run ./fleet -write")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Results) == 0 {
		t.Fatal("no results")
	}
	for _, c := range compareAll(run) {
		if !c.holds {
			t.Errorf("%s, %s: measured %s, the model says %s", c.scenario, c.what, c.measured, c.model)
		}
	}
}

// perfect is a run that is exactly as the model says.
func perfect() result.Result {
	r := result.Result{
		Scenario: "herd", Over: "beats", Senders: 80, Receivers: 4, Rate: 50, EventBytes: 300, Capacity: 1600, Compress: 20,
		Options: result.Options{MinBackoff: 0.05, MaxBackoff: 3, ConnectionTTL: 6, BatchSize: 128, Pipeline: 4, Size: 64 << 10, SpoolMaxBytes: 64 << 20},
		Breaks:  80, Duplicates: 5000, ResidentOfOne: 20 << 20,
	}
	b := backoff{50 * time.Millisecond, 3 * time.Second}
	away := 9 * time.Second
	c := b.comeback(away, r.Receivers)
	o := result.Outage{Begin: 4, End: 13}
	for i := range r.Senders {
		o.Reconnects = append(o.Reconnects, result.Seconds(c.quantile((float64(i)+0.5)/float64(r.Senders)).Seconds()))
	}
	o.Recovery.Last = result.Seconds(c.last(r.Senders).Seconds())
	all := outage{r.Senders, r.Rate, r.Capacity * float64(r.Receivers), away, b, r.Receivers}
	least, most := shuffle{all, 4, 6 * time.Second, 512}.caught()
	o.Backlog, o.CaughtUp = int(all.recovery().backlog), result.Seconds((least+most).Seconds()/2)
	r.SpoolBytesOfOne = int64(host{r.Rate, float64(r.EventBytes)}.spool(away))
	r.Outages = []result.Outage{o}
	return r
}

// overKafka is a run like perfect, with one broker in front of the receivers.
func overKafka() result.Result {
	r := perfect()
	r.Over, r.Scenario, r.Duplicates = "kafka", "broker", 0
	o := &r.Outages[0]
	b := backoff{50 * time.Millisecond, 3 * time.Second}
	c := b.comeback(9*time.Second, 1)
	for i := range r.Senders {
		o.Recovery.All = append(o.Recovery.All, result.Seconds(c.quantile((float64(i)+0.5)/float64(r.Senders)).Seconds()))
	}
	m := outage{r.Senders, r.Rate, r.Capacity * float64(r.Receivers), 9 * time.Second, b, 1}.recovery()
	o.Reconnects, o.Recovery.Last = nil, result.Seconds(c.last(r.Senders).Seconds())
	o.Backlog, o.CaughtUp = int(m.backlog), result.Seconds(m.caught.Seconds())
	return r
}

// staggered is a run like perfect, with receivers that are back one after the other.
func staggered() result.Result {
	r := perfect()
	r.Scenario = "stagger"
	o := &r.Outages[0]
	o.Since, o.End, o.Returns = o.End, o.End+3, []result.Seconds{0, 1, 2, 3}
	c, first := backoff{50 * time.Millisecond, 3 * time.Second}.comeback(9*time.Second, 1).staggered([]time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second})
	o.Reconnects = nil
	for i := range r.Senders {
		o.Reconnects = append(o.Reconnects, result.Seconds(c.quantile((float64(i)+0.5)/float64(r.Senders)).Seconds()))
	}
	o.Recovery.Last = result.Seconds(c.last(r.Senders).Seconds())
	o.Went = []int{int(first * float64(r.Senders)), 0, 0, 0}
	return r
}

// What is not as the model says is found.
func TestCompareFindsWhatIsOff(t *testing.T) {
	t.Parallel()
	good := perfect()
	for _, c := range compareAll(result.Run{Results: []result.Result{good}}) {
		if !c.holds {
			t.Errorf("%s: measured %s, the model says %s: called off", c.what, c.measured, c.model)
		}
	}
	behind := overKafka()
	for _, c := range compare(&behind) {
		if !c.holds {
			t.Errorf("over Kafka, %s: measured %s, the model says %s: called off", c.what, c.measured, c.model)
		}
	}
	one := staggered()
	for _, c := range compare(&one) {
		if !c.holds {
			t.Errorf("one after the other, %s: measured %s, the model says %s: called off", c.what, c.measured, c.model)
		}
	}
	one.Outages[0].Went[0] = one.Senders / 4
	if !slices.ContainsFunc(compare(&one), func(c comparison) bool { return c.what == "connections of the first one" && !c.holds }) {
		t.Error("one after the other, equal shares are not found")
	}
	behind.Outages[0].Recovery.All = perfect().Outages[0].Reconnects // of those who know four addresses
	if !slices.ContainsFunc(compare(&behind), func(c comparison) bool { return c.what == "half of the senders acked again after" && !c.holds }) {
		t.Error("over Kafka, the wrong delays are not found")
	}
	for what, spoil := range map[string]func(r *result.Result){
		"events twice":     func(r *result.Result) { r.Duplicates = r.Breaks*512 + 1 },
		"events twice ":    func(r *result.Result) { r.Over, r.Duplicates = "kafka", 1 },
		"events twice  ":   func(r *result.Result) { r.Over, r.Duplicates = "redis", r.Breaks*128+1 },
		"last sender back": func(r *result.Result) { r.Outages[0].Recovery.Last = 6.1 },
		"senders back":     func(r *result.Result) { r.Outages[0].Reconnects = nil },
		"half of the senders connected again after": func(r *result.Result) { squeeze(r.Outages[0].Reconnects, 3) },
		"connections in the busiest 100 ms":         func(r *result.Result) { squeeze(r.Outages[0].Reconnects, 0.05) },
		"largest difference of the distributions":   func(r *result.Result) { squeeze(r.Outages[0].Reconnects, 3) },
		"events that waited at most":                func(r *result.Result) { r.Outages[0].Backlog *= 2 },
		"caught up after":                           func(r *result.Result) { r.Outages[0].CaughtUp *= 2.5 },
		"caught up after ":                          func(r *result.Result) { r.Outages[0].CaughtUp /= 3 },
		"spool of a sender":                         func(r *result.Result) { r.SpoolBytesOfOne = 64 << 20 },
		"spool of a sender ":                        func(r *result.Result) { r.SpoolBytesOfOne = 0 },
		"memory of a sender":                        func(r *result.Result) { r.ResidentOfOne = 100 << 20 },
		"connections broken":                        func(r *result.Result) { r.Scenario, r.Breaks = "rolling", 400 },
	} {
		r := perfect()
		spoil(&r)
		if !slices.ContainsFunc(compareAll(result.Run{Results: []result.Result{r}}), func(c comparison) bool { return c.what == strings.TrimSpace(what) && !c.holds }) {
			t.Errorf("%s: not found", what)
		}
	}
}

func squeeze(at []result.Seconds, factor float64) {
	for i := range at {
		at[i] *= result.Seconds(factor)
	}
}

func TestMostWithin(t *testing.T) {
	at := []time.Duration{0, 10, 20, 100, 105, 110, 115, 300}
	for window, want := range map[time.Duration]int{0: 1, 5: 2, 15: 4, 20: 4, 1000: 8} {
		if got := mostWithin(at, window); got != want {
			t.Errorf("window %d: %d, want %d", window, got, want)
		}
	}
}

// What was measured gets into the page. A file that is broken does not.
func TestWritten(t *testing.T) {
	t.Parallel()
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, "img"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(docs, "img", "fleet.json")
	var file strings.Builder
	bad := perfect()
	bad.Duplicates = math.MaxInt32
	if err := (result.Run{System: "linux/amd64", As: "processes", Results: []result.Result{perfect(), bad}}).Write(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	text, off, err := written(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(off) != 1 || !strings.Contains(off[0].Error(), "herd, events twice: measured 2.1 billion, the model says at most 41,000") {
		t.Errorf("%v are off, want the duplicates", off)
	}
	for _, want := range []string{"80 senders as processes, 4 receivers", "| herd | events twice | 5,000 | at most 41,000 | holds |", "| 2.1 billion | at most 41,000 | **off** |"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := written(docs); err == nil {
		t.Error("no error for a broken file")
	}
}
