package bench

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"maps"
	"strings"
	"time"

	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog/diode"
	"go.uber.org/zap/zapcore"

	"github.com/sluicelog/sluice/asyncbuf"
)

// What a buffer may hold at most: records or bytes, whichever it counts.
const (
	QueuedRecords = 4096
	QueuedBytes   = 1 << 20
)

// A Buffer is a way from the caller to a file, with something in between that
// takes the cost of the file off the caller, or with nothing.
type Buffer struct {
	// Peer is the encoder, under the name of the whole.
	Peer

	over     func(sink) passage // opens it, with Peer.new as the encoder
	discards bool               // it writes nothing, and is meant to
}

// A sink is where lines go: a writer, which is safe for concurrent use, and the
// path of its file if it has one.
type sink struct {
	io.Writer
	path string
}

// A passage is an open Buffer.
type passage struct {
	handler slog.Handler
	flush   func() error // writes what is buffered; nil if there is no such thing
	close   func() error // writes what is buffered, and ends; nil if nothing is to be done
}

// Buffers returns all that are compared: log/slog without a buffer first. Like
// [Peers], it sets variables of package zerolog.
func Buffers() []Buffer {
	encoders := map[string]Peer{}
	for _, p := range Peers() {
		encoders[p.Name] = p
	}
	standard, ours := encoders["slog.JSONHandler"], encoders["handler.JSONHandler"]
	return []Buffer{
		direct(standard),
		direct(ours),
		{
			Peer: Peer{Name: "no-op handler", Version: standard.Version}, discards: true,
			over: func(sink) passage { return passage{handler: nothing{}} },
		},
		throughWriter("zapslog → zap.BufferedWriteSyncer", encoders["zapslog"], bufferZap),
		throughWriter("zerolog → diode.Writer", encoders["zerolog"], bufferDiode),
		newPhusluAsync(),
		throughHandler("channel → slog.JSONHandler", standard, func(next slog.Handler) passage {
			h := newChannel(next, QueuedRecords)
			return passage{handler: h, close: h.Close}
		}),
		throughWriter("handler.JSONHandler → asyncbuf.Writer", ours, bufferLines),
		throughHandler("asyncbuf.Handler → slog.JSONHandler", standard, bufferRecords),
		throughHandler("asyncbuf.Handler → handler.JSONHandler → bufio.Writer", blocks(ours), bufferRecords),
	}
}

// direct returns a Buffer that is none.
func direct(p Peer) Buffer {
	return Buffer{Peer: p, over: func(s sink) passage {
		return passage{handler: p.new(s, nil)}
	}}
}

// throughWriter returns a Buffer of lines.
func throughWriter(name string, p Peer, buffer func(io.Writer) (w io.Writer, flush, end func() error)) Buffer {
	p.Name = name
	return Buffer{Peer: p, over: func(s sink) passage {
		w, flush, end := buffer(s)
		return passage{handler: p.new(w, nil), flush: flush, close: end}
	}}
}

// throughHandler returns a Buffer of records.
func throughHandler(name string, p Peer, buffer func(slog.Handler) passage) Buffer {
	p.Name = name
	return Buffer{Peer: p, over: func(s sink) passage { return buffer(p.new(s, nil)) }}
}

// blocks returns p over a bufio.Writer, which it flushes at the end of a batch.
func blocks(p Peer) Peer {
	encode := p.new
	p.new = func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return encode(bufio.NewWriterSize(w, 64<<10), o)
	}
	return p
}

func bufferLines(w io.Writer) (buffered io.Writer, flush, end func() error) {
	b := asyncbuf.NewWriter(w, &asyncbuf.WriterOptions{Size: QueuedBytes})
	return b, patient(b.Flush), patient(b.Shutdown)
}

func bufferRecords(next slog.Handler) passage {
	b := asyncbuf.NewHandler(next, &asyncbuf.HandlerOptions{MaxLines: QueuedRecords, Size: QueuedBytes})
	return passage{handler: b, flush: patient(b.Flush), close: patient(b.Shutdown)}
}

// patient waits for as long as it takes, as the others do.
func patient(f func(context.Context) error) func() error {
	return func() error { return f(context.Background()) }
}

func bufferZap(w io.Writer) (buffered io.Writer, flush, end func() error) {
	b := &zapcore.BufferedWriteSyncer{WS: zapcore.Lock(unsynced{w}), Size: QueuedBytes}
	return b, b.Sync, b.Stop
}

// unsynced hides the method Sync of a file, which zap calls after each flush it
// is asked for: no other peer does that.
type unsynced struct{ io.Writer }

func (unsynced) Sync() error { return nil }

func bufferDiode(w io.Writer) (buffered io.Writer, flush, end func() error) {
	// Without an io.Closer, Close leaves the file alone.
	b := diode.NewWriter(struct{ io.Writer }{w}, QueuedRecords, 0, nil)
	return b, nil, b.Close
}

// newPhusluAsync has phuslu's Logger as the handler, since that hands its lines
// over: the handler that SlogNewJSONHandler returns lends them, which an
// AsyncWriter does not heed. It writes a file with writev, and then opens it by
// itself.
func newPhusluAsync() Buffer {
	p := Peer{
		Name: "phuslu/log → AsyncWriter", Version: version("github.com/phuslu/log"),
		time: "time", layout: phusluLayout,
	}
	return Buffer{Peer: p, over: func(s sink) passage {
		var w phuslu.Writer = phuslu.IOWriter{Writer: s}
		if s.path != "" {
			w = &phuslu.FileWriter{Filename: s.path}
		}
		async := &phuslu.AsyncWriter{Writer: w, ChannelSize: QueuedRecords}
		logger := &phuslu.Logger{Level: phuslu.InfoLevel, TimeFormat: time.RFC3339Nano, Writer: async}
		return passage{handler: logger.Slog().Handler(), close: async.Close}
	}}
}

// phusluLayout has a duration in milliseconds.
func phusluLayout(e event) map[string]any {
	line := maps.Clone(e.attrs)
	line["level"], line["message"] = strings.ToLower(e.level.String()), e.message
	line["duration"] = 1.234567
	return line
}

// nothing is a handler that does nothing: what a call of slog costs by itself.
type nothing struct{}

func (nothing) Enabled(context.Context, slog.Level) bool  { return true }
func (nothing) Handle(context.Context, slog.Record) error { return nil }
func (h nothing) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h nothing) WithGroup(string) slog.Handler           { return h }

// end closes p.
func (p passage) end() error {
	if p.close == nil {
		return nil
	}
	return p.close()
}
