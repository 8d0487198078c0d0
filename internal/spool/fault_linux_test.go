package spool_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/spool"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A process that is just being started has all files of its parent open for a moment.
func TestCloseWhileAProcessStarts(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, nil)
	self, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	found := false
	for _, e := range self {
		if file, _ := os.Readlink("/proc/self/fd/" + e.Name()); file == filepath.Join(dir, "lock") {
			found = true
			n, err := strconv.Atoi(e.Name())
			if err != nil {
				t.Fatal(err)
			}
			other, err := syscall.Dup(n)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Close(other) })
		}
	}
	mustClose(t, q)
	mustClose(t, mustOpen(t, dir, nil))
	if !found {
		t.Error("the file of the lock is not open")
	}
}

func TestTheDiskIsFull(t *testing.T) {
	dir := filepath.Join(testlog.TinyDisk(t, "size=64k"), "spool")
	ballast := filepath.Join(filepath.Dir(dir), "ballast")
	var log reports
	q := mustOpen(t, dir, &spool.Options{SegmentBytes: 8 << 10, OnError: log.add})
	event := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("x", 500)) }
	var want []string
	var full error
	for full == nil {
		text := event(len(want))
		if _, full = q.Append([][]byte{[]byte(text), []byte(text)}); full == nil {
			want = append(want, text, text)
		}
	}
	if !errors.Is(full, syscall.ENOSPC) || len(want) < 50 {
		t.Fatalf("after %d events: %v", len(want), full)
	}
	mustClose(t, q)
	q = mustOpen(t, dir, &spool.Options{SegmentBytes: 8 << 10, OnError: log.add}) // full as it is
	if got := q.Stats(); got.Events != uint64(len(want)) || got.Torn > 0 {
		t.Errorf("%+v, want %d events", got, len(want))
	}
	l := mustRead(t, q, 40, 0, 0)
	if diff := cmp.Diff(want[:40], stringsOf(l)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	q.Ack(l, 40) // makes room
	mustAppend(t, q, "after")
	want = append(want[40:], "after")
	if diff := cmp.Diff(want, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	mustClose(t, q)

	// Not even room for the files of an empty queue.
	b := make([]byte, 4<<10)
	f, err := os.Create(ballast)
	for err == nil {
		_, err = f.Write(b)
	}
	_ = f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "position")); err != nil {
		t.Fatal(err)
	}
	if f, err = os.OpenFile(ballast, os.O_APPEND|os.O_WRONLY, 0); err == nil {
		for err == nil {
			_, err = f.Write(b)
		}
		_ = f.Close()
	}
	log.take()
	q = mustOpen(t, dir, &spool.Options{OnError: log.add})
	if _, err := q.Append([][]byte{b}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if len(log.take()) == 0 {
		t.Error("a full disk was not reported")
	}
	if err := q.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close without a position: %v", err)
	}
}
