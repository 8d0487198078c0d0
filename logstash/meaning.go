package logstash

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// A meaning is what a key outside of groups means.
type meaning int

const (
	free     meaning = iota
	reserved         // a field that is the event's own, or that Elasticsearch keeps for itself
	object           // a field whose value has to be an object
	shared           // an object with members that are the event's own
	inline           // a group's members stand where it does
	isTags           // see attrs.EachTag
	isLogger         // the name of the logger, if it is a string
	isError          // the error, if it is one
	isMetadata
)

// meanings knows the keys that mean something.
type meanings struct {
	of     map[string]meaning
	hashes jsonenc.Set // of those in of, so that a look is enough for most keys
	paths  []string    // of the event's own fields, with dots
	attrs  string      // the name of the object that Options.Attrs asks for
}

// What has to be an object everywhere: Logstash 8's inputs and codecs set fields in
// the first ones, and lose an event in which they cannot. Filebeat does in the
// others.
const anyObjects = "event http url user_agent error host agent ecs log input"

// The field sets of ECS 8 that have a place outside of others, see
// https://www.elastic.co/docs/reference/ecs/ecs-field-reference, and those that users
// and pipelines put there nevertheless.
const ecsObjects = "client cloud container data_stream destination device dll dns email faas file geo group labels network observer " +
	"orchestrator organization os package process registry related rule server service source span threat tls trace transaction " +
	"user vulnerability"

// What Elasticsearch keeps for itself, so that it rejects an event that has it.
const elasticsearchOwn = "_id _index _source _type _routing _field_names _ignored _doc_count _size _tier _seq_no _version"

func newMeanings(o *Options, places *places) *meanings {
	m := &meanings{of: map[string]meaning{"": inline, "err": isError, "@metadata": isMetadata}}
	if places[tagsField] != nil {
		m.of["tags"] = isTags
	}
	if places[loggerField] != nil {
		m.of["logger"], m.of["logger_name"] = isLogger, isLogger
	}
	add := func(is meaning, names ...string) {
		for _, name := range names {
			if m.of[name] == free || is == shared && m.of[name] == object {
				m.of[name] = is
			}
		}
	}
	add(object, strings.Fields(anyObjects)...)
	if o.Profile != V1 {
		add(object, strings.Fields(ecsObjects)...)
	}
	if o.Collisions == NestCollisions {
		add(object, "labels")
	}
	add(reserved, strings.Fields(elasticsearchOwn)...)
	add(reserved, "@timestamp", "tags") // of which Logstash wants a form, whatever ours are called
	if o.MaxEventBytes >= 0 {
		add(reserved, "truncated")
	}
	for _, p := range places {
		if p == nil {
			continue
		}
		path := strings.Join(p, ".")
		if path == "log.logger" {
			add(isLogger, path)
		}
		add(reserved, path)
		m.paths = append(m.paths, path)
		if name, _, below := strings.Cut(path, "."); below {
			add(shared, name)
		}
	}
	if o.Attrs != "" {
		m.attrs = m.group(o.Attrs)
		add(reserved, m.attrs) // for Fields, which stand beside it
	}
	for name := range m.of {
		h, _ := jsonenc.Inspect(name)
		m.hashes.Add(h)
	}
	return m
}

// group returns the name of an object outside of groups that is to be called name.
func (m *meanings) group(name string) string {
	switch m.of[name] {
	case reserved, shared, isTags, isMetadata:
		name = renamed(name)
	case isLogger:
		if slices.Contains(m.paths, name) {
			name = renamed(name)
		}
	default:
	}
	return jsonenc.CleanName(name)
}

// takes reports whether a member of an object outside of groups is the event's own.
func (m *meanings) takes(object, member string) bool {
	path := object + "." + member
	return slices.ContainsFunc(m.paths, func(own string) bool {
		return own == path || strings.HasPrefix(own, path) && own[len(path)] == '.'
	})
}

// renamed returns a key that means nothing.
func renamed(key string) string {
	return "attr_" + strings.ReplaceAll(strings.TrimLeft(key, "@_"), ".", "_")
}
