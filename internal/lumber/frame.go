package lumber

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The bytes that begin a frame: the version, then the kind.
const (
	Version        = '2'
	KindWindow     = 'W'
	KindJSON       = 'J'
	KindCompressed = 'C'
	KindAck        = 'A'
)

// ErrProtocol is what every violation of the protocol by the server is.
var ErrProtocol = errors.New("protocol violation")

// AckLen is the length of an ack frame.
const AckLen = 6

// AppendWindow appends the frame that announces n events.
func AppendWindow(b []byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, Version, KindWindow), n)
}

// AppendJSON appends the frame of one event, the seq-th of its window.
func AppendJSON(b []byte, seq uint32, event []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, Version, KindJSON), seq)
	b = binary.BigEndian.AppendUint32(b, uint32(len(event))) //nolint:gosec // an event is far below 4 GiB
	return append(b, event...)
}

// AppendAck appends the frame by which a server acks the first seq events of
// a window, or says that it is alive when seq is 0.
func AppendAck(b []byte, seq uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, Version, KindAck), seq)
}

// ReadAck reads one ack frame into buf, which must have [AckLen] bytes, and
// returns its sequence number. The error is io.EOF when r ends between two
// frames and Is [ErrProtocol] when the frame is not an ack.
func ReadAck(r io.Reader, buf []byte) (uint32, error) {
	if _, err := io.ReadFull(r, buf[:AckLen]); err != nil {
		return 0, err
	}
	if buf[0] != Version || buf[1] != KindAck {
		return 0, fmt.Errorf("%w: frame %q where an ack was due", ErrProtocol, buf[:2])
	}
	return binary.BigEndian.Uint32(buf[2:]), nil
}
