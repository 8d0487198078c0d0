package lumber

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zlib"
)

// piece is how much is compressed at once: what the first cache of a core
// still holds when the compressor reads it.
const piece = 16 << 10

// Encoder turns events into the bytes of a window. Its buffers and its
// compressor are used again for every window, so it belongs to one goroutine.
type Encoder struct {
	frames []byte       // the window, or those of its json frames that are to be compressed next
	zipped bytes.Buffer // the window, compressed
	zlib   *zlib.Writer // nil when windows are not compressed
}

// NewEncoder returns an Encoder that compresses at the given zlib level, 1 the
// fastest and 9 the smallest. 0 does not compress at all, and 1 to 4 are the same.
func NewEncoder(level int) (*Encoder, error) {
	e := new(Encoder)
	if level == 0 {
		return e, nil
	}
	if level < 0 || level > 9 {
		return nil, fmt.Errorf("lumber: compression level %d: want 0 to 9", level)
	}
	if level <= 4 {
		// On windows of events 2 to 4 take up to twice the time of 1, and make
		// them smaller by 2 % at best.
		level = zlib.BestSpeed
	}
	w, err := zlib.NewWriterLevel(&e.zipped, level)
	if err != nil {
		return nil, fmt.Errorf("lumber: compression level %d: %w", level, err)
	}
	e.zlib = w
	return e, nil
}

// Encode returns the window that holds events, numbered from 1. The bytes are
// valid until the next call.
func (e *Encoder) Encode(events [][]byte) ([]byte, error) {
	e.frames = AppendWindow(e.frames[:0], uint32(len(events))) //nolint:gosec // a window is at most a few thousand
	if e.zlib != nil {
		return e.compress(events)
	}
	for i, event := range events {
		e.frames = AppendJSON(e.frames, uint32(i+1), event)
	}
	return e.frames, nil
}

// compress returns the window that frames begins, with events in one frame.
func (e *Encoder) compress(events [][]byte) ([]byte, error) {
	e.zipped.Reset()
	e.zipped.Write(append(e.frames, Version, KindCompressed, 0, 0, 0, 0))
	head := e.zipped.Len()
	e.zlib.Reset(&e.zipped)
	e.frames = e.frames[:0]
	for i, event := range events {
		e.frames = AppendJSON(e.frames, uint32(i+1), event)
		if len(e.frames) >= piece {
			if err := e.flush(); err != nil {
				return nil, err
			}
		}
	}
	err := e.flush()
	if err == nil {
		err = e.zlib.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("lumber: compress window: %w", err)
	}
	window := e.zipped.Bytes()
	binary.BigEndian.PutUint32(window[head-4:], uint32(len(window)-head)) //nolint:gosec // far below 4 GiB
	return window, nil
}

// flush gives the frames to the compressor.
func (e *Encoder) flush() error {
	_, err := e.zlib.Write(e.frames)
	e.frames = e.frames[:0]
	return err
}
