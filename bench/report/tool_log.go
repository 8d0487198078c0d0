package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The files that the operator's tool reads, by their names in a directory.
const (
	plainLog = "app.log"
	gzipLog  = "part.log.gz"
	zstdLog  = "part.log.zst"
	longLine = "line.log"
	junk     = "junk.log"
	smallLog = "small.log"
)

// toolFiles holds the sizes of these files as they are read, decompressed, and how many lines and
// errors are in the logs.
type toolFiles struct {
	Dir    string
	Bytes  map[string]int64
	Lines  map[string]int
	Errors map[string]int
}

func (f *toolFiles) path(name string) string { return filepath.Join(f.Dir, name) }

// writeToolFiles writes all of them: a log of that size, and a small one, a part of one in both
// kinds of compression, a line of half the size, and as much that is no text.
func writeToolFiles(dir string, size int64) (*toolFiles, error) {
	f := &toolFiles{dir, make(map[string]int64), make(map[string]int), make(map[string]int)}
	for _, log := range []struct {
		name string
		size int64
		pack func(io.Writer) (io.WriteCloser, error)
	}{
		{plainLog, size, func(w io.Writer) (io.WriteCloser, error) { return noClose{w}, nil }},
		{smallLog, min(size, 20e6), func(w io.Writer) (io.WriteCloser, error) { return noClose{w}, nil }},
		{gzipLog, size / 4, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }},
		{zstdLog, size / 4, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }},
	} {
		if err := f.write(log.name, log.pack, log.size); err != nil {
			return nil, err
		}
	}
	const head = `{"time":"2026-11-22T08:00:00Z","level":"ERROR","msg":"`
	long := []byte(strings.Repeat("a line without an end ", 3000))
	noise := rand.NewChaCha8([32]byte{1})
	return f, errors.Join(
		f.fill(longLine, head, size/2, func([]byte) []byte { return long }),
		f.fill(junk, "", size/2, func(b []byte) []byte {
			_, _ = noise.Read(b) // it does not fail
			return b
		}),
	)
}

// write writes a log of that size, or a little more.
func (f *toolFiles) write(name string, pack func(io.Writer) (io.WriteCloser, error), most int64) (err error) {
	file, err := os.Create(f.path(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed, err := pack(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(packed, 1<<20)
	log := newToolLog()
	var size int64
	for size < most {
		line := log.next()
		size += int64(len(line))
		f.Lines[name]++
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	f.Bytes[name], f.Errors[name] = size, log.errors
	return errors.Join(w.Flush(), packed.Close())
}

// fill writes that many bytes behind the head.
func (f *toolFiles) fill(name, head string, most int64, next func([]byte) []byte) (err error) {
	file, err := os.Create(f.path(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteString(head); err != nil {
		return err
	}
	size, b := int64(len(head)), make([]byte, 1<<16)
	for size < most {
		n, err := file.Write(next(b))
		if size += int64(n); err != nil {
			return err
		}
	}
	f.Bytes[name] = size
	return nil
}

type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// A toolLog makes the lines of a service's log as slog.JSONHandler writes them, some 300
// bytes each: 2 % ERROR, 6 % WARN, 12 % DEBUG, the rest INFO. They are the same each time.
type toolLog struct {
	random *rand.Rand
	now    time.Time
	line   []byte
	errors int
}

func newToolLog() *toolLog {
	return &toolLog{random: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)} //nolint:gosec // the same each time
}

// next returns the next line, until it is called again.
func (l *toolLog) next() []byte {
	l.now = l.now.Add(time.Duration(l.random.Int64N(int64(20 * time.Millisecond))))
	switch n := l.random.IntN(100); {
	case n < 2:
		l.errors++
		l.begin("ERROR", "pay/charge.go", 88)
		l.text("msg", "payment "+l.number(1e6)+" failed: dial tcp 10.0.3."+l.number(250)+":5432: connect: connection refused")
		l.request()
		l.text("err", "dial tcp: connect: connection refused")
		l.line = append(l.line, `,"attempt":`...)
		l.line = append(l.line, l.number(5)...)
	case n < 8:
		l.begin("WARN", "store/query.go", 131)
		l.text("msg", "slow query, "+l.number(5000)+" ms")
		l.request()
		// What looks like another level is text.
		l.text("query", `SELECT * FROM events WHERE body = '{"level":"ERROR"}' AND id > `+l.number(1e6))
	case n < 20:
		l.begin("DEBUG", "cache/cache.go", 57)
		l.text("msg", "cache miss for user:"+l.number(1e5))
		l.request()
		l.text("region", "eu-west-1")
		l.line = append(l.line, `,"size":`...)
		l.line = append(l.line, l.number(1e5)...)
	default:
		l.begin("INFO", "http/server.go", 214)
		l.text("msg", "request served")
		l.request()
		l.text("client", l.number(256)+"."+l.number(256)+"."+l.number(256)+"."+l.number(256))
		l.line = append(l.line, `,"status":200,"bytes":`...)
		l.line = append(l.line, l.number(1e6)...)
	}
	l.line = append(l.line, "}\n"...)
	return l.line
}

func (l *toolLog) begin(level, file string, line int) {
	l.line = append(l.line[:0], `{"time":"`...)
	l.line = l.now.AppendFormat(l.line, time.RFC3339Nano)
	l.line = fmt.Appendf(l.line, `","level":%q,"source":{"function":"main.run","file":%q,"line":%d}`, level, file, line)
}

// text adds a member. Its value has no characters that strconv writes in another way than JSON.
func (l *toolLog) text(key, value string) {
	l.line = append(append(append(l.line, `,"`...), key...), `":`...)
	l.line = strconv.AppendQuote(l.line, value)
}

func (l *toolLog) request() {
	l.line = fmt.Appendf(l.line, `,"trace_id":"%016x%016x","request":{"id":"r-%08x","method":"GET","path":"/api/v1/orders/%d","took_ms":%d}`,
		l.random.Uint64(), l.random.Uint64(), l.random.Uint32(), l.random.IntN(1e6), l.random.IntN(900))
}

func (l *toolLog) number(n int) string { return strconv.Itoa(l.random.IntN(n)) }
