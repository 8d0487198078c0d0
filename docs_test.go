package sluice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/pages"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// pagesOf returns the text of each page in docs, by its name.
func pagesOf(t *testing.T) map[string]string {
	t.Helper()
	texts, err := pages.Read(".", "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// blocksOf returns the blocks of the pages in docs and of all other pages for users.
func blocksOf(t *testing.T) []pages.Block {
	t.Helper()
	texts, err := pages.Read(".", "*.md", "docs/*.md", "docs/adr/*.md", "examples/*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := pages.Blocks(texts)
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// blocks returns what stands in the fenced blocks of a language.
func blocks(t *testing.T, page, language string) (found []string) {
	t.Helper()
	for _, b := range blocksOf(t) {
		if b.Page == page && b.Info == language {
			found = append(found, b.Text)
		}
	}
	return found
}

// TestDocsCodeRuns builds each block of Go in the pages as the body of a function, and
// runs those that show output.
func TestDocsCodeRuns(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil || testlog.Race {
		t.Skip("no go command, or one that builds without the race detector")
	}
	snippets := slices.DeleteFunc(blocksOf(t), func(b pages.Block) bool { return b.Info != "go" })
	printed, err := pages.Run(t.Context(), ".", knownPackages(), "", snippets)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range snippets {
		if b.Output() != "" && !b.Shows(printed[i]) {
			t.Errorf("%v: this block\n\n%s\nprints\n%s", b, b.Text, printed[i])
		}
	}
}

// knownPackages are those that blocks may use, by their names.
func knownPackages() map[string]string {
	known := map[string]string{"lumberjack": "gopkg.in/natefinch/lumberjack.v2"}
	for _, name := range []string{
		"asyncbuf", "fanout", "handler", "handler/handlertest", "logstash", "monitor", "pipeline", "redact", "rotate",
	} {
		known[path.Base(name)] = "github.com/sluicelog/sluice/" + name
	}
	for _, name := range []string{
		"cmp", "context", "crypto/rand", "encoding/json", "errors", "expvar", "flag", "fmt", "io", "io/fs", "log", "log/slog", "math", "net",
		"net/http", "net/url", "os", "os/exec", "os/signal", "path/filepath", "reflect", "runtime", "strings", "sync", "syscall", "testing", "time",
	} {
		known[path.Base(name)] = name
	}
	return known
}

// TestDocsNameTestsThatExist looks for each test that a page names, as in
// `TestX` in `folder`, and for the names of subtests in `TestX/name of it` in `folder`.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	kind := "`((?:Test|Fuzz|Example)[A-Za-z0-9_]*)(?:/([^`]+))?`"
	for page, text := range pagesOf(t) {
		all := regexp.MustCompile(kind).FindAllString(text, -1)
		seen := 0
		for _, place := range regexp.MustCompile(`((?:`+kind+`(?:,\s+|\s+and\s+)?)+)\s+in\s+`+"`([a-z0-9/.]+)`").FindAllStringSubmatch(text, -1) {
			source := testsIn(t, place[len(place)-1])
			for _, name := range regexp.MustCompile(kind).FindAllStringSubmatch(place[1], -1) {
				seen++
				if !strings.Contains(source, "\nfunc "+name[1]+"(") {
					t.Errorf("%s names %s in %s, where there is none", page, name[1], place[len(place)-1])
				}
				if name[2] != "" && !strings.Contains(source, `"`+name[2]+`"`) {
					t.Errorf("%s names %s/%s in %s, where there is none", page, name[1], name[2], place[len(place)-1])
				}
			}
		}
		if seen != len(all) || seen == 0 {
			t.Errorf("%s names %d tests, and says of %d in which folder they are", page, len(all), seen)
		}
	}
}

// TestDocsRulesAreTests looks for each rule of the page in the tests of the rules.
func TestDocsRulesAreTests(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(pagesOf(t)["docs/logstash-events.md"], "| rule | without it |\n| --- | --- |\n")
	rules := regexp.MustCompile(`(?m)^\| ([^|]*) \|.*\|$`).FindAllStringSubmatch(table, -1)
	if len(rules) < 10 {
		t.Fatalf("%d rules", len(rules))
	}
	source := testsIn(t, "logstash")
	for _, rule := range rules {
		if !strings.Contains(source, `{rule: "`+rule[1]+`"`) {
			t.Errorf("no test has the name %q", rule[1])
		}
	}
}

// testsIn returns the source of the tests of a folder.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	return source.String()
}

// TestDocsNameEveryOption looks for each field of the options in their page.
func TestDocsNameEveryOption(t *testing.T) {
	t.Parallel()
	for page, options := range map[string]any{
		"docs/json.md":            handler.JSONOptions{},
		"docs/console.md":         handler.ConsoleOptions{},
		"docs/logstash-events.md": logstash.Options{},
		"docs/shipping.md":        logstash.DialOptions{},
	} {
		text := pagesOf(t)[page]
		for _, f := range reflect.VisibleFields(reflect.TypeOf(options)) {
			if !f.Anonymous && !regexp.MustCompile(`\b`+f.Name+`\b`).MatchString(text) {
				t.Errorf("%s does not name %T.%s", page, options, f.Name)
			}
		}
	}
}

// TestDocsTableOfFields compares the table of the event's own fields with an event
// that has all of them, in each profile.
func TestDocsTableOfFields(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(pagesOf(t)["docs/logstash-events.md"], "| V1 | ECS | ECSDotted |")
	table, _, _ = strings.Cut(table, "\n\n")
	want := make([][]string, 3)
	for _, row := range regexp.MustCompile(`(?m)^\|(.*)\|$`).FindAllStringSubmatch(table, -1)[1:] {
		cells := strings.Split(row[1], "|")
		for i := range want {
			if i > 0 && strings.TrimSpace(cells[i]) == "the same" {
				cells[i] = cells[i-1]
			}
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[i], -1) {
				path := name[1]
				if logstash.Profile(i) != logstash.ECSDotted || strings.HasPrefix(path, "@metadata.") {
					path = strings.ReplaceAll(path, ".", "/")
				}
				want[i] = append(want[i], path)
			}
		}
	}
	for profile := range want {
		event := eventWithAll(t, logstash.Profile(profile))
		got := paths("", event)
		slices.Sort(got)
		slices.Sort(want[profile])
		if diff := cmp.Diff(want[profile], got); diff != "" {
			t.Errorf("profile %d: mismatch (-want in the table +got in the event):\n%s", profile, diff)
		}
	}
}

// eventWithAll returns an event that has all fields of a profile, and no attrs.
func eventWithAll(t *testing.T, profile logstash.Profile) map[string]any {
	t.Helper()
	var buf bytes.Buffer
	h := logstash.NewHandler(&buf, &logstash.Options{
		Profile: profile, AddSource: true, LoggerName: "app", Host: "h",
		Service: logstash.Service{Name: "s", Version: "1", Environment: "prod", Node: "n"},
		Type:    "t", Tags: []string{"x"}, EventID: true, Sequence: true,
		Trace:     func(context.Context) (traceID, spanID string) { return "t", "s" },
		StackHash: true, StackLevel: slog.LevelError,
	})
	slog.New(h).Error("m", "error", errors.New("x"))
	var event map[string]any
	if err := json.Unmarshal(buf.Bytes(), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// paths returns the names of the members of an object that are no objects, with
// those of the objects around them before them, each followed by a slash.
func paths(prefix string, object map[string]any) []string {
	var all []string
	for name, v := range object {
		if members, ok := v.(map[string]any); ok {
			all = append(all, paths(prefix+name+"/", members)...)
		} else {
			all = append(all, prefix+name)
		}
	}
	return all
}

// TestDocsCollisions compares the list of names that mean something with what
// becomes of an attr of that name.
func TestDocsCollisions(t *testing.T) {
	t.Parallel()
	text := pagesOf(t)["docs/logstash-events.md"]
	everywhere, inECS := "Objects in every profile: ", "Objects in ECS and ECSDotted as well: "
	for _, tt := range []struct {
		profile logstash.Profile
		line    string
	}{
		{logstash.V1, everywhere},
		{logstash.ECS, everywhere},
		{logstash.ECSDotted, everywhere},
		{logstash.ECS, inECS},
		{logstash.ECSDotted, inECS},
	} {
		_, list, _ := strings.Cut(text, tt.line)
		list, _, _ = strings.Cut(list, ".\n")
		names := regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(list, -1)
		if len(names) < 10 {
			t.Fatalf("%d names after %q", len(names), tt.line)
		}
		for _, name := range names {
			var buf bytes.Buffer
			h := logstash.NewHandler(&buf, &logstash.Options{Profile: tt.profile})
			r := slog.NewRecord(time.Time{}, 0, "m", 0)
			r.Add(name[1], 1)
			if err := h.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			renamed := strings.Contains(buf.String(), `"attr_`+name[1]+`":1`)
			if name[1] == "error" { // becomes an object
				renamed = !strings.Contains(buf.String(), `"error":1`)
			}
			if !renamed {
				t.Errorf("profile %d: %s is an attr like others: %s", tt.profile, name[1], buf.String())
			}
		}
	}
}

// TestDocsFilebeatFindsTheFiles compares the paths and exclude_files of each
// configuration with the names of the files that a File makes. It is not parallel:
// a process that another test starts would, for a moment, have the live file open,
// which is a reason to compress it later.
func TestDocsFilebeatFindsTheFiles(t *testing.T) {
	const compressed = "compression: auto" // reads what the others have to leave out
	configs := blocks(t, "docs/filebeat.md", "yaml")
	if len(configs) < 2 {
		t.Fatalf("%d configurations, want one that reads compressed files and one that does not", len(configs))
	}
	names := append(filesOf(t, rotate.Options{}), filesOf(t, rotate.Options{Compress: rotate.Gzip, CompressDelay: 1})...)
	names = append(names,
		"orders-20261121T233046.123456Z-1.log",
		"orders-20261122T003046.123456+0100.log",
		".orders-20261121T233046.123456Z.log.gz.1234.tmp", // while it is being compressed
	)
	for _, config := range configs {
		var seen []string
		for _, name := range names {
			if filebeatReads(t, config, "/var/log/orders/"+name) {
				seen = append(seen, name)
			}
		}
		want := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			gz := strings.HasSuffix(name, ".gz") && !strings.Contains(config, compressed)
			return gz || name[0] == '.' || strings.HasSuffix(name, ".zst")
		})
		if diff := cmp.Diff(want, seen); diff != "" || len(want) == 0 {
			t.Errorf("files read: mismatch (-want +got):\n%s\nby\n%s", diff, config)
		}
	}
}

// TestDocsFilebeatFindsTheFilesOfEachProcess does so with what is said of PerProcess.
func TestDocsFilebeatFindsTheFilesOfEachProcess(t *testing.T) {
	pattern := regexp.MustCompile("With `PerProcess`, the paths are `([^`]+)`").FindStringSubmatch(pagesOf(t)["docs/filebeat.md"])
	if pattern == nil {
		t.Fatal("nothing is said")
	}
	for _, name := range append(filesOf(t, rotate.Options{PerProcess: true}), "orders.log", "orders.errors.log") {
		want := name[0] != '.' && strings.Contains(name, strconv.Itoa(os.Getpid()))
		if got, err := filepath.Match(pattern[1], name); got != want || err != nil {
			t.Errorf("%s matches %s: %v, %v; want %v", pattern[1], name, got, err, want)
		}
	}
}

// filesOf returns the names of what is there after two rotations.
func filesOf(t *testing.T, opts rotate.Options) (names []string) {
	t.Helper()
	dir := t.TempDir()
	archived := make(chan rotate.Backup, 2)
	opts.OnArchive = func(b rotate.Backup) { archived <- b }
	f, err := rotate.Open(filepath.Join(dir, "orders.log"), &opts)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.Write([]byte("x\n")); err != nil {
			t.Fatal(err)
		}
		if err := f.Rotate(); err != nil {
			t.Fatal(err)
		}
		if opts.Compress != rotate.None {
			<-archived
		}
	}
	files, err := os.ReadDir(dir) // before Close takes away the one that is prepared
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}

// filebeatReads reports whether an input with this configuration would read a
// file: it matches one of the paths, and none of the expressions to exclude.
func filebeatReads(t *testing.T, config, name string) bool {
	t.Helper()
	list := func(key, quote string) (values []string) {
		line := regexp.MustCompile(key + `: \[(.*)\]`).FindStringSubmatch(config)
		if line == nil {
			t.Fatalf("no %s in\n%s", key, config)
		}
		for _, v := range regexp.MustCompile(quote+`([^`+quote+`]*)`+quote).FindAllStringSubmatch(line[1], -1) {
			values = append(values, v[1])
		}
		return values
	}
	for _, exclude := range list("exclude_files", "'") {
		if regexp.MustCompile(exclude).MatchString(name) {
			return false
		}
	}
	for _, pattern := range list("paths", `"`) {
		if ok, err := filepath.Match(pattern, name); err != nil {
			t.Fatal(err)
		} else if ok {
			return true
		}
	}
	return false
}

// TestDocsDefectsAreRows looks for each defect that a page names in the table of
// those that are put to lumberjack, timberjack and rotate.
func TestDocsDefectsAreRows(t *testing.T) {
	t.Parallel()
	rows := testsIn(t, "bench/defects")
	named := regexp.MustCompile(`\b[LT][0-9]{2}\b`).FindAllString(pagesOf(t)["docs/lumberjack.md"], -1)
	if len(named) < 20 {
		t.Fatalf("%d defects", len(named))
	}
	for _, id := range named {
		if !strings.Contains(rows, `{"`+id+`", `) {
			t.Errorf("there is no row %s", id)
		}
	}
}

// TestDocsSchedulesAreAccepted opens a file with each Schedule that a page shows.
func TestDocsSchedulesAreAccepted(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile(`Schedule: +"([^"]+)"`).FindAllStringSubmatch(pagesOf(t)["docs/lumberjack.md"], -1)
	if len(shown) < 4 {
		t.Fatalf("%d schedules", len(shown))
	}
	for _, schedule := range shown {
		f, err := rotate.Open(filepath.Join(t.TempDir(), "app.log"), &rotate.Options{Schedule: schedule[1]})
		if err != nil {
			t.Error(err)
			continue
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
