package fanout

import "sync/atomic"

// A tally counts the records of up to eight handlers by which of them took it, so
// that there is one addition for a record and not one for each of them: to add to
// memory that processors share costs as much as to hand the record on.
type tally []atomic.Uint64

// A set is one of handlers, a bit for each.
type set uint8

const tallySize = 8

func newTally(handlers int) tally { return make(tally, 1<<min(handlers, tallySize)) }

func (t tally) add(s set) { t[s].Add(1) }

// count returns how many records the handlers in s took.
func (t tally) count(s set) (n uint64) {
	for i := range t {
		if set(i)&s != 0 {
			n += t[i].Load()
		}
	}
	return n
}
