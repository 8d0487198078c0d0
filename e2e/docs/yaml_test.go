package docs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/sluicelog/sluice/internal/pages"
	"github.com/sluicelog/sluice/pipeline"
)

// A setting is a value in YAML with the path to it: names with dots between them,
// whether they were written in one or in several, and [] for the members of a list.
type setting struct {
	path  string
	value any
}

// The settings that configurations may have, by what they are for. A name that ends in
// .* stands for all below it.
var knownSettings = map[string][]string{
	"Filebeat": {
		"filebeat.inputs[].type", "filebeat.inputs[].id", "filebeat.inputs[].paths[]", "filebeat.inputs[].compression",
		"filebeat.inputs[].prospector.scanner.check_interval", "filebeat.inputs[].prospector.scanner.exclude_files[]",
		"filebeat.inputs[].prospector.scanner.symlinks",
		"filebeat.inputs[].prospector.scanner.fingerprint.enabled", "filebeat.inputs[].prospector.scanner.fingerprint.length",
		"filebeat.inputs[].file_identity.fingerprint",
		"filebeat.inputs[].close.on_state_change.inactive", "filebeat.inputs[].close.on_state_change.renamed",
		"filebeat.inputs[].close.on_state_change.removed",
		"filebeat.inputs[].clean_removed", "filebeat.inputs[].ignore_older", "filebeat.inputs[].clean_inactive",
		"filebeat.inputs[].parsers[].container",
		"filebeat.inputs[].parsers[].ndjson.target", "filebeat.inputs[].parsers[].ndjson.overwrite_keys",
		"filebeat.inputs[].parsers[].ndjson.expand_keys", "filebeat.inputs[].parsers[].ndjson.add_error_key",
		"processors[].add_host_metadata", "processors[].add_kubernetes_metadata.*",
		"output.logstash.hosts[]",
	},
	"Compose":  {"services.*", "volumes.*"},
	"Logstash": {"queue.type", "queue.max_bytes"},
	"ConfigMap": {
		"apiVersion", "kind", "metadata.name", "data.logging.json", "data.filebeat.yml",
	},
	"Deployment": {
		"apiVersion", "kind", "metadata.name", "spec.replicas", "spec.selector.matchLabels.app",
		"spec.template.metadata.labels.app", "spec.template.spec.terminationGracePeriodSeconds",
		"spec.template.spec.securityContext.runAsNonRoot", "spec.template.spec.securityContext.runAsUser",
		"spec.template.spec.securityContext.fsGroup",
		"spec.template.spec.initContainers[].name", "spec.template.spec.initContainers[].image",
		"spec.template.spec.initContainers[].restartPolicy", "spec.template.spec.initContainers[].args[]",
		"spec.template.spec.initContainers[].volumeMounts[].name", "spec.template.spec.initContainers[].volumeMounts[].mountPath",
		"spec.template.spec.initContainers[].volumeMounts[].readOnly",
		"spec.template.spec.containers[].name", "spec.template.spec.containers[].image",
		"spec.template.spec.containers[].env[].name", "spec.template.spec.containers[].env[].value",
		"spec.template.spec.containers[].ports[].containerPort",
		"spec.template.spec.containers[].readinessProbe.httpGet.path", "spec.template.spec.containers[].readinessProbe.httpGet.port",
		"spec.template.spec.containers[].readinessProbe.periodSeconds",
		"spec.template.spec.containers[].resources.limits.memory", "spec.template.spec.containers[].resources.limits.ephemeral-storage",
		"spec.template.spec.containers[].volumeMounts[].name", "spec.template.spec.containers[].volumeMounts[].mountPath",
		"spec.template.spec.containers[].volumeMounts[].readOnly",
		"spec.template.spec.volumes[].name", "spec.template.spec.volumes[].emptyDir", "spec.template.spec.volumes[].emptyDir.sizeLimit",
		"spec.template.spec.volumes[].configMap.name",
	},
}

// The keys that a service of Compose has here.
var composeKeys = []string{
	"image", "command", "working_dir", "environment", "volumes", "ports", "depends_on", "user", "stop_grace_period",
	"read_only", "healthcheck", "logging",
}

// TestYAML reads each block of YAML in the pages, and the files beside the examples.
func TestYAML(t *testing.T) {
	t.Parallel()
	var all []pages.Block
	for _, b := range blocks(t) {
		if b.Info == "yaml" {
			all = append(all, b)
		}
	}
	for _, name := range []string{"examples/filebeat/filebeat.yml", "examples/elk/filebeat.yml", "examples/elk/compose.yml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pages.Block{Page: name, Text: string(text)})
	}
	seen := make(map[string]bool)
	for _, b := range all {
		for _, settings := range documents(t, b) {
			seen[check(t, b, settings)] = true
		}
	}
	for kind := range knownSettings {
		if !seen[kind] {
			t.Errorf("nothing is for %s", kind)
		}
	}
}

// documents returns the settings of each document in a block.
func documents(t *testing.T, b pages.Block) (all [][]setting) {
	t.Helper()
	in := yaml.NewDecoder(strings.NewReader(b.Text))
	for {
		var document map[string]any
		err := in.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v: %v", b, err)
		}
		all = append(all, flatten(nil, "", document))
	}
}

func flatten(settings []setting, path string, value any) []setting {
	switch value := value.(type) {
	case map[string]any:
		if len(value) == 0 {
			return append(settings, setting{path, nil})
		}
		for name, member := range value {
			settings = flatten(settings, strings.TrimPrefix(path+"."+name, "."), member)
		}
		return settings
	case []any:
		for _, member := range value {
			settings = flatten(settings, path+"[]", member)
		}
		return settings
	default:
		return append(settings, setting{path, value})
	}
}

// check checks the settings of a document and returns what it is for.
func check(t *testing.T, b pages.Block, settings []setting) (kind string) {
	t.Helper()
	get := func(path string) (values []string) {
		for _, s := range settings {
			if s.path == path {
				values = append(values, fmt.Sprint(s.value))
			}
		}
		return values
	}
	want := func(path string, allowed ...string) {
		values := get(path)
		for _, value := range values {
			if len(allowed) > 0 && !slices.Contains(allowed, value) {
				t.Errorf("%v: %s is %s, want %v", b, path, value, allowed)
			}
		}
		if len(values) == 0 {
			t.Errorf("%v: there is no %s", b, path)
		}
	}
	switch {
	case len(get("kind")) == 1:
		kind = get("kind")[0]
	case len(get("filebeat.inputs[].id")) > 0:
		kind = "Filebeat"
	case len(get("queue.type")) > 0:
		kind = "Logstash"
	default:
		kind = "Compose"
	}
	for _, s := range settings {
		if !known(kind, s.path) {
			t.Errorf("%v: %s does not know %s", b, kind, s.path)
		}
	}

	switch kind {
	case "Filebeat":
		want("filebeat.inputs[].type", "filestream")
		want("filebeat.inputs[].paths[]")
		if bytes.Contains([]byte(b.Text), []byte("and all the rest as above")) {
			break
		}
		want("filebeat.inputs[].parsers[].ndjson.overwrite_keys", "true")
		want("filebeat.inputs[].parsers[].ndjson.target", "")
		want("output.logstash.hosts[]")
		if !slices.Contains(get("filebeat.inputs[].paths[]"), "/var/log/containers/*.log") {
			want("filebeat.inputs[].prospector.scanner.exclude_files[]", `\.(gz|zst|tmp)$`)
			want("filebeat.inputs[].close.on_state_change.renamed", "false")
			want("filebeat.inputs[].clean_removed", "false")
		}
	case "ConfigMap":
		for _, text := range get("data.logging.json") {
			opens(t, b, text)
		}
		for _, text := range get("data.filebeat.yml") {
			for _, inner := range documents(t, pages.Block{Page: b.Page, Line: b.Line, Text: text}) {
				check(t, b, inner)
			}
		}
	case "Deployment":
		want("spec.template.spec.containers[].readinessProbe.httpGet.path", "/healthz")
		if ports, probe := get("spec.template.spec.containers[].ports[].containerPort"),
			get("spec.template.spec.containers[].readinessProbe.httpGet.port"); len(probe) != 1 || !slices.Contains(ports, probe[0]) {
			t.Errorf("%v: the probe asks %v, open are %v", b, probe, ports)
		}
		for _, text := range get("spec.template.spec.containers[].readinessProbe.periodSeconds") {
			if n, err := strconv.Atoi(text); n < 1 {
				t.Errorf("%v: the probe asks every %q seconds, %v", b, text, err)
			}
		}
		want("spec.template.spec.terminationGracePeriodSeconds", "30")
		want("spec.template.spec.initContainers[].restartPolicy", "Always")
		mounts := append(get("spec.template.spec.containers[].volumeMounts[].name"),
			get("spec.template.spec.initContainers[].volumeMounts[].name")...)
		for _, name := range mounts {
			if !slices.Contains(get("spec.template.spec.volumes[].name"), name) {
				t.Errorf("%v: there is no volume %s", b, name)
			}
		}
		for _, name := range get("spec.template.spec.containers[].env[].name") {
			readByFromEnv(t, b, map[string]string{name: ""})
		}
	case "Compose":
		checkCompose(t, b, settings)
	}
	return kind
}

// opens opens a pipeline with a configuration, with its files in a temporary directory.
func opens(t *testing.T, b pages.Block, text string) {
	t.Helper()
	cfg, err := pipeline.Parse([]byte(text))
	if err != nil {
		t.Errorf("%v: %v", b, err)
		return
	}
	dir := t.TempDir()
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Type == pipeline.Console {
			s.Writer = io.Discard
		}
		if s.Path != "" {
			s.Path = filepath.Join(dir, s.Path)
		}
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Errorf("%v: %v", b, err)
		return
	}
	if err := p.Close(); err != nil {
		t.Errorf("%v: %v", b, err)
	}
}

// known reports whether a path is in the list of its kind.
func known(kind, path string) bool {
	if kind == "Compose" && strings.HasPrefix(path, "services.") {
		key, _, _ := strings.Cut(strings.SplitN(path, ".", 3)[2], ".")
		return slices.Contains(composeKeys, strings.TrimSuffix(key, "[]"))
	}
	return slices.ContainsFunc(knownSettings[kind], func(known string) bool {
		below, wild := strings.CutSuffix(known, "*")
		return known == path || wild && strings.HasPrefix(path, below)
	})
}

// checkCompose gives the variables of the service that logs to FromEnv.
func checkCompose(t *testing.T, b pages.Block, settings []setting) {
	t.Helper()
	vars := make(map[string]string)
	grace := false
	for _, s := range settings {
		if name, ok := strings.CutPrefix(s.path, "services.app.environment."); ok {
			vars[name] = fmt.Sprint(s.value)
		}
		grace = grace || s.path == "services.app.stop_grace_period"
	}
	if len(vars) == 0 || !grace {
		t.Errorf("%v: a service app has %d variables, and a stop_grace_period: %t", b, len(vars), grace)
	}
	readByFromEnv(t, b, vars)
}

// readByFromEnv gives variables to FromEnv, which has to ask for each.
func readByFromEnv(t *testing.T, b pages.Block, vars map[string]string) {
	t.Helper()
	asked := make(map[string]bool)
	_, err := pipeline.FromEnv(func(name string) string {
		asked[name] = true
		return vars[name]
	})
	if err != nil {
		t.Errorf("%v: %v", b, err)
	}
	for name := range vars {
		if !asked[name] {
			t.Errorf("%v: nobody reads %s", b, name)
		}
	}
}
