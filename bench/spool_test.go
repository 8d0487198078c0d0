package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSpool(t *testing.T) {
	for _, s := range Spools() {
		l := Load{Spooled: 5000, SpoolSynced: 300}
		for _, yes := range []bool{false, true} {
			if cost, err := s.Append(l, yes); err != nil || cost <= 0 {
				t.Errorf("%s: append %v, %v", s.Name, cost, err)
			}
			if cost, err := s.Drain(l, yes); err != nil || cost <= 0 {
				t.Errorf("%s: drain %v, %v", s.Name, cost, err)
			}
		}
	}
}

// forger lets other events come out than went in.
type forger struct {
	spooler

	instead func(event []byte) [][]byte
}

func (f forger) drain(each func([]byte), whole bool) error {
	return f.spooler.drain(func(event []byte) {
		for _, e := range f.instead(event) {
			each(e)
		}
	}, whole)
}

// TestSpoolFindsWhatIsWrong has queues that lose events or change one.
func TestSpoolFindsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		instead func([]byte) [][]byte
		want    string
	}{
		{"nothing", func(event []byte) [][]byte { return [][]byte{event} }, ""},
		{"all are lost", func([]byte) [][]byte { return nil }, "lost"},
		{"all come twice", func(event []byte) [][]byte { return [][]byte{event, event} }, "lines for"},
		{"one is another", func(event []byte) [][]byte {
			return [][]byte{bytes.Replace(event, []byte(`"n":7,`), []byte(`"n":8,`), 1)}
		}, "others than those"},
	} {
		s := Spool{Name: "odd", open: func(dir string, synced bool) (spooler, error) {
			q, err := openSpool(dir, synced)
			return forger{q, tt.instead}, err
		}}
		_, err := s.Drain(Load{Spooled: 200}, false)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	no := errors.New("no way")
	s := Spool{Name: "odd", open: func(string, bool) (spooler, error) { return nil, no }}
	if _, err := s.Append(Load{Spooled: 200}, false); !errors.Is(err, no) || !strings.HasPrefix(err.Error(), "odd: ") {
		t.Errorf("a queue that does not open: %v", err)
	}
}

func BenchmarkSpool(b *testing.B) {
	for _, s := range Spools() {
		run := func(name string, cost func(n int) (int64, error)) {
			b.Run(name+"/"+s.Name, func(b *testing.B) {
				ns, err := cost(max(b.N, SpooledBatch))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(ns), "ns/op")
			})
		}
		run("append", func(n int) (int64, error) { d, err := s.Append(Load{Spooled: n}, false); return int64(d), err })
		run("append_synced", func(n int) (int64, error) { d, err := s.Append(Load{SpoolSynced: n}, true); return int64(d), err })
		run("drain", func(n int) (int64, error) { d, err := s.Drain(Load{Spooled: n}, false); return int64(d), err })
	}
}
