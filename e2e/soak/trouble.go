package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
)

// trouble is something that goes wrong at an hour, for a part of an hour or in
// a moment.
type trouble struct {
	name  string
	hour  float64
	lasts float64 // hours
	begin func() error
	end   func() error // nil for what is over at once
}

// troubles returns those of the day, in their order, one at a time.
func (w *world) troubles() []trouble {
	first, second := w.servers[0], w.servers[1]
	cut, mend := kill(w.proxies[0], w.proxies[1]), restart(w.proxies[0], w.proxies[1])
	half := int(w.day.rate(2)) * eventBytes / 2
	chaos := lstest.Chaos(24, 1<<20, w.day.hours(0.01))
	all := []trouble{
		{"both receivers read half of what comes", 1.5, 1.5, w.slow(half), w.slow(0)},
		{"the first receiver restarts", 5, 0.3, kill(first), restart(first)},
		{"the sender is replaced", 6.5, 0, w.replace, nil},
		{"both receivers restart", 8, 0.3, kill(first, second), restart(first, second)},
		{"the network is out", 10, 1, cut, mend},
		{"the sender is killed", 12.5, 0, w.kill, nil},
		{"the network is out, and the sender is replaced", 13.5, 0.3, both(cut, w.replace), mend},
		{"both receivers are busy, and say so", 15, 0.5, w.stall, w.resume},
		{"every connection is cut sooner or later", 16.5, 2, w.script(chaos), w.script(nil)},
		{"the sender is killed while the network is out", 19.5, 0.3, both(cut, w.kill), mend},
		// Nobody is killed after these: what comes while the disk is full is in memory alone.
		{"the disk of the spool is full", 21, 0.5, w.fillDisk, w.freeDisk},
		{"the disk is full, and the network is out", 22.2, 0.3, both(w.fillDisk, cut), both(w.freeDisk, mend)},
	}
	if w.disk == "" {
		all = slices.DeleteFunc(all, func(t trouble) bool { return strings.Contains(t.name, "disk") })
	}
	return all
}

// killable is what can be killed and started again: receivers and proxies.
type killable interface {
	Kill()
	Restart() error
}

func kill(all ...killable) func() error {
	return func() error {
		for _, k := range all {
			k.Kill()
		}
		return nil
	}
}

func restart(all ...killable) func() error {
	return func() error {
		for _, k := range all {
			if err := k.Restart(); err != nil {
				return err
			}
		}
		return nil
	}
}

func both(first, then func() error) func() error {
	return func() error {
		if err := first(); err != nil {
			return err
		}
		return then()
	}
}

func (w *world) slow(bytesPerSecond int) func() error {
	return func() error {
		for _, s := range w.servers {
			s.ReadRate(bytesPerSecond)
		}
		return nil
	}
}

func (w *world) stall() error {
	for _, s := range w.servers {
		w.resumes = append(w.resumes, s.Stall(w.day.hours(0.05)))
	}
	return nil
}

func (w *world) resume() error {
	for _, resume := range w.resumes {
		resume()
	}
	w.resumes = nil
	return nil
}

func (w *world) script(script func(conn int) lstest.Fault) func() error {
	return func() error {
		for _, p := range w.proxies {
			p.SetScript(script)
			p.ResetConns()
		}
		return nil
	}
}

// episode is what became of a trouble.
type episode struct {
	trouble

	took    time.Duration
	first   time.Duration // until an event arrived again
	caught  time.Duration // until none waited that need not
	waiting int           // the most that waited meanwhile
}

// pass lets a trouble pass and watches what becomes of it.
func (w *world) pass(ctx context.Context, t trouble) (episode, error) {
	e := episode{trouble: t}
	begun := time.Now()
	if err := t.begin(); err != nil {
		return e, err
	}
	if t.end != nil {
		if err := w.until(ctx, w.day.at(t.hour+t.lasts), &e); err != nil {
			return e, err
		}
		if err := t.end(); err != nil {
			return e, err
		}
	}
	over := time.Now()
	e.took = over.Sub(begun)
	if t.end == nil {
		over = begun // the sender was away meanwhile
	}
	arrived := w.ledger.Unique()
	for e.caught == 0 && !w.evening() {
		if err := w.until(ctx, time.Now().Add(watchInterval), &e); err != nil {
			return e, err
		}
		if e.first == 0 && w.ledger.Unique() > arrived {
			e.first = time.Since(over)
		}
		if e.first > 0 && w.waiting() <= w.usual() {
			e.caught = time.Since(over)
		}
		if time.Since(over) > lastFlush+w.day.Length {
			return e, errNotBack
		}
	}
	return e, nil
}
