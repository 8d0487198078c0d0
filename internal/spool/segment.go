package spool

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// suffixes of the names of files in the directory.
const (
	segmentSuffix = ".seg"
	badSuffix     = ".bad" // behind that of a segment
	tempSuffix    = ".tmp" // behind that of a segment
)

// segment is a file of frames. Its events have the numbers from first on and
// before end, of which all that are not in its frames are lost. The lock of the
// Queue guards what can change.
type segment struct {
	first, end uint64
	size       int64 // of the frames that count, and the header
	created    int64 // not after its first event, in nanoseconds of Unix; 0: unknown
	last       int64 // not before its last event; 0: unknown
	dirty      bool  // written to since the last sync
	damaged    bool  // to be kept aside in the end
	lost       bool  // somebody else has removed it
	gone       bool  // its events are done or were given up
}

func (s *segment) name() string { return fmt.Sprintf("%020d%s", s.first, segmentSuffix) }

func (q *Queue) path(s *segment) string { return filepath.Join(q.dir, s.name()) }

// maxNumber is that of the last event that there may be in a segment or position
// at Open: behind it there is room for all that will ever be appended.
const maxNumber = 1 << 62

// parseSegmentName returns the number in the name of a segment.
func parseSegmentName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first <= maxNumber
}
