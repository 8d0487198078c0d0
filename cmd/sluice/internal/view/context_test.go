package view_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

// A randomLog has lines of JSON at ERROR now and then, and text between them: more than several chunks.
func randomLog(r *rand.Rand, size int) (lines []string) {
	for i := 0; size > 0; i++ {
		var line string
		switch n := r.IntN(1000); {
		case n < 5:
			line = fmt.Sprintf(`{"level":"ERROR","msg":"error","n":%d}`, i)
		case n < 200:
			line = fmt.Sprintf("text %d %s", i, strings.Repeat("x", r.IntN(200)))
		default:
			line = fmt.Sprintf(`{"level":"INFO","msg":%q,"n":%d}`, strings.Repeat("y", r.IntN(200)), i)
		}
		lines = append(lines, line)
		size -= len(line) + 1
	}
	return lines
}

// near returns the lines that --level error prints with context, as grep would, and with the text that goes with a line.
func near(lines []string, before, after, first, last int) string {
	const (
		other = iota
		match
		owned
	)
	classes := make([]int, len(lines))
	var matches []int
	for i, line := range lines {
		switch {
		case strings.Contains(line, "ERROR"):
			classes[i] = match
			matches = append(matches, i)
		case strings.HasPrefix(line, "text") && i > 0 && classes[i-1] != other:
			classes[i] = owned
		}
	}
	begin, end := 0, len(lines)
	if first > 0 && first < len(matches) {
		end = matches[first]
	}
	if last > 0 && last < len(matches) {
		begin = matches[len(matches)-last]
	}
	printed := make([]bool, len(lines))
	for i := begin; i < end; i++ {
		for j := i; j <= min(i+after, end-1) && classes[i] != other; j++ {
			printed[j] = true
		}
		for j := max(i-before, 0); j < i && classes[i] == match; j++ {
			printed[j] = true
		}
	}
	var b strings.Builder
	for i, line := range lines {
		if printed[i] {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestContextIsThatOfGrep(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	size := 1 << 20
	if testlog.Race {
		size = 300 << 10 // is more than a chunk, too
	}
	lines := randomLog(rand.New(rand.NewPCG(seed, 1)), size)
	log := strings.Join(lines, "\n") + "\n"
	for _, tt := range []struct{ before, after, first, last int }{
		{0, 0, 0, 0},
		{1, 0, 0, 0},
		{0, 1, 0, 0},
		{3, 2, 0, 0},
		{200, 100, 0, 0},
		{1000, 1000, 0, 0},
		{2, 2, 20, 0},
		{0, 0, 20, 0},
		{0, 0, 0, 20},
		{4, 3, 0, 20},
		{300, 2, 0, 5},
		{2, 300, 0, 5},
	} {
		args := []string{"--raw", "-l", "error"}
		for flag, n := range map[string]int{"-B": tt.before, "-A": tt.after, "-m": tt.first, "-n": tt.last} {
			if n > 0 {
				args = append(args, flag, strconv.Itoa(n))
			}
		}
		want := near(lines, tt.before, tt.after, tt.first, tt.last)
		for _, mode := range [][]string{nil, {"-f"}} {
			if mode != nil && tt.first+tt.last > 0 { // these mean something else there
				continue
			}
			got, _, _ := viewed(t, log, append(args, mode...)...)
			if got != want {
				t.Errorf("seed %d: %v %v: mismatch (-want +got)\n%s", seed, args, mode, firstDiff(want, got))
			}
		}
	}
}

// firstDiff returns where two texts begin to differ.
func firstDiff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d:\n%s", i+1, cmp.Diff(a[max(0, i-2):min(len(a), i+3)], b[max(0, i-2):min(len(b), i+3)]))
		}
	}
	return fmt.Sprintf("%d lines and %d", len(a), len(b))
}

func TestSeparatorsStandBetweenGroups(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 30 {
		level := "INFO"
		if i == 5 || i == 8 || i == 9 || i == 20 {
			level = "ERROR"
		}
		fmt.Fprintf(&log, `{"level":%q,"msg":"%d"}`+"\n", level, i)
	}
	const want = "INF 4\nERR 5\nINF 6\nINF 7\nERR 8\nERR 9\nINF 10\n--\nINF 19\nERR 20\nINF 21\n"
	few, _, _ := viewed(t, log.String(), "-C", "2", "-l", "error", "-n", "2")
	if diff := cmp.Diff("INF 7\nERR 8\nERR 9\nINF 10\nINF 11\n--\nINF 18\nINF 19\nERR 20\nINF 21\nINF 22\n", few); diff != "" {
		t.Errorf("the context of the last ones: mismatch (-want +got)\n%s", diff)
	}
	for _, args := range [][]string{{"-C", "1"}, {"-C", "1", "-n", "10"}, {"-f", "-C", "1"}} {
		got, _, _ := viewed(t, log.String(), append(args, "-l", "error")...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: mismatch (-want +got)\n%s", args, diff)
		}
	}
	got, _, _ := viewed(t, log.String(), "-C", "1", "-l", "error", "--raw")
	if strings.Contains(got, "--\n") {
		t.Errorf("--raw has separators:\n%s", got)
	}
}

// Text that is longer than a chunk goes with the line before all the same, and is context where it is not printed.
func TestTextMayBeLong(t *testing.T) {
	t.Parallel()
	texts := make([]string, 50_000)
	for i := range texts {
		texts[i] = fmt.Sprintf("text %d\n", i)
	}
	const failed, fine, end = `{"level":"ERROR"}` + "\n", `{"level":"INFO"}` + "\n", `{"level":"FATAL"}` + "\n"
	text := func(from, to int) string { return strings.Join(texts[from:to], "") }
	all := text(0, len(texts))
	for _, tt := range []struct{ name, log, args, want string }{
		{"it goes with the line before", failed + all + end, "-l error", failed + all + end},
		{"also with the last one that is wanted", failed + all + end, "-l error -m 1", failed + all},
		{"or is left out with it", fine + all + end, "-l error", end},
		{"it is context", failed + fine + all + end, "-l error -A 3 -B 2", failed + fine + text(0, 2) + text(len(texts)-2, len(texts)) + end},
		{"it is context before what matches", fine + all + end, "-l error -B 2", text(len(texts)-2, len(texts)) + end},
		{"it is context behind what matches", failed + fine + all + fine, "-l error -A 1000", failed + fine + text(0, 999)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(tt.args), "--raw")
			if got, _, _ := viewed(t, tt.log, args...); got != tt.want {
				t.Errorf("mismatch (-want +got)\n%s", firstDiff(tt.want, got))
			}
			begin, rest, _ := strings.Cut(tt.log, "text 0\n")
			if strings.Contains(tt.args, "-m") || !strings.HasPrefix(begin, failed) {
				return
			}
			// Here the text begins with a chunk: it is written when the lines before it have been printed.
			r, w := io.Pipe()
			out := make(watched, 1000)
			ended := make(chan int, 1)
			go func() { ended <- call(t.Context(), r, out, io.Discard, append(args, "-f")...) }()
			_, _ = io.WriteString(w, begin)
			want := failed
			if strings.Contains(tt.args, "-A") {
				want = begin
			}
			var got strings.Builder
			got.WriteString(out.wait(t, want))
			_, _ = io.WriteString(w, "text 0\n"+rest)
			_ = w.Close()
			<-ended
			close(out)
			for text := range out {
				got.WriteString(text)
			}
			if got.String() != tt.want {
				t.Errorf("-f: mismatch (-want +got)\n%s", firstDiff(tt.want, got.String()))
			}
		})
	}
}
