package jsonenc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// BenchmarkAppendAny compares each type with the json.Encoder that log/slog
// uses for it, which has no work with an error but to escape its text.
func BenchmarkAppendAny(b *testing.B) {
	at := time.Date(2026, 11, 22, 4, 5, 6, 789000000, time.UTC)
	decoded := map[string]any{}
	const text = `{"user":{"id":42,"name":"a name","tags":["a","b"]},"ok":true,"ratio":0.75,"next":null}`
	if err := json.Unmarshal([]byte(text), &decoded); err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct {
		name  string
		value any
	}{
		{"error", errors.New("dial tcp 192.0.2.1:443: connection refused")},
		{"strings", []string{"alpha", "beta", "gamma"}},
		{"ints", []int{1, 20, 300, 4000}},
		{"floats", []float64{0.5, 1.25, 1e-7}},
		{"bytes", []byte("sixteen bytes...")},
		{"array", []any{1, "two", 3.5, true, nil}},
		{"map of strings", map[string]string{"method": "GET", "path": "/", "host": "example.com", "agent": "curl/8"}},
		{"map of ints", map[string]int{"a": 1, "b": 2, "c": 3}},
		{"decoded object", decoded},
		{"defined map", namedMap{"user": "x", "id": 7}},
		{"header", http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8"}, "Host": {"example.com"}}},
		{"times", []time.Time{at, at}},
		{"pointer to time", &at},
		{"pointer to string", new("text")},
		{"durations", []time.Duration{time.Second, time.Minute}},
		{"defined int", namedInt(7)},
		{"defined string", namedString("active")},
		{"level", slog.LevelWarn},
		{"number", json.Number("12345.678")},
		{"raw message", json.RawMessage(text)},
		{"raw message indented", json.RawMessage("{\n  \"user\": {\n    \"id\": 42\n  },\n  \"ok\": true\n}")},
		{"marshaler", marshals{text}},
		{"text marshaler", uuid{1, 2, 3}},
		{"addr", netip.MustParseAddr("2001:db8::1")},
		{"addr and port", netip.MustParseAddrPort("192.0.2.1:443")},
		{"ip", net.ParseIP("192.0.2.1")},
		{"struct, by reflection", struct {
			Name string
			ID   int
		}{"a name", 42}},
		{"URL, by reflection", &url.URL{Scheme: "https", Host: "example.com", Path: "/"}},
	} {
		b.Run(bm.name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 1024)
			for b.Loop() {
				buf = jsonenc.AppendAny(buf[:0], bm.value)
			}
		})
		b.Run(bm.name+"/json.Encoder", func(b *testing.B) {
			b.ReportAllocs()
			var buf bytes.Buffer
			enc := json.NewEncoder(&buf)
			enc.SetEscapeHTML(false)
			value := bm.value
			if err, ok := value.(error); ok {
				value = err.Error()
			}
			for b.Loop() {
				buf.Reset()
				if err := enc.Encode(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
