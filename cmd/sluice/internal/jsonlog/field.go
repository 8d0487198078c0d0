package jsonlog

// A field is what a key stands for in the forms that are known.
type field uint8

const (
	noField field = iota
	fieldTime
	fieldTS
	fieldAtTimestamp
	fieldOtherTime
	fieldLevel
	fieldDottedLevel
	fieldLevelname
	fieldOtherLevel
	fieldSeverityLevel // in names or the numbers of syslog
	fieldPriority      // of journald, in the numbers of syslog
	fieldMsg
	fieldMessage
	fieldShortMessage
	fieldOtherMessage
	fieldEvent // the message if there is no other
	fieldLogger
	fieldName // of the logger for some, of anything for others
	fieldSource
	fieldFile
	fieldLine
	fieldFunction
	fieldTags
	fieldStack
	fieldLog      // an object with level and logger inside, or Docker's line
	fieldSeverity // a letter, for MongoDB
	fieldComponent
	fieldFields // an object with the message inside, for Rust's tracing
	fieldTarget
	fieldPID
	fieldHostname
	fieldV
	fieldVersion
	fieldAtVersion
	fieldLevelValue
	fieldECS
	fieldECSVersion
	fieldCount
)

// isLevel reports whether a field tells of a level.
func (f field) isLevel() bool { return fieldLevel <= f && f <= fieldPriority }

// isTime reports whether a field tells of a time.
func (f field) isTime() bool { return fieldTime <= f && f <= fieldOtherTime }

// fieldOf returns what a key stands for.
func fieldOf(key []byte) field {
	switch string(key) {
	case "time":
		return fieldTime
	case "ts":
		return fieldTS
	case "@timestamp":
		return fieldAtTimestamp
	case "timestamp", "t", "eventTime", "datetime", "asctime", "@t", "Timestamp", "timeMillis", "instant", "time_iso8601", "time_local",
		"__REALTIME_TIMESTAMP":
		return fieldOtherTime
	case "level":
		return fieldLevel
	case "log.level":
		return fieldDottedLevel
	case "levelname":
		return fieldLevelname
	case "lvl", "loglevel", "logLevel", "log_level", "Level", "LogLevel", "@level", "@l", "error_severity", "severityText", "severity_text":
		return fieldOtherLevel
	case "severity":
		return fieldSeverityLevel
	case "PRIORITY":
		return fieldPriority
	case "msg":
		return fieldMsg
	case "message":
		return fieldMessage
	case "short_message":
		return fieldShortMessage
	case "@message", "@m", "Message", "RenderedMessage", "MESSAGE":
		return fieldOtherMessage
	case "event", "event.original", "body", "@mt", "MessageTemplate":
		return fieldEvent
	case "logger", "logger_name", "loggerName", "log.logger", "@module", "SourceContext", "Category":
		return fieldLogger
	case "name":
		return fieldName
	case "source", "caller", "@caller", "logging.googleapis.com/sourceLocation", "sourceLocation", "log.origin":
		return fieldSource
	case "file", "filename", "pathname", "log.origin.file.name", "CODE_FILE":
		return fieldFile
	case "line", "lineno", "log.origin.file.line", "CODE_LINE":
		return fieldLine
	case "func", "funcName", "function", "log.origin.function", "CODE_FUNC":
		return fieldFunction
	case "tags":
		return fieldTags
	case "stack", "stacktrace", "stack_trace", "error.stack_trace", "exc_info", "@x":
		return fieldStack
	case "log":
		return fieldLog
	case "s":
		return fieldSeverity
	case "c":
		return fieldComponent
	case "fields":
		return fieldFields
	case "target":
		return fieldTarget
	case "pid":
		return fieldPID
	case "hostname":
		return fieldHostname
	case "v":
		return fieldV
	case "version":
		return fieldVersion
	case "@version":
		return fieldAtVersion
	case "level_value":
		return fieldLevelValue
	case "ecs":
		return fieldECS
	case "ecs.version":
		return fieldECSVersion
	}
	return noField
}

// inside returns what a key stands for in the object of a field: log of ECS, fields of Rust's tracing.
func (f field) inside(key []byte) field {
	switch string(key) {
	case "level":
		if f == fieldLog {
			return fieldDottedLevel
		}
	case "logger":
		if f == fieldLog {
			return fieldLogger
		}
	case "origin":
		if f == fieldLog {
			return fieldSource
		}
	case "message":
		if f == fieldFields {
			return fieldMessage
		}
	}
	return noField
}

// fields is a set of them.
type fields uint64

func (f fields) has(all ...field) bool {
	for _, one := range all {
		if f>>one&1 == 0 {
			return false
		}
	}
	return true
}

func (f fields) hasAny(some ...field) bool {
	for _, one := range some {
		if f>>one&1 == 1 {
			return true
		}
	}
	return false
}
