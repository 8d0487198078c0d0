package pipeline

//nolint:gochecknoglobals // never written
var (
	typeNames   = words{"console", "file", "errors", "audit", "logstash", "func", "handler"}
	formatNames = words{"json", "text", "logstash", "ecs"}

	// What other libraries call them.
	typesElsewhere = map[string]string{
		"stdout": "console", "stderr": "console", "stream": "console", "terminal": "console",
		"callback": "func", "function": "func", "rotating_file": "file", "beats": "logstash", "tcp": "logstash", "udp": "logstash",
	}
	formatsElsewhere = map[string]string{"plain": "text", "console": "text", "human": "text", "logfmt": "text", "ndjson": "json", "beats": "logstash"}
)

// String returns the type's name in lower case.
func (t Type) String() string { return typeNames.of("Type", int(t)) }

// MarshalText returns the type's name in lower case. It fails if t is none of the
// constants.
func (t Type) MarshalText() ([]byte, error) { return typeNames.marshal("Type", int(t)) }

// UnmarshalText sets t to the type of the given name, in upper or lower case.
func (t *Type) UnmarshalText(text []byte) error {
	n, err := typeNames.parse("type", string(text), typesElsewhere)
	if err == nil {
		*t = Type(n)
	}
	return err
}

// String returns the format's name: "json", "text", "logstash" or "ecs".
func (f Format) String() string { return formatNames.of("Format", int(f)) }

// MarshalText returns the format's name. It fails if f is none of the constants.
func (f Format) MarshalText() ([]byte, error) { return formatNames.marshal("Format", int(f)) }

// UnmarshalText sets f to the format of the given name, in upper or lower case.
func (f *Format) UnmarshalText(text []byte) error {
	n, err := formatNames.parse("format", string(text), formatsElsewhere)
	if err == nil {
		*f = Format(n)
	}
	return err
}
