package replay

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/logstash"
)

// Event returns the event that is made of a line with the default options, nil if none is.
func Event(line []byte) []byte {
	o := newOptions()
	o.host, o.text = "web1", true
	var err error
	if o.wanted, err = o.filter.New(time.Now()); err != nil {
		panic(err)
	}
	if fate, event := newMaker(o).event(line, nil, false); fate == isEvent {
		return event
	}
	return nil
}

// Harmless is harmless.
func Harmless(s string) string { return harmless(s) }

// Refusals is refusals.
func Refusals(left uint64) uint64 { return refusals(left) }

// OpenState opens a state and looks for a file in it.
func OpenState(path string) error {
	s, err := openState(path, stateKey{To: "beats://a", Sources: []string{"/log"}}, false)
	if err != nil {
		return err
	}
	defer s.close()
	p := s.find("/log", []byte("head"), nil)
	s.advance(p, line{next: 5, sum: 7})
	s.complete()
	return s.save()
}

// opened opens what the command does with these arguments.
func opened(args []string) (r *replay, end func() error, err error) {
	o := newOptions()
	c := &cobra.Command{}
	o.addFlags(c)
	if err := c.ParseFlags(args); err != nil {
		return nil, nil, err
	}
	args = c.Flags().Args()
	if err := o.check(c, args); err != nil {
		return nil, nil, err
	}
	dest, err := o.destination()
	if err != nil {
		return nil, nil, err
	}
	warnings := &warnings{out: io.Discard}
	sources, err := openSources(args, o, c.InOrStdin(), warnings)
	if err != nil {
		return nil, nil, err
	}
	rejects, err := o.openRejects(args, sources)
	if err != nil {
		return nil, nil, err
	}
	places, err := o.openState(dest.place, sources)
	if err != nil {
		return nil, nil, err
	}
	r = &replay{o: o, dest: dest, sources: sources, places: places, warnings: warnings, rejects: rejects, left: make(map[uint32]bool)}
	return r, func() error {
		defer places.close()
		var err error
		for _, s := range sources {
			err = errors.Join(err, s.close())
		}
		return err
	}, nil
}

// GiveUpUntold runs the command with a receiver that is away, and gives up. The shipper drops all that it has, and tells of none of
// it before the replay ends, as one may that takes long over it.
func GiveUpUntold(ctx context.Context, args ...string) error {
	r, end, err := opened(args)
	if err != nil {
		return err
	}
	if r.shipper, err = logstash.Dial(r.dest.addr, &r.dest.opts); err != nil {
		return errors.Join(err, end())
	}
	if err := r.feed(ctx); err != nil {
		return errors.Join(err, end())
	}
	r.shutDown(errGaveUp)
	r.close(ctx, errGaveUp, nil, time.Now())
	return end()
}

// InterruptRead runs the command and interrupts it when all is read. It returns its exit code, its account, and how long it took from then.
func InterruptRead(ctx context.Context, args ...string) (code int, out string, took time.Duration, err error) {
	r, end, err := opened(args)
	if err != nil {
		return 0, "", 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var a *account
	ended := make(chan error, 1)
	go func() {
		var err error
		a, err = r.run(ctx)
		ended <- err
	}()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !r.ended.Load() {
		select {
		case <-ticker.C:
		case err := <-ended:
			return 0, "", 0, errors.Join(errors.New("it ended before all was read"), err, end())
		}
	}
	interrupted := time.Now()
	cancel()
	err = <-ended
	took = time.Since(interrupted)
	if err := errors.Join(err, end()); err != nil {
		return 0, "", 0, err
	}
	var text strings.Builder
	err = a.print(&text, false)
	return a.exitCode(), text.String(), took, err
}
