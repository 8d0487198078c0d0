package testlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"time"
)

// Random makes random records, attrs and chains of With and WithGroup. The same
// seed makes the same ones.
type Random struct {
	*rand.Rand

	// Hostile adds what a handler may print otherwise than the standard
	// library does: groups of nothing, years beyond 9999, JSON of invalid
	// UTF-8.
	Hostile bool
}

// NewRandom returns a Random with the given seed.
func NewRandom(seed uint64) *Random {
	return &Random{Rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // tests want the same numbers again
}

// Record returns a record with up to eight attrs.
func (r *Random) Record() slog.Record {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, -100, 2, 5, 100}
	var at time.Time
	if r.IntN(8) > 0 {
		at = r.time()
	}
	var pc uintptr
	if r.IntN(4) > 0 {
		var pcs [1]uintptr
		runtime.Callers(1+r.IntN(3), pcs[:])
		pc = pcs[0]
	}
	rec := slog.NewRecord(at, levels[r.IntN(len(levels))], r.Text(), pc)
	rec.AddAttrs(r.Attrs(r.IntN(9))...)
	return rec
}

// Derive returns h after up to four random calls of WithAttrs and WithGroup, and
// the same calls made on every other handler.
func (r *Random) Derive(handlers ...slog.Handler) []slog.Handler {
	for range r.IntN(5) {
		attrs, name := r.Attrs(1+r.IntN(3)), r.key()
		group := r.IntN(2) == 0 && name != ""
		for i, h := range handlers {
			if group {
				handlers[i] = h.WithGroup(name)
			} else {
				handlers[i] = h.WithAttrs(attrs)
			}
		}
	}
	return handlers
}

// Attrs returns n random attrs.
func (r *Random) Attrs(n int) []slog.Attr { return r.attrs(n, 0) }

func (r *Random) attrs(n, depth int) []slog.Attr {
	attrs := make([]slog.Attr, n)
	for i := range attrs {
		attrs[i] = slog.Attr{Key: r.key(), Value: r.value(depth)}
		if attrs[i].Key == "" && attrs[i].Value.Kind() == slog.KindGroup && r.IntN(2) == 0 {
			attrs[i].Key = "g"
		}
	}
	return attrs
}

func (r *Random) key() string {
	keys := []string{
		"user", "id", "status", "duration_ms", "msg", "level", "time", "path",
		"a b", `q"uo\te`, "tab\t", "\x1b[31m", "bad\xffutf8", "ключ", "",
	}
	if k := r.IntN(2 * len(keys)); k < len(keys) {
		return keys[k]
	}
	return fmt.Sprint("k", r.IntN(20))
}

// Text returns a random string, often with bytes that need an escape.
func (r *Random) Text() string {
	parts := []string{
		"request done", "/api/v1/users/42?x=1&y=<2>", "x", "", "日本語テキスト", "\n", "\x00\x1f\x7f", `"`, `\`,
		"\u2028\u2029", "\ufffd", "\xff\xfe", "é", "😀", "\xed\xa0\x80", "\x1b]0;title\a", "01234567", "\r\n\t",
	}
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

func (r *Random) time() time.Time {
	zones := []*time.Location{time.UTC, time.FixedZone("", 2*3600), time.FixedZone("x", -(9*3600 + 1800))}
	t := time.Unix(r.Int64N(4e9), r.Int64N(1e9)).In(zones[r.IntN(len(zones))])
	if r.IntN(2) == 0 {
		t = t.Truncate(time.Millisecond)
	}
	return t
}

func (r *Random) value(depth int) slog.Value {
	kinds := 26
	if r.Hostile {
		kinds = 30
	}
	switch r.IntN(kinds) {
	case 0, 1, 2:
		return slog.StringValue(r.Text())
	case 3:
		return slog.Int64Value(int64(r.Uint64())) //nolint:gosec // any bits will do
	case 4:
		return slog.IntValue(r.IntN(1000) - 500)
	case 5:
		return slog.Uint64Value(r.Uint64())
	case 6:
		return slog.Float64Value(math.Float64frombits(r.Uint64()))
	case 7:
		return slog.Float64Value(float64(r.IntN(10000)) / 100)
	case 8:
		return slog.BoolValue(r.IntN(2) == 0)
	case 9:
		return slog.DurationValue(time.Duration(r.Int64()))
	case 10:
		return slog.TimeValue(r.time())
	case 11, 12:
		if depth < 4 {
			return slog.GroupValue(r.attrs(1+r.IntN(4), depth+1)...)
		}
		return slog.IntValue(depth)
	case 13:
		return slog.AnyValue(logValuer{r.value(depth)})
	case 14:
		return slog.AnyValue(fmt.Errorf("outer %s: %w", r.Text(), errors.New(r.Text())))
	case 15:
		return slog.AnyValue([]string{r.Text(), r.Text()})
	case 16:
		return slog.AnyValue(map[string]any{r.Text(): r.Text(), "n": r.IntN(9), "nil": nil})
	case 17:
		return slog.AnyValue(struct {
			Name string `json:"name"`
			N    float64
			P    *int
		}{r.Text(), 1e-7, nil})
	case 18:
		return slog.AnyValue(netip.AddrFrom4([4]byte{192, 0, 2, byte(r.Uint32())})) //nolint:gosec // any byte will do
	case 19:
		return slog.AnyValue(json.RawMessage(`{"raw": [1, 2,` + "\n" + ` "x"]}`))
	case 20:
		return slog.AnyValue(json.RawMessage(`{not json`))
	case 21:
		return slog.AnyValue([]any{make(chan int), func() {}, math.NaN()}[r.IntN(3)])
	case 22:
		return slog.AnyValue([]any{nil, (*time.Time)(nil), (*stringer)(nil), error(nil)}[r.IntN(4)])
	case 23:
		return slog.AnyValue([]any{panicker{}, &stringer{r.Text()}, []byte(r.Text()), slog.LevelWarn + 1}[r.IntN(4)])
	case 24:
		sources := []*slog.Source{{Function: "f", File: "/src/a.go", Line: 7}, {}, nil}
		if depth > 0 && !r.Hostile { // an empty one could leave a group of nothing
			sources = sources[:1]
		}
		return slog.AnyValue(sources[r.IntN(len(sources))])
	case 25:
		return slog.AnyValue([]time.Duration{time.Second})
	case 26:
		return slog.GroupValue(slog.Attr{}, slog.Group("x"))
	case 27:
		return slog.GroupValue()
	case 28:
		return slog.TimeValue(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))
	default:
		return slog.AnyValue(json.RawMessage("\"\xff\""))
	}
}

type logValuer struct{ v slog.Value }

func (l logValuer) LogValue() slog.Value { return l.v }

type stringer struct{ s string }

func (s *stringer) String() string { return s.s }

type panicker struct{}

func (panicker) MarshalJSON() ([]byte, error) { panic("marshal") }
func (panicker) Error() string                { panic("error") }

// Log hands the record to each handler as a slog.Logger would.
func Log(rec slog.Record, handlers ...slog.Handler) error {
	var errs []error
	for _, h := range handlers {
		errs = append(errs, h.Handle(context.Background(), rec.Clone()))
	}
	return errors.Join(errs...)
}
