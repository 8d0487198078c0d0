package jsonenc

import (
	"log/slog"
	"strconv"
)

// AppendValue appends a resolved value that is not a group, as encoding/json
// would write it, but for errors, which become their text. It never fails and
// never panics: a value that cannot be encoded becomes a string that begins
// with !ERROR: or !PANIC:, a nil receiver that panics becomes "<nil>".
func AppendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return AppendString(b, v.String())
	case slog.KindInt64:
		return AppendInt(b, v.Int64())
	case slog.KindUint64:
		return AppendUint(b, v.Uint64())
	case slog.KindFloat64:
		return AppendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return AppendInt(b, int64(v.Duration()))
	case slog.KindTime:
		return AppendTime(b, v.Time())
	default:
		return AppendAny(b, v.Any())
	}
}
