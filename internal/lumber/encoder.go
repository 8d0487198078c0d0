package lumber

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zlib"
)

// Encoder turns events into the bytes of a window. Its buffers and its
// compressor are used again for every window, so it belongs to one goroutine.
type Encoder struct {
	frames []byte       // the window, or its json frames when they are compressed
	zipped bytes.Buffer // the window, compressed
	zlib   *zlib.Writer // nil when windows are not compressed
}

// NewEncoder returns an Encoder that compresses at the given zlib level, 1 the
// fastest and 9 the smallest. 0 does not compress at all.
func NewEncoder(level int) (*Encoder, error) {
	e := new(Encoder)
	if level == 0 {
		return e, nil
	}
	if level < 0 || level > 9 {
		return nil, fmt.Errorf("lumber: compression level %d: want 0 to 9", level)
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
	e.frames = e.frames[:0]
	if e.zlib == nil {
		e.frames = AppendWindow(e.frames, uint32(len(events))) //nolint:gosec // a window is at most a few thousand
		e.appendEvents(events)
		return e.frames, nil
	}
	e.appendEvents(events)
	var head [12]byte
	AppendWindow(head[:0], uint32(len(events))) //nolint:gosec // a window is at most a few thousand
	head[6], head[7] = Version, KindCompressed
	e.zipped.Reset()
	e.zipped.Write(head[:])
	e.zlib.Reset(&e.zipped)
	if _, err := e.zlib.Write(e.frames); err != nil {
		return nil, fmt.Errorf("lumber: compress window: %w", err)
	}
	if err := e.zlib.Close(); err != nil {
		return nil, fmt.Errorf("lumber: compress window: %w", err)
	}
	window := e.zipped.Bytes()
	binary.BigEndian.PutUint32(window[8:], uint32(len(window)-len(head))) //nolint:gosec // far below 4 GiB
	return window, nil
}

func (e *Encoder) appendEvents(events [][]byte) {
	for i, event := range events {
		e.frames = AppendJSON(e.frames, uint32(i+1), event)
	}
}
