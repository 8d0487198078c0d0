//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A result is what was measured of a way in a situation.
type result struct {
	handled  int // events whose Handle has returned
	lost     int
	doubled  int
	p50, p99 time.Duration // from Handle to the receiver, of those that arrived
	cpu      time.Duration // of the program, for each event
	beside   time.Duration // of Filebeat, for each event
}

// A run is one way in one situation.
type run struct {
	way       way
	situation situation
	root      string // of the repository
	dir       string // for all that is written

	account  *account
	receiver receiver // nil when nothing is sent
	senders  int
	spent    time.Duration
}

// measure runs a way in a situation.
func measure(ctx context.Context, w way, s situation, root string) (_ result, err error) {
	r := &run{way: w, situation: s, root: root, account: newAccount()}
	if r.dir, err = os.MkdirTemp("", "strategies-*"); err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if err := os.Mkdir(filepath.Dir(logFile(r.dir)), 0o700); err != nil {
		return result{}, err
	}
	if w.listen != nil {
		if r.receiver, err = w.listen(r.account.take); err != nil {
			return result{}, err
		}
		defer r.receiver.Kill()
	}
	res, err := r.measure(ctx)
	if err != nil {
		return result{}, fmt.Errorf("%s, %s: %w", w.name, s.name, err)
	}
	return res, nil
}

func (r *run) measure(ctx context.Context) (res result, err error) {
	if r.way.beside {
		forwarder, err := startFilebeat(ctx, r.root, r.dir, r.receiver.Addr(), r.account)
		if err != nil {
			return result{}, err
		}
		defer func() { err = errors.Join(err, forwarder.stop()) }()
		defer func() {
			spent, cpuErr := forwarder.spent()
			res.beside = spent / time.Duration(max(res.handled, 1))
			err = errors.Join(err, cpuErr)
		}()
	}
	disturbed := make(chan error, 1)
	go func() {
		r.awaitBegin(0)
		disturbed <- r.situation.disturb(r.receiver)
	}()
	err = r.send(ctx)
	if err := errors.Join(err, <-disturbed); err != nil {
		return result{}, err
	}
	if err := r.settle(); err != nil {
		return result{}, err
	}
	return r.result()
}

// send has the program log, and killed in between if that is what happens.
func (r *run) send(ctx context.Context) error {
	kills := r.situation.kills
	part := r.situation.length / time.Duration(kills+1)
	for i := range kills {
		// A few milliseconds more or less, so that not each kill meets the same moment of a batch.
		odd := time.Duration(i) * 19 * time.Millisecond
		if err := r.sendFor(ctx, part+odd, true); err != nil {
			return err
		}
	}
	return r.sendFor(ctx, part, false)
}

// sendFor has a child process log. One that is to be killed would log for longer.
func (r *run) sendFor(ctx context.Context, length time.Duration, kill bool) error {
	o := order{Way: r.way.name, Dir: r.dir, Sender: r.senders, Opened: r.account.opened, For: length}
	r.senders++
	if r.receiver != nil {
		o.Addr = r.receiver.Addr()
	}
	if kill {
		o.For += time.Hour
	}
	cmd, stderr, err := o.start(ctx)
	if err != nil {
		return err
	}
	if kill {
		r.awaitBegin(o.Sender)
		time.Sleep(length)
		if err := cmd.Process.Kill(); err != nil {
			return err
		}
	}
	err = cmd.Wait()
	r.spent += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var status *exec.ExitError
	if kill && errors.As(err, &status) && status.ExitCode() == -1 { // by the signal
		return nil
	}
	if err != nil {
		return fmt.Errorf("the program: %w\n%s", err, stderr.String())
	}
	return nil
}

// awaitBegin returns when a sender has logged its first event, or has had the time.
func (r *run) awaitBegin(sender int) {
	path := order{Dir: r.dir, Sender: sender}.counterFile()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(time.Millisecond) {
		if n, err := readCounter(path); err == nil && n > 0 {
			return
		}
	}
}

// settle waits until nothing more can arrive.
func (r *run) settle() error {
	const late, later = time.Second, 30 * time.Second
	for {
		res, err := r.result()
		if err != nil {
			return err
		}
		wait := late // the program has ended
		if r.way.beside && res.lost > 0 {
			wait = later
		}
		if r.receiver == nil || r.account.quiet() > wait {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// result returns what is known by now.
func (r *run) result() (result, error) {
	res := result{
		doubled: r.account.doubled(),
		p50:     r.account.delay(0.50),
		p99:     r.account.delay(0.99),
	}
	for sender := range r.senders {
		handled, err := readCounter(order{Dir: r.dir, Sender: sender}.counterFile())
		if err != nil {
			return result{}, err
		}
		res.handled += handled
		res.lost += r.account.missing(sender, handled)
	}
	res.cpu = r.spent / time.Duration(max(res.handled, 1))
	return res, nil
}
