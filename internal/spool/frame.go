package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment is a header and frames. A frame is events of one write:
//
//	header   magic [8]byte | version u16 | flags u16 | first u64 | created i64 | crc u32
//	frame    length u32 | crc u32 | first u64 | time i64 | count u32 | count × (length u32 | event)
//
// All numbers are little endian, the times are nanoseconds of Unix, the
// checksums CRC-32C, that of a frame over all that follows it, of which length
// is the number of bytes.
const (
	version    = 1
	magic      = "\x89spool\r\n"
	headerSize = 32
	frameSize  = 28 // of a frame without events
	sumsSize   = 8  // of length and crc, which length does not count
	lengthSize = 4  // of the length of an event
)

// flagGone marks a segment whose events were done or given up while older ones
// were still in use. Nothing follows its header.
const flagGone = 1

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// header is the beginning of a segment.
type header struct {
	version, flags uint16
	first          uint64
	created        int64
}

func (h header) put(b []byte) {
	copy(b, magic)
	binary.LittleEndian.PutUint16(b[8:], h.version)
	binary.LittleEndian.PutUint16(b[10:], h.flags)
	binary.LittleEndian.PutUint64(b[12:], h.first)
	binary.LittleEndian.PutUint64(b[20:], uint64(h.created)) //nolint:gosec // the same bits
	binary.LittleEndian.PutUint32(b[28:], checksum(b[:28]))
}

// parseHeader reports whether b is a header as it was written, by whatever version.
func parseHeader(b []byte) (header, bool) {
	if len(b) < headerSize || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]) {
		return header{}, false
	}
	return header{
		version: binary.LittleEndian.Uint16(b[8:]),
		flags:   binary.LittleEndian.Uint16(b[10:]),
		first:   binary.LittleEndian.Uint64(b[12:]),
		created: int64(binary.LittleEndian.Uint64(b[20:])), //nolint:gosec // the same bits
	}, true
}

// frame is the beginning of a frame.
type frame struct {
	size  int64 // in the file, of the whole frame
	crc   uint32
	first uint64
	time  int64
	count uint32
}

func (f frame) end() uint64 { return f.first + uint64(f.count) }

// parseFrame reads the first frameSize bytes of a frame.
func parseFrame(b []byte) frame {
	return frame{
		size:  int64(binary.LittleEndian.Uint32(b)) + sumsSize,
		crc:   binary.LittleEndian.Uint32(b[4:]),
		first: binary.LittleEndian.Uint64(b[8:]),
		time:  int64(binary.LittleEndian.Uint64(b[16:])), //nolint:gosec // the same bits
		count: binary.LittleEndian.Uint32(b[24:]),
	}
}

// possible reports whether the numbers can be true of a frame with events from
// expect on and before bound, with room bytes for it.
func (f frame) possible(expect, bound uint64, room int64) bool {
	return f.count > 0 && f.size <= room && f.size >= frameSize+int64(f.count)*lengthSize &&
		f.first >= expect && f.first < bound && uint64(f.count) <= bound-f.first
}

// intact reports whether b, a whole frame, is as it was written.
func (f frame) intact(b []byte) bool {
	n, ok := countEvents(b[frameSize:])
	return ok && n == f.count && checksum(b[sumsSize:]) == f.crc
}

// sealFrame fills in the first frameSize bytes of b, which end in count events.
func sealFrame(b []byte, first uint64, time int64, count int) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-sumsSize)) //nolint:gosec // bounded by Append
	binary.LittleEndian.PutUint64(b[8:], first)
	binary.LittleEndian.PutUint64(b[16:], uint64(time))  //nolint:gosec // the same bits
	binary.LittleEndian.PutUint32(b[24:], uint32(count)) //nolint:gosec // bounded by Append
	binary.LittleEndian.PutUint32(b[4:], checksum(b[sumsSize:]))
}

func appendEvent(b, event []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(event))) //nolint:gosec // bounded by Append
	return append(b, event...)
}

// cutEvent returns the first event of b, and what follows it. b must be part
// of a frame that is intact.
func cutEvent(b []byte) (event, rest []byte) {
	n := binary.LittleEndian.Uint32(b)
	return b[lengthSize : lengthSize+n], b[lengthSize+n:]
}

// countEvents returns the number of events that b consists of.
func countEvents(b []byte) (n uint32, ok bool) {
	for ; len(b) >= lengthSize; n++ {
		size := binary.LittleEndian.Uint32(b)
		if int64(size) > int64(len(b)-lengthSize) {
			return n, false
		}
		b = b[lengthSize+size:]
	}
	return n, len(b) == 0
}

// wholeEvents returns how many events were in b, what follows the last good
// frame of a segment. A frame that was not written to its end was never
// promised to anybody, and has none. One that was, and is damaged, still has two
// witnesses of three: its length, its count, and the lengths of its events.
func wholeEvents(b []byte) (total uint64) {
	for len(b) >= frameSize {
		f := parseFrame(b)
		if f.size > frameSize && f.size < int64(len(b)) {
			if n, exact := countEvents(b[frameSize:f.size]); exact && n == f.count {
				total += uint64(n)
				b = b[f.size:]
				continue
			}
		}
		n, exact := countEvents(b[frameSize:])
		switch {
		case exact && n > 0 && (f.size == int64(len(b)) || n == f.count):
			total += uint64(n)
		case f.size == int64(len(b)) && int64(f.count)*lengthSize <= f.size-frameSize:
			total += uint64(f.count)
		}
		break
	}
	return total
}
