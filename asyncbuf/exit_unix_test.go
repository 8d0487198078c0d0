//go:build unix

package asyncbuf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "measure the table in docs/exit.md anew")

const (
	exitVar  = "ASYNCBUF_TEST_EXIT" // which program to be
	fileVar  = "ASYNCBUF_TEST_FILE" // where it logs to
	errorVar = "ASYNCBUF_TEST_ERROR"

	stuck   = "exit status 2; none with cgo: it hangs"
	ignored = "an ignored signal"

	oldLines   = 10
	youngLines = 1000
)

// TestMain lets the binary of the tests be a program that ends in one of the ways
// of the tests below.
func TestMain(m *testing.M) {
	name, ok := os.LookupEnv(exitVar)
	if !ok {
		os.Exit(m.Run())
	}
	for _, e := range slices.Concat(exits(), signalled()) {
		if e.name == name {
			e.run(newProgram())
			return // ends in os.Exit(0), as main does
		}
	}
	log.Fatalf("no program %q", name)
}

// An exit is a way in which a process ends.
type exit struct {
	name   string
	status string // as the parent sees it
	all    bool   // whether all that was logged is on disk
	stderr string // part of what it prints there, a regular expression
	hangs  bool   // with cgo, where the runtime does not see a deadlock
	run    func(*program)
}

// A program logs to a file through a Writer.
type program struct {
	buf    *asyncbuf.Writer
	logger *slog.Logger
}

// newProgram logs the old lines, and waits until they are as old as they can be.
func newProgram() *program {
	file, err := os.OpenFile(os.Getenv(fileVar), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	p := &program{buf: asyncbuf.NewWriter(file, nil)}
	p.logger = slog.New(handler.NewJSONHandler(p.buf, nil))
	for n := range oldLines {
		p.logger.Info("old", "n", n)
	}
	for p.buf.Stats().Queued > 0 {
		<-time.After(time.Millisecond)
	}
	return p
}

// log logs what is young when the process ends, which is to be at once.
func (p *program) log() {
	for n := range youngLines {
		p.logger.Info("young", "n", n)
	}
	if os.Getenv(errorVar) != "" {
		p.logger.Error("young", "n", youngLines)
	}
}

// logAndKill logs, and ends by a signal.
func (p *program) logAndKill(sig syscall.Signal) {
	p.log()
	kill(sig)
	<-time.After(10 * time.Second)
	log.Fatalf("%v has not ended the process", sig)
}

// kill sends a signal to this process.
func kill(sig syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		log.Fatal(err)
	}
}

// exits returns the rows of the table in docs/exit.md.
func exits() []exit {
	logAndKill := func(sig syscall.Signal) func(*program) {
		return func(p *program) { p.logAndKill(sig) }
	}
	flushOn := func(sig syscall.Signal) func(*program) {
		return func(p *program) {
			asyncbuf.FlushOnSignal(p.buf.Flush, sig)
			p.logAndKill(sig)
		}
	}
	return []exit{
		{name: "main returns, Close deferred", status: "exit status 0", all: true, run: func(p *program) {
			defer p.buf.Close()
			p.log()
		}},
		{name: "main returns, no Close", status: "exit status 0", run: (*program).log},
		{name: "os.Exit, Close deferred", status: "exit status 3", run: func(p *program) {
			defer p.buf.Close()
			p.log()
			os.Exit(3)
		}},
		{name: "os.Exit after Close", status: "exit status 3", all: true, run: func(p *program) {
			p.log()
			_ = p.buf.Close()
			os.Exit(3)
		}},
		{name: "log.Fatal", status: "exit status 1", run: func(p *program) {
			slog.SetDefault(p.logger)
			p.log()
			log.Fatal("fatal")
		}},
		{name: "log.Fatal, SetLogLoggerLevel(ERROR)", status: "exit status 1", all: true, run: func(p *program) {
			slog.SetDefault(p.logger)
			slog.SetLogLoggerLevel(slog.LevelError)
			p.log()
			log.Fatal("fatal")
		}},
		{name: "panic in main, Close deferred", status: "exit status 2", all: true, stderr: "panic: boom", run: func(p *program) {
			defer p.buf.Close()
			p.log()
			panic("boom")
		}},
		{name: "panic in another goroutine", status: "exit status 2", stderr: "panic: boom", run: func(p *program) {
			defer p.buf.Close()
			go func() {
				p.log()
				panic("boom")
			}()
			<-time.After(time.Minute)
		}},
		{
			name: "panic in another goroutine, FlushOnPanic deferred there", status: "exit status 2", all: true,
			stderr: `(?s)panic: boom \[recovered, repanicked\].*placeOfThePanic`,
			run: func(p *program) {
				go func() {
					defer p.buf.FlushOnPanic()
					p.log()
					placeOfThePanic()
				}()
				<-time.After(time.Minute)
			},
		},
		{
			name: "runtime.Goexit in main, the last goroutine", status: stuck, all: true, hangs: true, stderr: "deadlock!",
			run: func(p *program) {
				p.log()
				runtime.Goexit()
			},
		},
		{
			name: "all goroutines are asleep", status: stuck, all: true, hangs: true, stderr: "asleep - deadlock!",
			run: func(p *program) {
				p.log()
				select {}
			},
		},
		{name: "stack overflow", status: "exit status 2", stderr: "stack overflow", run: func(p *program) {
			defer p.buf.Close()
			debug.SetMaxStack(64 << 10)
			p.log()
			fmt.Println(overflow(1 << 30))
		}},
		{name: "SIGINT", status: "signal: interrupt", run: logAndKill(syscall.SIGINT)},
		{name: "SIGINT, FlushOnSignal", status: "signal: interrupt", all: true, run: flushOn(syscall.SIGINT)},
		{name: "SIGTERM", status: "signal: terminated", run: logAndKill(syscall.SIGTERM)},
		{name: "SIGTERM, FlushOnSignal", status: "signal: terminated", all: true, run: func(p *program) {
			asyncbuf.FlushOnSignal(p.buf.Flush) // without a list of signals
			p.logAndKill(syscall.SIGTERM)
		}},
		{name: "SIGTERM, NotifyContext, Close deferred", status: "exit status 0", all: true, run: func(p *program) {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			defer p.buf.Close()
			p.log()
			kill(syscall.SIGTERM)
			<-ctx.Done()
		}},
		{name: "SIGTERM in vain, then SIGKILL", status: "signal: killed", run: func(p *program) {
			signal.Ignore(syscall.SIGTERM)
			kill(syscall.SIGTERM)
			p.logAndKill(syscall.SIGKILL)
		}},
		{name: "SIGHUP", status: "signal: hangup", run: logAndKill(syscall.SIGHUP)},
		{name: "SIGHUP, FlushOnSignal", status: "signal: hangup", all: true, run: flushOn(syscall.SIGHUP)},
		{name: "SIGQUIT", status: "exit status 2", stderr: "SIGQUIT: quit", run: logAndKill(syscall.SIGQUIT)},
		{
			name: "SIGQUIT, FlushOnSignal", status: "exit status 2", all: true,
			stderr: "SIGQUIT: quit", run: flushOn(syscall.SIGQUIT),
		},
		{name: "SIGABRT", status: "exit status 2", stderr: "SIGABRT: abort", run: logAndKill(syscall.SIGABRT)},
		{name: "SIGPIPE: nobody reads stdout", status: "signal: broken pipe", run: func(p *program) {
			p.log()
			fmt.Println("result") // the parent has closed the other end
		}},
		{name: "SIGKILL", status: "signal: killed", run: logAndKill(syscall.SIGKILL)},
		{name: "syscall.Exec", status: "exit status 0", run: func(p *program) {
			p.log()
			become()
		}},
		{name: "syscall.Exec after Flush", status: "exit status 0", all: true, run: func(p *program) {
			p.log()
			if err := p.buf.Flush(context.Background()); err != nil {
				log.Fatal(err)
			}
			become()
		}},
	}
}

//go:noinline
func placeOfThePanic() { panic("boom") }

// overflow needs a stack for depth calls.
func overflow(depth int) int {
	if depth == 0 {
		return 0
	}
	return overflow(depth-1) + depth
}

// become makes the process another program, which does nothing.
func become() {
	path, err := exec.LookPath("true")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(syscall.Exec(path, []string{path}, nil))
}

// signalled returns programs that show the details of FlushOnSignal.
func signalled() []exit {
	return []exit{
		{name: "a second signal while the flush hangs", status: "signal: interrupt", run: func(p *program) {
			asyncbuf.FlushOnSignal(func(context.Context) error {
				kill(syscall.SIGINT)
				select {}
			})
			p.logAndKill(syscall.SIGTERM)
		}},
		{name: "the flush panics", status: "signal: terminated", run: func(p *program) {
			asyncbuf.FlushOnSignal(func(context.Context) error { panic("broken") })
			p.logAndKill(syscall.SIGTERM)
		}},
		{name: "two calls", status: "signal: terminated", all: true, run: func(p *program) {
			asyncbuf.FlushOnSignal(p.buf.Flush)
			asyncbuf.FlushOnSignal(p.buf.Flush)
			p.logAndKill(syscall.SIGTERM)
		}},
		{name: "the program gets the signal, too, and twice", status: "exit status 0", all: true, run: func(p *program) {
			own := make(chan os.Signal, 2)
			signal.Notify(own, syscall.SIGTERM)
			asyncbuf.FlushOnSignal(p.buf.Flush)
			p.log()
			kill(syscall.SIGTERM)
			<-own
			<-own
		}},
		{name: "a signal after stop", status: "signal: terminated", run: func(p *program) {
			stop := asyncbuf.FlushOnSignal(func(context.Context) error {
				log.Fatal("flush was called")
				return nil
			})
			stop()
			p.logAndKill(syscall.SIGTERM)
		}},
		{name: "a signal beside stop", status: "signal: terminated", run: func(p *program) {
			stop := asyncbuf.FlushOnSignal(p.buf.Flush)
			kill(syscall.SIGTERM)
			stop()
			<-time.After(10 * time.Second)
		}},
		{name: ignored, status: "exit status 0", run: func(p *program) {
			stop := asyncbuf.FlushOnSignal(func(context.Context) error {
				log.Fatal("flush was called")
				return nil
			}, syscall.SIGHUP)
			kill(syscall.SIGHUP)
			stop()
			stop = asyncbuf.FlushOnSignal(p.buf.Flush, syscall.SIGHUP, syscall.SIGTERM)
			defer stop()
			kill(syscall.SIGHUP)
		}},
	}
}

// An outcome is what an exit leaves behind.
type outcome struct {
	status, stderr string
	old, young     int
	torn           bool
}

// do runs the program of e, as a child of the command wrap if there is one.
func (e exit) do(t *testing.T, withError bool, wrap ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	args := slices.Concat(wrap, []string{os.Args[0]})
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	path := filepath.Join(t.TempDir(), "log")
	cmd.Env = append(os.Environ(), exitVar+"="+e.name, fileVar+"="+path, "GOTRACEBACK=single",
		"GORACE=atexit_sleep_ms=0") // the race detector sleeps for a second, in which all gets written
	if withError {
		cmd.Env = append(cmd.Env, errorVar+"=1")
	}
	r, w, err := os.Pipe() // nobody reads what the child prints
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	if e.hangs {
		want := oldLines + youngLines
		if withError {
			want++
		}
		go func() { // ends with the child
			for ctx.Err() == nil {
				<-time.After(100 * time.Millisecond)
				if content, _ := os.ReadFile(path); bytes.Count(content, []byte("\n")) >= want {
					<-time.After(100 * time.Millisecond)
					cancel()
				}
			}
		}()
	}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	o := outcome{status: strings.TrimSuffix(cmd.ProcessState.String(), " (core dumped)"), stderr: stderr.String()}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, o.stderr)
	}
	lines, rest := testlog.Lines(content)
	o.torn = rest != ""
	for _, text := range lines {
		var line struct {
			Msg string
			N   int
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%v in %q", err, text)
		}
		counts := map[string]*int{"old": &o.old, "young": &o.young}
		if count := counts[line.Msg]; count != nil {
			if line.N != *count {
				t.Errorf("line %d of the %s ones is %d", *count, line.Msg, line.N)
			}
			*count++
		}
	}
	return o
}

// check compares an outcome with what e promises.
func (e exit) check(t *testing.T, o outcome, withError bool) {
	t.Helper()
	hung := e.hangs && o.status == "signal: killed"
	if e.hangs && !hung {
		e.status, _, _ = strings.Cut(e.status, ";")
	}
	if !hung && (o.status != e.status || !regexp.MustCompile(e.stderr).MatchString(o.stderr)) {
		t.Errorf("%s, want %s and %q in\n%s", o.status, e.status, e.stderr, o.stderr)
	}
	if o.old != oldLines {
		t.Errorf("%d old lines, want %d", o.old, oldLines)
	}
	all := youngLines
	if withError {
		all++
	}
	if (e.all || withError) && (o.young != all || o.torn) {
		t.Errorf("%d young lines, torn: %t, want %d whole ones", o.young, o.torn, all)
	}
}

func TestFlushOnSignalEndsTheProcess(t *testing.T) {
	t.Parallel()
	for _, e := range signalled() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var wrap []string
			if e.name == ignored {
				wrap = []string{"sh", "-c", `trap "" HUP; exec "$0"`}
			}
			start := time.Now()
			e.check(t, e.do(t, false, wrap...), false)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

const (
	exitPage  = "../docs/exit.md"
	tableHead = "| the process ends by | its parent sees | old lines | 1000 young lines of INFO | and one of ERROR after them |\n" +
		"| --- | --- | --- | --- | --- |\n"
)

// TestExits ends processes in all ways, and compares what they leave behind with
// the table in docs/exit.md. What is not promised is not compared.
func TestExits(t *testing.T) {
	t.Parallel()
	runs := 1
	if *update {
		runs = 5
	}
	all := exits()
	seen := make([][2][]int, len(all)) // young lines, without and with ERROR
	t.Run("ways", func(t *testing.T) {
		for i, e := range all {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				for range runs {
					for column, withError := range []bool{false, true} {
						o := e.do(t, withError)
						e.check(t, o, withError)
						seen[i][column] = append(seen[i][column], o.young)
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	page, err := os.ReadFile(exitPage)
	if err != nil {
		t.Fatal(err)
	}
	before, table, found := strings.Cut(string(page), tableHead)
	if !found {
		t.Fatalf("no table in %s", exitPage)
	}
	table, after, _ := strings.Cut(table, "\n\n")
	var want [][]string
	for i, e := range all {
		young := "all"
		if !e.all {
			young = span(seen[i][0])
		}
		want = append(want, []string{e.name, e.status, "all", young, "all"})
	}
	if *update {
		var b strings.Builder
		for _, row := range want {
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
		text := before + tableHead + b.String() + "\n" + after
		if err := os.WriteFile(exitPage, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	var got [][]string
	for row := range strings.SplitSeq(table, "\n") {
		got = append(got, strings.Split(strings.Trim(row, "| "), " | "))
	}
	for i := range min(len(got), len(want)) {
		if len(got[i]) == 5 && !all[i].all && got[i][3] != "all" {
			got[i][3] = want[i][3]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", exitPage, diff)
	}
}

// span returns the least and the greatest of some numbers.
func span(numbers []int) string {
	least, most := slices.Min(numbers), slices.Max(numbers)
	if least == most {
		return strconv.Itoa(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
