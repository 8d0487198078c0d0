package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/bench"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestParseFlags(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want options
		err  string
	}{
		{"none", nil, options{rounds: 100, benchtime: 5 * time.Millisecond}, ""},
		{"all", []string{"-rounds", "3", "-benchtime=1s", "-write"}, options{rounds: 3, benchtime: time.Second, write: true}, ""},
		{"buffers", []string{"-buffers", "-write"}, options{
			rounds: 25, benchtime: 5 * time.Millisecond, write: true, buffers: true, load: bench.FullLoad(),
		}, ""},
		{"buffers, rounds", []string{"-rounds=100", "-buffers"}, options{
			rounds: 100, benchtime: 5 * time.Millisecond, buffers: true, load: bench.FullLoad(),
		}, ""},
		{"files, rounds", []string{"-files", "-rounds=3"}, options{
			rounds: 3, benchtime: 5 * time.Millisecond, files: true, load: bench.FullLoad(),
		}, ""},
		{"files", []string{"-files"}, options{
			rounds: 15, benchtime: 5 * time.Millisecond, files: true, load: bench.FullLoad(),
		}, ""},
		{"files have no time", []string{"-files", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -files"},
		{"buffers and files", []string{"-files", "-buffers"}, options{}, "-buffers and -files: must be one of them"},
		{"buffers have no time", []string{"-buffers", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -buffers"},
		{"redaction", []string{"-redact"}, options{rounds: 60, benchtime: 5 * time.Millisecond, redact: true}, ""},
		{"redaction, all", []string{"-redact", "-rounds=3", "-benchtime=1s", "-write"}, options{
			rounds: 3, benchtime: time.Second, write: true, redact: true,
		}, ""},
		{"redaction and buffers", []string{"-redact", "-buffers"}, options{}, "-buffers and -redact: must be one of them"},
		{"redaction and files", []string{"-redact", "-files"}, options{}, "-files and -redact: must be one of them"},
		{"senders", []string{"-ship", "-write"}, options{
			rounds: 15, benchtime: 5 * time.Millisecond, write: true, ship: true, load: bench.FullLoad(),
		}, ""},
		{"senders and redaction", []string{"-redact", "-ship"}, options{}, "-redact and -ship: must be one of them"},
		{"queues on disk", []string{"-spool", "-rounds=3"}, options{
			rounds: 3, benchtime: 5 * time.Millisecond, spool: true, load: bench.FullLoad(),
		}, ""},
		{"senders and queues", []string{"-spool", "-ship"}, options{}, "-ship and -spool: must be one of them"},
		{"handlers", []string{"-handlers", "-rounds=3", "-benchtime=1s"}, options{
			rounds: 3, benchtime: time.Second, handlers: true, keys: bench.ManyKeys,
		}, ""},
		{"handlers, rounds", []string{"-handlers"}, options{
			rounds: 30, benchtime: 5 * time.Millisecond, handlers: true, keys: bench.ManyKeys,
		}, ""},
		{"handlers and queues", []string{"-handlers", "-spool"}, options{}, "-spool and -handlers: must be one of them"},
		{"pipelines", []string{"-pipeline", "-benchtime=1ms"}, options{
			rounds: 20, benchtime: time.Millisecond, pipeline: true, load: bench.FullLoad(),
		}, ""},
		{"pipelines and handlers", []string{"-handlers", "-pipeline"}, options{}, "-handlers and -pipeline: must be one of them"},
		{"the tool", []string{"-tool", "-write"}, options{rounds: 3, benchtime: 5 * time.Millisecond, write: true, tool: true, megabytes: 2000}, ""},
		{"the tool, a small log", []string{"-tool", "-log=10", "-rounds=1"}, options{rounds: 1, benchtime: 5 * time.Millisecond, tool: true, megabytes: 10}, ""},
		{"the tool and pipelines", []string{"-tool", "-pipeline"}, options{}, "-pipeline and -tool: must be one of them"},
		{"the tool has no time", []string{"-tool", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -tool"},
		{"the tool, no log", []string{"-tool", "-log=0"}, options{}, "-log 0: must be from 1 to 100000"},
		{"a log for no tool", []string{"-log=10"}, options{}, "-log 10: only with -tool"},
		{"queues have no time", []string{"-spool", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -spool"},
		{"senders have no time", []string{"-ship", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -ship"},
		{"brokers", []string{"-brokers", "-write"}, options{
			rounds: 30, benchtime: 5 * time.Millisecond, write: true, brokers: true, load: bench.FullLoad(),
		}, ""},
		{"balance", []string{"-balance"}, options{
			rounds: 5, benchtime: 5 * time.Millisecond, balance: true, load: bench.FullLoad(),
		}, ""},
		{"brokers and balance", []string{"-brokers", "-balance"}, options{}, "-brokers and -balance: must be one of them"},
		{"three of them", []string{"-balance", "-ship", "-tool"}, options{}, "-ship and -tool: must be one of them"},
		{"brokers have no time", []string{"-brokers", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -brokers, where events are counted"},
		{"balance has no time", []string{"-balance", "-benchtime=1s"}, options{}, "-benchtime 1s: not with -balance, where receivers set the pace"},
		{"unknown flag", []string{"-count", "3"}, options{}, "-count"},
		{"no number", []string{"-rounds", "many"}, options{}, `invalid value "many" for flag -rounds`},
		{"no rounds", []string{"-rounds", "0"}, options{}, "-rounds 0: must be from 1 to 1000"},
		{"too many rounds", []string{"-rounds", "1001"}, options{}, "-rounds 1001: must be from 1 to 1000"},
		{"no time", []string{"-benchtime", "0s"}, options{}, "-benchtime 0s: must be from 1us to 1h"},
		{"iterations", []string{"-benchtime", "100x"}, options{}, `invalid value "100x" for flag -benchtime`},
		{"argument", []string{"-write", "README.md"}, options{}, `argument "README.md": there are none`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var usage strings.Builder
			got, err := parseFlags(tt.args, &usage)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if err == nil && got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if usage.Len() > 0 {
				t.Errorf("unasked: %s", &usage)
			}
		})
	}
	var usage strings.Builder
	_, err := parseFlags([]string{"-h"}, &usage)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-write") {
		t.Errorf("got %v, and %q", err, &usage)
	}
}

// repository makes the current folder one like bench of a repository whose
// README has that text, and returns the two files to be written.
func repository(t *testing.T, text string) (readme, chart string) {
	t.Helper()
	root := t.TempDir()
	readme, chart = filepath.Join(root, "README.md"), filepath.Join(root, "bench", "report.svg")
	if err := os.Mkdir(filepath.Join(root, "bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{readme: text, filepath.Join(root, "bench", "go.mod"): "module bench\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "bench"))
	return readme, chart
}

// shortest measures everything once, for as little time as possible.
var shortest = options{rounds: 1, benchtime: time.Microsecond}

func TestReport(t *testing.T) {
	before := "# A\n" + encoderBlock.begin() + "\nold\n" + encoderBlock.end() + "\nZ\n"
	readme, chart := repository(t, before)

	var out, progress strings.Builder
	if err := report(shortest, &out, &progress); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(readme); err != nil || string(got) != before {
		t.Errorf("without -write the README became %q, %v", got, err)
	}
	if _, err := os.Stat(chart); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without -write there is a chart: %v", err)
	}
	if !strings.HasPrefix(progress.String(), "round 1 of 1, ") {
		t.Errorf("progress: %s", &progress)
	}

	out.Reset()
	write := shortest
	write.write = true
	if err := report(write, &out, &progress); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	block, ok := strings.CutPrefix(string(got), "# A\n"+encoderBlock.begin()+"\n")
	block, ok2 := strings.CutSuffix(block, "\n![the same as a chart](bench/report.svg)\n"+encoderBlock.end()+"\nZ\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), block) {
		t.Errorf("README:\n%s\nprinted:\n%s", got, &out)
	}
	for _, want := range []string{"\n| 5 attrs, AddSource | ", " ns (", "handler.JSONHandler", "phuslu/log"} {
		if !strings.Contains(block, want) {
			t.Errorf("no %q in\n%s", want, block)
		}
	}
	if svg, err := os.ReadFile(chart); err != nil || !strings.HasPrefix(string(svg), "<svg ") {
		t.Errorf("chart: %.40q, %v", svg, err)
	}
}

func TestReportBuffers(t *testing.T) {
	if testlog.Race {
		t.Skip("one of the peers has a data race")
	}
	block := bufferBlock.begin() + "\n" + bufferBlock.end() + "\n"
	readme, chart := repository(t, "")
	page := filepath.Join(filepath.Dir(readme), bufferBlock.page())
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out, progress strings.Builder
	if err := report(options{
		rounds: 1, write: true, buffers: true,
		load: bench.Load{Burst: 16, Bursts: 1, Records: 200, Synced: 100, Stall: 30 * time.Millisecond},
	}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(got), bufferBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, bufferBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", got, &out)
	}
	for _, b := range bench.Buffers() {
		if !strings.Contains(text, "\n| "+b.Name+" | ") || strings.Contains(text, "invalid |") {
			t.Errorf("no figures of %s in\n%s", b.Name, text)
		}
	}
	if _, err := os.Stat(chart); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a chart: %v", err)
	}
}

func TestReportLooksBeforeItMeasures(t *testing.T) {
	write := shortest
	write.write = true
	var out, progress strings.Builder
	readme, _ := repository(t, encoderBlock.begin()+"\n")
	err := report(write, &out, &progress)
	if err == nil || !strings.Contains(err.Error(), readme) || !strings.Contains(err.Error(), encoderBlock.end()) {
		t.Errorf("got %v, want an error with %s and %s", err, readme, encoderBlock.end())
	}
	if err := os.Remove(readme); err != nil {
		t.Fatal(err)
	}
	if err := report(write, &out, &progress); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a README: %v", err)
	}
	t.Chdir(t.TempDir())
	if err := report(write, &out, &progress); err == nil || !strings.Contains(err.Error(), "no file bench/go.mod") {
		t.Errorf("outside of a repository: %v", err)
	}
	if progress.Len()+out.Len() > 0 {
		t.Errorf("measured all the same: %s%s", &progress, &out)
	}
}
