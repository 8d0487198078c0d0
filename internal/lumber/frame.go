package lumber

import (
	"bufio"
	"bytes"
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

// ErrProtocol is what every violation of the protocol by the peer is.
var ErrProtocol = errors.New("the peer does not speak the Beats protocol")

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
// frames, and Is [ErrProtocol] when what r holds is no ack.
func ReadAck(r io.Reader, buf []byte) (uint32, error) {
	n, err := io.ReadFull(r, buf[:AckLen])
	if n > 0 && buf[0] != Version || n > 1 && buf[1] != KindAck {
		return 0, strange(append(buf[:n:n], atHand(r)...))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(buf[2:]), nil
}

// atHand returns what r has read ahead.
func atHand(r io.Reader) []byte {
	b, ok := r.(*bufio.Reader)
	if !ok {
		return nil
	}
	ahead, _ := b.Peek(b.Buffered()) // never more than there is
	return ahead
}

// strange returns the error of an answer that is no ack, in words that help
// somebody who has mixed up his ports.
func strange(answer []byte) error {
	const (
		tlsAlert     = 21
		tlsHandshake = 22
		tlsMajor     = 3
	)
	if len(answer) > 1 && (answer[0] == tlsAlert || answer[0] == tlsHandshake) && answer[1] == tlsMajor {
		return fmt.Errorf("%w: it answered in TLS, and seems to want beats+tls://", ErrProtocol)
	}
	line, _, _ := bytes.Cut(answer, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	return fmt.Errorf("%w: it answered %.66q", ErrProtocol, bytes.TrimRight(line, "\r"))
}
