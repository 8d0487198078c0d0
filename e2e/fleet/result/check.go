package result

import (
	"errors"
	"fmt"
)

// AcceptStep is how long a step of [Outage.Accepts] is.
const AcceptStep Seconds = 0.1

// Check returns an error that names everything that has happened and must not: see
// docs/fleet.md.
func (r Result) Check() error { return errors.Join(r.CheckEvents(), r.CheckTimes()) }

// faults are what is wrong with a result.
type faults struct {
	of   string
	errs []error
}

func (f *faults) add(bad bool, format string, args ...any) {
	if bad {
		f.errs = append(f.errs, fmt.Errorf(f.of+": "+format, args...))
	}
}

// CheckEvents is Check for what became of the events and what the senders needed, which holds on any machine.
func (r Result) CheckEvents() error {
	f := faults{of: r.Scenario}
	f.add(r.Sent == 0, "nothing was sent")
	f.add(r.Lost > 0, "%d events are lost", r.Lost)
	f.add(r.Dropped > 0, "%d events were dropped", r.Dropped)
	f.add(r.Duplicates > r.DuplicateBound, "%d events arrived twice, want at most %d", r.Duplicates, r.DuplicateBound)
	f.add(r.Excess > 0, "%d events of single senders arrived twice beyond the bound", r.Excess)
	f.add(r.Strange > 0, "%d events arrived that no sender has written so", r.Strange)
	f.add(r.Disorder > 0, "%d events arrived out of order on their connection, or in their partition", r.Disorder)
	f.add(r.Inexact > 0, "the account of a sender was not exact %d times", r.Inexact)
	f.add(r.Died > 0, "%d senders did not end as they should", r.Died)
	f.add(r.NotDrained > 0, "%d spools still had events, or more than a segment of %d bytes", r.NotDrained, r.SegmentBytes())
	f.add(r.Heap > r.HeapBound(), "the heap of a sender had %d bytes, want at most %d", r.Heap, r.HeapBound())
	f.add(r.HeapAtEnd > r.HeapAtEndBound(), "the heap of a sender held %d bytes when all was acked, want at most %d", r.HeapAtEnd, r.HeapAtEndBound())
	f.add(r.Goroutines > r.GoroutineBound(), "a sender had %d goroutines, want at most %d", r.Goroutines, r.GoroutineBound())
	f.add(len(r.Outages) == 0, "nothing went wrong")
	for i := range r.Outages {
		o := &r.Outages[i]
		back := len(o.Recovery.All)
		f.add(back < o.Affected, "%s: %d of %d senders did not come back", o.What, o.Affected-back, o.Affected)
	}
	return errors.Join(f.errs...)
}

// CheckTimes is Check for when everything happened, and so for how much of it in a time: a machine that stands still
// meanwhile is at fault as well.
func (r Result) CheckTimes() error {
	f := faults{of: r.Scenario}
	f.add(r.Unprovoked > 0, "%d connections broke that no outage had broken", r.Unprovoked)
	for i := range r.Outages {
		o := &r.Outages[i]
		f.add(o.Meanwhile > 0, "%s: %d events arrived there meanwhile", o.What, o.Meanwhile)
		f.add(o.Affected == 0 && r.somebody(), "%s: no sender was affected", o.What)
		f.add(o.Recovery.Last > r.RecoveryBound(), "%s: the last sender was back after %.2f s, want at most %.2f s",
			o.What, o.Recovery.Last, r.RecoveryBound())
		if s := r.SpreadOf(o); r.Herd() && s.Judged {
			f.add(s.Early > s.Limit, "%s: %.0f %% of the senders or connections were back before their time, want at most %.0f %%: a herd",
				o.What, 100*s.Early, 100*s.Limit)
			f.add(s.Late > s.Limit, "%s: %.0f %% of the senders were back after their time, want at most %.0f %%", o.What, 100*s.Late, 100*s.Limit)
		}
	}
	even := r.Fairness
	f.add(even.Receivers < r.ReceiversBound(), "the fairness among receivers was %.3f, want at least %.3f", even.Receivers, r.ReceiversBound())
	f.add(even.Spared > 0 && even.SparedShare < r.SparedBound(),
		"%.0f %% of what %d senders wrote that were not connected to what was slow arrived meanwhile, want at least %.0f %%",
		100*even.SparedShare, even.Spared, 100*r.SparedBound())
	return errors.Join(f.errs...)
}

// leadersAge is how often at most a client of Kafka looks for leaders, whatever -compress is.
const leadersAge Seconds = 2

// RecoveryBound is how long the last sender may take to be back: two times the largest
// backoff, and one Timeout more where the network tells nobody that it is gone. Over Kafka it
// is not less than one backoff and the 2 s in which its client looks for leaders once.
func (r Result) RecoveryBound() Seconds {
	bound := 2 * r.Options.MaxBackoff
	switch {
	case r.Scenario == "partition":
		bound += r.Options.Timeout
	case r.Over == "kafka":
		bound = max(bound, r.Options.MaxBackoff+leadersAge)
	}
	return bound
}

// SegmentBytes is what a spool without events may have on disk: it removes whole segments of
// a quarter of SpoolMaxBytes, but not always the one that it writes to, which the last events
// may have made a little larger than that.
func (r Result) SegmentBytes() int64 { return r.Options.SpoolMaxBytes/4 + r.Options.Size/4 }

// HeapBound is what the heap of a sender may have in use: what it holds, what is read from the
// spool for each batch under way, and what is not collected yet.
func (r Result) HeapBound() int64 { return 8<<20 + r.Options.Size + int64(r.Options.Pipeline)<<20 }

// ResidentBound is how much resident memory a sender should have: what its program takes, what it
// holds, and what is read from the spool for each batch under way. Check does not judge it, as
// a program that is built for finding races takes more.
func (r Result) ResidentBound() int64 {
	return 24<<20 + r.Options.Size + int64(r.Options.Pipeline)<<20
}

// HeapAtEndBound is what the heap of a sender may hold when all is acked.
func (r Result) HeapAtEndBound() int64 { return 3<<20 + r.Options.Size }

// GoroutineBound is how many goroutines a sender may have. Clients of brokers have some for each
// connection.
func (r Result) GoroutineBound() int {
	if r.Over == "beats" {
		return 8
	}
	return 24
}
