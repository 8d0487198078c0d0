package rotate_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

// What a File must not do, under any of the faults below: lose a line that Write
// has returned for, tear one, write one twice, or change their order.

func TestProcessesShareAFile(t *testing.T) {
	for _, buffered := range []bool{false, true} {
		for _, compress := range []rotate.Compression{rotate.None, rotate.Gzip} {
			for _, kill := range []bool{false, true} {
				name := fmt.Sprintf("buffered=%t,compress=%v,kill=%t", buffered, compress, kill)
				t.Run(name, func(t *testing.T) { shareAFile(t, buffered, compress, kill, nil) })
			}
		}
	}
}

func shareAFile(t *testing.T, buffered bool, compress rotate.Compression, kill bool, meanwhile func([]*child)) {
	t.Helper()
	lines := torture(2000, 20_000)
	j := job{
		Path:         filepath.Join(t.TempDir(), "app.log"),
		Lines:        lines,
		Buffered:     buffered,
		MultiProcess: true,
		Compress:     compress,
		MaxSize:      int64(torture(100_000, 1_000_000)),
	}
	var children []*child
	for i := range 4 {
		j.Writer = fmt.Sprint("p", i)
		children = append(children, startChild(t, j))
	}
	var victim *child
	if kill {
		j.Writer, j.Lines, j.Ack = "victim", 0, 100
		victim = startChild(t, j)
		victim.begin(t)
	}
	for _, c := range children {
		c.begin(t)
	}
	if kill {
		victim.kill(t, lines/2)
		j.Writer, j.Lines, j.Ack = "successor", lines, 0
		successor := startChild(t, j)
		successor.begin(t)
		children = append(children, successor)
	}
	if meanwhile != nil {
		meanwhile(children)
	}
	for _, c := range children {
		c.wait(t)
	}
	if kill {
		tidy(t, j.Path) // it may have been killed while it compressed
	}
	paths := files(t, j.Path)
	got := auditFiles(t, paths...)
	if kill {
		got.killed(t, victim.Writer, victim.acked)
	}
	got.whole(t)
	for _, c := range children {
		got.exactly(t, c.Writer, c.end.Written)
	}
	got.nobodyElse(t)
	if len(paths) < torture(8, 8) { // buffers write a lot at a time
		t.Errorf("%d files: the test did not test anything", len(paths))
	}
}

// With a file for each process, the files of those that have ended count as
// backups, and those of the living are nobody else's business.
func TestEndedProcessesLeaveBackups(t *testing.T) {
	tests := []struct {
		name  string
		opts  rotate.Options
		ended int // files that ended processes have left, in the end
	}{
		{name: "no limit", ended: -1},
		{name: "MaxBackups", opts: rotate.Options{MaxBackups: 3}, ended: 3},
		{name: "MaxTotalSize", opts: rotate.Options{MaxTotalSize: 1}},
		{name: "MaxAge", opts: rotate.Options{MaxAge: time.Nanosecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			j := job{Path: filepath.Join(dir, "app.log"), MaxSize: 4_000, PerProcess: true, Ack: 1}
			pathOf := func(c *child) string {
				return filepath.Join(dir, fmt.Sprintf("app.%d.log", c.cmd.Process.Pid))
			}
			start := func(writer string) *child {
				j.Writer = writer
				c := startChild(t, j)
				c.begin(t)
				return c
			}
			living := start("living")
			living.follow(func() bool { return living.acked > 100 })
			j.Lines = 300
			var ended []*child
			for i := range torture(4, 12) {
				ended = append(ended, start(fmt.Sprint("ended", i)))
			}
			for i, c := range ended {
				if i%2 == 0 { // one that closes its file looks after those of the others
					c.kill(t, 20*i)
				} else {
					c.wait(t)
					c.acked = j.Lines
				}
			}

			opts := tt.opts
			opts.PerProcess = true
			// The living one looks after the ended ones as well: while it has its
			// hands on a file of theirs, that one seems to be in use.
			left := func() (live, all int) {
				for _, c := range ended {
					paths, _ := filesAndOthers(t, pathOf(c))
					all += len(paths)
					if slices.Contains(paths, pathOf(c)) {
						live++
					}
				}
				return live, all
			}
			for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
				mustClose(t, mustOpen(t, j.Path, &opts))
				if live, all := left(); live == 0 && (tt.ended < 0 || all == tt.ended) {
					break
				}
			}
			if live, all := left(); live > 0 || tt.ended >= 0 && all != tt.ended {
				t.Errorf("%d files of ended processes, %d of them live ones, want %d and 0", all, live, tt.ended)
			}

			living.stop(t)
			paths, _ := filesAndOthers(t, pathOf(living))
			got := auditFiles(t, paths...)
			got.whole(t)
			got.exactly(t, "living", living.end.Written)
			got.nobodyElse(t)
			for _, c := range ended {
				paths, _ := filesAndOthers(t, pathOf(c))
				got := auditFiles(t, paths...)
				if tt.ended < 0 {
					got.killed(t, c.Writer, c.acked)
				}
				got.whole(t)
			}
			mustClose(t, mustOpen(t, j.Path, &opts)) // nobody lives any more
			for _, name := range names(t, dir) {
				if strings.HasPrefix(name, ".") && name != fmt.Sprintf(".app.%d.log.lock", os.Getpid()) {
					t.Errorf("%s was left over", name)
				}
			}
		})
	}
}

func TestKilledProcessLosesNothing(t *testing.T) {
	tests := []struct {
		name string
		job  job
	}{
		{"plain", job{MaxSize: 50_000}},
		{"compressing", job{MaxSize: 8_000, Compress: rotate.Gzip}},
		{"rotating", job{Rotating: true}},
		{"buffered", job{MaxSize: 100_000, Buffered: true, Compress: rotate.Zstd}},
		{"syncing", job{MaxSize: 8_000, SyncEveryWrite: true}},
		{"shared", job{MaxSize: 8_000, Compress: rotate.Gzip, MultiProcess: true}},
		{"shared, buffered", job{MaxSize: 100_000, Buffered: true, MultiProcess: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := tt.job
			j.Path = filepath.Join(t.TempDir(), "app.log")
			var survivor *child // of those that share the file
			if j.MultiProcess {
				steady := j
				steady.Writer, steady.Steady = "survivor", true
				survivor = startChild(t, steady)
				survivor.begin(t)
			}
			j.Ack = 1
			if j.Buffered {
				j.Ack = 100
			}
			var killed []*child
			for round := range torture(5, 50) {
				j.Writer = fmt.Sprint("r", round)
				c := startChild(t, j)
				c.begin(t)
				most := 3000
				if j.SyncEveryWrite {
					most = 20
				}
				c.kill(t, 1+rand.IntN(most))
				killed = append(killed, c)
			}
			if survivor != nil {
				survivor.stop(t)
			}
			// The next one ends a torn line and tidies up.
			f := mustOpen(t, j.Path, j.options())
			mustWrite(t, f, string(lineOf("last", 0)))
			mustClose(t, f)
			paths := files(t, j.Path)
			got := auditFiles(t, paths...)
			acked := 0
			for _, c := range killed {
				got.killed(t, c.Writer, c.acked)
				acked += c.acked
			}
			got.whole(t)
			if survivor != nil {
				got.exactly(t, survivor.Writer, survivor.end.Written)
			}
			got.exactly(t, "last", upTo(1))
			got.nobodyElse(t)
			if acked == 0 {
				t.Error("no line was written: the test did not test anything")
			}
		})
	}
}

// The kernel may cut a large write short when it kills the process. What was
// written up to then stays, and whoever writes next begins a new line.
func TestKilledInTheMiddleOfAWrite(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared=%t", shared), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			j := job{Path: path, MaxSize: 4_000_000, MultiProcess: shared}
			var survivor *child
			if shared {
				steady := j
				steady.Writer, steady.Steady = "survivor", true
				survivor = startChild(t, steady)
				survivor.begin(t)
			}
			j.Batch = torture(10_000, 10_000)
			j.Ack = j.Batch
			var killed []*child
			for round := range torture(5, 50) {
				j.Writer = fmt.Sprint("r", round)
				c := startChild(t, j)
				c.begin(t)
				c.follow(func() bool { return c.acked > 0 })
				waitForGrowth(t, path)
				c.kill(t, 1)
				killed = append(killed, c)
			}
			if survivor != nil {
				survivor.stop(t)
			}
			tidy(t, path)
			got := auditFiles(t, files(t, path)...)
			torn := len(got.torn)
			for _, c := range killed {
				got.killed(t, c.Writer, c.acked)
			}
			got.whole(t)
			if survivor != nil {
				got.exactly(t, survivor.Writer, survivor.end.Written)
			}
			got.nobodyElse(t)
			t.Logf("%d of %d processes have left a torn line", torn, len(killed))
		})
	}
}

// waitForGrowth returns in the middle of a large write to the file at path.
func waitForGrowth(t *testing.T, path string) {
	t.Helper()
	size := int64(math.MaxInt64)
	for {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size()-20_000 > size {
			return
		}
		size = info.Size() // which is smaller after a rotation
		runtime.Gosched()
	}
}

// A rotation links the live file to the name of a backup, and then renames the
// next file to the live path. What was killed in between has one file by two
// names.
func TestKilledBetweenTwoStepsOfARotation(t *testing.T) {
	for _, opts := range []rotate.Options{{}, {MultiProcess: true}} {
		t.Run(fmt.Sprintf("MultiProcess=%t", opts.MultiProcess), func(t *testing.T) {
			if opts.MultiProcess {
				needsLocks(t)
			}
			path := filepath.Join(t.TempDir(), "app.log")
			f := mustOpen(t, path, &opts)
			const lines = 10
			for i := range lines {
				mustWrite(t, f, string(lineOf("w", i)))
				if i != lines/2 {
					continue
				}
				if !opts.MultiProcess { // it was this process
					mustClose(t, f)
				}
				backup := filepath.Join(filepath.Dir(path), "app-20201121T233046.123456Z.log")
				if err := os.Link(path, backup); err != nil {
					t.Skip(err)
				}
				if !opts.MultiProcess {
					f = mustOpen(t, path, &opts)
				}
			}
			mustRotate(t, f)
			mustClose(t, f)
			got := auditFiles(t, files(t, path)...)
			got.whole(t)
			got.exactly(t, "w", upTo(lines))
			got.nobodyElse(t)
		})
	}
}

func TestThousandsOfRotationsInARow(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	const warm = 50
	for _, compress := range []rotate.Compression{rotate.None, rotate.Gzip} {
		t.Run(fmt.Sprint("compress=", compress), func(t *testing.T) {
			rotations := torture(500, 10_000)
			if compress != rotate.None { // which looks at the directory once for each file
				rotations = torture(200, 2_000)
			}
			path := filepath.Join(t.TempDir(), "app.log")
			f, err := rotate.Open(path, &rotate.Options{Compress: compress})
			if err != nil {
				t.Fatal(err)
			}
			var goroutines, descriptors int
			for i := range rotations {
				if i == warm {
					goroutines, descriptors = runtime.NumGoroutine(), countDescriptors(t)
				}
				mustWrite(t, f, string(lineOf("w", i)))
				mustRotate(t, f)
			}
			for end := time.Now().Add(time.Minute); countDescriptors(t) > descriptors+3 && time.Now().Before(end); {
				<-time.After(time.Millisecond) // a file that is being compressed has some
			}
			// Besides those of the moment, such as that of a file being compressed.
			if now := runtime.NumGoroutine(); now > goroutines+3 {
				t.Errorf("%d goroutines, %d after %d rotations", now, goroutines, warm)
			}
			if now := countDescriptors(t); now > descriptors+3 {
				t.Errorf("%d descriptors, %d after %d rotations", now, descriptors, warm)
			}
			s := f.Stats()
			mustClose(t, f)
			paths := files(t, path)
			got := auditFiles(t, paths...)
			got.whole(t)
			got.exactly(t, "w", upTo(rotations))
			got.nobodyElse(t)
			checkSum(t, s)
			if int(s.Rotations) != rotations || len(paths) != rotations+1 {
				t.Errorf("%d rotations counted, %d files, want %d and one more", s.Rotations, len(paths), rotations)
			}
		})
	}
}

// countDescriptors returns how many files this process has open, 0 where that
// cannot be found out.
func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}

func TestReopensAfterAnInputOutputError(t *testing.T) {
	for _, failure := range []error{syscall.EIO, syscall.ESTALE} {
		for _, written := range []int{0, 40, 1 << 20} {
			t.Run(fmt.Sprintf("%v after %d bytes", failure, written), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				var log errorLog
				f := mustOpen(t, path, &rotate.Options{OnError: log.add})
				const lines = 10
				for i := range lines {
					if i == lines/2 {
						wrapEngine(f).Short(written, failure)
					}
					mustWrite(t, f, string(lineOf("w", i)))
				}
				mustClose(t, f)
				got := auditFiles(t, files(t, path)...)
				got.whole(t)
				got.exactly(t, "w", upTo(lines))
				got.nobodyElse(t)
				checkStats(t, f, lines, 0)
				if got := f.Stats().Reopened; got != 1 {
					t.Errorf("Reopened = %d, want 1", got)
				}
				if errs := log.all(f); len(errs) != 1 || !errors.Is(errs[0], failure) {
					t.Errorf("OnError was told %v, want %v once", errs, failure)
				}
			})
		}
	}
}

func TestClockMayJump(t *testing.T) {
	tests := []struct {
		name string
		left string // what an earlier process has left
	}{
		{"back by decades", "app-20401121T233046.123456Z.log"},
		{"back by an hour", "app-20000101T010000.000000Z.log"},
		{"ahead by years", "app-19901121T233046.123456Z.log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) { // where it is midnight on 2000-01-01
				path := filepath.Join(t.TempDir(), "app.log")
				writeFile(t, filepath.Join(filepath.Dir(path), tt.left), string(lineOf("before", 0)))
				f := mustOpen(t, path, &rotate.Options{MaxBackups: 3})
				const lines = 10
				for i := range lines {
					mustWrite(t, f, string(lineOf("w", i)))
					mustRotate(t, f)
					time.Sleep(time.Second)
				}
				mustClose(t, f)
				checkStats(t, f, lines, 0)
				got := auditFiles(t, files(t, path)...)
				got.whole(t)
				got.exactly(t, "w", []int{lines - 3, lines - 2, lines - 1})
				got.nobodyElse(t)
			})
		})
	}
}

func TestDirectoryIsTakenAwayAgainAndAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		root := t.TempDir()
		dir := filepath.Join(root, "logs")
		path := filepath.Join(dir, "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxSize: 4_000})
		i := 0
		for round := range max(20, torture(20, 200)) {
			for range 50 {
				mustWrite(t, f, string(lineOf("w", i)))
				time.Sleep(50 * time.Millisecond)
				i++
			}
			if err := os.Rename(dir, filepath.Join(root, fmt.Sprintf("away-%03d", round))); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, f)
		checkStats(t, f, int64(i), 0)
		var paths []string
		for _, name := range names(t, root) {
			// The next file, made ahead, was taken away as well.
			tidy(t, filepath.Join(root, name, "app.log"))
			paths = append(paths, files(t, filepath.Join(root, name, "app.log"))...)
		}
		got := auditFiles(t, paths...)
		got.whole(t)
		got.exactly(t, "w", upTo(i))
		got.nobodyElse(t)
		if n := strings.Count(strings.Join(paths, "\n"), "app-"); n < 10 {
			t.Errorf("%d rotations: the test did not test anything", n)
		}
	})
}
