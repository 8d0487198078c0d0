package rotate_test

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

// torture returns the size of a fault run: small unless SLUICE_TORTURE is set,
// and smaller with the race detector, which makes everything slow.
func torture(small, full int) int {
	if os.Getenv("SLUICE_TORTURE") != "" {
		return full
	}
	if testlog.Race {
		return (2*small + 4) / 5
	}
	return small
}

// lineOf returns line i of a writer. It says whose it is and which one, has its
// own length, and ends in a checksum.
func lineOf(writer string, i int) []byte {
	line := fmt.Appendf(nil, "%s %d %s", writer, i, strings.Repeat("x", i*31%251))
	return fmt.Appendf(line, " %08x\n", crc32.ChecksumIEEE(line))
}

// parseLine is the inverse of lineOf. It refuses whatever lineOf does not make.
func parseLine(line string) (writer string, i int, ok bool) {
	writer, rest, _ := strings.Cut(line, " ")
	number, _, _ := strings.Cut(rest, " ")
	i, err := strconv.Atoi(number)
	return writer, i, err == nil && string(lineOf(writer, i)) == line+"\n"
}

// files returns the files that hold the lines of path: the backups, oldest
// first, and the live one, if it is there. A backup that is there plain and
// compressed, because turning one into the other was interrupted, counts once,
// and must be the same in both forms. It fails t if there is anything else in
// the directory, the lock files aside.
func files(t testing.TB, path string) []string {
	t.Helper()
	all, others := filesAndOthers(t, path)
	if len(others) > 0 {
		t.Errorf("left over: %v", others)
	}
	return all
}

func filesAndOthers(t testing.TB, path string) (all, others []string) {
	t.Helper()
	dir, live := filepath.Split(path)
	byPlain := make(map[string]string)
	alive := false
	for _, name := range names(t, dir) {
		plain, ok := rotate.ParseBackup(live, name)
		switch {
		case ok && byPlain[plain] != "":
			if text(t, filepath.Join(dir, name)) != text(t, byPlain[plain]) {
				t.Errorf("%s and %s differ", name, byPlain[plain])
			}
		case ok:
			byPlain[plain] = filepath.Join(dir, name)
		case name == live:
			alive = true
		case !strings.HasSuffix(name, ".lock"):
			others = append(others, name)
		}
	}
	for _, file := range byPlain {
		all = append(all, file)
	}
	slices.SortFunc(all, func(a, b string) int {
		// The number of a second backup in one microsecond is after the Z, and
		// "-" is before "." in ASCII.
		aTime, aNumber, _ := strings.Cut(filepath.Base(a), "Z")
		bTime, bNumber, _ := strings.Cut(filepath.Base(b), "Z")
		return cmp.Or(cmp.Compare(aTime, bTime), number(aNumber)-number(bNumber))
	})
	if alive {
		all = append(all, path)
	}
	return all, others
}

// text is read for what rotate makes, which includes zstd.
func text(t testing.TB, path string) string {
	t.Helper()
	content := read(t, path)
	if !strings.HasSuffix(path, ".zst") {
		return content
	}
	r, err := zstd.NewReader(strings.NewReader(content), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(plain)
}

// number returns the 2 of "-2.log.gz", and 0 for ".log".
func number(suffix string) int {
	digits, _, _ := strings.Cut(suffix, ".")
	n, _ := strconv.Atoi(strings.TrimPrefix(digits, "-"))
	return n
}

// tidy has Open remove what could not be removed when it should have been.
func tidy(t testing.TB, path string) {
	t.Helper()
	f, err := rotate.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)
}

// An audit is what stands in some files.
type audit struct {
	lines map[string][]int // the numbers of each writer's lines, in the order of the files
	torn  []string         // what is no line
}

// auditFiles reads the files, oldest first.
func auditFiles(t testing.TB, paths ...string) audit {
	t.Helper()
	a := audit{lines: make(map[string][]int)}
	for _, path := range paths {
		content := text(t, path)
		if strings.Contains(content, "\x00") {
			t.Errorf("%s holds a NUL", filepath.Base(path))
		}
		lines, rest := testlog.Lines([]byte(content))
		for _, line := range lines {
			if writer, i, ok := parseLine(line); ok {
				a.lines[writer] = append(a.lines[writer], i)
			} else {
				a.torn = append(a.torn, line)
			}
		}
		if rest != "" {
			a.torn = append(a.torn, rest)
		}
	}
	return a
}

// whole fails t if there is anything but whole lines.
func (a audit) whole(t testing.TB) {
	t.Helper()
	if n := len(a.torn); n > 0 {
		t.Errorf("%d torn lines, such as %.300q", n, a.torn[0])
	}
}

// exactly fails t unless the lines of writer are the ones given, each once and
// in order.
func (a audit) exactly(t testing.TB, writer string, want []int) {
	t.Helper()
	got := a.lines[writer]
	delete(a.lines, writer)
	if slices.Equal(got, want) {
		return
	}
	in := make(map[int]int)
	for _, i := range got {
		in[i]++
	}
	var lost, extra []int
	for _, i := range want {
		if in[i] == 0 {
			lost = append(lost, i)
		}
		in[i]--
	}
	for i, n := range in {
		if n > 0 {
			extra = append(extra, i)
		}
	}
	slices.Sort(extra)
	t.Errorf("%s: %d lines, want %d: %d lost %.12v, %d duplicated or unknown %.12v, in order: %t", writer,
		len(got), len(want), len(lost), head(lost), len(extra), head(extra), slices.IsSorted(got))
}

func head(all []int) []int { return all[:min(12, len(all))] }

// killed fails t unless the lines of a writer that was killed are its first ones,
// each once and in order, and at least acked of them. The line that it was
// writing at that moment may be cut, if what there is of it stands alone.
func (a *audit) killed(t testing.TB, writer string, acked int) {
	t.Helper()
	n := len(a.lines[writer])
	if n < acked {
		t.Errorf("%s: %d lines, but it was told that %d are written", writer, n, acked)
	}
	a.exactly(t, writer, upTo(n))
	cut := slices.IndexFunc(a.torn, func(s string) bool { return s != "" && strings.HasPrefix(string(lineOf(writer, n)), s) })
	if cut >= 0 {
		a.torn = slices.Delete(a.torn, cut, cut+1)
	}
}

// nobodyElse fails t if there is a line that no call of exactly has asked for.
func (a audit) nobodyElse(t testing.TB) {
	t.Helper()
	for writer, lines := range a.lines {
		t.Errorf("%d lines of %q: nobody has written them", len(lines), writer)
	}
}

// upTo returns 0, 1, … n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// checkSum fails t unless every line accepted was either written or dropped.
func checkSum(t testing.TB, s rotate.Stats) {
	t.Helper()
	if s.Accepted != s.Written+s.Dropped {
		t.Errorf("%d lines accepted, but %d written and %d dropped", s.Accepted, s.Written, s.Dropped)
	}
}
