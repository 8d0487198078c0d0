package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// The form of a spool's files, as package spool writes them. To open a spool is to mend it, so that a dry run reads them
// itself: TestLookChangesNothing compares the two.
const (
	segmentMagic  = "\x89spool\r\n"
	positionMagic = "\x89spos\n"
	segmentName   = "00000001000000000000.seg"
	segmentHeader = 32
	segmentGone   = 1 // in its flags: all of it is done
	frameHeader   = 28
	slotSize      = 28
	slotStep      = 4096
)

// isSegment reports whether a name is that of a segment, and the number of its first event.
func isSegment(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, ok && len(name) == len(segmentName) && err == nil
}

// isSpool reports whether a directory is that of a spool, by what is in its files.
func isSpool(dir string) (bool, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return false, nil //nolint:nilerr // whoever reads it says what is wrong
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if _, ok := isSegment(e.Name()); ok {
			if begins, err := beginsWith(filepath.Join(dir, e.Name()), segmentMagic); begins || err != nil {
				return begins, err
			}
		}
		if e.Name() == "position" {
			if _, known, err := readPosition(dir); known || err != nil {
				return known, err
			}
		}
	}
	return false, nil
}

func beginsWith(path, magic string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	b := make([]byte, len(magic))
	n, _ := f.ReadAt(b, 0) // what is not there is no magic
	return string(b[:n]) == magic, nil
}

// readPosition returns the number of the first event that is not done, if the spool says so.
func readPosition(dir string) (head uint64, known bool, err error) {
	f, err := os.Open(filepath.Join(dir, "position"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	turn := uint64(0)
	for i := range int64(2) {
		b := make([]byte, slotSize)
		if n, _ := f.ReadAt(b, i*slotStep); n < slotSize || !bytes.HasPrefix(b, []byte(positionMagic)) || binary.LittleEndian.Uint32(b[24:]) != sumOf(b[:24]) {
			continue
		}
		if t := binary.LittleEndian.Uint64(b[8:]); !known || t > turn {
			turn, head, known = t, binary.LittleEndian.Uint64(b[16:]), true
		}
	}
	return head, known, nil
}

// look reads the events of a spool and changes nothing. Numbers that are missing are events that are lost.
func (s *spooled) look(ctx context.Context, put func(task) error) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	next, known, err := readPosition(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries { // in the order of their numbers
		first, ok := isSegment(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if known {
			s.missing(next, first)
		}
		next = max(next, first)
		if known = !isGone(text); !known {
			continue
		}
		events, end, rest := s.frames(text, first, next)
		next = end
		for part := range slices.Chunk(events, leaseEvents) {
			if err := errors.Join(ctx.Err(), put(func(m *maker) *unit { return s.unit(m, part, nil) })); err != nil {
				return err
			}
		}
		if rest > 0 {
			s.warnings.warn(fmt.Errorf("%s: %d bytes are no events: they are damaged, or were not written to their end", cli.Printable(path), rest))
		}
	}
	return nil
}

// isGone reports whether the header of a segment says that all of it is done.
func isGone(text []byte) bool {
	return len(text) >= segmentHeader && text[10]&segmentGone != 0 && binary.LittleEndian.Uint32(text[28:]) == sumOf(text[:28])
}

// missing counts the events from one number to another.
func (s *spooled) missing(from, to uint64) { s.lost += max(to, from) - from }

// frames returns the events of a segment from the number next on, the number behind them, and how many bytes are none.
func (s *spooled) frames(text []byte, first, next uint64) (events [][]byte, end uint64, rest int) {
	b := text[min(segmentHeader, len(text)):]
	for len(b) > 0 {
		at, of, ok := cutFrame(b)
		if !ok || at < first || at-first > uint64(len(text)) {
			b = b[1:]
			rest++
			continue
		}
		b = b[frameSize(b):]
		s.missing(next, at)
		for i, event := range of {
			if n := at + uint64(i); n >= next {
				events = append(events, event)
				next = n + 1
			}
		}
	}
	return events, next, rest
}

func frameSize(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) + 8 }

// cutFrame returns the events of the frame that b begins with, and the number of the first, if it is one as it was
// written.
func cutFrame(b []byte) (first uint64, events [][]byte, ok bool) {
	if len(b) < frameHeader {
		return 0, nil, false
	}
	size := frameSize(b)
	if size < frameHeader || size > int64(len(b)) || binary.LittleEndian.Uint32(b[4:]) != sumOf(b[8:size]) {
		return 0, nil, false
	}
	for rest := b[frameHeader:size]; len(rest) >= 4; {
		n := int64(binary.LittleEndian.Uint32(rest))
		if rest = rest[4:]; n > int64(len(rest)) {
			return 0, nil, false
		}
		events, rest = append(events, rest[:n]), rest[n:]
	}
	return binary.LittleEndian.Uint64(b[8:]), events, true
}
