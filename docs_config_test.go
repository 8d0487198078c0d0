package sluice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/pipeline"
)

const anyText = "any text"

// A row of a table in docs/configuration.md, by the names of its columns.
type row map[string]string

// values returns the examples in the column of values, without the quotes of code.
func (r row) values() (all []string) {
	for _, value := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(r["values"], -1) {
		all = append(all, value[1])
	}
	return all
}

// configurationTable returns the rows of the table below a heading, by their first cells.
func configurationTable(t *testing.T, heading string) map[string]row {
	t.Helper()
	_, text, _ := strings.Cut(pagesOf(t)["docs/configuration.md"], "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := make(map[string]row)
	var names []string
	for _, line := range regexp.MustCompile(`(?m)^\| (.*) \|$`).FindAllStringSubmatch(text, -1) {
		cells := strings.Split(line[1], " | ")
		switch {
		case names == nil:
			names = cells
		case strings.HasPrefix(cells[0], "---"):
		case len(cells) != len(names):
			t.Errorf("%s: %d cells in %s", heading, len(cells), line[0])
		default:
			r := make(row)
			for i, name := range names {
				r[name] = cells[i]
			}
			rows[strings.Trim(cells[0], "`")] = r
		}
	}
	if len(rows) == 0 {
		t.Fatalf("there is no table below %q", heading)
	}
	return rows
}

// TestDocsConfigurationIsComplete compares the fields in the tables with those of the
// structs.
func TestDocsConfigurationIsComplete(t *testing.T) {
	t.Parallel()
	for heading, of := range map[string]any{
		"The whole": pipeline.Config{}, "Sinks": pipeline.Sink{}, "Match": pipeline.Match{},
		"Sampling": pipeline.Sampling{}, "Redaction": pipeline.Redaction{},
	} {
		var fields, named []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" && name != "" {
				fields = append(fields, name)
			}
		}
		for name := range configurationTable(t, heading) {
			named = append(named, name)
		}
		slices.Sort(fields)
		slices.Sort(named)
		if diff := cmp.Diff(fields, named); diff != "" {
			t.Errorf("%s: mismatch (-in %T +in the table):\n%s", heading, of, diff)
		}
	}
}

// sinksOf are sinks of each type that have what they need, as members of JSON.
var sinksOf = map[string]map[string]string{
	"console":  {},
	"file":     {"path": `"app.log"`},
	"errors":   {"path": `"errors.log"`},
	"audit":    {"path": `"audit.log"`},
	"logstash": {"addr": `"tcp://127.0.0.1:1"`},
}

// needs are the fields without which another one is an error.
func needs(field string) map[string]string {
	switch field {
	case "buffer_size", "flush_interval", "max_buffered_lines", "policy":
		return map[string]string{"async": "true"}
	case "service", "event_type", "tags", "event_id":
		return map[string]string{"format": `"ecs"`}
	case "cert_file":
		return map[string]string{"key_file": `"key.pem"`, "addr": `"tls://127.0.0.1:1"`}
	case "key_file":
		return map[string]string{"cert_file": `"cert.pem"`, "addr": `"tls://127.0.0.1:1"`}
	case "ca_file":
		return map[string]string{"addr": `"tls://127.0.0.1:1"`}
	case "spool_max_size":
		return map[string]string{"spool_dir": `"spool"`}
	}
	return nil
}

// TestDocsConfigurationIsTrue writes each value in the tables into a configuration,
// and something else.
func TestDocsConfigurationIsTrue(t *testing.T) {
	t.Parallel()
	for name, r := range configurationTable(t, "The whole") {
		accepts(t, r, name, func(value string) string { return fmt.Sprintf(`{%q: %s}`, name, value) })
	}
	for field, heading := range map[string]string{"match": "Match", "sampling": "Sampling"} {
		for name, r := range configurationTable(t, heading) {
			accepts(t, r, field+"."+name, func(value string) string {
				return fmt.Sprintf(`{"sinks": [{"type": "console", %q: {%q: %s}}]}`, field, name, value)
			})
		}
	}
	for name, r := range configurationTable(t, "Redaction") {
		accepts(t, r, "redaction."+name, func(value string) string {
			return fmt.Sprintf(`{"redaction": {%q: %s}}`, name, value)
		})
	}
	for name, r := range configurationTable(t, "Sinks") {
		accepts(t, r, name, func(value string) string {
			for kind, members := range sinksOf {
				if name == "type" && value == fmt.Sprintf("%q", kind) || name != "type" && takes(r, kind) {
					return sinkText(kind, members, needs(name), map[string]string{name: value})
				}
			}
			if name != "type" {
				t.Errorf("no sink takes %s", name)
			}
			return sinkText("console", map[string]string{name: value})
		})
		if name != "type" {
			testTakers(t, name, r)
		}
	}
}

// accepts writes each of the values, and something else.
func accepts(t *testing.T, r row, name string, config func(value string) string) {
	t.Helper()
	values := r.values()
	if strings.Contains(r["values"], anyText) {
		values = []string{`"text"`}
	}
	if len(values) == 0 {
		t.Errorf("%s: the table has no values", name)
	}
	for _, value := range values {
		if _, err := pipeline.Parse([]byte(config(value))); err != nil {
			t.Errorf("%s: %s is in the table, but: %v", name, value, err)
		}
	}
	wrong := []string{"[[]]"}
	if name != "match.attrs" {
		wrong = append(wrong, `{"no_such": 1}`)
	}
	if !strings.Contains(r["values"], anyText) && name != "match.message" && name != "redaction.mask" {
		wrong = append(wrong, `"dogs 30"`)
	}
	for _, value := range wrong {
		if _, err := pipeline.Parse([]byte(config(value))); err == nil {
			t.Errorf("%s: %s is accepted", name, value)
		}
	}
}

// takes reports whether a type of sink is in the column of those that take a field.
func takes(r row, kind string) bool {
	return r["sinks"] == "all" || slices.Contains(strings.Split(r["sinks"], ", "), kind)
}

// sinkText returns a configuration with one sink.
func sinkText(kind string, members ...map[string]string) string {
	all := map[string]string{"type": fmt.Sprintf("%q", kind)}
	for _, some := range members {
		maps.Copy(all, some)
	}
	var text []string
	for name, value := range all {
		text = append(text, fmt.Sprintf("%q: %s", name, value))
	}
	return `{"sinks": [{` + strings.Join(text, ", ") + `}]}`
}

// testTakers gives a field to each type of sink.
func testTakers(t *testing.T, name string, r row) {
	t.Helper()
	value := `"text"`
	if values := r.values(); len(values) > 0 && !strings.Contains(r["values"], anyText) {
		value = values[0]
		if len(values) > 1 && r["default"] == "`"+value+"`" || value == "{}" {
			value = values[1] // the default is what a sink has that takes no other
		}
	}
	for kind, members := range sinksOf {
		if members[name] != "" {
			value = members[name]
		}
		need := needs(name)
		if kind == "logstash" && need["format"] != "" {
			need = nil // that is what it writes
		}
		if need["addr"] != "" && kind != "logstash" || need["async"] != "" && !slices.Contains([]string{"console", "file", "errors"}, kind) {
			need = nil
		}
		text := sinkText(kind, members, need, map[string]string{name: value})
		cfg, err := pipeline.Parse([]byte(text))
		if err == nil {
			err = opens(t, cfg)
		}
		if want := takes(r, kind); want != (err == nil) {
			t.Errorf("%s: the table says of a %s sink: %t; %s gives %v", name, kind, want, text, err)
		}
	}
}

// opens opens and closes a pipeline with its files in a temporary directory.
func opens(t *testing.T, cfg pipeline.Config) error {
	t.Helper()
	_, err := described(t, cfg)
	return err
}

// described opens a pipeline with its files in a temporary directory, closes it, and
// returns its description.
func described(t *testing.T, cfg pipeline.Config) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Type == pipeline.Console && !s.Stderr {
			s.Writer = io.Discard
		}
		if s.Path != "" {
			s.Path = filepath.Join(dir, s.Path)
		}
		if s.SpoolDir != "" {
			s.SpoolDir = filepath.Join(dir, s.SpoolDir)
		}
		if s.CAFile+s.CertFile+s.KeyFile != "" && s.Type == pipeline.Logstash {
			s.CAFile, s.CertFile, s.KeyFile = "", "", "" // there are no such files
		}
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		return "", err
	}
	text := p.Describe()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // nobody is there for events
	defer cancel()
	if err := p.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	return strings.ReplaceAll(text, dir, "DIR"), nil
}

// TestDocsDefaultsAreTrue compares what a pipeline says of itself without a field, with
// the default in the tables, and with another value.
func TestDocsDefaultsAreTrue(t *testing.T) {
	t.Parallel()
	describe := func(text string) string {
		t.Helper()
		cfg, err := pipeline.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all, err := described(t, cfg)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return all
	}
	compared := 0
	for name, r := range configurationTable(t, "Sinks") {
		byDefault := strings.Trim(r["default"], "`")
		if r["default"] != "`"+byDefault+"`" || !json.Valid([]byte(byDefault)) || name == "type" {
			continue // it is said in words
		}
		for kind, members := range sinksOf {
			if !takes(r, kind) {
				continue
			}
			compared++
			unset := describe(sinkText(kind, members, needs(name)))
			if diff := cmp.Diff(unset, describe(sinkText(kind, members, needs(name), map[string]string{name: byDefault}))); diff != "" {
				t.Errorf("%s of a %s sink: %s is not what it is without:\n%s", name, kind, byDefault, diff)
			}
			other := slices.DeleteFunc(r.values(), func(value string) bool { return value == byDefault })
			if len(other) == 0 || other[0] == "false" {
				t.Errorf("%s: there is no other value than the default", name)
				continue
			}
			untold := []string{"event_id", "dir_mode", "no_color"} // Describe is silent about these
			if !slices.Contains(untold, name) && unset == describe(sinkText(kind, members, needs(name), map[string]string{name: other[len(other)-1]})) {
				t.Errorf("%s of a %s sink: Describe does not tell %s from the default", name, kind, other[len(other)-1])
			}
		}
	}
	if compared < 20 {
		t.Errorf("%d defaults were compared", compared)
	}
}

// TestDocsVariablesAreTrue gives each value in the table of variables to FromEnv, and
// compares the defaults with what is made without.
func TestDocsVariablesAreTrue(t *testing.T) {
	t.Parallel()
	table := configurationTable(t, "Variables")
	var asked, named []string
	unset := fromEnv(t, nil, func(name string) { asked = append(asked, name) })
	for name := range table {
		named = append(named, name)
	}
	slices.Sort(named)
	slices.Sort(asked)
	if diff := cmp.Diff(slices.Compact(asked), named); diff != "" {
		t.Errorf("variables: mismatch (-read +in the table):\n%s", diff)
	}

	// Some say something of what another one makes.
	around := map[string]string{"LOG_FILE": "app.log", "LOG_LOGSTASH": "tcp://127.0.0.1:1"}
	for name, r := range table {
		values := r.values()
		free := strings.Contains(r["values"], anyText)
		if free {
			values = []string{"text"}
		}
		if name == "LOG_CONFIG" {
			continue // the file would have to be there
		}
		with := func(value string) map[string]string {
			vars := map[string]string{name: value}
			for other, value := range around {
				if vars[other] == "" {
					vars[other] = value
				}
			}
			return vars
		}
		for _, value := range values {
			if _, err := pipeline.FromEnv(func(asked string) string { return with(value)[asked] }); err != nil {
				t.Errorf("%s: %s is in the table, but: %v", name, value, err)
			}
		}
		if !free {
			_, err := pipeline.FromEnv(func(asked string) string { return with("dogs 30")[asked] })
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: wrong, and the error is %v", name, err)
			}
		}
		byDefault := strings.Trim(r["default"], "`")
		if r["default"] != "`"+byDefault+"`" || byDefault == "LOG_LEVEL" {
			continue // it is said in words
		}
		if diff := cmp.Diff(fromEnv(t, around, nil), fromEnv(t, with(byDefault), nil)); diff != "" {
			t.Errorf("%s: %s is not what it is without: %s", name, byDefault, diff)
		}
	}
	if unset == "" {
		t.Error("nothing is made without variables")
	}
}

// fromEnv returns the Config that variables describe, as JSON and what that leaves out.
func fromEnv(t *testing.T, vars map[string]string, asked func(string)) string {
	t.Helper()
	cfg, err := pipeline.FromEnv(func(name string) string {
		if asked != nil {
			asked(name)
		}
		return vars[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{string(text), cfg.Level.Level().String()}
	for i := range cfg.Sinks {
		if b := cfg.Sinks[i].Buffer; b != nil {
			all = append(all, fmt.Sprintf("%+v", *b))
		}
	}
	return strings.Join(all, "\n")
}

// TestContainerExample logs through the configuration of docs/containers.md: the file
// has what the level of the whole would keep out.
func TestContainerExample(t *testing.T) {
	t.Parallel()
	found := blocks(t, "docs/containers.md", "json")
	cfg, err := pipeline.Parse([]byte(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	var console strings.Builder
	cfg.Sinks[0].Writer = &console
	cfg.Sinks[1].Path = filepath.Join(t.TempDir(), "app.log")
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Debug("fine")
	p.Logger().Info("good")
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(cfg.Sinks[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	file := string(text)
	if strings.Contains(console.String(), "fine") || !strings.Contains(console.String(), `"msg":"good"`) {
		t.Errorf("the console has\n%s", console.String())
	}
	if !strings.Contains(file, `"msg":"fine"`) || !strings.Contains(file, `"msg":"good"`) {
		t.Errorf("the file has\n%s", file)
	}
}

// TestAuditExample logs through the configuration of docs/audit.md: the audit log has
// each tagged record and nothing else, and takes no part in what could lose one.
func TestAuditExample(t *testing.T) {
	t.Parallel()
	text := blocks(t, "docs/audit.md", "json")[0]
	cfg, err := pipeline.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range cfg.Sinks {
		cfg.Sinks[i].Path = filepath.Join(dir, filepath.Base(cfg.Sinks[i].Path))
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	security := []string{"security"}
	p.Logger().Debug("looked", "tags", security)
	p.Logger().With("tags", security).Info("granted\n{}", "role", "admin")
	p.Logger().Error("failed")
	audit, err := os.ReadFile(filepath.Join(dir, "audit.log")) // before Close: nothing waits
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	lines := strings.Split(string(audit), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"msg":"looked"`) || !strings.Contains(lines[1], `"msg":"granted\n{}"`) {
		t.Errorf("the audit log has\n%s", audit)
	}
	info, err := os.Stat(filepath.Join(dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the audit log has the mode %o", mode)
	}

	for _, unsafe := range []string{`"async": true`, `"sampling": {"rate": 1}`, `"policy": "drop_newest"`, `"level": "ERROR"`, `"file_mode": "0666"`} {
		cfg, err := pipeline.Parse([]byte(strings.Replace(text, `"type": "audit"`, `"type": "audit", `+unsafe, 1)))
		if err == nil {
			err = opens(t, cfg)
		}
		if err == nil {
			t.Errorf("an audit sink takes %s", unsafe)
		}
	}
}
