package bench

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// spoiler is a slog.JSONHandler whose lines are changed on their way.
func spoiler(change func(n int, line string) string) Peer {
	return Peer{
		Name: "spoiler", time: "time", layout: standardLayout,
		new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			n := 0
			return slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
				n++
				if line := change(n, string(p)); line != "" {
					_, _ = io.WriteString(w, line)
				}
				return len(p), nil
			}), o)
		},
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("spoiled") }
func (p panicking) WithAttrs([]slog.Attr) slog.Handler      { return p }

func find(t *testing.T, name string) *Case {
	t.Helper()
	for _, c := range Cases() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no case %q", name)
	return nil
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	replace := func(from, to string) Peer {
		return spoiler(func(_ int, line string) string { return strings.ReplaceAll(line, from, to) })
	}
	tests := []struct {
		name string
		peer Peer
		want string
	}{
		{"nothing", replace("", ""), ""},
		{"a missing attr", replace(`"status"`, `"state"`), "/status: missing"},
		{"another value", replace(`:200,`, `:500,`), "/status: 500, want 200"},
		{"a number as text", replace(`:200,`, `:"200",`), "/status: 200, want 200"},
		{"another message", replace("served", "failed"), "/msg: request failed"},
		{"another level", replace("INFO", "WARN"), "/level: WARN"},
		{"another time", spoiler(func(_ int, line string) string {
			return `{"time":"1980` + line[len(`{"time":"2000`):]
		}), "not the time of the call"},
		{"no time", replace(`"time"`, `"when"`), "time: parsing time"},
		{"broken JSON", replace(`"status":`, `"status"`), "invalid character"},
		{"no object", spoiler(func(int, string) string { return "[]\n" }), "cannot unmarshal array"},
		{"two objects", replace("}\n", "}{}\n"), "more than one value"},
		{"a line within the line", replace(`,"status"`, ",\n\"status\""), "not one line"},
		{"no newline", replace("\n", ""), "not one line"},
		{"a bad second line", spoiler(func(n int, line string) string {
			if n == 2 {
				return "{}\n"
			}
			return line
		}), "/duration: missing"},
		{"a lost line", spoiler(func(n int, line string) string {
			if n == 2 {
				return ""
			}
			return line
		}), "only 2 lines for 3 records"},
		{"a panic", Peer{Name: "p", new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return panicking{slog.NewJSONHandler(w, o)}
		}}, "panic: spoiled"},
		{"a panic when it is made", Peer{Name: "p", new: func(io.Writer, *slog.HandlerOptions) slog.Handler {
			panic("unmade")
		}}, "panic: unmade"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The bubble's clock makes the wait for a lost line short.
			synctest.Test(t, func(t *testing.T) {
				err := find(t, "5 attrs").Check(tt.peer)
				if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestCheckFindsAMisplacedGroup(t *testing.T) {
	peer := spoiler(func(_ int, line string) string { return strings.Replace(line, `"reply":{`, `"reply":5,"r":{`, 1) })
	err := find(t, "nested groups").Check(peer)
	if err == nil || !strings.Contains(err.Error(), "/request/reply: 5, want an object") {
		t.Errorf("got %v", err)
	}
}

// TestLines keeps the records at the size that the figures are read for.
func TestLines(t *testing.T) {
	for _, p := range Peers() {
		if p.Name != "slog.JSONHandler" {
			continue
		}
		lines, err := record(find(t, "5 attrs"), p)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(lines[0]); n < 200 || n > 240 {
			t.Errorf("%d bytes: %s", n, lines[0])
		}
		return
	}
	t.Error("no slog.JSONHandler")
}

// TestReplaceAttr holds the peers to what they are said to have.
func TestReplaceAttr(t *testing.T) {
	c := find(t, "5 attrs")
	c.opts = &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "status" {
			a.Key = "replaced"
		}
		return a
	}}
	for _, p := range Peers() {
		if p.Name == "phuslu/log" {
			if h := p.new(io.Discard, c.opts); !isStandard(h) {
				t.Errorf("phuslu/log has a handler with ReplaceAttr of its own now, a %T: time it", h)
			}
			continue
		}
		lines, err := record(c, p)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if got := bytes.Contains(lines[0], []byte(`"replaced":200`)); got != p.replace {
			t.Errorf("%s replaces: %v, want %v: %s", p.Name, got, p.replace, lines[0])
		}
	}
}

func isStandard(h slog.Handler) bool {
	_, ok := h.(*slog.JSONHandler)
	return ok
}

func TestRunCountsLines(t *testing.T) {
	// Benchmarks that are asked for beside the tests come later, and last as long as asked for.
	benchtime := flag.Lookup("test.benchtime").Value
	asked := benchtime.String()
	t.Cleanup(func() { _ = benchtime.Set(asked) })
	if err := benchtime.Set("1ms"); err != nil {
		t.Fatal(err)
	}
	twice := Peer{Name: "twice", new: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return slog.NewMultiHandler(slog.NewJSONHandler(w, o), slog.NewJSONHandler(w, o))
	}}
	for _, name := range []string{"5 attrs", "5 attrs, parallel", "5 attrs, Handle only"} {
		var err error
		testing.Benchmark(func(b *testing.B) {
			if e := find(t, name).Run(b, twice); e != nil {
				err = e
			}
		})
		if err == nil || !strings.Contains(err.Error(), "lines for") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
