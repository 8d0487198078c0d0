package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// toolVariable is set in the environment of a process that is to do a part of the work, so that its memory is
// its own: to write the files, or to decompress one.
const toolVariable = "SLUICE_REPORT_TOOL"

const (
	writingFiles = "write"
	unpacking    = "unpack"
)

// isToolPart reports whether this process has been started for such a part. Then main calls doToolPart and
// nothing else.
func isToolPart() bool { return os.Getenv(toolVariable) != "" }

func doToolPart(args []string, stdout io.Writer) error {
	switch part := os.Getenv(toolVariable); {
	case part == writingFiles && len(args) == 2:
		size, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return err
		}
		f, err := writeToolFiles(args[1], size)
		if err != nil {
			return err
		}
		return json.NewEncoder(stdout).Encode(f)
	case part == unpacking && len(args) == 1:
		return unpack(args[0])
	default:
		return fmt.Errorf("%s=%s with arguments %q: no such part", toolVariable, part, args)
	}
}

// openToolFiles has the files written by another process.
func openToolFiles(ctx context.Context, dir string, size int64) (*toolFiles, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, exe, strconv.FormatInt(size, 10), dir) //nolint:gosec // it is this one
	c.Env = append(os.Environ(), toolVariable+"="+writingFiles)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("writing the logs: %w", err)
	}
	var f toolFiles
	return &f, json.Unmarshal(out, &f)
}

// unpack reads a file as a program would that does nothing else, on one core.
func unpack(name string) (err error) {
	f, err := os.Open(name) //nolint:gosec // the process that started this one names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var r io.Reader
	if strings.HasSuffix(name, ".gz") {
		r, err = gzip.NewReader(f)
	} else {
		var z *zstd.Decoder
		if z, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1)); err == nil {
			defer z.Close()
			r = z
		}
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}

// A toolProgram is a way to find something in a log.
type toolProgram struct {
	name, version string
	path          string
	args          []string // the file comes behind them
	env           []string
	cases         []int
	counts        bool // each line that it prints is an error of the log
}

// A toolRun is what a run of a program took.
type toolRun struct {
	wall, cpu time.Duration
	memory    int64 // the most that it had at once; 0 where that is unknown
	lines     int
}

// run has the program look through a file. All that it prints goes to watch, through a pipe: some print less if
// nobody reads. It ends with 0, or with one of the codes.
func (p toolProgram) run(ctx context.Context, file string, watch io.Writer, codes ...int) (toolRun, error) {
	c := exec.CommandContext(ctx, p.path, append(slices.Clone(p.args), file)...) //nolint:gosec // these are to be measured
	c.Env = append(append(os.Environ(), "LC_ALL=C", "NO_COLOR=1"), p.env...)
	out := lineCounter{to: watch}
	var problems firstBytes
	c.Stdout, c.Stderr = &out, &problems
	begun := time.Now()
	err := c.Run()
	r := toolRun{wall: time.Since(begun), lines: out.lines}
	if c.ProcessState == nil {
		return r, fmt.Errorf("%s: %w", p.name, err)
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	r.memory = memoryOf(c.ProcessState)
	if err != nil && !slices.Contains(codes, c.ProcessState.ExitCode()) {
		return r, fmt.Errorf("%s: %w: %s", p.name, err, problems.text)
	}
	return r, nil
}

// A lineCounter counts the lines of what is written on.
type lineCounter struct {
	to    io.Writer
	lines int
}

func (c *lineCounter) Write(b []byte) (int, error) {
	for _, char := range b {
		if char == '\n' {
			c.lines++
		}
	}
	return c.to.Write(b)
}

// firstBytes keeps the first bytes of what is written.
type firstBytes struct{ text []byte }

func (f *firstBytes) Write(b []byte) (int, error) {
	f.text = append(f.text, b[:min(len(b), 500-len(f.text))]...)
	return len(b), nil
}
