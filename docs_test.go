package sluice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
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
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/rotate"
)

// pages returns the text of each page in docs, by its name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.ToSlash(name)] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	if len(texts) < 2 {
		t.Fatalf("only %d pages", len(texts))
	}
	return texts
}

// blocks returns what stands in the fenced blocks of a language.
func blocks(page, language string) []string {
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		found = append(found, block[1])
	}
	return found
}

// TestDocsCodeRuns builds each block of Go in the pages as the body of a function.
// Those that show output are run: a comment that begins with "// {" is a line of
// it, which comments that begin with "//  " go on with. "…" in quotes is any string,
// and a value … any number.
func TestDocsCodeRuns(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	type snippet struct{ page, code, output string }
	var snippets []snippet
	texts := pages(t)
	for _, page := range slices.Sorted(maps.Keys(texts)) { // so that the program is in the cache of builds
		for _, code := range blocks(texts[page], "go") {
			snippets = append(snippets, snippet{page, code, outputOf(code)})
		}
	}

	// An overlay puts the program into the module without writing to the tree.
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	place := map[string]string{}
	add := func(name, code string) {
		file := filepath.Join(dir, name)
		place[filepath.Join(root, "internal", "docs", name)] = file
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const end = "end of a block"
	var main strings.Builder
	for i, s := range snippets {
		add(fmt.Sprintf("block%d.go", i), blockFile(i, s.code))
		if s.output != "" {
			fmt.Fprintf(&main, "if err := block%d(); err != nil {\npanic(err)\n}\n", i)
		}
		fmt.Fprintf(&main, "fmt.Println(%q)\n", end)
	}
	add("main.go", "package main\n\nimport \"fmt\"\n\nfunc main() {\n"+main.String()+"}\n")
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": place})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), goTool, "run", "-overlay", overlay, "./internal/docs")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	outputs := strings.Split(string(out), end+"\n")
	for i, s := range snippets {
		if s.output == "" {
			continue
		}
		pattern := strings.NewReplacer(`"…"`, `"[^"]*"`, `:…`, `:[0-9]+`).Replace(regexp.QuoteMeta(s.output))
		if !regexp.MustCompile("^" + pattern + "$").MatchString(outputs[i]) {
			t.Errorf("%s: this block\n\n%s\nprints\n%s", s.page, s.code, outputs[i])
		}
	}
}

// outputOf returns the output that a block shows, "" for none.
func outputOf(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//")
		if more, goesOn := strings.CutPrefix(comment, "  "); goesOn && len(lines) > 0 {
			lines[len(lines)-1] += strings.TrimSpace(more)
		} else if ok && strings.HasPrefix(comment, " {") {
			lines = append(lines, strings.TrimSpace(comment))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// blockFile returns a file with a block as a function, and the imports that it needs.
func blockFile(i int, code string) string {
	known := map[string]string{
		"handler": "github.com/sluicelog/sluice/handler", "logstash": "github.com/sluicelog/sluice/logstash",
		"rotate": "github.com/sluicelog/sluice/rotate", "asyncbuf": "github.com/sluicelog/sluice/asyncbuf",
		"redact":     "github.com/sluicelog/sluice/redact",
		"fanout":     "github.com/sluicelog/sluice/fanout",
		"lumberjack": "gopkg.in/natefinch/lumberjack.v2",
	}
	for _, name := range []string{
		"context", "encoding/json", "errors", "fmt", "io/fs", "log", "log/slog", "math", "net/url", "os", "reflect", "strings", "time",
	} {
		known[name[strings.LastIndex(name, "/")+1:]] = name
	}
	code = regexp.MustCompile(`(?m)^\s*//.*\n`).ReplaceAllString(code, "")
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			fmt.Fprintf(&b, "%q\n", known[name])
		}
	}
	fmt.Fprintf(&b, ")\n\nvar _ = block%d\n\nfunc block%d() error {\n%s\nreturn nil\n}\n", i, i, code)
	return b.String()
}

// TestDocsNameTestsThatExist looks for each test that a page names, as in
// `TestX` in `folder`, and for the names of subtests in `TestX/name of it` in `folder`.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	kind := "`((?:Test|Fuzz|Example)[A-Za-z0-9_]*)(?:/([^`]+))?`"
	for page, text := range pages(t) {
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
	_, table, _ := strings.Cut(pages(t)["docs/logstash-events.md"], "| rule | without it |\n| --- | --- |\n")
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
		text := pages(t)[page]
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
	_, table, _ := strings.Cut(pages(t)["docs/logstash-events.md"], "| V1 | ECS | ECSDotted |")
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
	text := pages(t)["docs/logstash-events.md"]
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

// TestDocsJSONIsValid parses the blocks of JSON, such as index templates.
func TestDocsJSONIsValid(t *testing.T) {
	t.Parallel()
	for page, text := range pages(t) {
		for _, block := range blocks(text, "json") {
			if !json.Valid([]byte(block)) {
				t.Errorf("%s: not JSON:\n%s", page, block)
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
	configs := blocks(pages(t)["docs/filebeat.md"], "yaml")
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
	pattern := regexp.MustCompile("With `PerProcess`, the paths are `([^`]+)`").FindStringSubmatch(pages(t)["docs/filebeat.md"])
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
	named := regexp.MustCompile(`\b[LT][0-9]{2}\b`).FindAllString(pages(t)["docs/lumberjack.md"], -1)
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
	shown := regexp.MustCompile(`Schedule: +"([^"]+)"`).FindAllStringSubmatch(pages(t)["docs/lumberjack.md"], -1)
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
