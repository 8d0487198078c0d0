package redact_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/redact"
)

// Clean logs of three formats, one with a secret in every hundredth line, and a
// line that does not end.
func BenchmarkScan(b *testing.B) {
	const size = 4 << 20
	access := `10.0.0.1 - - [22/Nov/2026:14:00:00 +0000] "GET /index.html?page=2 HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n"
	json := `{"time":"2026-11-22T14:00:00.123456Z","level":"INFO","msg":"request done","method":"GET","path":"/v1/users/17",` +
		`"status":200,"elapsed":"12.3ms","request_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}` + "\n"
	logfmt := `time=2026-11-22T14:00:00.123Z level=INFO msg="request done" method=GET path=/v1/users/17 status=200 elapsed=12.3ms` + "\n"
	repeated := func(s string) []byte { return []byte(strings.Repeat(s, size/len(s))) }
	for _, log := range []struct {
		name string
		text []byte
	}{
		{"access", repeated(access)},
		{"json", repeated(json)},
		{"logfmt", repeated(logfmt)},
		{"oneline", repeated(strings.ReplaceAll(logfmt, "\n", " "))},
		{"secrets", repeated(strings.Repeat(json, 99) + `{"msg":"login","user":{"password":"hunter2"}}` + "\n")},
		{"gzip", gzipped(b, string(repeated(json)))},
		{"zstd", zstded(b, string(repeated(json)))},
	} {
		b.Run(log.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(size)
			for b.Loop() {
				found := 0
				for _, err := range redact.Scan(bytes.NewReader(log.text)) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
				if (found > 0) != (log.name == "secrets") {
					b.Fatal(found)
				}
			}
		})
	}
}
