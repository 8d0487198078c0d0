package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The programs that are set against each other.
const (
	statTool     = "sluice stat"
	viewTool     = "sluice view --level error"
	viewRawTool  = "sluice view --level error --raw"
	jqTool       = `jq -c 'select(.level=="ERROR")'`
	hlTool       = "hl --level error --raw"
	grepTool     = `grep '"level":"ERROR"'`
	decompressor = "klauspost/compress alone"
)

// What was asked for.
const (
	leastMB          = 300 // a second
	leastOfJQ        = 3.0 // or so many times its speed
	leastOfUnpacking = 0.9 // of the decompressor's speed
	mostMemory       = 64 << 20
)

// The cases of toolFigures, each with its file.
const (
	wholeCase = iota
	gzipCase
	zstdCase
	lineCase
	junkCase
)

func toolCaseFiles() []string { return []string{plainLog, gzipLog, zstdLog, longLine, junk} }

// toolFigures holds what was measured of programs that look through logs.
type toolFigures struct {
	files             *toolFiles
	own               int64    // the memory of this process, from which those that it starts begin
	wall, cpu, memory *results // memory in bytes, as if they were nanoseconds
	left              []string // what is not on this machine
}

// toolPrograms returns what is to be measured, with the sluice of that path, and the names of those that are not
// on this machine.
func toolPrograms(ctx context.Context, sluice string) (programs []toolProgram, left []string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	const tree = "of this tree"
	whole, all := []int{wholeCase}, []int{wholeCase, gzipCase, zstdCase, lineCase, junkCase}
	programs = []toolProgram{
		{name: statTool, version: tree, path: sluice, args: []string{"stat"}, cases: all},
		{name: viewRawTool, version: tree, path: sluice, args: []string{"view", "--level", "error", "--raw"}, cases: all, counts: true},
		{name: viewTool, version: tree, path: sluice, args: []string{"view", "--level", "error"}, cases: all, counts: true},
	}
	for _, other := range []struct {
		name, command string
		args          []string
	}{
		{jqTool, "jq", []string{"-c", `select(.level=="ERROR")`}},
		{hlTool, "hl", []string{"-P", "--level", "error", "--raw"}},
		{grepTool, "grep", []string{`"level":"ERROR"`}},
	} {
		path, err := exec.LookPath(other.command)
		if err != nil {
			left = append(left, other.command)
			continue
		}
		out, err := exec.CommandContext(ctx, path, "--version").Output() //nolint:gosec // see above
		if err != nil {
			return nil, nil, fmt.Errorf("%s --version: %w", path, err)
		}
		line, _, _ := strings.Cut(string(out), "\n")
		programs = append(programs, toolProgram{
			name: other.name, version: lastWord(line), path: path, args: other.args, cases: whole, counts: true,
		})
	}
	return append(programs, toolProgram{
		name: decompressor, version: moduleVersion("github.com/klauspost/compress"),
		path: exe, env: []string{toolVariable + "=" + unpacking}, cases: []int{gzipCase, zstdCase},
	}), left, nil
}

// lastWord returns the version in "grep (GNU grep) 3.11" and "jq-1.7".
func lastWord(line string) string {
	words := strings.Fields(strings.ReplaceAll(line, "jq-", ""))
	if len(words) == 0 {
		return "unknown"
	}
	return words[len(words)-1]
}

// moduleVersion returns the version of a module of this build.
func moduleVersion(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}

// buildTool builds the sluice of the repository into a directory, and returns its path.
func buildTool(ctx context.Context, root, to string) (string, error) {
	path := filepath.Join(to, "sluice")
	c := exec.CommandContext(ctx, "go", "build", "-o", path, ".") //nolint:gosec // a folder of this program
	c.Dir = filepath.Join(root, "cmd", "sluice")
	c.Env = append(os.Environ(), "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", c.Dir, err, out)
	}
	return path, nil
}

// reportTool builds sluice, writes the logs, and measures. Ctrl-C ends it, and leaves no gigabytes behind.
func reportTool(root string, megabytes, rounds int, progress io.Writer) (_ *toolFigures, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "sluice-report-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sluice, err := buildTool(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	programs, left, err := toolPrograms(ctx, sluice)
	if err != nil {
		return nil, err
	}
	files, err := openToolFiles(ctx, dir, int64(megabytes)*1e6)
	if err != nil {
		return nil, err
	}
	if err := checkTool(ctx, programs, files); err != nil {
		return nil, err
	}
	f := measureTool(ctx, programs, files, rounds, progress)
	f.left = left
	return f, ctx.Err()
}

// checkTool has all look through a small log, and sets what they find against what is in it.
func checkTool(ctx context.Context, programs []toolProgram, files *toolFiles) error {
	sums := make(map[string]string)
	for i := range programs {
		p := &programs[i]
		if !p.counts {
			continue
		}
		sum := sha256.New()
		r, err := p.run(ctx, files.path(smallLog), sum)
		if err == nil && r.lines != files.Errors[smallLog] {
			err = fmt.Errorf("%s: %d lines, of %d errors in the log", p.name, r.lines, files.Errors[smallLog])
		}
		if err != nil {
			return err
		}
		sums[p.name] = string(sum.Sum(nil))
	}
	want, ok := sums[grepTool]
	if got, both := sums[viewRawTool]; ok && both && got != want {
		return fmt.Errorf("%s and %s print different lines", viewRawTool, grepTool)
	}
	return checkStat(ctx, programs, files)
}

// checkStat looks at what sluice stat has counted.
func checkStat(ctx context.Context, programs []toolProgram, files *toolFiles) error {
	i := slices.IndexFunc(programs, func(p toolProgram) bool { return p.name == statTool })
	if i < 0 {
		return nil
	}
	p := programs[i]
	p.args = append(slices.Clone(p.args), "--json")
	var out strings.Builder
	if _, err := p.run(ctx, files.path(smallLog), &out); err != nil {
		return err
	}
	var counted struct {
		Levels []struct {
			Level string
			Lines int
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &counted); err != nil {
		return fmt.Errorf("%s --json: %w", p.name, err)
	}
	for _, l := range counted.Levels {
		if l.Level == "ERROR" && l.Lines == files.Errors[smallLog] {
			return nil
		}
	}
	return fmt.Errorf("%s --json: %v, of %d errors in the log", p.name, counted.Levels, files.Errors[smallLog])
}

// measureTool has every program look through its files once a round, in turn as measure does.
func measureTool(ctx context.Context, programs []toolProgram, files *toolFiles, rounds int, progress io.Writer) *toolFigures {
	f := newToolFigures(programs, files)
	begun := time.Now()
	for round := range rounds {
		for c, file := range toolCaseFiles() {
			for _, j := range turns(len(programs), round) {
				if slices.Contains(programs[j].cases, c) && ctx.Err() == nil && f.wall.cells[c][j].fault == nil {
					f.run(ctx, c, j, programs[j], file)
				}
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	f.own = ownMemory()
	return f
}

func newToolFigures(programs []toolProgram, files *toolFiles) *toolFigures {
	f := &toolFigures{files: files, wall: &results{}, cpu: &results{}, memory: &results{}}
	for _, r := range []*results{f.wall, f.cpu, f.memory} {
		for i := range programs {
			p := &programs[i]
			r.peers = append(r.peers, peer{p.name, p.version})
		}
		r.cases = toolCaseFiles()
		for range r.cases {
			r.cells = append(r.cells, make([]cell, len(programs)))
		}
	}
	return f
}

func (f *toolFigures) run(ctx context.Context, c, j int, p toolProgram, file string) {
	var codes []int
	if c == lineCase || c == junkCase {
		codes = []int{1, 3} // nothing is found, and something could not be read
	}
	r, err := p.run(ctx, f.files.path(file), io.Discard, codes...)
	if want := f.files.Errors[file]; err == nil && p.counts && c <= zstdCase && r.lines != want {
		err = fmt.Errorf("%s: %d lines, of %d errors in %s", p.name, r.lines, want, file)
	}
	f.wall.add(c, j, r.wall, err)
	if err == nil {
		f.cpu.add(c, j, r.cpu, nil)
		f.memory.add(c, j, time.Duration(r.memory), nil)
	}
}

// toolSummary returns the tables for the page.
func toolSummary(f *toolFigures, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Processes that look for errors in a log of %s, as `slog.JSONHandler` writes it, %d bytes a line, 2 %% of them errors. It has been read before: the "+
		"disk is not measured. What they print goes through a pipe, where its lines are counted. Before that all have found the same errors in a small log, and `%s` "+
		"the same bytes as grep. MB/s are those of the log, decompressed; CPU is what all cores worked; memory the most that a process had at once, in any round, "+
		"of which the first %s are of the process that started it.\n",
		size(f.files.Bytes[plainLog]), f.lineSize(), viewRawTool, mebibytes(float64(f.own)))
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n\n", s.rounds, s.machine, s.date)
	f.caseTable(&out, wholeCase, jqTool)
	fmt.Fprintf(&out, "\n%s of it, with gzip:\n\n", size(f.files.Bytes[gzipLog]))
	f.caseTable(&out, gzipCase, decompressor)
	out.WriteString("\nThe same with zstd:\n\n")
	f.caseTable(&out, zstdCase, decompressor)
	fmt.Fprintf(&out, "\nOne line of %s, which does not end:\n\n", size(f.files.Bytes[longLine]))
	f.caseTable(&out, lineCase, "")
	fmt.Fprintf(&out, "\n%s of random bytes:\n\n", size(f.files.Bytes[junk]))
	f.caseTable(&out, junkCase, "")
	out.WriteString("\nWhat was asked for:\n\n")
	table(&out, []string{"what", "asked", "measured", ""}, f.asked())
	versions := make([]string, 0, len(f.wall.peers))
	for _, p := range f.wall.peers {
		if p.name != viewTool && p.name != viewRawTool {
			name, _, _ := strings.Cut(p.name, " ")
			versions = append(versions, name+" "+p.version)
		}
	}
	fmt.Fprintf(&out, "\n%s. `%s` decompresses on one core, as `sluice` does beside its other work.", strings.Join(versions, ", "), decompressor)
	if len(f.left) > 0 {
		fmt.Fprintf(&out, " Not on this machine, and left out: %s.", strings.Join(f.left, ", "))
	}
	return out.String() + "\n"
}

func (f *toolFigures) lineSize() int64 {
	return f.files.Bytes[smallLog] / max(int64(f.files.Lines[smallLog]), 1)
}

// size returns a size in decimal units, as speeds are.
func size(bytes int64) string {
	if bytes >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

// caseTable writes the rows of all that were measured in a case, and their speed as a multiple of that of another.
func (f *toolFigures) caseTable(out *strings.Builder, c int, other string) {
	head := []string{"", "MB/s", "against " + other, "CPU", "memory"}
	if other == "" {
		head = slices.Delete(head, 2, 3)
	}
	var rows [][]string
	for j, p := range f.wall.peers {
		cell := f.wall.cells[c][j]
		if cell.fault != nil {
			rows = append(rows, slices.Concat([]string{p.name, "invalid"}, slices.Repeat([]string{"–"}, len(head)-2)))
			continue
		}
		if len(cell.samples) == 0 {
			continue
		}
		row := []string{p.name, fmt.Sprintf("%.0f", f.speed(c, j))}
		if other != "" {
			against := "–"
			if ratio, ok := f.wall.ratio(c, other, p.name); ok {
				against = times(ratio)
			}
			row = append(row, against)
		}
		rows = append(rows, append(row, duration(median(f.cpu.cells[c][j].figures(nanoseconds))), mebibytes(f.most(c, j))))
	}
	table(out, head, rows)
}

// speed returns the megabytes of the log in a second.
func (f *toolFigures) speed(c, j int) float64 {
	return float64(f.files.Bytes[toolCaseFiles()[c]]) / 1e6 / (median(f.wall.cells[c][j].figures(nanoseconds)) / 1e9)
}

// most returns the most memory of all rounds, or 0.
func (f *toolFigures) most(c, j int) float64 {
	return slices.Max(append(f.memory.cells[c][j].figures(nanoseconds), 0))
}

func mebibytes(n float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}

// asked returns the rows of what was asked for.
func (f *toolFigures) asked() [][]string {
	rows := make([][]string, 0, 12)
	for _, name := range []string{statTool, viewRawTool, viewTool} {
		rows = append(rows, f.speedRow(name))
	}
	for _, name := range []string{statTool, viewRawTool, viewTool} {
		rows = append(rows, f.packedRow(gzipCase, "gzip", name), f.packedRow(zstdCase, "zstd", name))
	}
	for _, name := range []string{statTool, viewRawTool, viewTool} {
		rows = append(rows, f.memoryRow(name))
	}
	return rows
}

func (f *toolFigures) speedRow(name string) []string {
	j := slices.IndexFunc(f.wall.peers, func(p peer) bool { return p.name == name })
	row := []string{name, fmt.Sprintf("%d MB/s, or %s jq", leastMB, times(leastOfJQ))}
	if j < 0 || len(f.wall.cells[wholeCase][j].samples) == 0 {
		return append(row, "–", "not measured")
	}
	speed := f.speed(wholeCase, j)
	text, missed := fmt.Sprintf("%.0f MB/s", speed), speed < leastMB
	if ratio, ok := f.wall.ratio(wholeCase, jqTool, name); ok {
		text, missed = text+", "+times(ratio), missed && ratio < leastOfJQ
	}
	return append(row, text, verdict(missed))
}

func (f *toolFigures) packedRow(c int, kind, name string) []string {
	row := []string{name + ", " + kind, times(leastOfUnpacking) + " of the decompressor's speed"}
	ratio, ok := f.wall.ratio(c, decompressor, name)
	if !ok {
		return append(row, "–", "not measured")
	}
	return append(row, times(ratio), verdict(ratio < leastOfUnpacking))
}

// memoryRow is about the most memory of a program in all cases.
func (f *toolFigures) memoryRow(name string) []string {
	row := []string{name + ", memory", "at most " + mebibytes(mostMemory)}
	var most float64
	where := ""
	for c, file := range toolCaseFiles() {
		for j, p := range f.memory.peers {
			if n := f.most(c, j); p.name == name && n > most {
				most, where = n, file
			}
		}
	}
	if where == "" {
		return append(row, "–", "not measured")
	}
	return append(row, mebibytes(most)+", "+where, verdict(most > mostMemory))
}

// toolDetails returns a table of all that was measured, and the reasons for all faults.
func toolDetails(f *toolFigures) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"wall", f.wall}, {"CPU", f.cpu}, {"bytes of memory", f.memory}})
	table(&out, []string{"what", "of", "program", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
