// Package result is what a run of e2e/fleet has shown, as it is written to
// docs/img/fleet.json and read by those who reckon with it.
package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
)

// Seconds is a length of time as it passed in the run, where it is compressed:
// see [Result.Compress].
type Seconds float64

// Run is what one call of the program has shown.
type Run struct {
	// System is the operating system, the number of CPUs and the version of Go.
	System string `json:"system"`
	// As is what the senders were: "processes" or "goroutines".
	As string `json:"as"`
	// Namespaces reports whether each sender had a network namespace of its own.
	Namespaces bool `json:"namespaces"`
	// Results are those of the scenarios, in the order in which they ran.
	Results []Result `json:"results"`
}

// Result is what has become of the fleet in one scenario.
type Result struct {
	// Scenario is its name: "rolling", "herd", "stagger", "slow", "dead", "partition" or "broker".
	Scenario string `json:"scenario"`
	// Over is what the senders shipped over: "beats", "kafka" or "redis".
	Over string `json:"over"`
	// Senders is how many there were, Receivers how many receivers. Behind a
	// broker, the receivers are what reads from it.
	Senders   int `json:"senders"`
	Receivers int `json:"receivers"`
	// Rate is how many events each sender wrote in a second, EventBytes how long
	// each event was at least.
	Rate       float64 `json:"rate"`
	EventBytes int     `json:"eventBytes"`
	// Capacity is how many events each receiver took in a second at most.
	Capacity float64 `json:"capacity"`
	// Compress is by what outages, backoffs and timeouts were divided. No figure
	// here is multiplied by it again.
	Compress float64 `json:"compress"`
	// Options are those of every sender.
	Options Options `json:"options"`
	// Lasted is how long the scenario took, from the first event written to the
	// last one acked.
	Lasted Seconds `json:"lastedSeconds"`

	// Sent is how many events were written and not refused.
	Sent int `json:"sent"`
	// Lost is how many of these never arrived, Dropped how many were refused or
	// given up.
	Lost    int `json:"lost"`
	Dropped int `json:"dropped"`
	// Duplicates is how often an event arrived that had arrived before,
	// DuplicateBound how often that may be: Breaks times Pipeline times BatchSize, but
	// never over Kafka.
	Duplicates     int `json:"duplicates"`
	DuplicateBound int `json:"duplicateBound"`
	// Excess is how many duplicates there were beyond the bound of their sender.
	Excess int `json:"excessDuplicates"`
	// Strange is how many events arrived that nobody had written, or not so.
	Strange int `json:"strange"`
	// Disorder is how many events came behind a later one of their sender on the
	// same connection or, over Kafka, in the same partition. It is not counted over Redis.
	Disorder int `json:"disorder"`
	// Inexact is how often Accepted was not Written + Dropped + Queued + Spooled
	// in a sender.
	Inexact int `json:"inexactAccounts"`
	// Died is how many senders did not end as they should.
	Died int `json:"died"`
	// Breaks is how many connections were broken, Connections how many were made.
	Breaks      int `json:"breaks"`
	Connections int `json:"connections"`
	// Unprovoked is how many of the Breaks no outage had caused.
	Unprovoked int `json:"unprovokedBreaks"`

	// Outages are those of the scenario, in their order.
	Outages []Outage `json:"outages"`

	// BacklogEvents is the most events that had been written and had not arrived,
	// BacklogBytes their length.
	BacklogEvents int   `json:"backlogPeakEvents"`
	BacklogBytes  int64 `json:"backlogPeakBytes"`
	// SpoolBytes is the most that all spools had on disk at once, SpoolBytesOfOne
	// the most that one had.
	SpoolBytes      int64 `json:"spoolPeakBytes"`
	SpoolBytesOfOne int64 `json:"spoolPeakBytesOfOne"`
	// NotDrained is how many spools, when all was calm again, still had events or more
	// than [Result.SegmentBytes] on disk. SpoolBytesAtEnd is what all of them had then.
	NotDrained      int   `json:"spoolsNotDrained"`
	SpoolBytesAtEnd int64 `json:"spoolBytesAtEnd"`
	// Resident is the most resident memory that all senders had at once,
	// ResidentOfOne the most that one had. Both are 0 unless senders are processes.
	Resident      int64 `json:"residentPeakBytes"`
	ResidentOfOne int64 `json:"residentPeakBytesOfOne"`
	// Heap is the most that the heap of a sender had in use, by runtime.MemStats. It
	// is 0 unless senders are processes.
	Heap int64 `json:"heapPeakBytesOfOne"`
	// HeapAtEnd is the most that the heap of a sender held, after a collection, when all of
	// its events were acked. It is 0 unless senders are processes.
	HeapAtEnd int64 `json:"heapAtEndBytesOfOne"`
	// Goroutines is the most that a sender had, two of the harness included. It is 0
	// unless senders are processes.
	Goroutines int `json:"goroutinesOfOne"`
	// CPUPerMillion is how many seconds of a CPU the senders took for a million
	// events, with the harness in them, which wakes up twenty times a second. It is 0
	// unless senders are processes.
	CPUPerMillion float64 `json:"cpuSecondsPerMillionEvents"`
	// Fairness says how evenly the events arrived.
	Fairness Fairness `json:"fairness"`

	// Series are what the plots show over time.
	Series Series `json:"series"`
}

// Options are what the senders' DialOptions had.
type Options struct {
	MinBackoff    Seconds `json:"minBackoffSeconds"`
	MaxBackoff    Seconds `json:"maxBackoffSeconds"`
	Timeout       Seconds `json:"timeoutSeconds"`
	ConnectionTTL Seconds `json:"connectionTTLSeconds"`
	Connections   int     `json:"connections"`
	BatchSize     int     `json:"batchSize"`
	Pipeline      int     `json:"pipeline"`
	// Size bounds the events in memory, SpoolMaxBytes those on disk.
	Size          int64 `json:"size"`
	SpoolMaxBytes int64 `json:"spoolMaxBytes"`
}

// Outage is one time in which something was away, and what became of it.
type Outage struct {
	// What was away.
	What string `json:"what"`
	// Begin and End are when, since the beginning of the scenario.
	Begin Seconds `json:"beginSeconds"`
	End   Seconds `json:"endSeconds"`
	// Since is from when on recovery is counted: Begin if another receiver could be
	// had meanwhile, End if none could.
	Since Seconds `json:"sinceSeconds"`
	// Returns are when the receivers were back, after Since, if not all of them at once.
	Returns []Seconds `json:"returnSeconds,omitempty"`
	// Meanwhile is how many events arrived at what was away.
	Meanwhile int `json:"arrivedMeanwhile"`
	// Affected is how many senders had to recover: those that lost a connection, or all
	// that could reach nobody.
	Affected int `json:"affected"`
	// Recovery is how long it took these.
	Recovery Recovery `json:"recovery"`
	// CaughtUp is how long after Since no more events waited than wait without any
	// outage: those of half a second and 100. It is 0 if there never were more.
	CaughtUp Seconds `json:"caughtUpSeconds"`
	// Backlog is the most events that waited meanwhile.
	Backlog int `json:"backlogPeakEvents"`
	// Accepts is how many connections were made, by whomever, in each 100 milliseconds
	// after Since, until the last of the affected was back, for a second at least.
	Accepts []int `json:"acceptsPer100ms"`
	// Reconnects is, for each affected sender, when it made the first new connection over
	// which an event arrived, after Since, sorted. It is empty over a broker.
	Reconnects []Seconds `json:"reconnectSeconds"`
	// Went is how many of these connections each receiver got. It is empty over a broker.
	Went []int `json:"reconnectsByReceiver"`
}

// Recovery is how long it took the senders to be back: until an event of each had
// arrived at a receiver over a new connection or, over a broker, was acked by it.
type Recovery struct {
	First  Seconds `json:"firstSeconds"`
	Median Seconds `json:"medianSeconds"`
	P99    Seconds `json:"p99Seconds"`
	Last   Seconds `json:"lastSeconds"`
	// All are those of all senders that came back, sorted.
	All []Seconds `json:"allSeconds"`
}

// Fairness is how evenly events arrived while there were more of them than the
// receivers could take, or while the receivers that there were had them all. It is
// Jain's index: 1 if all had the same, 1/n if one of n had everything.
type Fairness struct {
	// From and To are when it was measured, since the beginning of the scenario.
	From Seconds `json:"fromSeconds"`
	To   Seconds `json:"toSeconds"`
	// Senders is that of events by sender, Receivers that of events by receiver.
	Senders   float64 `json:"senders"`
	Receivers float64 `json:"receivers"`
	// Spared is how many senders had no connection to the receiver that was slow,
	// SparedShare how much of what these wrote meanwhile arrived meanwhile. Both are 0
	// where none was slow.
	Spared      int     `json:"spared"`
	SparedShare float64 `json:"sparedShare"`
}

// Series are values over time, one for each Step since the beginning of the
// scenario.
type Series struct {
	Step Seconds `json:"stepSeconds"`
	// Arrivals are the events that arrived at each receiver in each step.
	Arrivals [][]int `json:"arrivals"`
	// Backlog is how many events waited at the end of each step, Spooled how many
	// of them in spools, SpoolBytes how much of the disk the spools had.
	Backlog    []int   `json:"backlogEvents"`
	Spooled    []int   `json:"spooledEvents"`
	SpoolBytes []int64 `json:"spoolBytes"`
}

// Read reads a Run from JSON.
func Read(r io.Reader) (Run, error) {
	var run Run
	if err := json.NewDecoder(r).Decode(&run); err != nil {
		return Run{}, fmt.Errorf("result: %w", err)
	}
	return run, nil
}

// numbers is an array of numbers, one on each line.
var numbers = regexp.MustCompile(`\[[-0-9.,\s]+\]`)

// Write writes the Run as JSON, an array of numbers on one line.
func (run Run) Write(w io.Writer) error {
	text, err := json.MarshalIndent(run, "", " ")
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	text = numbers.ReplaceAllFunc(text, func(array []byte) []byte { return bytes.Join(bytes.Fields(array), nil) })
	_, err = w.Write(append(text, '\n'))
	return err
}

// Of returns the result of a scenario, and whether there is one.
func (run Run) Of(scenario string) (Result, bool) {
	for i := range run.Results {
		if r := &run.Results[i]; r.Scenario == scenario {
			return *r, true
		}
	}
	return Result{}, false
}
