package logstash

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// A field is one of the event's own.
type field int

// In the order in which they are written.
const (
	timestampField field = iota
	versionField
	levelField
	levelValueField
	loggerField
	methodField
	fileField
	lineField
	messageField
	ecsField
	hostField
	serviceField
	serviceVersionField
	serviceEnvironmentField
	serviceNodeField
	typeField
	datasetField
	idField
	sequenceField
	traceField
	spanField
	errorTypeField
	errorMessageField
	stackField
	hashField
	tagsField
	metadataField
	fields // how many there are
)

// A place is where a field stands: the names of the objects that it is in, and its
// own. No place is that the event does not have it.
type place []string

// places are where all fields stand.
type places [fields]place

// scattered reports whether fields that have the same object do not come one after
// the other, because one between them has a name of the user's own.
func (p *places) scattered() bool {
	last := make(map[string]int)
	n := 0
	for _, at := range p {
		if at == nil {
			continue
		}
		n++
		if before, known := last[at[0]]; known && before != n-1 {
			return true
		}
		last[at[0]] = n
	}
	return false
}

// places returns where the fields stand.
func (o *Options) places() (p places) {
	names := map[Profile]string{
		ECS: `@timestamp, ,log.level, ,log.logger,log.origin.function,log.origin.file.name,log.origin.file.line,message,ecs.version,` +
			`host.name,service.name,service.version,service.environment,service.node.name,type,event.dataset,event.id,event.sequence,` +
			`trace.id,span.id,error.type,error.message,error.stack_trace,error.stack_hash,tags,@metadata`,
		V1: `@timestamp,@version,level,level_value,logger_name,caller_method_name,caller_file_name,caller_line_number,message, ,` +
			`host.name,service.name,service.version,service.environment,service.node.name,type, ,uuid,sequence,` +
			`trace_id,span_id, , ,stack_trace,stack_hash,tags,@metadata`,
	}
	names[ECSDotted] = names[ECS]
	list, known := names[o.Profile]
	if !known {
		list = names[V1]
	}
	for i, name := range strings.Split(list, ",") {
		switch {
		case name == " ":
		case o.Profile == ECSDotted:
			p[i] = place{name}
		default:
			p[i] = strings.Split(name, ".")
		}
	}
	n := &o.Names
	for f, name := range map[field]string{
		timestampField: n.Timestamp, versionField: n.Version, messageField: n.Message, levelField: n.Level,
		levelValueField: n.LevelValue, loggerField: n.Logger, methodField: n.CallerMethod, fileField: n.CallerFile,
		lineField: n.CallerLine, hostField: n.Host, typeField: n.Type, tagsField: n.Tags, sequenceField: n.Sequence,
		idField: n.ID, traceField: n.TraceID, spanField: n.SpanID, stackField: n.StackTrace, hashField: n.StackHash,
		ecsField: n.ECSVersion, datasetField: n.Dataset,
	} {
		switch {
		case name == "-":
			p[f] = nil
		case name != "" && p[f] != nil:
			p[f] = place{name}
		}
	}
	return p
}

// A writer appends fields at their places. It opens and closes the objects that
// they are in.
type writer struct {
	places *places
	in     place // the objects that are open
}

// key appends all that stands before the value of a field, and reports whether the
// event has it.
func (w *writer) key(b []byte, f field) ([]byte, bool) {
	p := w.places[f]
	if p == nil {
		return b, false
	}
	objects := p[:len(p)-1]
	common := 0
	for common < min(len(objects), len(w.in)) && objects[common] == w.in[common] {
		common++
	}
	b = w.close(b, common)
	for _, name := range objects[common:] {
		b = append(jsonenc.AppendKey(b, name), '{')
	}
	w.in = objects
	return jsonenc.AppendKey(b, p[len(p)-1]), true
}

// close closes the objects that are open, but for the outermost ones.
func (w *writer) close(b []byte, but int) []byte {
	for range w.in[but:] {
		b = append(b, '}')
	}
	w.in = w.in[:but]
	return b
}

// text appends a field with a string, unless that is empty.
func (w *writer) text(b []byte, f field, s string) []byte {
	if s == "" {
		return b
	}
	b, ok := w.key(b, f)
	if ok {
		b = jsonenc.AppendString(b, s)
	}
	return b
}

// int appends a field with a number.
func (w *writer) int(b []byte, f field, n int64) []byte {
	b, ok := w.key(b, f)
	if ok {
		b = jsonenc.AppendInt(b, n)
	}
	return b
}

// ownNames returns the names that those of the event's own fields have outside of
// objects for which include is true.
func ownNames(places *places, include func(field) bool) []string {
	var names []string
	for f, p := range places {
		if p != nil && include(field(f)) && !slices.Contains(names, p[0]) {
			names = append(names, p[0])
		}
	}
	return names
}
