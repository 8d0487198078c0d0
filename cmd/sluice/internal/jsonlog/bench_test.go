package jsonlog_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// line is what a service logs for each request, some 300 bytes as those of the demo.
const line = `{"time":"2026-11-22T00:11:56.695Z","level":"INFO","source":{"function":"example.com/shop/web.serve","file":"/src/shop/web/serve.go","line":73},` +
	`"msg":"request served","method":"POST","path":"/login","status":200,"duration_ms":12.2,"request":{"id":"f1d8b223","user":"bob"},"trace":"4bf92f3577b34da6a3ce929d0e0e4736"}`

// makes returns the lines of the demo that are JSON.
func makes(tb testing.TB) (lines [][]byte) {
	tb.Helper()
	var p jsonlog.Parser
	for _, name := range []string{"sluice", "zap", "zerolog", "logrus", "pino", "logstash", "ecs", "google"} {
		text, err := os.ReadFile("../../testdata/demo/log/makes/" + name + ".log")
		if err != nil {
			tb.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if _, err := p.Parse(line); err != nil {
				tb.Fatalf("%s: %v", line, err)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func BenchmarkParse(b *testing.B) {
	text := []byte(line)
	b.SetBytes(int64(len(text)))
	var p jsonlog.Parser
	for b.Loop() {
		if l, err := p.Parse(text); err != nil || len(l.Members) != 10 {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMakes(b *testing.B) {
	lines := makes(b)
	b.SetBytes(int64(len(bytes.Join(lines, nil))))
	var p jsonlog.Parser
	for b.Loop() {
		for _, text := range lines {
			if _, err := p.Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLevelOf(b *testing.B) {
	text := []byte(line)
	b.SetBytes(int64(len(text)))
	var p jsonlog.Parser
	for b.Loop() {
		if _, ok := p.LevelOf(text); !ok {
			b.Fatal("no level")
		}
	}
}

func BenchmarkLevelOfMakes(b *testing.B) {
	lines := makes(b)
	b.SetBytes(int64(len(bytes.Join(lines, nil))))
	var p jsonlog.Parser
	for b.Loop() {
		for _, text := range lines {
			p.LevelOf(text)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	var p jsonlog.Parser
	l, err := p.Parse([]byte(line))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Record()
	}
}

func BenchmarkMap(b *testing.B) {
	var p jsonlog.Parser
	l, err := p.Parse([]byte(line))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Map()
	}
}
