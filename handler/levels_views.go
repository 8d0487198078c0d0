package handler

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync/atomic"
)

// A viewCache remembers what rules say of loggers, by their names. Records may have
// any, so it has room for so many in a set, and forgets some if there are more.
type viewCache struct {
	seed maphash.Seed
	sets [256]viewSet
}

type viewSet [4]atomic.Pointer[namedView]

type namedView struct {
	logger string
	view   *levelView
}

// maxViewName is how long a name that is remembered can be.
const maxViewName = 256

func newViewCache() *viewCache { return &viewCache{seed: maphash.MakeSeed()} }

func (c *viewCache) set(logger string) *viewSet {
	return &c.sets[maphash.String(c.seed, logger)%uint64(len(c.sets))]
}

// get returns what is remembered of a logger, or nil.
func (c *viewCache) get(logger string) *levelView {
	set := c.set(logger)
	for i := range set {
		if v := set[i].Load(); v != nil && v.logger == logger {
			return v.view
		}
	}
	return nil
}

func (c *viewCache) add(logger string, view *levelView) {
	if len(logger) > maxViewName {
		return
	}
	v := &namedView{strings.Clone(logger), view}
	set := c.set(logger)
	for i := range set {
		if set[i].CompareAndSwap(nil, v) {
			return
		}
	}
	set[rand.IntN(len(set))].Store(v) //nolint:gosec // any will do
}
