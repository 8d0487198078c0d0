package lstest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"

	"github.com/sluicelog/sluice/internal/lumber"
)

// What a window may hold at most; more is refused as the real servers do.
const (
	maxWindow = 10_000
	maxEvent  = 64 << 20
)

// ErrFrame is what every error about a window that breaks the protocol is.
var ErrFrame = errors.New("bad frame")

// ReadWindow reads one window of Lumberjack version 2 and returns its events
// and the highest sequence number among them. The error is io.EOF when r ends
// before the window, io.ErrUnexpectedEOF when it ends inside, and Is
// [ErrFrame] when the window breaks the protocol.
func ReadWindow(r io.Reader) (events [][]byte, highest uint32, err error) {
	w, err := readWindow(r)
	if err != nil {
		return nil, 0, err
	}
	return w.events, w.highest, nil
}

// window is what has been read of one.
type window struct {
	want    int
	events  [][]byte
	highest uint32
}

// readWindow is ReadWindow, which also says how far it came.
func readWindow(r io.Reader) (w window, err error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return w, err
	}
	n := binary.BigEndian.Uint32(head[2:])
	if head[0] != lumber.Version || head[1] != lumber.KindWindow {
		return w, fmt.Errorf("%w: %q where a window was due", ErrFrame, head[:2])
	}
	if n > maxWindow {
		return w, fmt.Errorf("%w: window of %d events, limit %d", ErrFrame, n, maxWindow)
	}
	w = window{want: int(n), events: make([][]byte, 0, n)}
	for len(w.events) < w.want {
		if err := w.frame(r, false); err != nil {
			return w, noEOF(err)
		}
	}
	return w, nil
}

// frame reads one frame; compressed ones do not nest.
func (w *window) frame(r io.Reader, nested bool) error {
	var kind [2]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return err
	}
	switch {
	case kind[0] == lumber.Version && kind[1] == lumber.KindJSON:
		return w.event(r)
	case kind[0] == lumber.Version && kind[1] == lumber.KindCompressed && !nested:
		return w.compressed(r)
	}
	return fmt.Errorf("%w: %q where an event was due", ErrFrame, kind[:])
}

func (w *window) event(r io.Reader) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return noEOF(err)
	}
	seq, size := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
	if size == 0 || size > maxEvent {
		return fmt.Errorf("%w: event of %d bytes", ErrFrame, size)
	}
	if len(w.events) == w.want {
		return fmt.Errorf("%w: more than the %d events announced", ErrFrame, w.want)
	}
	event, err := readN(r, int(size))
	if err != nil {
		return err
	}
	if event[0] != '{' || !json.Valid(event) {
		return fmt.Errorf("%w: event %d is not a JSON object", ErrFrame, seq)
	}
	w.events = append(w.events, event)
	w.highest = max(w.highest, seq)
	return nil
}

func (w *window) compressed(r io.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return noEOF(err)
	}
	packed := &io.LimitedReader{R: r, N: int64(binary.BigEndian.Uint32(head[:]))}
	z, err := zlib.NewReader(packed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, noEOF(err))
	}
	for {
		err := w.frame(z, true)
		if errors.Is(err, io.EOF) {
			break
		}
		var corrupt flate.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, zlib.ErrChecksum) {
			err = fmt.Errorf("%w: %w", ErrFrame, err)
		}
		if err != nil {
			return err
		}
	}
	if packed.N > 0 {
		return fmt.Errorf("%w: %d bytes behind the compressed frames", ErrFrame, packed.N)
	}
	return nil
}

// readN reads n bytes without believing n before they have arrived.
func readN(r io.Reader, n int) ([]byte, error) {
	const trusted = 64 << 10
	if n <= trusted {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, noEOF(err)
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// noEOF marks an end inside a frame.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
