package spool_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/internal/spool"
)

// FuzzOpen opens a queue whose last segment is anything. Whatever that is, it is
// refused or repaired, all other events are there, and the sums are right.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	q := mustOpen(f, dir, nil)
	mustAppend(f, q, `{"message":"a"}`, "", "b")
	mustAppend(f, q, `{"message":"c"}`)
	path := files(f, dir, ".seg")[0]
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(append(bytes.Clone(text), text...))
	f.Add(text[:len(text)-1])
	f.Add([]byte{})
	newer := bytes.Clone(text)
	spool.SetVersion(newer, 2)
	f.Add(newer)

	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		q := mustOpen(t, dir, fast(nil))
		mustAppend(t, q, "first")

		mustClose(t, q)
		name := "00000001000000000001.seg"
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		q, err := spool.Open(dir, fast(func(error) {}))
		if err != nil {
			return
		}
		before := q.Stats()
		mustAppend(t, q, "last")
		got := drain(t, q)
		if len(got) < 2 || got[0] != "first" || got[len(got)-1] != "last" {
			t.Errorf("events: %q", got)
		}
		s := q.Stats()
		if before.Events+1 != uint64(len(got))+s.Damaged || s.Events != 0 || q.Head() != q.End() {
			t.Errorf("%d events; before %+v, then %+v", len(got), before, s)
		}
		mustClose(t, q)
	})
}
