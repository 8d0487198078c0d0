package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	text := lines(10_000)
	next := write(t, dir, "next.log", []byte("next\n"))
	broken := io.MultiReader(bytes.NewReader(text), strings.NewReader("to"), iotest.ErrReader(syscall.EIO))
	got := readAll(t, []string{"-", next}, input.Options{Stdin: broken})
	want := []string{fmt.Sprintf("read standard input: after %d bytes: input/output error", len(text)+2)}
	if diff := cmp.Diff(want, got.errs); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if want := string(text) + "to" + "next\n"; got.data.String() != want {
		t.Errorf("%d bytes, want %d", got.data.Len(), len(want))
	}
	if got.stats.Failed != 1 || got.stats.Files != 2 || got.stats.Lines != 10_002 {
		t.Errorf("%+v", got.stats)
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	next := write(t, dir, "next.log", []byte("next\n"))
	want := []string{"read DIR/socket: no such device or address"}
	names := []string{dir + "/socket", next}
	if os.Getuid() != 0 {
		secret := write(t, dir, "secret.log", []byte("secret\n"))
		if err := os.Chmod(secret, 0); err != nil {
			t.Fatal(err)
		}
		names, want = append(names, secret), append(want, "read DIR/secret.log: permission denied")
	}
	got := readAll(t, names, input.Options{})
	for i := range got.errs {
		got.errs[i] = strings.ReplaceAll(got.errs[i], dir, "DIR")
	}
	if diff := cmp.Diff(want, got.errs); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got.data.String() != "next\n" || got.stats.Failed != len(want) {
		t.Errorf("read %q, %+v", got.data.String(), got.stats)
	}
}

// opened returns a Reader that has read its first chunk of path, and what it has read since.
func opened(t *testing.T, path string) (next func() (*input.Chunk, error), errs *[]string, r *input.Reader) {
	t.Helper()
	errs = new([]string)
	r, err := input.Open([]string{path}, &input.Options{OnError: func(err error) { *errs = append(*errs, err.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return func() (*input.Chunk, error) { return r.Next(context.Background()) }, errs, r
}

func TestShrinkingAndGrowing(t *testing.T) {
	text := bytes.Repeat(lines(10_000), 10)
	path := write(t, t.TempDir(), "app.log", text)
	next, errs, r := opened(t, path)
	var held []*input.Chunk // the reader waits for them
	for range 6 {
		c, err := next()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	for _, c := range held {
		r.Release(c)
	}
	read := int64(0)
	for {
		c, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		read = c.Offset + int64(len(c.Data))
		r.Release(c)
	}
	if len(*errs) != 1 || !strings.Contains((*errs)[0], "it shrank from") || r.Stats().Failed != 1 {
		t.Errorf("errors %q after %d bytes, %+v", *errs, read, r.Stats())
	}

	path = write(t, t.TempDir(), "app.log", []byte("a\n"))
	next, errs, r = opened(t, path)
	write(t, filepath.Dir(path), "app.log", []byte("a\nb\n"))
	c, err := next()
	if err != nil || string(c.Data) != "a\nb\n" {
		t.Errorf("%v", err)
	}
	r.Release(c)
	if _, err := next(); !errors.Is(err, io.EOF) || len(*errs) > 0 {
		t.Errorf("%v, %q", err, *errs)
	}
	if s := r.Stats(); s.Total != 4 || s.Read != 4 {
		t.Errorf("%+v", s)
	}
}

// More files than are opened early, which are removed, renamed and compressed before their turn.
func TestFilesThatMoveBeforeTheirTurn(t *testing.T) {
	dir := t.TempDir()
	var want []string
	name := func(i int) string { return fmt.Sprintf("app-20261122T0000%02d.%06dZ.log", i/10, i) }
	for i := range 400 {
		write(t, dir, name(i), []byte(name(i)+"\n"))
		want = append(want, name(i))
	}
	write(t, dir, "app.log", []byte("app.log\n"))
	var errs []string
	r, err := input.Open([]string{dir + "/app.log"}, &input.Options{Rotated: true, OnError: func(err error) { errs = append(errs, err.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/app.log", dir+"/"+name(400)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "app.log", []byte("new\n"))
	write(t, dir, name(5)+".gz", gzipped(t, []byte(name(5)+"\n")))
	write(t, dir, name(390)+".gz", gzipped(t, []byte(name(390)+"\n")))
	for _, i := range []int{5, 7, 390, 395} {
		if err := os.Remove(dir + "/" + name(i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for {
		c, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		got = append(got, strings.TrimSpace(string(c.Data)))
		r.Release(c)
	}
	want = append(want[:395], append(want[396:], "app.log")...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"read " + dir + "/" + name(395) + ": file does not exist"}, errs); diff != "" {
		t.Errorf("errors mismatch (-want +got):\n%s", diff)
	}
	if s := r.Stats(); s.Failed != 1 || s.Files != 401 {
		t.Errorf("%+v", s)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// A device of which the only line has no end.
func TestEndlessLine(t *testing.T) {
	r, err := input.Open([]string{"/dev/zero"}, nil)
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for r.Stats().Read < 50<<20 {
		}
		cancel()
	}()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// However far the reading has come, Close ends it and leaves no goroutine.
func TestClose(t *testing.T) {
	text := bytes.Repeat(lines(5000), 20)
	path := write(t, t.TempDir(), "app.log", text)
	zip := write(t, t.TempDir(), "app.log", gzipped(t, text))
	for name, o := range map[string]input.Options{"plain": {}, "follow": {Follow: true}, "rotated": {Rotated: true}, "tail": {Tail: 10_000}} {
		for _, path := range []string{path, zip} {
			for n := range 4 {
				t.Run(fmt.Sprint(name, n), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r, err := input.Open([]string{path}, &o)
						if err != nil {
							t.Fatal(err)
						}
						for range n {
							if _, err := r.Next(t.Context()); err != nil && !errors.Is(err, io.EOF) {
								t.Fatal(err)
							}
						}
						if err := r.Close(); err != nil {
							t.Error(err)
						}
						if _, err := r.Next(t.Context()); n == 0 && !errors.Is(err, io.EOF) {
							t.Errorf("after Close: %v", err)
						}
					})
				})
			}
		}
	}
}
