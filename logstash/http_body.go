package logstash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// requestBody makes the bodies of requests, each in the memory of the one
// before.
type requestBody struct {
	plain  []byte // the JSON array
	zip    *gzip.Writer
	packed bytes.Buffer
}

// newRequestBody returns a requestBody with a gzip level, where 0 is none.
func newRequestBody(level int) (requestBody, error) {
	if level == 0 {
		return requestBody{}, nil
	}
	zip, err := gzip.NewWriterLevel(io.Discard, level)
	if err != nil {
		return requestBody{}, fmt.Errorf("logstash: DialOptions.CompressionLevel: %w", err)
	}
	return requestBody{zip: zip}, nil
}

// fill makes a JSON array of the first of events, as many as fit into limit
// bytes but at least one, and returns how many these are.
func (b *requestBody) fill(events [][]byte, limit int) (n int) {
	if cap(b.plain) > 2*maxBody {
		*b = requestBody{zip: b.zip} // an event of extraordinary size was here
	}
	b.plain = append(b.plain[:0], '[')
	for n < len(events) && (n == 0 || len(b.plain)+len(events[n])+1 <= limit) {
		if n > 0 {
			b.plain = append(b.plain, ',')
		}
		b.plain = append(b.plain, events[n]...)
		n++
	}
	b.plain = append(b.plain, ']')
	if b.zip != nil {
		b.packed.Reset()
		b.zip.Reset(&b.packed)
		_, _ = b.zip.Write(b.plain) // memory takes everything
		_ = b.zip.Close()
	}
	return n
}

// size returns the length of the array, which is what the input limits.
func (b *requestBody) size() int { return len(b.plain) }

// reader returns the body as it is sent.
func (b *requestBody) reader() *bodyReader {
	if b.zip != nil {
		return &bodyReader{rest: b.packed.Bytes()}
	}
	return &bodyReader{rest: b.plain}
}

// progress is how much of a body was taken.
type progress int

const (
	nothing progress = iota
	something
	everything
)

// bodyReader gives a body to net/http, which may go on reading it after the
// answer has come: that is over with detach, and the memory free again.
type bodyReader struct {
	mu   sync.Mutex
	rest []byte
	sent progress
	gone bool
}

var errDetached = errors.New("request is over")

func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errDetached
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.sent = something
	if len(r.rest) == 0 {
		r.sent = everything
		return n, io.EOF
	}
	return n, nil
}

// Close does nothing: net/http closes a body whenever it likes.
func (r *bodyReader) Close() error { return nil }

// len returns how much there is to read.
func (r *bodyReader) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rest)
}

// progress returns how much was read.
func (r *bodyReader) progress() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

// detach ends the reading and says how much was read.
func (r *bodyReader) detach() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest, r.gone = nil, true
	return r.sent
}

// The sizes of a body, unless one event alone is larger.
const (
	minBody = 64 << 10
	maxBody = 4 << 20
)

// bodyLimit is how large a body may be. A receiver that finds one too large
// gets smaller ones from then on, and one that needs too long for one too, so
// that a slow line does not see the same large request time out for ever.
type bodyLimit struct {
	now   int
	most  int // that was not too large
	works int // bodies of nearly that size in a row
}

func newBodyLimit() bodyLimit { return bodyLimit{now: maxBody, most: maxBody} }

// late notes that a body of so many bytes was not answered in time.
func (l *bodyLimit) late(size int) { l.now = min(l.now, max(size/2, minBody)) }

// refused notes that a body of so many bytes was too large.
func (l *bodyLimit) refused(size int) {
	l.most = max(size/2, 1)
	l.now, l.works = min(l.now, l.most), 0
}

// worked notes that a body of so many bytes was acked. A limit that was needed
// gives way slowly, and it costs one request in a hundred to find that it
// still is.
func (l *bodyLimit) worked(size int) {
	if size <= l.now/2 {
		return
	}
	if l.works++; l.works > 100 {
		l.most, l.works = min(2*l.most, maxBody), 0
	}
	l.now = min(2*l.now, l.most)
}
