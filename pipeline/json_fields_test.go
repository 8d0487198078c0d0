package pipeline_test

import (
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/pipeline"
)

// ignoreOptions leaves out of a comparison what is no text.
func ignoreOptions() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreFields(pipeline.Config{}, "Fallback", "Redact", "Monitor", "OnError"),
		cmpopts.IgnoreFields(pipeline.Sink{}, "Writer", "Rotate", "Buffer", "Dial", "Func", "Handler"),
		cmpopts.IgnoreFields(pipeline.Match{}, "Func"),
	}
}

func configTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[pipeline.Config](), reflect.TypeFor[pipeline.Sink](), reflect.TypeFor[pipeline.Match](),
		reflect.TypeFor[pipeline.Sampling](), reflect.TypeFor[pipeline.Redaction](),
	}
}

// jsonFieldsOf returns the names of all fields, with blanks between.
func jsonFieldsOf() string {
	var names []string
	for _, t := range configTypes() {
		for f := range t.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, " ")
}

// TestEveryFieldHasOneName keeps the names for JSON, YAML and TOML the same, and
// fields that no text can say out of all of them.
func TestEveryFieldHasOneName(t *testing.T) {
	t.Parallel()
	noText := map[reflect.Type]bool{
		reflect.TypeFor[io.Writer](): true, reflect.TypeFor[slog.Handler](): true,
	}
	for _, st := range configTypes() {
		for f := range st.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			yaml, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			toml, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if name == "" || yaml != name || toml != name {
				t.Errorf("%s.%s: %s", st, f.Name, f.Tag)
			}
			if name != "-" && (noText[f.Type] || f.Type.Kind() == reflect.Func) {
				t.Errorf("%s.%s, a %s, has the name %s", st, f.Name, f.Type, name)
			}
			if want := strings.ToLower(f.Name); name != "-" && strings.ReplaceAll(name, "_", "") != want {
				t.Errorf("%s.%s is called %s", st, f.Name, name)
			}
		}
	}
}
