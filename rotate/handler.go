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
	next   slog.Handler
	file   *File
	levels *atomic.Bool // the encoder tells the file the level of each line
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
	h := &Handler{file: f, levels: new(atomic.Bool)}
	if h.next = encode(leveled{f, h.levels}); h.next == nil {
		panic("rotate: NewHandler: encode returned nil")
	}
	return h
}

// leveled is a File that notices when it is told the level of a line.
type leveled struct {
	*File
	levels *atomic.Bool
}

func (l leveled) WriteLevel(level slog.Level, p []byte) (int, error) {
	if !l.levels.Load() {
		l.levels.Store(true)
	}
	return l.File.WriteLevel(level, p)
}

// Enabled reports whether the encoder is enabled for level.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle encodes and writes r. An error of the file comes back as the encoder
// passes it on; with slog's own encoders that is as it is. A record at SyncLevel
// or above is on the storage device when Handle returns, whatever the encoder.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.next.Handle(ctx, r); err != nil || h.levels.Load() || !h.file.syncs(r.Level) {
		return err
	}
	return h.file.syncIfDirty(context.WithoutCancel(ctx))
}

// WithAttrs returns a handler on the same file whose encoder has attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{next: h.next.WithAttrs(attrs), file: h.file, levels: h.levels}
}

// WithGroup returns a handler on the same file whose encoder has the group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{next: h.next.WithGroup(name), file: h.file, levels: h.levels}
}

// Unwrap returns the encoder.
func (h *Handler) Unwrap() slog.Handler { return h.next }

// Flush is [File.Flush] of the handler's file.
func (h *Handler) Flush(ctx context.Context) error { return h.file.Flush(ctx) }
