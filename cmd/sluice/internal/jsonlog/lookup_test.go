package jsonlog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

func parsed(t *testing.T, text string) *jsonlog.Line {
	t.Helper()
	l, err := new(jsonlog.Parser).Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return l
}

func TestLookup(t *testing.T) {
	t.Parallel()
	l := parsed(t, `{"status":200,"request":{"id":"7f3a","user":{"name":"ann","a.b":[{"c":1},[2, 3]]},"":0},"a.b":{"c":1,"c.d":2},"a":{"b":{"c":3,"e":4},"b.c.d":5},
		"status":404,"list":[{"x":true} , null],"k\u00e9y":{"\u0061":"v"},"":{"x":1},"x.":6}`)
	for path, want := range map[string]string{
		"status": "200", "request.id": `"7f3a"`, "request.user.name": `"ann"`, "request.user.a.b.0.c": "1", "request.user.a.b.1": "[2, 3]", "request.user.a.b.1.1": "3",
		"request.": "0", "a.b": `{"c":1,"c.d":2}`, "a.b.c": "1", "a.b.c.d": "2", "a.b.e": "4", "list.0.x": "true", "list.1": "null", "kéy.a": `"v"`, "": `{"x":1}`, ".x": "1", "x.": "6",
		"nope": "", "request.nope": "", "status.x": "", "list.2": "", "list.-1": "", "list.x": "", "list.01": "null", "list.0.x.y": "", "request.user.name.0": "", "a.": "", ".": "", "list.": "",
		"list.99999999999999999999": "",
	} {
		got, ok := l.Lookup(path)
		if ok != (want != "") || string(got) != want {
			t.Errorf("%q: got %q, %t, want %q", path, got, ok, want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]float64{
		`200`: 200, `12.5`: 12.5, `-1e3`: -1000, `"200"`: 200, `" 12.5 "`: 12.5, `"1.5s"`: 1.5, `"12ms"`: 0.012, `"250µs"`: 0.00025, `"2m3s"`: 123, `"1h"`: 3600, `"-1s"`: -1, `0`: 0,
	} {
		if got, ok := parsed(t, `{"a":{"b":`+value+`}}`).Number("a.b"); !ok || got != want {
			t.Errorf("%s: got %v, %t, want %v", value, got, ok, want)
		}
	}
	for _, value := range []string{`"x"`, `""`, `"NaN"`, `"Inf"`, `"-infinity"`, `1e999`, `null`, `true`, `{"c":1}`, `[1]`, `"1.5 parsecs"`, `"s"`} {
		if got, ok := parsed(t, `{"a":`+value+`}`).Number("a"); ok {
			t.Errorf("%s: got %v, want none", value, got)
		}
	}
	if got, ok := parsed(t, `{}`).Number("a"); ok {
		t.Errorf("got %v of no member", got)
	}
}

func TestHasTag(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{
		`["db","slow"]`: true, `["x", "d\u0062"]`: true, `"db"`: true, `"slow, db"`: true, `["db2"]`: false, `[]`: false, `["DB"]`: false, `[1,null,["db"]]`: false, `""`: false,
		`{"db":true}`: false, `"dbs"`: false,
	} {
		if got := parsed(t, `{"tags":`+tags+`}`).HasTag("db"); got != want {
			t.Errorf("%s: got %t", tags, got)
		}
	}
	if parsed(t, `{"tag":"db"}`).HasTag("db") {
		t.Error("there are no tags")
	}
}

func TestSourceAndLogger(t *testing.T) {
	t.Parallel()
	type found struct {
		Function, File string
		Line           int
		Logger         string
	}
	for text, want := range map[string]found{
		`{"source":{"function":"pay.Charge","file":"/src/pay/charge.go","line":88}}`: {"pay.Charge", "/src/pay/charge.go", 88, ""},
		`{"source":{"file":"charge.go","line":0}}`:                                   {"", "charge.go", 0, ""},
		`{"source":{"function":"pay.Charge","line":"x"}}`:                            {},
		`{"source":{"file":"upload.csv","rows":7}}`:                                  {},
		`{"source":{"line":7}}`:                                                      {},
		`{"source":{}}`:                                                              {},
		`{"source":"10.0.0.1:5432"}`:                                                 {},
		`{"source":"db.example.com:5432"}`:                                           {},
		`{"caller":"pay/charge.go:88"}`:                                              {"", "pay/charge.go", 88, ""},
		`{"caller":"C:\\src\\pay.go:88"}`:                                            {"", `C:\src\pay.go`, 88, ""},
		`{"caller":"alice"}`:                                                         {},
		`{"caller":"charge.go:"}`:                                                    {},
		`{"file":"/src/main.go:17","func":"main.main"}`:                              {"main.main", "/src/main.go", 17, ""},
		`{"file":"/src/main.go","line":17,"function":"main.main"}`:                   {"main.main", "/src/main.go", 17, ""},
		`{"pathname":"/usr/lib/python3.14/site-packages/shop/a_file_with_a_long_name.py","lineno":8,"funcName":"f"}`: {"f", "/usr/lib/python3.14/site-packages/shop/a_file_with_a_long_name.py", 8, ""},
		`{"file":"data.csv","line":17}`: {},
		`{"file":"main.go"}`:            {},
		`{"func":"main.main"}`:          {},
		`{"logging.googleapis.com/sourceLocation":{"file":"a.go","line":"88","function":"f"}}`:             {"f", "a.go", 88, ""},
		`{"log":{"logger":"pay","origin":{"file":{"name":"a.go","line":88},"function":"f"}},"logger":"x"}`: {"f", "a.go", 88, "pay"},
		`{"log.logger":"pay","log.origin":{"file":{"name":"a.go","line":88}},"source":{"file":"b.go"}}`:    {"", "a.go", 88, "pay"},
		`{"log.origin":{"function":"f","file.name":"a.go","file.line":88}}`:                                {"f", "a.go", 88, ""},
		`{"logger":"\u0070ay"}`: {Logger: "pay"},
		`{"logger":7}`:          {},
		`{"name":"pay"}`:        {},
		`{"name":"pay","level":30,"time":1795341600123,"pid":1,"msg":"x"}`: {Logger: "pay"},
		`{"name":"pay","levelname":"INFO"}`:                                {Logger: "pay"},
	} {
		l := parsed(t, text)
		src := l.Source()
		got := found{src.Function, src.File, src.Line, string(l.Logger())}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", text, diff)
		}
	}
}
