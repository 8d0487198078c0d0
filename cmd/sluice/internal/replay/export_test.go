package replay

import "time"

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
