package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what a request may hold.
const (
	maxLevelsBody  = 1 << 16 // bytes
	maxLevelsValue = 512     // bytes of a field
	maxLevelsRules = 1000
)

// ServeHTTP serves the levels, to read with GET and HEAD and to change with PUT and
// DELETE. Whoever reaches it can turn the log off and on: serve it where the
// profiler is served, not to the world. GET returns the base level and the rules, the
// most specific one first:
//
//	{"level":"INFO","until":"2026-11-22T21:00:00Z","rules":[{"package":"github.com/acme/db","level":"DEBUG"}]}
//
// PUT sets the base level or, with a package, a logger or both, a rule; for a time
// only with "for", a duration of a second or more as [time.ParseDuration] reads it:
//
//	{"level":"DEBUG"}
//	{"logger":"db","level":"DEBUG","for":"10m"}
//
// DELETE removes the rule for a package or logger and, without either, what was set
// for a time of the base level. "until" is when such a time is over.
//
// Levels are what [ParseLevel] reads, or numbers. The fields can also be a form, or
// a query without a body: level=debug&for=10m. So it takes the requests of zap's
// AtomicLevel, and its answers have the "level" of that.
//
// PUT and DELETE return what GET then does. Anything that is not as described is
// refused with a status of 4xx and {"error":…}, which names the field, its value and what is
// allowed, and changes nothing.
func (l *Levels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	status, err := l.serve(w, r)
	var body any
	switch {
	case err == nil:
		body = l.state()
	case status == http.StatusMethodNotAllowed:
		header.Set("Allow", "GET, HEAD, PUT, DELETE")
		fallthrough
	default:
		body = map[string]string{"error": err.Error()}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // to a client that may have left
}

// levelState is what GET returns of a rule.
type levelState struct {
	Package string `json:"package,omitempty"`
	Logger  string `json:"logger,omitempty"`
	Level   string `json:"level"`
	Until   string `json:"until,omitempty"`
}

// levelsState is what GET returns.
type levelsState struct {
	levelState
	Rules []levelState `json:"rules"`
}

func (l *Levels) state() levelsState {
	rules := l.Rules()
	states := make([]levelState, len(rules))
	for i, r := range rules {
		states[i] = levelState{Package: r.Package, Logger: r.Logger, Level: LevelName(r.Level)}
		if !r.Until.IsZero() {
			states[i].Until = r.Until.UTC().Format(time.RFC3339)
		}
	}
	last := len(states) - 1
	return levelsState{states[last], states[:last]}
}

func (l *Levels) serve(w http.ResponseWriter, r *http.Request) (status int, err error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return http.StatusOK, nil
	case http.MethodPut, http.MethodDelete:
	default:
		return http.StatusMethodNotAllowed, fmt.Errorf("method %s: want GET, HEAD, PUT or DELETE", r.Method)
	}
	fields, err := levelFields(w, r)
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return http.StatusRequestEntityTooLarge, fmt.Errorf("body: more than %d bytes", tooLarge.Limit)
		}
		return http.StatusBadRequest, err
	}
	rule := LevelRule{Package: fields["package"], Logger: fields["logger"]}
	if r.Method == http.MethodDelete {
		for _, field := range []string{"level", "for"} {
			if value, ok := fields[field]; ok {
				return http.StatusBadRequest, fmt.Errorf("%s: %q: want only package and logger with DELETE", field, value)
			}
		}
		if !l.RemoveRule(rule) {
			return http.StatusNotFound, fmt.Errorf("package %q, logger %q: nothing is set that could be removed", rule.Package, rule.Logger)
		}
		return http.StatusOK, nil
	}
	if rule.Level, rule.Until, err = levelFrom(fields); err != nil {
		return http.StatusBadRequest, err
	}
	if !l.setUpTo(maxLevelsRules, rule) {
		return http.StatusConflict, fmt.Errorf("package %q, logger %q: there are %d rules already: remove one first",
			rule.Package, rule.Logger, maxLevelsRules)
	}
	return http.StatusOK, nil
}

// levelFrom returns the level of a request, and when it ends.
func levelFrom(fields map[string]string) (level slog.Level, until time.Time, err error) {
	text, ok := fields["level"]
	if !ok {
		return 0, until, errors.New("level: missing: want " + wantLevel)
	}
	if level, ok = parseLevel(text); !ok {
		return 0, until, fmt.Errorf("level: %q: want %s", text, wantLevel)
	}
	if text, ok = fields["for"]; ok {
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Second { // which might be over by now
			return 0, until, fmt.Errorf("for: %q: want a duration of 1s or more such as 90s, 10m or 1h30m", text)
		}
		until = time.Now().Add(d)
	}
	return level, until, nil
}

// levelFields returns the fields of a request, of which none is unknown or empty.
func levelFields(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxLevelsBody)); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		if !utf8.Valid(body) {
			return nil, fmt.Errorf("body: %q: want UTF-8", shortened(string(body)))
		}
		body = bytes.TrimSpace(body)
	}
	fields := levelFieldSet{}
	if err := fields.addForm("query", r.URL.RawQuery); err != nil {
		return nil, err
	}
	var err error
	switch {
	case len(body) == 0:
	case len(fields) > 0:
		err = fmt.Errorf("query: %q: want the fields in the query or in the body, not in both", r.URL.RawQuery)
	case body[0] == '{': // as curl -d sends it, whatever the Content-Type
		err = fields.addJSON(body)
	default:
		err = fields.addForm("body", string(body))
	}
	return fields, err
}

// A levelFieldSet is the fields of a request.
type levelFieldSet map[string]string

func (s levelFieldSet) add(field, value string) error {
	known := []string{"level", "package", "logger", "for"}
	_, again := s[field]
	switch {
	case !slices.Contains(known, field):
		return fmt.Errorf("field %q is unknown: want %s", shortened(field), strings.Join(known, ", "))
	case again:
		return fmt.Errorf("%s: %q: the field is there twice", field, shortened(value))
	case value == "":
		return fmt.Errorf("%s: %q: want a text, or leave the field out", field, value)
	case len(value) > maxLevelsValue:
		return fmt.Errorf("%s: %q: want %d bytes at most", field, shortened(value), maxLevelsValue)
	case !utf8.ValidString(value):
		return fmt.Errorf("%s: %q: want UTF-8", field, shortened(value))
	case field == "package" && coversNoPackage(value):
		return fmt.Errorf("%s: %q: want an import path, with /... after it or with stars in it, or * for all", field, shortened(value))
	case field == "logger" && value == "/...":
		return fmt.Errorf("%s: %q: want a name, or * for all", field, value)
	}
	s[field] = value
	return nil
}

// coversNoPackage reports whether a package of a [LevelRule] is a mistake.
func coversNoPackage(pattern string) bool {
	pattern = withoutDots(pattern)
	return strings.HasSuffix(pattern, "/") || strings.HasSuffix(pattern, "/...") || pattern == "..."
}

func shortened(s string) string {
	if len(s) <= 64 {
		return s
	}
	return s[:64] + "…"
}

func (s levelFieldSet) addForm(what, form string) error {
	values, err := url.ParseQuery(form)
	if err != nil {
		return fmt.Errorf("%s: %q: want a form such as level=debug, or a JSON object: %w", what, shortened(form), err)
	}
	for field, texts := range values {
		for _, text := range texts {
			if err := s.add(field, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// addJSON adds the members of an object. Unlike json.Unmarshal it takes no name in
// another case and no name twice.
func (s levelFieldSet) addJSON(body []byte) error {
	wrong := func(err error) error {
		return fmt.Errorf("body: %q: want a JSON object such as {\"level\":\"DEBUG\"}: %w", shortened(string(body)), err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if _, err := d.Token(); err != nil { // the brace
		return wrong(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return wrong(err)
		}
		field, _ := name.(string)
		value, err := d.Token()
		if err != nil {
			return wrong(err)
		}
		switch value := value.(type) {
		case string:
			err = s.add(field, value)
		case json.Number:
			if field != "level" {
				return fmt.Errorf("%s: %s: want a string", shortened(field), value)
			}
			err = s.add(field, value.String())
		default:
			return fmt.Errorf("%s: %v: want a string", shortened(field), value)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return wrong(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wrong(errors.New("something follows it"))
	}
	return nil
}
