package jsonlog_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// service returns the lines that a service has logged, of some 250 bytes.
func service(tb testing.TB) [][]byte {
	tb.Helper()
	return linesOf(tb, "app/app-20261122T110000.000000Z", "app/app")
}

// makes returns the lines of the libraries there are, those that are JSON.
func makes(tb testing.TB) [][]byte {
	tb.Helper()
	return linesOf(tb, "makes/sluice", "makes/zap", "makes/zerolog", "makes/logrus", "makes/pino", "makes/logstash", "makes/ecs", "makes/google")
}

// linesOf returns the lines of files of the demo, those that are JSON.
func linesOf(tb testing.TB, names ...string) (lines [][]byte) {
	tb.Helper()
	var p jsonlog.Parser
	for _, name := range names {
		text, err := os.ReadFile("../../testdata/demo/log/" + name + ".log")
		if err != nil {
			tb.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if _, err := p.Parse(line); err == nil {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// eachLine measures what is done with each of the lines.
func eachLine(b *testing.B, lines [][]byte, do func(p *jsonlog.Parser, text []byte)) {
	b.Helper()
	b.SetBytes(int64(len(bytes.Join(lines, []byte("\n")))))
	b.ReportAllocs()
	var p jsonlog.Parser
	for b.Loop() {
		for _, text := range lines {
			do(&p, text)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	parse := func(p *jsonlog.Parser, text []byte) {
		if _, err := p.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("service", func(b *testing.B) { eachLine(b, service(b), parse) })
	b.Run("makes", func(b *testing.B) { eachLine(b, makes(b), parse) })
}

func BenchmarkLevelOf(b *testing.B) {
	level := func(p *jsonlog.Parser, text []byte) { p.LevelOf(text) }
	b.Run("service", func(b *testing.B) { eachLine(b, service(b), level) })
	b.Run("makes", func(b *testing.B) { eachLine(b, makes(b), level) })
}

func BenchmarkRecord(b *testing.B) {
	eachLine(b, service(b), func(p *jsonlog.Parser, text []byte) {
		l, _ := p.Parse(text)
		_ = l.Record()
	})
}

func BenchmarkMap(b *testing.B) {
	eachLine(b, service(b), func(p *jsonlog.Parser, text []byte) {
		l, _ := p.Parse(text)
		_ = l.Map()
	})
}
