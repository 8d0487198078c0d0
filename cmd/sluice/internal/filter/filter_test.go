package filter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/filter"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

var now = time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)

// parse returns the filter that flags describe.
func parse(t *testing.T, args ...string) (*filter.Filter, error) {
	t.Helper()
	var o filter.Options
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o.New(now)
}

const line = `{"time":"2026-11-22T10:00:00Z","level":"WARN","msg":"slow query","status":503,"took":1.5,"big":9007199254740993,` +
	`"user":{"id":"7","note":null},"http.path":"/api/orders","duration":120,"count":3,"type":"http","tags":["db","slow"]}`

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args string
		want bool
	}{
		{"", true},
		{"--level warn", true},
		{"--level WARNING", true},
		{"--level error", false},
		{"--level INFO+2", true},
		{"--level 4", true},
		{"--level 40", true}, // pino's WARN
		{"--level 50", false},
		{"--level severe", false},
		{"--level verbose", true},
		{"--since 15m", true},
		{"--since 14m", false},
		{"--since 1h30m|--until 10:01", true},
		{"--until 2026-11-22T10:00:00Z", false},
		{"--until 2026-11-22T10:00:01Z", true},
		{"--tag db|--tag slow", true},
		{"--tag db|--tag security", false},
		{"--grep api.orders", true},
		{"--grep api|--grep carts", false},
		{"--except orders", false},
		{"--except carts", true},
		{"--where status >= 500", true},
		{"--where status == 503", true},
		{"--where status in 500..599", true},
		{"--where took > 1", true},
		{"--where took > 1 and status < 500", false},
		{"--where took > 1|--where status < 500", false},
		{"--where big == 9007199254740993", true},
		{`--where user.id == "7"`, true},
		{"--where user.name == 7", false},
		{"--where user.name.first", false},
		{"--where status", true},
		{"--where missing", false},
		{"--where missing == nil", true},
		{"--where not missing", false},
		{"--where missing > 3", false},
		{`--where status > "a"`, false},
		{`--where $env["http.path"] startsWith "/api"`, true},
		{`--where "slow" in tags`, true},
		{`--where msg matches "^slow"`, true},
		{`--where message contains "query"`, true},
		{`--where level == "WARN"`, true},
		// Names of functions, too.
		{"--where duration > 100", true},
		{"--where duration < 100", false},
		{"--where count == 3 and user.type == nil", true},
		{`--where type == "http"`, true},
		{"--where date", false},
		{"--where len", false},
		{"--where len(tags) == 2", true},
		{"--where any(tags, # == \"slow\")", true},
		{`--where duration("1s") < duration("2s")`, true},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			var args []string
			for arg := range strings.SplitSeq(tt.args, "|") {
				if flag, value, ok := strings.Cut(arg, " "); ok {
					args = append(args, flag, value)
				}
			}
			f, err := parse(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			var p jsonlog.Parser
			l, err := p.Parse([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Match(l); got != tt.want {
				t.Errorf("Match = %v, want %v", got, tt.want)
			}
			if tt.want && f.Rejects(&p, []byte(line)) {
				t.Error("Rejects a line that is wanted")
			}
		})
	}
}

// TestMatchNothingKnown has lines that do not say what is asked of them.
func TestMatchNothingKnown(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--level", "trace"}, {"--since", "100 days"}, {"--until", "now"}, {"--tag", "db"}} {
		f, err := parse(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		var p jsonlog.Parser
		l, err := p.Parse([]byte(`{"msg":"no more than that"}`))
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(l) {
			t.Errorf("%v matches a line that says nothing of it", args)
		}
		if f.Empty() || !f.Structured() {
			t.Errorf("%v: Empty = %v, Structured = %v", args, f.Empty(), f.Structured())
		}
	}
}

func TestMatchText(t *testing.T) {
	t.Parallel()
	f, err := parse(t, "--grep", "panic", "--except", "recovered")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"panic: boom": true, "panic: recovered": false, "all is well": false} {
		if got := f.MatchText([]byte(text)); got != want {
			t.Errorf("MatchText(%q) = %v, want %v", text, got, want)
		}
		if got := f.Excepts([]byte(text)); got != strings.Contains(text, "recovered") {
			t.Errorf("Excepts(%q) = %v", text, got)
		}
	}
	if f.Empty() || f.Structured() {
		t.Errorf("Empty = %v, Structured = %v", f.Empty(), f.Structured())
	}
}

// TestLevelIsThatOfAllLogs has lines that say it each in its own way.
func TestLevelIsThatOfAllLogs(t *testing.T) {
	t.Parallel()
	f, err := parse(t, "--where", `level in ["ERROR", "FATAL"]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"time":"2026-11-22T10:00:02Z","level":"ERROR","msg":"m"}`, `{"level":"error","ts":1795341602,"msg":"m"}`, `{"level":50,"time":1795341602000,"pid":1,"msg":"m"}`,
		`{"@timestamp":"2026-11-22T10:00:02Z","log.level":"error","message":"m"}`, `{"severity":"ERROR","timestamp":"2026-11-22T10:00:02Z","message":"m"}`,
	} {
		var p jsonlog.Parser
		l, err := p.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(l) {
			t.Errorf("does not match %s", line)
		}
	}
	if _, err := parse(t, "--where", `status == 500 and level >= "WARN"`); err == nil || !strings.Contains(err.Error(), "--level is for") {
		t.Errorf("levels are compared: %v", err)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"15m":                       "2026-11-22T10:00:00Z",
		"15m ago":                   "2026-11-22T10:00:00Z",
		"3 days":                    "2026-11-19T10:15:00Z",
		"10:00":                     "2026-11-22T10:00:00Z",
		"23:30":                     "2026-11-21T23:30:00Z",
		"10:00:07":                  "2026-11-22T10:00:07Z",
		"today":                     "2026-11-22T00:00:00Z",
		"yesterday":                 "2026-11-21T00:00:00Z",
		"2026-11-20":                "2026-11-20T00:00:00Z",
		"2026-11-20 08:30":          "2026-11-20T08:30:00Z",
		"2026-11-20T08:30:00+02:00": "2026-11-20T06:30:00Z",
		"2026-11-20T08:30:00.5Z":    "2026-11-20T08:30:00.5Z",
	} {
		f, err := parse(t, "--since", text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := f.Since().UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("--since %q is %s, want %s", text, got, want)
		}
	}
}

// TestSinceWhereAnHourComesTwice begins with the first of the two.
func TestSinceWhereAnHourComesTwice(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for text, want := range map[string]string{
		"2026-10-25 02:30": "2026-10-25T00:30:00Z", "2026-10-25 01:30": "2026-10-24T23:30:00Z", "2026-10-25 03:30": "2026-10-25T02:30:00Z",
		"02:30": "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+01:00": "2026-10-25T01:30:00Z",
	} {
		o := filter.Options{Since: text}
		f, err := o.New(time.Date(2026, 10, 25, 12, 0, 0, 0, berlin))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Since().UTC().Format(time.RFC3339); got != want {
			t.Errorf("--since %q is %s, want %s", text, got, want)
		}
	}
}

// TestNewSaysAllThatIsWrong gives every flag a value that it cannot have.
func TestNewSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := parse(t, "--level", "loud", "--since", "5000", "--until", "-3h", "--where", "status = 500", "--grep", "(", "--except", "[")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`--level: `, `"loud"`, `--since: "5000"`, `--until: "-3h"`, `--where: "status = 500"`, "equal is ==", `--grep: "("`, `--except: "["`, "2h30m",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
	if _, err := parse(t, "--since", "10:00", "--until", "09:00"); err == nil || !strings.Contains(err.Error(), "not after --since") {
		t.Errorf("--until before --since: %v", err)
	}
}
