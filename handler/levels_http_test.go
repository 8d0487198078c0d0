package handler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

const formType = "application/x-www-form-urlencoded"

// serveLevels makes a request and checks what is true of every answer.
func serveLevels(t *testing.T, levels http.Handler, method, target, contentType string, body io.Reader) (status int, answer string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	levels.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("no JSON: %s", w.Body)
	}
	if allow := w.Header().Get("Allow"); (allow != "") != (w.Code == http.StatusMethodNotAllowed) {
		t.Errorf("%d with Allow %q", w.Code, allow)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &failed); err != nil || (failed.Error != "") != (w.Code >= 400) {
		t.Errorf("%d with %s", w.Code, w.Body)
	}
	if failed.Error != "" {
		return w.Code, failed.Error
	}
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}

func TestLevelsOverHTTP(t *testing.T) {
	t.Parallel()
	const start = `{"level":"INFO","rules":[{"logger":"db","level":"DEBUG"}]}` // at midnight of 2000-01-01
	tests := []struct {
		name, method, target, contentType, body string
		want                                    string
	}{
		{name: "GET", method: "GET", want: start},
		{name: "a level", method: "PUT", body: `{"level":"DEBUG"}`, want: `{"level":"DEBUG","rules":[{"logger":"db","level":"DEBUG"}]}`},
		{name: "a name of syslog's", method: "PUT", body: ` { "level" : "err" } `, want: `{"level":"ERROR","rules":[{"logger":"db","level":"DEBUG"}]}`},
		{name: "a number", method: "PUT", body: `{"level":2}`, want: `{"level":"NOTICE","rules":[{"logger":"db","level":"DEBUG"}]}`},
		{name: "off", method: "PUT", body: `{"level":"off"}`, want: `{"level":"OFF","rules":[{"logger":"db","level":"DEBUG"}]}`},
		{
			name: "a level for a time", method: "PUT", body: `{"level":"DEBUG","for":"10m"}`,
			want: `{"level":"DEBUG","until":"2000-01-01T00:10:00Z","rules":[{"logger":"db","level":"DEBUG"}]}`,
		},
		{
			name: "a package", method: "PUT", body: `{"package":"github.com/acme/db","level":"DEBUG"}`,
			want: `{"level":"INFO","rules":[{"logger":"db","level":"DEBUG"},{"package":"github.com/acme/db","level":"DEBUG"}]}`,
		},
		{
			name: "a logger for a time", method: "PUT", body: `{"logger":"db","level":"TRACE","for":"1h30m"}`,
			want: `{"level":"INFO","rules":[{"logger":"db","level":"TRACE","until":"2000-01-01T01:30:00Z"}]}`,
		},
		{
			name: "a logger in a package", method: "PUT", body: `{"logger":"db","package":"*","level":"WARN"}`,
			want: `{"level":"INFO","rules":[{"package":"*","logger":"db","level":"WARN"},{"logger":"db","level":"DEBUG"}]}`,
		},
		{
			name: "zap's form", method: "PUT", contentType: formType, body: `level=debug`,
			want: `{"level":"DEBUG","rules":[{"logger":"db","level":"DEBUG"}]}`,
		},
		{
			name: "zap's query", method: "PUT", target: "?level=warn", contentType: formType,
			want: `{"level":"WARN","rules":[{"logger":"db","level":"DEBUG"}]}`,
		},
		{
			name: "a query without a type", method: "PUT", target: "?level=warn&package=a%2Fb&for=1s",
			want: `{"level":"INFO","rules":[{"logger":"db","level":"DEBUG"},{"package":"a/b","level":"WARN","until":"2000-01-01T00:00:01Z"}]}`,
		},
		{
			name: "JSON as curl -d sends it", method: "PUT", contentType: formType, body: `{"level":"WARN"}`,
			want: `{"level":"WARN","rules":[{"logger":"db","level":"DEBUG"}]}`,
		},
		{name: "DELETE", method: "DELETE", target: "?logger=db", want: `{"level":"INFO","rules":[]}`},
		{name: "DELETE with a body", method: "DELETE", body: `{"logger":"db"}`, want: `{"level":"INFO","rules":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
				status, got := serveLevels(t, levels, tt.method, "/log/level"+tt.target, tt.contentType, strings.NewReader(tt.body))
				if diff := cmp.Diff(tt.want, got); diff != "" || status != http.StatusOK {
					t.Errorf("%d: mismatch (-want +got):\n%s", status, diff)
				}
				if _, got := serveLevels(t, levels, "GET", "/", "", nil); got != tt.want {
					t.Errorf("GET has %s afterwards", got)
				}
				time.Sleep(2 * time.Hour) // in a bubble
				synctest.Wait()
				if _, got := serveLevels(t, levels, "GET", "/", "", nil); strings.Contains(got, "until") {
					t.Errorf("it has not ended: %s", got)
				}
			})
		})
	}
}

func TestLevelsOverHTTPEndsByDelete(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(slog.LevelInfo)
	serveLevels(t, levels, "PUT", "/", "", strings.NewReader(`{"level":"DEBUG","for":"10m"}`))
	if status, got := serveLevels(t, levels, "DELETE", "/", "", nil); status != http.StatusOK || got != `{"level":"INFO","rules":[]}` {
		t.Errorf("%d %s", status, got)
	}
	if status, got := serveLevels(t, levels, "DELETE", "/", "", nil); status != http.StatusNotFound {
		t.Errorf("%d %s, want that there is nothing", status, got)
	}
}

func TestLevelsOverHTTPRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 150)
	tests := []struct {
		name, method, target, contentType, body string
		status                                  int // 0 is 400
		want                                    []string
	}{
		{name: "another method", method: "POST", body: `{"level":"DEBUG"}`, status: 405, want: []string{"POST", "GET, HEAD, PUT or DELETE"}},
		{name: "nothing", method: "PUT", want: []string{"level: missing", "CRITICAL"}},
		{name: "no level", method: "PUT", body: `{"package":"p"}`, want: []string{"level: missing"}},
		{name: "a bad level", method: "PUT", body: `{"level":"LOUD"}`, want: []string{"level", `"LOUD"`, "CRITICAL"}},
		{name: "a bad level in a form", method: "PUT", contentType: formType, body: `level=LOUD`, want: []string{"level", `"LOUD"`, "CRITICAL"}},
		{name: "a fraction of a level", method: "PUT", body: `{"level":1.5}`, want: []string{"level", `"1.5"`, "CRITICAL"}},
		{name: "a level that is null", method: "PUT", body: `{"level":null}`, want: []string{"level", "nil", "want a string"}},
		{name: "a level that is a list", method: "PUT", body: `{"level":["INFO"]}`, want: []string{"level", "[", "want a string"}},
		{name: "a level that is empty", method: "PUT", body: `{"level":""}`, want: []string{"level", `""`}},
		{name: "a package that is empty", method: "PUT", body: `{"package":"","level":"DEBUG"}`, want: []string{"package", `""`, "leave"}},
		{name: "a package that is a number", method: "PUT", body: `{"package":1,"level":"DEBUG"}`, want: []string{"package", "1", "want a string"}},
		{name: "a bad time", method: "PUT", body: `{"level":"DEBUG","for":"5000"}`, want: []string{"for", `"5000"`, "10m"}},
		{name: "no time", method: "PUT", body: `{"level":"DEBUG","for":"0s"}`, want: []string{"for", `"0s"`, "of 1s or more"}},
		{name: "a time that is over at once", method: "PUT", body: `{"level":"DEBUG","for":"1ns"}`, want: []string{"for", `"1ns"`, "of 1s or more"}},
		{name: "a package that is all dots", method: "PUT", body: `{"package":"/...","level":"OFF"}`, want: []string{"package", `"/..."`, "import path"}},
		{name: "a logger that is all dots", method: "PUT", body: `{"logger":"/...","level":"OFF"}`, want: []string{"logger", `"/..."`}},
		{name: "dots for all packages", method: "PUT", body: `{"package":"...","level":"DEBUG"}`, want: []string{"package", `"..."`, "*"}},
		{name: "a slash after a package", method: "PUT", body: `{"package":"github.com/acme/","level":"DEBUG"}`, want: []string{"package", `acme/"`}},
		{name: "dots after a star", method: "PUT", body: `{"package":"github.com/*/db/...","level":"DEBUG"}`, want: []string{"package", `db/..."`}},
		{name: "no UTF-8 in a query", method: "PUT", target: "?level=debug&package=a%ff", want: []string{"package", `"a\xff"`, "UTF-8"}},
		{name: "no UTF-8 in a body", method: "PUT", body: "{\"level\":\"DEBUG\",\"package\":\"a\xff\"}", want: []string{"body", "UTF-8"}},
		{name: "a time that is over", method: "PUT", body: `{"level":"DEBUG","for":"-1m"}`, want: []string{"for", `"-1m"`}},
		{name: "a number for a time", method: "PUT", body: `{"level":"DEBUG","for":10}`, want: []string{"for", "10", "want a string"}},
		{name: "an unknown field", method: "PUT", body: `{"level":"DEBUG","pkg":"p"}`, want: []string{`"pkg"`, "level, package, logger, for"}},
		{name: "a field in another case", method: "PUT", body: `{"Level":"DEBUG"}`, want: []string{`"Level"`, "level, package"}},
		{name: "an unknown field in a form", method: "PUT", contentType: formType, body: `level=debug&x=1`, want: []string{`"x"`, "level, package"}},
		{name: "an unknown field in a query", method: "PUT", target: "?level=debug&x=1", want: []string{`"x"`, "level, package"}},
		{name: "a field twice", method: "PUT", body: `{"level":"DEBUG","level":"INFO"}`, want: []string{"level", `"INFO"`, "twice"}},
		{name: "a field twice in a form", method: "PUT", contentType: formType, body: `level=debug&level=info`, want: []string{"level", `"info"`, "twice"}},
		{name: "in the query and the body", method: "PUT", target: "?level=debug", body: `{"package":"p"}`, want: []string{"query", "level=debug", "not in both"}},
		{name: "a long name", method: "PUT", body: `{"level":"DEBUG","package":"` + long + `"}`, want: []string{"package", "longlong", "512 bytes"}},
		{name: "a long field", method: "PUT", body: `{"` + long + `":"DEBUG"}`, want: []string{"longlong", "level, package"}},
		{name: "half an object", method: "PUT", body: `{"level":"DEBUG"`, want: []string{"body", "JSON object"}},
		{name: "half a member", method: "PUT", body: `{"level"`, want: []string{"body", "JSON object"}},
		{name: "a brace", method: "PUT", body: `{`, want: []string{"body", "JSON object"}},
		{name: "no name", method: "PUT", body: `{1:2}`, want: []string{"body", "JSON object"}},
		{name: "two objects", method: "PUT", body: `{"level":"DEBUG"}{"level":"INFO"}`, want: []string{"body", "something follows"}},
		{name: "no object", method: "PUT", contentType: "application/json", body: `"DEBUG"`, want: []string{`"\"DEBUG\""`, "level, package"}},
		{name: "a broken form", method: "PUT", contentType: formType, body: `level=%zz`, want: []string{"body", "level=%zz", "level=debug"}},
		{name: "a broken query", method: "PUT", target: "?level=%zz", want: []string{"query", "level=%zz"}},
		{name: "too much", method: "PUT", body: `{"level":"DEBUG"` + strings.Repeat(" ", 1<<16) + `}`, status: 413, want: []string{"body", "65536 bytes"}},
		{name: "DELETE of nothing", method: "DELETE", target: "?package=p", status: 404, want: []string{`package "p"`, "nothing is set"}},
		{name: "DELETE of a level", method: "DELETE", target: "?logger=db&level=debug", want: []string{"level", `"debug"`, "only package and logger"}},
		{name: "DELETE for a time", method: "DELETE", target: "?logger=db&for=1m", want: []string{"for", `"1m"`, "only package and logger"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
			before := levels.Rules()
			status, got := serveLevels(t, levels, tt.method, "/log/level"+tt.target, tt.contentType, strings.NewReader(tt.body))
			if want := max(tt.status, 400); status != want {
				t.Errorf("status %d, want %d", status, want)
			}
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, which does not say %q", got, want)
				}
			}
			if len(got) > 700 {
				t.Errorf("an error of %d bytes", len(got))
			}
			if diff := cmp.Diff(before, levels.Rules()); diff != "" {
				t.Errorf("it has changed (-before +after):\n%s", diff)
			}
		})
	}
	t.Run("a body that breaks off", func(t *testing.T) {
		t.Parallel()
		levels := handler.NewLevels(slog.LevelInfo)
		status, got := serveLevels(t, levels, "PUT", "/", "", iotest.ErrReader(errors.New("connection reset")))
		if status != 400 || !strings.Contains(got, "connection reset") {
			t.Errorf("%d %s", status, got)
		}
	})
}

func TestLevelsOverHTTPAreBounded(t *testing.T) {
	t.Parallel()
	var rules []handler.LevelRule
	for n := range 1000 {
		rules = append(rules, handler.LevelRule{Package: fmt.Sprint("p", n)})
	}
	levels := handler.NewLevels(slog.LevelInfo, rules...)
	put := func(n int) (int, string) {
		return serveLevels(t, levels, "PUT", "/", "", strings.NewReader(fmt.Sprintf(`{"package":"p%d","level":"DEBUG"}`, n)))
	}
	if status, got := put(1000); status != http.StatusConflict || !strings.Contains(got, "1000 rules") || !strings.Contains(got, `"p1000"`) {
		t.Errorf("one more: %d %s", status, got)
	}
	if status, _ := put(999); status != http.StatusOK {
		t.Errorf("one that is there: %d", status)
	}
	if status, _ := serveLevels(t, levels, "PUT", "/", "", strings.NewReader(`{"level":"DEBUG"}`)); status != http.StatusOK {
		t.Errorf("the base level: %d", status)
	}
}

// TestLevelsOverHTTPWithAClient goes through a server, whose bodies, HEAD and headers are real.
func TestLevelsOverHTTPWithAClient(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(handler.NewLevels(slog.LevelInfo))
	defer server.Close()
	for _, method := range []string{"HEAD", "GET", "PUT", "PATCH"} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader(`{"level":"DEBUG"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		want := map[string]string{
			"HEAD": "", "GET": `{"level":"INFO","rules":[]}` + "\n", "PUT": `{"level":"DEBUG","rules":[]}` + "\n",
			"PATCH": `{"error":"method PATCH: want GET, HEAD, PUT or DELETE"}` + "\n",
		}[method]
		if diff := cmp.Diff(want, string(body)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", method, diff)
		}
		if allow := resp.Header.Get("Allow"); method == "PATCH" && (allow != "GET, HEAD, PUT, DELETE" || resp.StatusCode != http.StatusMethodNotAllowed) {
			t.Errorf("%d, Allow: %q", resp.StatusCode, allow)
		}
	}
}

// FuzzLevelsOverHTTP sends bodies. Each is taken and has set what it says, or is refused
// with a reason and has set nothing.
func FuzzLevelsOverHTTP(f *testing.F) {
	for _, body := range []string{
		`{"level":"DEBUG"}`, `{"level":2,"for":"10m"}`, `{"package":"a/b","logger":"db","level":"warn","for":"1h"}`, `level=debug`,
		`level=debug&package=p&for=10m`, `{"level":null}`, `{"level":"DEBUG","level":"INFO"}`, `{`, `{"level":{"level":"INFO"}}`,
		`{"level":"DEBUG"} x`, `level=%00`, "{\"package\":\"\xff\",\"level\":\"INFO\"}", `{"level":"OFF","for":"2540400h"}`,
	} {
		f.Add("PUT", body)
		f.Add("DELETE", body)
	}
	f.Fuzz(func(t *testing.T, method, body string) {
		if !slices.Contains([]string{"PUT", "DELETE"}, method) {
			method = "PUT"
		}
		levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
		before := levels.Rules()
		status, got := serveLevels(t, levels, method, "/", formType, strings.NewReader(body))
		rules := levels.Rules()
		if status != http.StatusOK {
			if diff := cmp.Diff(before, rules); diff != "" {
				t.Errorf("%d %s, and it has changed (-before +after):\n%s", status, got, diff)
			}
			return
		}
		if len(rules) > 3 || rules[len(rules)-1].Package+rules[len(rules)-1].Logger != "" {
			t.Errorf("rules %v", rules)
		}
		// Whoever takes a form for what it is sees the same level.
		if form, err := url.ParseQuery(body); err == nil && method == "PUT" && len(form) == 1 && form.Get("level") != "" {
			if level, err := handler.ParseLevel(form.Get("level")); err != nil || levels.Level() != level {
				t.Errorf("%q has set %v: %v", body, levels.Level(), err)
			}
		}
	})
}
