package replay

import (
	"context"
	"errors"
	"io"
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

// GiveUpUntold runs the command with a receiver that is away, and gives up. The shipper drops all that it has, and tells of none of
// it before the replay ends, as one may that takes long over it.
func GiveUpUntold(ctx context.Context, args ...string) error {
	o := newOptions()
	c := &cobra.Command{}
	o.addFlags(c)
	if err := c.ParseFlags(args); err != nil {
		return err
	}
	args = c.Flags().Args()
	if err := o.check(c, args); err != nil {
		return err
	}
	dest, err := o.destination()
	if err != nil {
		return err
	}
	warnings := &warnings{out: io.Discard}
	sources, err := openSources(args, o, c.InOrStdin(), warnings)
	if err != nil {
		return err
	}
	rejects, err := o.openRejects(args, sources)
	if err != nil {
		return err
	}
	places, err := o.openState(dest.place, sources)
	if err != nil {
		return err
	}
	defer places.close()
	shipper, err := logstash.Dial(dest.addr, &dest.opts)
	if err != nil {
		return err
	}
	r := &replay{o: o, dest: dest, sources: sources, places: places, warnings: warnings, rejects: rejects, shipper: shipper, left: make(map[uint32]bool)}
	if err := r.feed(ctx); err != nil {
		return err
	}
	r.shutDown(errGaveUp)
	r.close(ctx, errGaveUp, nil, time.Now())
	for _, s := range sources {
		err = errors.Join(err, s.close())
	}
	return err
}
