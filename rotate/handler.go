package rotate

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
)

// Handler is a rotating file as the end of a handler chain. It adds one thing
// to the encoder that writes to the file: Flush, so that whoever has only the
// chain can make sure that what it logged is on disk.
type Handler struct {
	next  slog.Handler
	file  *File
	plain *atomic.Bool // an encoder does not tell the file the level of its lines
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a handler that writes to f what encode's handler makes of
// the records. It calls encode once, with a writer to f. The handler does not close f:
// whoever opened f does. NewHandler panics if f, encode or what encode returns
// is nil.
func NewHandler(f *File, encode func(io.Writer) slog.Handler) *Handler {
	if f == nil {
		panic("rotate: NewHandler: nil file")
	}
	if encode == nil {
		panic("rotate: NewHandler: nil encode")
	}
	h := &Handler{file: f, plain: new(atomic.Bool)}
	if h.next = encode(writer{f, h.plain}); h.next == nil {
		panic("rotate: NewHandler: encode returned nil")
	}
	return h
}

// writer is a File that notices when it is not told the level of a line.
type writer struct {
	*File
	plain *atomic.Bool
}

func (w writer) Write(p []byte) (int, error) {
	if !w.plain.Load() {
		w.plain.Store(true)
	}
	return w.File.Write(p)
}

// Enabled reports whether the encoder is enabled for level.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle encodes and writes r. An error of the file comes back as the encoder
// passes it on; with slog's own encoders that is as it is. A record at SyncLevel
// or above is on the storage device when Handle returns, whatever the encoder.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.next.Handle(ctx, r); err != nil || !h.plain.Load() || !h.file.syncs(r.Level) {
		return err
	}
	return h.file.syncIfDirty(context.WithoutCancel(ctx))
}

// WithAttrs returns a handler on the same file whose encoder has attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{next: h.next.WithAttrs(attrs), file: h.file, plain: h.plain}
}

// WithGroup returns a handler on the same file whose encoder has the group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{next: h.next.WithGroup(name), file: h.file, plain: h.plain}
}

// Unwrap returns the encoder.
func (h *Handler) Unwrap() slog.Handler { return h.next }

// Flush is [File.Flush] of the handler's file.
func (h *Handler) Flush(ctx context.Context) error { return h.file.Flush(ctx) }
