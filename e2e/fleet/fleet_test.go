package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files")

// The test is its own sender.
func TestMain(m *testing.M) {
	if spec := os.Getenv(senderVariable); spec != "" {
		if err := runSender(spec, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// small returns the options for a fleet that a test can bear.
func small(t *testing.T, more ...string) options {
	t.Helper()
	o, err := parseFlags(append([]string{
		"-senders", "24", "-as", "goroutines", "-compress", "60", "-capacity", "1000",
	}, more...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs one scenario and returns its result, and what is wrong with it.
func run(ctx context.Context, path string, o options) (result.Result, error) {
	o.json = path
	var out strings.Builder
	fault := fleet(ctx, o, &out, io.Discard)
	if fault != nil {
		fault = fmt.Errorf("%w\n%s", fault, out.String())
	}
	f, err := os.Open(path)
	if err != nil {
		return result.Result{}, errors.Join(fault, err)
	}
	defer func() { _ = f.Close() }()
	all, err := result.Read(f)
	if r, ok := all.Of(o.scenario); ok {
		return r, errors.Join(fault, err)
	}
	return result.Result{}, errors.Join(fault, err, errors.New("there is no result of it"))
}

// attempts is how often a scenario is run at most that the machine spoils.
const attempts = 5

// A small fleet loses nothing either, whatever goes wrong, and all of it comes back. The
// scenarios run at once: they wait most of the time. One in which only the times were wrong, and
// the machine stood still, is run again by itself.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes fifteen seconds")
	}
	tests := []*struct {
		args     []string
		senders  int
		outages  int
		affected int // in all, at least

		got   result.Result
		err   error
		run   func()
		stood time.Duration // for which nothing of this process ran meanwhile
	}{
		{args: []string{"-scenario", scenarioRolling}, senders: 24, outages: 4, affected: 8},
		{args: []string{"-scenario", scenarioHerd, "-senders", "100", "-receivers", "2", "-capacity", "5000", "-compress", "40"}, senders: 100, outages: 1, affected: 100},
		{args: []string{"-scenario", scenarioStagger, "-capacity", "5000"}, senders: 24, outages: 1, affected: 24},
		{args: []string{"-scenario", scenarioSlow}, senders: 24, outages: 1},
		{args: []string{"-scenario", scenarioDead}, senders: 24, outages: 1, affected: 1},
		{args: []string{"-scenario", scenarioBroker, "-senders", "50", "-capacity", "5000"}, senders: 50, outages: 1, affected: 50},
		{args: []string{"-scenario", scenarioBroker, "-senders", "50", "-capacity", "5000", "-over", overRedis}, senders: 50, outages: 1, affected: 50},
	}
	_, noRedis := exec.LookPath("redis-server")
	dir := t.TempDir()
	running := testlog.StartStopwatch(t)
	var wg sync.WaitGroup
	for i, tt := range tests {
		o := small(t, tt.args...)
		if o.over == overRedis && noRedis != nil {
			continue
		}
		tt.run = func() {
			begun, ran := time.Now(), running.Elapsed()
			tt.got, tt.err = run(t.Context(), filepath.Join(dir, strconv.Itoa(i)), o)
			tt.stood = time.Since(begun) - (running.Elapsed() - ran)
		}
		wg.Go(tt.run)
	}
	wg.Wait()
	for _, tt := range tests {
		t.Run(strings.Join(tt.args[1:], " "), func(t *testing.T) {
			if tt.got.Over == "" && tt.err == nil {
				t.Skipf("no redis-server: %v", noRedis)
			}
			for n := 1; n < attempts && tt.stood > 50*time.Millisecond && tt.got.CheckEvents() == nil && tt.got.CheckTimes() != nil; n++ {
				t.Logf("once more, as all stood still for %v: %v", tt.stood, tt.got.CheckTimes())
				tt.run()
			}
			if tt.err != nil {
				t.Fatal(tt.err)
			}
			r, affected, waited := tt.got, 0, 0
			for _, o := range r.Outages {
				affected += o.Affected
				waited = max(waited, o.Backlog)
			}
			if len(r.Outages) != tt.outages || affected < tt.affected {
				t.Errorf("%d outages affected %d senders, want %d and at least %d", len(r.Outages), affected, tt.outages, tt.affected)
			}
			if least := int(r.Lasted) * tt.senders * 50 / 2; r.Sent < least {
				t.Errorf("%d events were sent, want at least %d", r.Sent, least)
			}
			if r.Scenario == scenarioSlow && r.Fairness.Spared == 0 {
				t.Error("no sender was beside the slow receiver")
			}
			if r.Scenario == scenarioStagger && (len(r.Outages[0].Returns) != 4 || len(r.Outages[0].Went) != 4 || r.Outages[0].Went[0] < tt.senders/3) {
				t.Errorf("the receivers were back at %v, and got %d senders, want four times, and that the first has more than its share", r.Outages[0].Returns, r.Outages[0].Went)
			}
			if r.Scenario != scenarioHerd && r.Scenario != scenarioBroker {
				return
			}
			if least := tt.senders * 50; waited < least || r.SpoolBytes <= r.SpoolBytesAtEnd {
				t.Errorf("%d events waited, and %d bytes were in spools, then %d: want at least %d, and fewer", waited, r.SpoolBytes, r.SpoolBytesAtEnd, least)
			}
			if s := r.SpreadOf(&r.Outages[0]); !s.Judged {
				t.Errorf("whether it was a herd cannot be seen: %+v", s)
			}
		})
	}
}

// A run that ends early tells of the scenarios before that.
func TestEndsEarly(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes five seconds")
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	o := small(t, "-senders", "4", "-compress", "100", "-scenario", scenarioDead+","+scenarioRolling)
	o.json = filepath.Join(t.TempDir(), "run.json")
	var out strings.Builder
	err := fleet(ctx, o, &out, writerFunc(func(text []byte) (int, error) {
		if strings.HasPrefix(string(text), scenarioRolling) {
			end()
		}
		return len(text), nil
	}))
	if !errors.Is(err, context.Canceled) || !strings.Contains(out.String(), "| dead: receiver 4 dies |") {
		t.Errorf("error %v, want that it was canceled, and the table of what has run:\n%s", err, out.String())
	}
	if file, err := os.ReadFile(o.json); err != nil || !strings.Contains(string(file), `"scenario": "dead"`) {
		t.Errorf("the JSON does not have it: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(text []byte) (int, error) { return w(text) }

func TestFlags(t *testing.T) {
	o, err := parseFlags(nil, io.Discard)
	if err != nil || o.senders != 200 || o.receivers != 4 || o.capacity != 4000 {
		t.Errorf("options %+v, error %v", o, err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-senders", "1"}, "-senders 1: want 2 to 900"},
		{[]string{"-receivers", "9"}, "-receivers 9: want 1 to 8"},
		{[]string{"-rate", "0"}, "-rate 0: want 1 to 10000"},
		{[]string{"-compress", "0.5"}, "-compress 0.5: want 1 to 100"},
		{[]string{"-capacity", "-1"}, "-capacity -1: want"},
		{[]string{"-event-bytes", "10"}, "-event-bytes 10: want 64 to 4096"},
		{[]string{"-ttl", "1s"}, "-ttl 1s: want 10s to 1h"},
		{[]string{"-as", "threads"}, "-as threads: want processes or goroutines"},
		{[]string{"-netns", "no"}, "-netns no: want auto, on or off"},
		{[]string{"-netns", "on", "-as", "goroutines"}, "-netns on: want auto or off for goroutines"},
		{[]string{"-write", "-scenario", "herd"}, "-write: want -scenario all, -as processes and -senders 200"},
		{[]string{"-write", "-senders", "199"}, "-write: want"},
		{[]string{"-write", "-as", "goroutines"}, "-write: want"},
		{[]string{"-over", "udp"}, "-over udp: want beats, kafka or redis"},
		{[]string{"-scenario", "herd,flood"}, "-scenario flood: want rolling, herd"},
		{[]string{"more"}, `argument "more"`},
		{[]string{"-odd"}, "-odd"},
	} {
		if _, err := parseFlags(tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want one with %q", tt.args, err, tt.want)
		}
	}
	var usage strings.Builder
	if _, err := parseFlags([]string{"-help"}, &usage); !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-compress") {
		t.Errorf("error %v, usage %q", err, usage.String())
	}
}

// What each scenario is shipped over, and what it needs.
func TestOver(t *testing.T) {
	for _, tt := range []struct {
		scenario, over, of string
		netns              bool
		want               string // or the error
	}{
		{scenarioHerd, "", scenarioHerd, false, overBeats},
		{scenarioHerd, overKafka, scenarioHerd, false, overKafka},
		{scenarioBroker, "", scenarioBroker, false, overKafka},
		{scenarioBroker, overRedis, scenarioBroker, false, overRedis},
		{scenarioBroker, overBeats, scenarioBroker, false, "broker: want -over kafka or redis"},
		{all, overRedis, scenarioHerd, false, overBeats},
		{all, overRedis, scenarioBroker, false, overRedis},
		{all, overBeats, scenarioBroker, false, overKafka},
		{scenarioSlow, overRedis, scenarioSlow, false, "slow: want -over beats"},
		{scenarioCut, "", scenarioCut, false, "partition: it takes network namespaces"},
		{scenarioCut, "", scenarioCut, true, overBeats},
		{scenarioStagger, overKafka, scenarioStagger, false, "stagger: want -over beats"},
	} {
		o, err := options{scenario: tt.scenario, over: tt.over, netns: tt.netns, receivers: 4}.of(scenario{name: tt.of})
		if got := o.over; err != nil && err.Error() != tt.want || err == nil && got != tt.want {
			t.Errorf("%s of -scenario %s -over %q: %q, %v, want %q", tt.of, tt.scenario, tt.over, got, err, tt.want)
		}
	}
	if _, err := (options{scenario: scenarioDead, receivers: 1}).of(scenario{name: scenarioDead}); err == nil {
		t.Error("the only receiver may die for good")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (options{scenario: scenarioBroker, over: overRedis, receivers: 4}).of(scenario{name: scenarioBroker}); err == nil || !strings.Contains(err.Error(), "broker over redis: ") {
		t.Errorf("error %v, want that there is no redis-server", err)
	}
}

// A page says whether it was a herd.
func TestWriteTells(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"-write", ""},
		{"-write -compress 60", ""},
		{"-compress 70", ""},
		{"-write -compress 70", "-write: with -compress 70 and 200 senders, a herd in herd could not be told from what chance makes of it"},
	} {
		o, err := parseFlags(strings.Fields(tt.args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.of(scenario{name: scenarioHerd}); err != nil && err.Error() != tt.want || err == nil && tt.want != "" {
			t.Errorf("%s: error %v, want %q", tt.args, err, tt.want)
		}
	}
}

// Before the herd comes, every sender is at its largest backoff, however its waits are.
func TestLargest(t *testing.T) {
	o := options{compress: 20}
	var sum time.Duration
	for d := realMinBackoff; d < realMaxBackoff; d *= 2 {
		sum += d / 20
	}
	if got := o.largest(); got != sum || got != 3150*time.Millisecond {
		t.Errorf("%v, want %v", got, sum)
	}
}

func TestEnough(t *testing.T) {
	if got := (options{senders: 200, rate: 50, receivers: 4}).enough(); got != 4000 {
		t.Errorf("%v events a second for each of 4, want 4000", got)
	}
	if got := (options{senders: 10, rate: 10, receivers: 1}).enough(); got != 120 {
		t.Errorf("%v events a second for one, want 120", got)
	}
}

// One receiver can have all of a few senders.
func TestEnoughForFew(t *testing.T) {
	if got := (options{senders: 2, rate: 50, receivers: 4}).enough(); got != 120 {
		t.Errorf("%v events a second for each of 4, want 120", got)
	}
}

// A spool has twice the room that it needs, so that what has been emptied is removed.
func TestSpoolMax(t *testing.T) {
	o := options{senders: 200, rate: 50, receivers: 4, bytes: 300, capacity: 4000, compress: 20}
	// After 9.15 s and 0 of ConnectionTTL, 200 senders have 512 events each under way to one receiver.
	if got, want := o.spoolMax(), int64(2*(9.15+25.6)*50*300); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	o.senders, o.rate = 20, 500 // of which fewer are under way
	if got, want := o.spoolMax(), int64(2*30*500*300); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	o.senders, o.rate = 200, 50
	for capacity, want := range map[float64]int64{2600: 7137000, 2500: mostSpool, 1: mostSpool} {
		o.capacity = capacity
		if got := o.spoolMax(); got < want-1 || got > want+1 {
			t.Errorf("with a capacity of %v: %d bytes, want %d", capacity, got, want)
		}
	}
	o.capacity, o.rate = 4000, 1
	if got := o.spoolMax(); got != leastSpool {
		t.Errorf("of little: %d bytes, want %d", got, leastSpool)
	}
}

// What cannot run is found before anything has, and nothing is written then.
func TestNothingRunsForNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		o    options
		want string
	}{
		{options{scenario: "rolling,broker", over: overBeats, receivers: 4}, "broker: want -over kafka or redis"},
		{options{scenario: "rolling,partition", receivers: 4}, "partition: it takes network namespaces"},
		{options{scenario: all, write: true, senders: 200, receivers: 4, compress: 20}, "partition: it takes network namespaces"},
		{options{scenario: all, write: true, senders: 200, receivers: 4, compress: 20, netns: true}, "-write: open " + filepath.Join("..", "docs", "fleet.md")},
		{options{scenario: scenarioHerd, receivers: 4, json: filepath.Join("none", "run.json")}, "-json: open none"},
	} {
		chosen, err := tt.o.chosen()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tt.o.plans(chosen, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", tt.o, err, tt.want)
		}
	}
	some, err := options{scenario: all, receivers: 4}.plans(scenarios(), io.Discard)
	if err != nil || len(some) != len(scenarios())-1 {
		t.Errorf("%d of all scenarios run without namespaces, error %v, want all but one", len(some), err)
	}
}

// The page and its plots are what the result beside them makes, which is a good one of
// a whole fleet.
func TestThePageIsWhatIsWritten(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	file, err := os.Open(filepath.Join(docs, "img", "fleet.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	last, err := result.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	page, err := block.Read(filepath.Join(docs, "fleet.md"))
	if err != nil || page != markdown(last) {
		t.Errorf("docs/fleet.md does not say what docs/img/fleet.json does: go run ./fleet -write (%v)", err)
	}
	for i := range last.Results {
		r := &last.Results[i]
		if err := r.Check(); err != nil || r.Senders < 200 {
			t.Errorf("%s with %d senders: %v", r.Scenario, r.Senders, err)
		}
		if len(r.Outages) == 0 || r.Herd() && !r.SpreadOf(&r.Outages[0]).Judged {
			t.Errorf("%s: whether it was a herd cannot be seen", r.Scenario)
		}
		got, err := os.ReadFile(filepath.Join(docs, "img", plotFile(r.Scenario)))
		if err != nil || string(got) != plot(r) {
			t.Errorf("the plot of %s is not that of docs/img/fleet.json: go run ./fleet -write (%v)", r.Scenario, err)
		}
	}
}

// golden compares with a file of testdata, and writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
	}
}

// example returns a run with two results, of which one is over a broker.
func example() result.Run {
	rolling := result.Result{
		Scenario: scenarioRolling, Over: overBeats, Senders: 200, Receivers: 2, Rate: 50, EventBytes: 300, Capacity: 12_000, Compress: 20,
		Options: result.Options{
			MinBackoff: 0.05, MaxBackoff: 3, Timeout: 3, ConnectionTTL: 6, Connections: 1, BatchSize: 128, Pipeline: 4, Size: 64 << 10,
		},
		Lasted: 2.5, Sent: 25_000, Duplicates: 20, DuplicateBound: 51_200, Breaks: 100, Connections: 330,
		BacklogEvents: 1500, BacklogBytes: 450_000, SpoolBytes: 900 << 10, SpoolBytesOfOne: 40 << 10, SpoolBytesAtEnd: 30 << 10, HeapAtEnd: 900 << 10,
		Resident: 1 << 31, ResidentOfOne: 12 << 20, Heap: 2 << 20, Goroutines: 4, CPUPerMillion: 101.25,
		Fairness: result.Fairness{Senders: 0.998, Receivers: 1},
		Outages: []result.Outage{
			{
				What: "receiver 1 restarts", Begin: 0.5, End: 1, Since: 0.5, Affected: 4, Backlog: 1500, CaughtUp: 0.6,
				Recovery: result.RecoveryOf([]result.Seconds{0.05, 0.1, 0.3, 1.05}), Accepts: []int{3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, Went: []int{0, 4},
			},
			{
				What: "receiver 2 restarts", Begin: 1.2, End: 1.7, Since: 1.2, Affected: 2,
				Recovery: result.RecoveryOf([]result.Seconds{0.2, 0.4}), Accepts: []int{0, 0, 5},
			},
		},
		Series: result.Series{
			Step: 0.25, Arrivals: [][]int{{1250, 1250, 0, 0, 2000, 1500, 1300, 1200, 1250, 1250}, {1250, 1250, 2500, 2500, 1000, 0, 0, 2000, 1250, 1250}},
			Backlog:    []int{800, 900, 1200, 1500, 900, 800, 1100, 900, 800, 800},
			Spooled:    []int{0, 0, 300, 700, 100, 0, 0, 0, 0, 0},
			SpoolBytes: []int64{0, 0, 400_000, 900_000, 200_000, 0, 0, 0, 0, 0},
		},
	}
	broker := result.Result{
		Scenario: scenarioBroker, Over: overKafka, Senders: 2, Receivers: 1, Rate: 50, EventBytes: 300, Capacity: 120, Compress: 20,
		Options: result.Options{MinBackoff: 0.05, MaxBackoff: 3, Timeout: 3, BatchSize: 128, Pipeline: 4, Size: 64 << 10},
		Lasted:  40, Sent: 4000, Breaks: 2, Connections: 6,
		Outages: []result.Outage{{What: "the broker <is> away", Begin: 0.25, End: 0.75, Since: 0.75}},
		Series:  result.Series{Step: 0.25, Arrivals: [][]int{{25, 0, 0, 30}}, Backlog: []int{50, 75, 100, 90}, Spooled: []int{0, 0, 0, 0}, SpoolBytes: []int64{0, 0, 0, 0}},
	}
	return result.Run{System: "linux/amd64, 2 CPUs, go1.26.8", As: asProcesses, Namespaces: true, Results: []result.Result{rolling, broker}}
}

func TestMarkdown(t *testing.T) { golden(t, "run.md", markdown(example())) }
