package sluice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/pages"
	"github.com/sluicelog/sluice/pipeline"
)

// testedBlocks are the languages that blocks may have, and what tests them.
var testedBlocks = map[string]func(t *testing.T, b pages.Block){
	"go":       nil, // TestDocsCodeRuns
	"yaml":     nil, // TestYAML in e2e/docs
	"console":  nil, // TestDocsShowWhatIsPrinted in cmd/sluice
	"env":      testEnv,
	"json":     testJSON,
	"bash":     testBash,
	"sh":       testShell,
	"logstash": testLogstash,
	"python":   testPython,
	"systemd":  testUnit,
}

// TestDocsBlocks tests each block of the pages but those that other tests run. A block
// of a language that nothing tests is a fault.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, b := range blocksOf(t) {
		language, word, _ := strings.Cut(b.Info, " ")
		seen[language] = true
		test, ok := testedBlocks[language]
		switch {
		case !ok:
			t.Errorf("%v: no test is for a block of %q", b, b.Info)
		case word != "" && !slices.Contains([]string{"go", "json", "systemd"}, language):
			t.Errorf("%v: no test is for a block of %q", b, b.Info)
		case language == "go" && word != "" && b.Page != "docs/third-party.md" &&
			!slices.Contains([]string{"zap", "zerolog", "logrus", "logrus type", "kafka", "redis"}, word):
			t.Errorf("%v: no test is for a block of %q", b, b.Info)
		case test != nil:
			t.Run(b.String(), func(t *testing.T) { test(t, b) })
		}
	}
	for language := range testedBlocks {
		if !seen[language] && language != "sh" {
			t.Errorf("there is no block of %q", language)
		}
	}
}

// testJSON opens a pipeline with a block, which is the configuration of one unless it
// is said to be something else. The files are in a temporary directory.
func testJSON(t *testing.T, b pages.Block) {
	switch b.Info {
	case "json":
	case "json template":
		testTemplate(t, b)
		return
	default:
		t.Fatalf("%v: no test is for a block of %q", b, b.Info)
	}
	cfg, err := pipeline.Parse([]byte(b.Text))
	if err != nil {
		t.Fatalf("%v: %v", b, err)
	}
	openElsewhere(t, cfg)
}

// testTemplate reads a template for an index of Elasticsearch, and looks for the fields
// of an event in it.
func testTemplate(t *testing.T, b pages.Block) {
	var index struct {
		Patterns []string `json:"index_patterns"`
		Template struct {
			Settings map[string]any `json:"settings"`
			Mappings struct {
				Dynamic    []map[string]any          `json:"dynamic_templates"`
				Properties map[string]map[string]any `json:"properties"`
			} `json:"mappings"`
		} `json:"template"`
	}
	in := json.NewDecoder(strings.NewReader(b.Text))
	in.DisallowUnknownFields()
	if err := in.Decode(&index); err != nil {
		t.Fatalf("%v: %v", b, err)
	}
	if len(index.Patterns) == 0 || len(index.Template.Settings) == 0 || len(index.Template.Mappings.Dynamic) == 0 {
		t.Errorf("%v: something is missing", b)
	}
	for _, field := range []string{"@timestamp", "message", "level", "level_value", "stack_trace"} {
		if index.Template.Mappings.Properties[field]["type"] == nil {
			t.Errorf("%v: %s has no type", b, field)
		}
	}
}

// openElsewhere opens a pipeline with its files in a temporary directory.
func openElsewhere(t *testing.T, cfg pipeline.Config) {
	t.Helper()
	dir := t.TempDir()
	cfg.Fallback = io.Discard
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Type == pipeline.Console {
			s.Writer, s.Stderr = io.Discard, false
		}
		for _, path := range []*string{&s.Path, &s.SpoolDir} {
			if *path != "" {
				*path = filepath.Join(dir, *path)
			}
		}
		if s.CAFile+s.CertFile+s.KeyFile != "" {
			t.Log("certificates are not read")
			s.CAFile, s.CertFile, s.KeyFile = "", "", ""
		}
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // nobody is there for events
	defer cancel()
	if err := p.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// testEnv gives the variables of a block to FromEnv, as docker --env-file and systemd
// would: what stands behind the sign is the value. FromEnv has to ask for each.
func testEnv(t *testing.T, b pages.Block) {
	vars := make(map[string]string)
	for line := range strings.Lines(b.Text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(name) != name {
			t.Fatalf("%v: %q is no variable", b, line)
		}
		vars[name] = value
	}
	asked := make(map[string]bool)
	cfg, err := pipeline.FromEnv(func(name string) string {
		asked[name] = true
		if name == "LOG_CONFIG" {
			return "" // a file of the page's
		}
		return vars[name]
	})
	if err != nil {
		t.Fatalf("%v: %v", b, err)
	}
	for name := range vars {
		if !asked[name] {
			t.Errorf("%v: nobody reads %s", b, name)
		}
	}
	openElsewhere(t, cfg)
}

// testShell has bash parse a block, most of which are for a tree with its history.
func testShell(t *testing.T, b pages.Block) {
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no bash")
	}
	parse(t, b, exec.CommandContext(t.Context(), bash, "-n"))
}

// testPython has Python compile a block.
func testPython(t *testing.T, b pages.Block) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	parse(t, b, exec.CommandContext(t.Context(), python, "-c", "import sys; compile(sys.stdin.read(), 'block', 'exec')"))
}

// parse gives a block to a command, which has to take it without a word.
func parse(t *testing.T, b pages.Block, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdin = strings.NewReader(b.Text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %v\n%s", b, err, out)
	}
}

// testUnit parses a unit of systemd, has systemd look at it where there is one, and
// checks that the directories of a service are where its page says.
func testUnit(t *testing.T, b pages.Block) {
	section := ""
	for line := range strings.Lines(b.Text) {
		line = strings.TrimSpace(line)
		name, value, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = line
		case !assigned || section == "" || value == "" || !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name):
			t.Errorf("%v: %q is no assignment in a section", b, line)
		}
	}
	for _, want := range []string{"ExecReload=/bin/kill -HUP $MAINPID", "LogsDirectory=", "EnvironmentFile="} {
		if !strings.Contains(b.Text, "\n"+want) {
			t.Errorf("%v: there is no %s", b, want)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("no systemd-analyze")
		return
	}
	_, name, _ := strings.Cut(b.Info, " ")
	unit := filepath.Join(t.TempDir(), name)
	text := strings.ReplaceAll(b.Text, "/usr/local/bin/orders", "/bin/sh") // has to be there
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", unit).CombinedOutput(); err != nil || strings.Contains(string(out), unit) {
		t.Errorf("%v: %v\n%s", b, err, out)
	}
}

// testLogstash parses a configuration of Logstash.
func testLogstash(t *testing.T, b pages.Block) {
	if err := parseLogstash(b.Text); err != nil {
		t.Errorf("%v: %v", b, err)
	}
}

// parseLogstash reads what configurations of Logstash are made of: sections with
// plugins with settings, conditions, comments.
func parseLogstash(text string) error {
	tokens := regexp.MustCompile(`#[^\n]*|=>|"[^"]*"|'[^']*'|[{}\[\](),]|[^\s{}\[\](),"'=]+|[!=]=?~?`).FindAllString(text, -1)
	p := &logstashParser{slices.DeleteFunc(tokens, func(token string) bool { return token[0] == '#' })}
	for len(p.tokens) > 0 {
		switch section := p.next(); section {
		case "input", "filter", "output":
			if err := p.block(); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q in the place of a section", section)
		}
	}
	return nil
}

type logstashParser struct{ tokens []string }

func (p *logstashParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

// block reads plugins and conditions between braces.
func (p *logstashParser) block() error {
	if token := p.next(); token != "{" {
		return fmt.Errorf("%q in the place of a brace", token)
	}
	for {
		var err error
		switch token := p.next(); token {
		case "}":
			return nil
		case "":
			return errors.New("a brace is not closed")
		case "if", "else":
			for len(p.tokens) > 0 && p.tokens[0] != "{" {
				p.next()
			}
			err = p.block()
		default:
			if !regexp.MustCompile(`^[a-z_]+$`).MatchString(token) {
				return fmt.Errorf("%q in the place of a plugin", token)
			}
			err = p.settings()
		}
		if err != nil {
			return err
		}
	}
}

// settings reads name => value between braces.
func (p *logstashParser) settings() error {
	if token := p.next(); token != "{" {
		return fmt.Errorf("%q in the place of a brace", token)
	}
	for {
		name := p.next()
		if name == "}" {
			return nil
		}
		if !regexp.MustCompile(`^("[^"]+"|[a-z_]+)$`).MatchString(name) {
			return fmt.Errorf("%q in the place of a setting", name)
		}
		if arrow := p.next(); arrow != "=>" {
			return fmt.Errorf("%q behind %s, in the place of an arrow", arrow, name)
		}
		if err := p.value(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// value reads a word, a string, a list, a hash, or a codec with settings.
func (p *logstashParser) value() error {
	switch value := p.next(); {
	case slices.Contains([]string{"", "]", "}", ")", ",", "=>"}, value):
		return fmt.Errorf("%q in the place of a value", value)
	case value == "[":
		for {
			if err := p.value(); err != nil {
				return err
			}
			switch token := p.next(); token {
			case ",":
			case "]":
				return nil
			default:
				return fmt.Errorf("%q in a list", token)
			}
		}
	case value == "{":
		p.tokens = append([]string{"{"}, p.tokens...)
		return p.settings()
	case value[0] != '"' && len(p.tokens) > 0 && p.tokens[0] == "{":
		return p.settings() // of a codec
	}
	return nil
}

// TestDocsLogstashIsParsed gives the parser above configurations that are none.
func TestDocsLogstashIsParsed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"inputs { beats { port => 5044 } }",
		"input { beats { port => 5044 }",
		"input { beats { port = 5044 } }",
		"input { beats { port => } }",
		"input { beats { hosts => [1, 2 } }",
		"input { Beats { port => 1 } }",
		"input { if [a] { beats port => 1 } }",
	} {
		if parseLogstash(text) == nil {
			t.Errorf("%s is parsed", text)
		}
	}
	for _, name := range []string{"examples/elk/logstash.conf"} {
		text, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := parseLogstash(string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDocsLinksLeadSomewhere looks for the file and the heading that each link within
// the repository leads to.
func TestDocsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	texts, err := pages.Read(".", "*.md", "docs/*.md", "docs/adr/*.md", "examples/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for page, text := range texts {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)|(?m)^\[[^\]]+\]: (\S+)$`).FindAllStringSubmatch(withoutBlocks(text), -1) {
			target := link[1] + link[2]
			if strings.Contains(target, "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(target, "#")
			name := page
			if file != "" {
				name = filepath.ToSlash(filepath.Join(filepath.Dir(page), file))
			}
			if _, err := os.Stat(filepath.FromSlash(name)); err != nil {
				t.Errorf("%s: the link to %s: %v", page, target, err)
			} else if anchor != "" && !slices.Contains(anchors(texts[name]), anchor) {
				t.Errorf("%s: %s has no heading for %s", page, name, target)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links", links)
	}
}

// anchors returns the anchors that GitHub gives to the headings of a page.
func anchors(text string) (all []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(withoutBlocks(text), -1) {
		anchor := strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")
		all = append(all, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(anchor, ""))
	}
	return all
}

// withoutBlocks returns a page without its fenced blocks.
func withoutBlocks(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		} else if !fenced {
			b.WriteString(line)
		}
	}
	return b.String()
}
