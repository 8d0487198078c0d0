package view

import (
	"math"
	"sync"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// A class says on what it depends whether lines are printed.
type class uint8

const (
	matching class = iota // they match
	owned                 // text that goes with the line before, which is printed
	pending               // text that goes with a line of an earlier block, which is rendered if that is printed
	nearby                // printed if it is near to one that is
	passed                // they match, and as many match behind them as are wanted
	skipped               // not rendered, because it is near to none
)

// An entry is one line as it is printed, or several of a class.
type entry struct {
	class class
	at    uint32 // of the first line in the chunk
	lines uint32
	end   uint32 // of its text in the text of the block
}

// A block is a chunk as it is printed.
type block struct {
	file    string
	chunk   *input.Chunk
	release func(*input.Chunk) // takes the chunk back, if somebody else does not
	key     privateKey         // as it was before the chunk
	text    []byte
	entries []entry
	times   []int64 // of the entries, in Unix nanoseconds, if logs are merged; noTime for those without

	last        fate // of the last line of JSON
	broken      int64
	firstBroken string // where
}

// noTime is the time of a line that has none.
const noTime = math.MinInt64

// A fate says whether the last line of JSON is printed, with which the text behind it goes.
type fate uint8

const (
	unknown fate = iota // there was none
	yes
	no
)

func fateOf(printed bool) fate {
	if printed {
		return yes
	}
	return no
}

// blocks are those that are not in use.
type blocks struct{ pool sync.Pool }

// get returns an empty block.
func (bs *blocks) get() *block {
	b, ok := bs.pool.Get().(*block)
	if !ok {
		return &block{}
	}
	*b = block{text: b.text[:0], entries: b.entries[:0], times: b.times[:0]}
	return b
}

// put takes a block back, unless that would keep the memory of a huge one. Its chunk is no longer needed.
func (bs *blocks) put(b *block) {
	if b.release != nil {
		b.release(b.chunk)
	}
	b.chunk, b.release = nil, nil
	if cap(b.text) <= 4<<20 && cap(b.entries) <= 64<<10 {
		bs.pool.Put(b)
	}
}
