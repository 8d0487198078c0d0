package logstash

import (
	"bytes"
	"fmt"
	"log/slog"
)

// encoded is a Shipper as a Handler sees it, whose events need no check.
type encoded struct{ *Shipper }

// WriteLevel is that of the Shipper for an event that a Handler has made.
func (e encoded) WriteLevel(level slog.Level, line []byte) (int, error) {
	event := bytes.TrimSuffix(line, []byte{'\n'})
	if limit := e.opts.MaxEventBytes; len(event) > limit {
		return 0, e.refuse(line, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(event), limit))
	}
	if err := e.accept(level, event); err != nil {
		return 0, err
	}
	return len(line), nil
}
