package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/rotate"
)

// following is a Reader that follows, in a bubble of synctest, where the polls take no time.
type following struct {
	t    *testing.T
	dir  string
	r    *input.Reader
	stop context.CancelFunc
	end  chan error

	mu   sync.Mutex
	errs []string
	got  bytes.Buffer
}

// follow calls test in a bubble, with files being followed in a directory of its own.
func follow(t *testing.T, o input.Options, prepare func(dir string) (names []string), test func(f *following)) {
	t.Helper()
	dir := t.TempDir()
	names := prepare(dir)
	for i, name := range names {
		if name != "-" {
			names[i] = filepath.Join(dir, name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		f := &following{t: t, dir: dir, end: make(chan error, 1)}
		o.Follow = true
		o.OnError = func(err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.errs = append(f.errs, strings.ReplaceAll(err.Error(), dir+"/", ""))
		}
		r, err := input.Open(names, &o)
		if err != nil {
			t.Fatal(err)
		}
		f.r = r
		ctx, stop := context.WithCancel(t.Context())
		f.stop = stop
		go func() {
			for {
				c, err := r.Next(ctx)
				if err != nil {
					f.end <- err
					return
				}
				f.mu.Lock()
				f.got.Write(c.Data)
				if c.Cut > 0 || !bytes.HasSuffix(c.Data, []byte("\n")) {
					f.got.WriteString("|\n")
				}
				f.mu.Unlock()
				r.Release(c)
			}
		}()
		test(f)
		stop()
		if err := <-f.end; !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (f *following) path(name string) string { return filepath.Join(f.dir, name) }

// poll lets the Reader look at the files, and compares what it has read since the last time.
func (f *following) poll(want ...string) {
	f.t.Helper()
	time.Sleep(300 * time.Millisecond)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := strings.Fields(f.got.String())
	f.got.Reset()
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		f.t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
}

// said compares what OnError was told since the last time.
func (f *following) said(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.errs); diff != "" && len(want)+len(f.errs) > 0 {
		f.t.Errorf("errors mismatch (-want +got):\n%s", diff)
	}
	f.errs = nil
}

// add adds text to a file, which it makes if need be.
func (f *following) add(name, text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *following) rename(from, to string) {
	f.t.Helper()
	if err := os.Rename(f.path(from), f.path(to)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *following) remove(name string) {
	f.t.Helper()
	if err := os.Remove(f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

// compress does what gzip does.
func (f *following) compress(name string) {
	f.t.Helper()
	data, err := os.ReadFile(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		f.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.add(name+".gz", b.String())
	f.remove(name)
}

// with makes files that a test begins with.
func with(t *testing.T, files map[string]string, names ...string) func(dir string) []string {
	return func(dir string) []string {
		for name, text := range files {
			data := []byte(text)
			if strings.HasSuffix(name, ".gz") {
				data = gzipped(t, data)
			}
			write(t, dir, name, data)
		}
		return names
	}
}

func TestFollowGrowing(t *testing.T) {
	follow(t, input.Options{}, with(t, map[string]string{"app.log": "a\nb\n"}, "app.log"), func(f *following) {
		f.poll("a", "b")
		f.poll()
		f.add("app.log", "c\nd")
		f.poll("c") // the last line may go on
		f.poll()
		f.add("app.log", "e\n")
		f.poll("de")
		f.said()
	})
}

func TestFollowFromTheEnd(t *testing.T) {
	for tail, want := range map[int][]string{0: {"a", "b", "c"}, 1: {"c"}, 2: {"b", "c"}, 5: {"a", "b", "c"}, -1: nil} {
		follow(t, input.Options{Tail: tail}, with(t, map[string]string{"app.log": "a\nb\nc\n"}, "app.log"), func(f *following) {
			f.poll(want...)
			f.add("app.log", "d\n")
			f.poll("d")
		})
	}
	follow(t, input.Options{Tail: -1}, with(t, map[string]string{"app.log": "a\nbe"}, "app.log"), func(f *following) {
		f.poll()
		f.add("app.log", "gun\n")
		f.poll("begun") // not the end of it only
	})
}

// Where to begin is said of the files that are there then: of backups that are found later nothing may be missing.
func TestFollowFromTheEndCompressed(t *testing.T) {
	for tail, want := range map[int][]string{-1: nil, 1: {"a"}} {
		follow(t, input.Options{Tail: tail}, with(t, map[string]string{"app.log": "a\n"}, "app.log"), func(f *following) {
			f.poll(want...)
			for name, lines := range map[string]string{"app-20261122T010000.000000Z.log": "b\nc\n", "app-20261122T020000.000000Z.log": "d\ne\n"} {
				f.add(name, lines)
				f.compress(name)
			}
			f.rename("app.log", "app-20261122T000000.000000Z.log")
			f.add("app.log", "f\ng\n")
			f.poll("b", "c", "d", "e", "f", "g")
			f.said()
		})
	}
}

func TestFollowRotated(t *testing.T) {
	first := map[string]string{"app.log": "a\n", "app-20261122T000000.000000Z.log.gz": "old\n"}
	follow(t, input.Options{}, with(t, first, "app.log"), func(f *following) {
		f.poll("a")
		f.add("app.log", "b\n")
		f.rename("app.log", "app-20261122T010000.000000Z.log")
		f.add("app.log", "c\n")
		f.rename("app.log", "app-20261122T020000.000000Z.log")
		f.add("app.log", "d\n")
		f.rename("app.log", "app-20261122T030000.000000Z.log")
		f.add("app.log", "e\n")
		f.poll("b", "c", "d", "e")
		for range 6 { // by who had it open
			f.add("app-20261122T030000.000000Z.log", "late\n")
			f.poll("late")
		}
		f.add("app.log", "f\n")
		f.poll("f")
		f.said()
	})
	follow(t, input.Options{Rotated: true}, with(t, first, "app.log"), func(f *following) {
		f.poll("old", "a")
	})
}

func TestFollowRotatedAndCompressed(t *testing.T) {
	follow(t, input.Options{}, with(t, map[string]string{"app.log": "a\n", "app.log.1": "x\n", "app.log.2.gz": "y\n"}, "app.log"), func(f *following) {
		f.poll("a")
		f.add("app.log", "b\n")
		f.rename("app.log.2.gz", "app.log.3.gz")
		f.compress("app.log.1")
		f.rename("app.log.1.gz", "app.log.2.gz")
		f.rename("app.log", "app.log.1")
		f.add("app.log", "c\n")
		f.poll("b", "c")
		f.add("app.log", "d\n")
		f.rename("app.log.3.gz", "app.log.4.gz")
		f.rename("app.log.2.gz", "app.log.3.gz")
		f.rename("app.log.1", "app.log.2")
		f.rename("app.log", "app.log.1")
		f.compress("app.log.1") // at once
		f.add("app.log", "e\n")
		f.poll("d", "e")
		f.said()
	})
	follow(t, input.Options{}, with(t, map[string]string{"app.log": "a\n"}, "app.log"), func(f *following) {
		f.poll("a")
		f.add("app.log", "b\n")
		f.rename("app.log", "app-20261122T010000.000000Z.log")
		f.compress("app-20261122T010000.000000Z.log")
		f.add("app.log", "c\n")
		f.rename("app.log", "app-20261122T020000.000000Z.log")
		f.compress("app-20261122T020000.000000Z.log")
		f.add("app.log", "d\n")
		f.poll("b", "c", "d")
		f.add("app.log", "e\n")
		f.rename("app.log", "app-20261122T030000.000000Z.log")
		f.add("app.log", "f\n")
		f.rename("app.log", "app-20261122T040000.000000Z.log")
		f.remove("app-20261122T030000.000000Z.log") // by retention
		f.compress("app-20261122T040000.000000Z.log")
		f.add("app.log", "g\n")
		f.poll("e", "f", "g")
		f.said()
	})
}

// Some programs write to a file with a date, and keep a link to the newest.
func TestFollowLink(t *testing.T) {
	link := func(f *following, to string) {
		t.Helper()
		if err := os.Symlink(to, f.path("new.log")); err != nil {
			t.Fatal(err)
		}
		f.rename("new.log", "app.log")
	}
	prepare := func(dir string) []string {
		write(t, dir, "app-20261121.log", []byte("old\n"))
		write(t, dir, "app-20261122.log", []byte("a\n"))
		if err := os.Symlink("app-20261122.log", filepath.Join(dir, "app.log")); err != nil {
			t.Fatal(err)
		}
		return []string{"app.log"}
	}
	for _, rotated := range []bool{false, true} {
		follow(t, input.Options{Rotated: rotated}, prepare, func(f *following) {
			if rotated {
				f.poll("old", "a")
			} else {
				f.poll("a")
			}
			f.add("app.log", "b\n")
			f.poll("b")
			f.add("app.log", "c\n")
			f.add("app-20261123.log", "d\n")
			link(f, "app-20261123.log")
			f.add("app.log", "e\n")
			f.poll("c", "d", "e")
			f.said()
		})
	}
}

func TestFollowTruncated(t *testing.T) {
	follow(t, input.Options{}, with(t, map[string]string{"app.log": "a\nb\nc"}, "app.log"), func(f *following) {
		f.poll("a", "b")
		f.add("app.log.1", "a\nb\nc")
		if err := os.Truncate(f.path("app.log"), 0); err != nil {
			f.t.Fatal(err)
		}
		f.add("app.log", "d\n")
		f.poll("c|", "d")
		f.said("app.log: truncated after 5 bytes were read, and has 2 now: reading from its beginning")
		// Even if it is longer again before anybody looks.
		if err := os.Truncate(f.path("app.log"), 0); err != nil {
			f.t.Fatal(err)
		}
		f.add("app.log", "eeeeeee\nf\n")
		f.poll("eeeeeee", "f")
		f.said("app.log: truncated after 2 bytes were read, and has 10 now: reading from its beginning")
		if err := os.Truncate(f.path("app.log"), 0); err != nil {
			f.t.Fatal(err)
		}
		f.add("app.log", "ggggggg\nh\n")
		f.poll("ggggggg", "h")
		f.said("app.log: truncated after 10 bytes were read, and has 10 now: reading from its beginning")
	})
}

func TestFollowMissing(t *testing.T) {
	follow(t, input.Options{Tail: 1}, with(t, map[string]string{"app-20261122T000000.000000Z.log": "old\n"}, "app.log"), func(f *following) {
		f.poll()
		f.said("app.log: is not there: waiting for it")
		f.add("app.log", "a\nb\n")
		f.poll("a", "b") // all of what came after the beginning
		f.remove("app.log")
		f.poll()
		f.add("app.log", "c\n")
		f.poll("c")
		f.add("app.log", "d\n")
		f.rename("app.log", "app-20261122T010000.000000Z.log")
		f.poll("d")
		f.add("app-20261122T010000.000000Z.log", "e\n")
		f.poll("e")
		f.add("app.log", "f\n")
		f.poll("f")
		f.said()
	})
}

// The directory comes later as well, and what has the name for a while is no file.
func TestFollowWhatCannotBeRead(t *testing.T) {
	follow(t, input.Options{}, with(t, nil, "deep/app.log"), func(f *following) {
		f.poll()
		f.said("deep/app.log: is not there: waiting for it")
		if err := os.Mkdir(f.path("deep"), 0o700); err != nil {
			f.t.Fatal(err)
		}
		f.add("deep/app.log", "a\n")
		f.poll("a")
		f.remove("deep/app.log")
		if err := os.Mkdir(f.path("deep/app.log"), 0o700); err != nil {
			f.t.Fatal(err)
		}
		f.poll()
		f.said("read deep/app.log: it is a directory")
		f.poll()
		f.said() // once
		f.remove("deep/app.log")
		f.add("deep/app.log", "b\n")
		f.poll("b")
		if n := f.r.Stats().Failed; n != 1 {
			f.t.Errorf("%d failed", n)
		}
	})
	stdin := io.MultiReader(strings.NewReader("in\n"), iotest.ErrReader(syscall.EIO))
	follow(t, input.Options{Stdin: stdin}, with(t, map[string]string{"app.log": "a\n"}, "-", "app.log"), func(f *following) {
		f.poll("a", "in")
		f.said("read standard input: after 3 bytes: input/output error")
	})
}

// A directory that may be searched but not listed.
func TestFollowBlind(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may list all directories")
	}
	prepare := func(dir string) []string {
		for _, name := range []string{"app.log.1", "app.log"} {
			write(t, dir, name, []byte(name+"\n"))
		}
		if err := os.Chmod(dir, 0o300); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Error(err)
			}
		})
		return []string{"app.log", "app.log.1"}
	}
	follow(t, input.Options{}, prepare, func(f *following) {
		f.poll("app.log.1", "app.log")
		f.rename("app.log", "app.log.1")
		f.add("app.log", "a\n")
		f.poll("a")
		f.said()
	})
}

func TestFollowTornLine(t *testing.T) {
	follow(t, input.Options{}, with(t, map[string]string{"app.log": "a"}, "app.log"), func(f *following) {
		f.poll()
		f.rename("app.log", "app.log.1")
		f.add("app.log", "b\n")
		f.poll("b")
		f.add("app.log.1", "A\nto")
		f.poll("aA")
		time.Sleep(2 * time.Second)
		f.poll("to|") // nobody goes on with it
		f.said()
	})
}

func TestFollowSeveral(t *testing.T) {
	files := map[string]string{"a.log": "a\n", "b.log": "b\n", "old.log.gz": "zip\n"}
	follow(t, input.Options{}, with(t, files, "old.log.gz", "b.log", "a.log", "new.log"), func(f *following) {
		f.poll("zip", "b", "a")
		f.add("a.log", "aa\n")
		f.add("new.log", "new\n")
		f.poll("aa", "new")
		f.said("new.log: is not there: waiting for it")
	})
	follow(t, input.Options{Stdin: strings.NewReader("in\nput")}, with(t, files, "a.log", "-"), func(f *following) {
		f.poll("a", "in", "put|")
	})
}

// What follows nothing that can grow comes to an end.
func TestFollowEnds(t *testing.T) {
	for name, names := range map[string][]string{"stdin": {"-"}, "compressed": {"old.log.gz"}, "both": {"old.log.gz", "-"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "old.log.gz", gzipped(t, []byte("zip\n")))
			for i, n := range names {
				if n != "-" {
					names[i] = filepath.Join(dir, n)
				}
			}
			got := readAll(t, names, input.Options{Follow: true, Stdin: strings.NewReader("in\n")})
			if got.stats.Lines != int64(len(names)) || len(got.errs) > 0 {
				t.Errorf("%d lines, errors %q", got.stats.Lines, got.errs)
			}
		})
	}
}

// A program rotates its file as fast as it can: nothing is lost, doubled or out of order.
func TestFollowFastRotations(t *testing.T) {
	for _, compress := range []rotate.Compression{rotate.None, rotate.Gzip, rotate.Zstd} {
		t.Run(compress.String(), func(t *testing.T) {
			t.Parallel()
			const lines, rotations = 20_000, 200
			path := filepath.Join(t.TempDir(), "app.log")
			log, err := rotate.Open(path, &rotate.Options{MaxSize: lines * 10 / rotations, Compress: compress})
			if err != nil {
				t.Fatal(err)
			}
			r, err := input.Open([]string{path}, &input.Options{Follow: true, OnError: func(err error) { t.Error(err) }})
			if err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				pace := time.NewTicker(5 * time.Millisecond)
				defer pace.Stop()
				for i := range lines {
					if i > lines/2 && i%100 == 0 { // over several polls
						<-pace.C
					}
					if _, err := fmt.Fprintf(log, "line %04d\n", i); err != nil {
						written <- err
						return
					}
				}
				written <- nil
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			next := 0
			for next < lines {
				c, err := r.Next(ctx)
				if err != nil {
					t.Fatalf("after %d lines: %v", next, err)
				}
				for _, line := range c.Lines() {
					if want := fmt.Sprintf("line %04d", next); string(line) != want {
						t.Fatalf("%s: line %q, want %q", filepath.Base(c.File), line, want)
					}
					next++
				}
				r.Release(c)
			}
			if err := errors.Join(<-written, log.Close(), r.Close()); err != nil {
				t.Error(err)
			}
			backups, err := filepath.Glob(filepath.Join(filepath.Dir(path), "app-*"))
			if err != nil || len(backups) < rotations/2 {
				t.Errorf("%d backups, %v: the test has tested nothing", len(backups), err)
			}
		})
	}
}

// Rotations of all kinds in any order, with many or none between two polls.
func TestFollowAnyRotations(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			numbered, at := seed%2 == 0, 0
			number := func(i int) string { return fmt.Sprintf("app.log.%d", i) }
			exists := func(f *following, name string) bool {
				_, err := os.Lstat(f.path(name))
				return err == nil
			}
			rotated := 0
			rotate := func(f *following) {
				if !exists(f, "app.log") {
					return
				}
				rotated++
				if !numbered {
					f.rename("app.log", fmt.Sprintf("app-20261122T%06d.000000Z.log", rotated))
					return
				}
				for i := 40; i > 0; i-- {
					for _, ext := range []string{"", ".gz"} {
						if exists(f, number(i)+ext) {
							f.rename(number(i)+ext, number(i+1)+ext)
						}
					}
				}
				f.rename("app.log", number(1))
			}
			compress := func(f *following) {
				if numbered { // as logrotate does: what was rotated last, or, with delaycompress, before that
					if name := number(1 + int(seed/2%2)); exists(f, name) {
						f.compress(name)
					}
					return
				}
				if name := fmt.Sprintf("app-20261122T%06d.000000Z.log", 1+random.IntN(max(rotated, 1))); exists(f, name) {
					f.compress(name)
				}
			}
			follow(t, input.Options{}, with(t, nil, "app.log"), func(f *following) {
				f.poll()
				f.said("app.log: is not there: waiting for it")
				var want []string
				for range 60 {
					switch random.IntN(7) {
					case 0, 1, 2:
						at++
						line := fmt.Sprintf("line%d", at)
						f.add("app.log", line+"\n")
						want = append(want, line)
					case 3:
						rotate(f)
						if numbered { // compressed at the end of each
							compress(f)
						}
					case 4:
						if !numbered {
							compress(f)
						}
					default:
						f.poll(want...)
						want = nil
					}
				}
				f.poll(want...)
				f.said()
			})
		})
	}
}

// The same for a set that is read while it is rotated.
func TestRotatedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	log, err := rotate.Open(path, &rotate.Options{MaxSize: 1000, Compress: rotate.Gzip})
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- log.Close()
				return
			default:
				if _, err := fmt.Fprintf(log, "line %06d\n", i); err != nil {
					stopped <- err
					return
				}
			}
			if i > 20_000 {
				<-stop
			}
		}
	}()
	for range 30 {
		got := readAll(t, []string{path}, input.Options{Rotated: true})
		for i, line := range strings.Split(strings.TrimSpace(got.data.String()), "\n") {
			if want := fmt.Sprintf("line %06d", i); line != want && got.data.Len() > 0 {
				t.Fatalf("line %q, want %q, of %d files", line, want, got.stats.Files)
			}
		}
		if len(got.errs) > 0 {
			t.Fatal(got.errs)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
