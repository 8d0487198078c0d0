package logstash

import (
	"fmt"
	"slices"
	"strings"
)

// names are the names of the values of an enumeration, from 0 on, with blanks
// between them.
type names string

// of returns the name of value v of a type.
func (n names) of(v int, typ string) string {
	if all := strings.Fields(string(n)); v >= 0 && v < len(all) {
		return all[v]
	}
	return fmt.Sprintf("%s(%d)", typ, v)
}

// has reports whether value v has a name.
func (n names) has(v int) bool { return v >= 0 && v < len(strings.Fields(string(n))) }

// marshal returns the name of value v as text. What says what it is.
func (n names) marshal(v int, what string) ([]byte, error) {
	if !n.has(v) {
		return nil, fmt.Errorf("logstash: %s %d is unknown", what, v)
	}
	return []byte(n.of(v, what)), nil
}

// parse returns the value with a name, in any case and with "-" for "_".
func (n names) parse(text []byte, what string) (int, error) {
	name := strings.ToLower(strings.ReplaceAll(string(text), "-", "_"))
	if v := slices.Index(strings.Fields(string(n)), name); v >= 0 {
		return v, nil
	}
	return 0, fmt.Errorf("logstash: %s %q: want %s", what, text, n.list())
}

// list lists the names as an error does.
func (n names) list() string {
	all := strings.Fields(string(n))
	last := len(all) - 1
	return `"` + strings.Join(all[:last], `", "`) + `" or "` + all[last] + `"`
}
