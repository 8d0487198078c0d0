package handler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A member is one of an object, which is a []member: in order, and with its name
// even if that comes twice.
type member struct {
	name  string
	value any // nil, bool, string, json.Number, []any, []member
}

// parseMembers parses a line in which every name counts.
func parseMembers(line string) ([]member, error) {
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than one value: %w", err)
	}
	object, ok := v.([]member)
	if !ok {
		return nil, fmt.Errorf("a %T, not an object", v)
	}
	return object, nil
}

func parseValue(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	case json.Delim('{'):
		object := []member{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			object = append(object, member{fmt.Sprint(name), v})
		}
		_, err = dec.Token()
		return object, err
	}
	return tok, nil
}

// twice returns the path of a name that an object in v has twice.
func twice(v any) string {
	switch v := v.(type) {
	case []any:
		for i, elem := range v {
			if path := twice(elem); path != "" {
				return fmt.Sprint(i, ".", path)
			}
		}
	case []member:
		seen := map[string]bool{}
		for _, m := range v {
			if seen[m.name] {
				return fmt.Sprintf("%q", m.name)
			}
			seen[m.name] = true
			if path := twice(m.value); path != "" {
				return fmt.Sprintf("%q.%s", m.name, path)
			}
		}
	}
	return ""
}

// single is what a policy leaves of v, by the words of its documentation: objects
// become maps.
func single(v any, policy handler.Duplicates) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = single(v[i], policy)
		}
		return list
	case []member:
		byName := map[string][]any{}
		for _, m := range v {
			byName[m.name] = append(byName[m.name], m.value)
		}
		object := map[string]any{}
		for name, values := range byName {
			if policy != handler.RenameDuplicates {
				object[name] = single(merge(values, policy), policy)
				continue
			}
			number := 2
			for i, value := range values {
				unique := name
				for ; i > 0 && byName[unique] != nil; number++ {
					unique = fmt.Sprint(name, "_", number)
				}
				object[unique] = single(value, policy)
			}
		}
		return object
	}
	return v
}

// merge returns the one value that is left of several with the same name.
func merge(values []any, policy handler.Duplicates) any {
	left := values[0]
	for _, v := range values[1:] {
		old, both := left.([]member)
		add, ok := v.([]member)
		switch {
		case both && ok:
			left = slices.Concat(old, add)
		case policy == handler.LastWins:
			left = v
		}
	}
	return left
}

func FuzzJSONOptions(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, byte(seed), seed%2 == 0, 0, 0, int64(0), "", "key", `{"key":{"a":1,"a":2},"key":{"b":"\ud83d\ude00"}}`)
	}
	f.Add(uint64(8), byte(1), false, 3, 1024, int64(time.Millisecond), time.StampMicro, "msg", `"\ud83d\nabc\u1234"`)
	f.Add(uint64(9), byte(2), true, 1, 1500, int64(7), "\"2006\"\n MST é", "level", `[[{"x":1,"x":{}}],"x"]`)
	f.Add(uint64(10), byte(3), true, 64, 1025, int64(time.Minute), "", "msg_2", `1e400`)
	f.Fuzz(func(t *testing.T, seed uint64, policy byte, null bool, field, line int,
		precision int64, layout, key, raw string,
	) {
		if len(layout)+len(key)+len(raw) > 8<<10 {
			t.Skip("longer texts are only slower")
		}
		opts := handler.JSONOptions{
			Duplicates: handler.Duplicates(policy % 4), NullNonFinite: null,
			MaxFieldBytes: field, MaxLineBytes: line % 100_000,
			TimeFormat: layout, TimePrecision: time.Duration(precision),
		}
		switch seed % 3 {
		case 0:
			opts.AddSource = true
		case 1:
			opts.ReplaceAttr = rename(slog.Any(key, json.RawMessage(raw)))
		}
		checkOptions(t, seed, opts, slog.Any(key, json.RawMessage(raw)), slog.String(raw, key),
			slog.Group(key, slog.Any("a", json.RawMessage(raw)), slog.String("a", raw)))
	})
}

// rename returns a ReplaceAttr that makes duplicates of what are none.
func rename(id slog.Attr) func([]string, slog.Attr) slog.Attr {
	return func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key == slog.MessageKey:
			a.Key = "user"
		case a.Key == "id" && len(groups) == 0:
			return id
		case a.Key == "k1":
			return slog.Attr{}
		}
		return a
	}
}

// checkOptions logs one random record, with attrs, under opts and checks the line
// against that of the same record under the same options but for Duplicates and
// MaxLineBytes.
func checkOptions(t *testing.T, seed uint64, opts handler.JSONOptions, attrs ...slog.Attr) {
	t.Helper()
	free := opts
	free.Duplicates, free.MaxLineBytes = handler.KeepDuplicates, 0
	var got, all testlog.Buffer
	r := testlog.NewRandom(seed)
	r.Hostile = true
	hs := r.Derive(opts.NewHandler(&got).WithAttrs(attrs[:1]), free.NewHandler(&all).WithAttrs(attrs[:1]))
	rec := r.Record()
	rec.AddAttrs(attrs...)
	if err := testlog.Log(rec, hs...); err != nil {
		t.Fatal(err)
	}
	lines, rest := got.Lines()
	if len(lines) != 1 || rest != "" || !json.Valid([]byte(lines[0])) || !utf8.ValidString(lines[0]) {
		t.Fatalf("not one valid line: %q %q", lines, rest)
	}
	object, err := parseMembers(lines[0])
	if err != nil {
		t.Fatalf("%v: %s", err, lines[0])
	}
	if path := twice(object); path != "" && opts.Duplicates != handler.KeepDuplicates {
		t.Errorf("%s comes twice in %s", path, lines[0])
	}
	most := max(opts.MaxLineBytes, 1024)
	if opts.MaxLineBytes > 0 && len(lines[0]) >= most {
		t.Errorf("a line of %d bytes, want at most %d: %s", len(lines[0])+1, most, lines[0])
	}
	if opts.MaxLineBytes > 0 && slices.ContainsFunc(object, func(m member) bool { return m.name == "truncated" }) {
		return
	}
	whole, err := parseMembers(strings.TrimSuffix(all.String(), "\n"))
	if err != nil {
		t.Fatalf("%v: %s", err, all.String())
	}
	var wants, gots any = whole, object
	if opts.Duplicates != handler.KeepDuplicates {
		wants, gots = single(whole, opts.Duplicates), single(object, handler.LastWins)
	}
	// reflect first, because a diff takes long.
	if !reflect.DeepEqual(wants, gots) {
		t.Errorf("of %smismatch (-want +got):\n%s", all.Bytes(), cmp.Diff(wants, gots, cmp.AllowUnexported(member{})))
	}
}

// The same, without a fuzzer.
func TestJSONOptionsKeepTheirPromisesForAnyRecord(t *testing.T) {
	t.Parallel()
	records := uint64(4000)
	if testlog.Race {
		records /= 10
	}
	raws := []string{`{"a":1,"a":{"b":1},"a":{"b":2,"c":[{"d":1,"d":2}]}}`, `"\ud83d\ude00\u00e9"`, `[]`, `{`, "\"\xff\""}
	for seed := range records {
		r := testlog.NewRandom(seed)
		opts := handler.JSONOptions{
			Duplicates: handler.Duplicates(r.IntN(4)), NullNonFinite: r.IntN(2) == 0,
			MaxFieldBytes: []int{0, 1, 2, 7, 100}[r.IntN(5)], MaxLineBytes: []int{0, 1024, 1100, 2000}[r.IntN(4)],
			TimeFormat:    []string{"", time.Kitchen, "\n\"2006\" é"}[r.IntN(3)],
			TimePrecision: []time.Duration{0, 7, time.Millisecond, time.Hour}[r.IntN(4)],
		}
		opts.AddSource = r.IntN(2) == 0
		raw := raws[r.IntN(len(raws))]
		if r.IntN(4) == 0 {
			opts.ReplaceAttr = rename(slog.String("status", raw))
		}
		checkOptions(t, seed, opts, slog.Any("user", json.RawMessage(raw)), slog.String("user", raw),
			slog.Group("user", slog.Any("a", json.RawMessage(raw)), slog.String("a", raw)))
		if t.Failed() {
			opts.ReplaceAttr = nil
			t.Fatalf("seed %d under %+v", seed, opts)
		}
	}
}
