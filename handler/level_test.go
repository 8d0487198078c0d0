package handler_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of    string
		names string
		want  []slog.Level
	}{
		{"sluice", "TRACE DEBUG INFO NOTICE SUCCESS WARN ERROR FAIL CRITICAL FATAL", []slog.Level{-8, -4, 0, 2, 3, 4, 8, 10, 12, 16}},
		{"the console", "TRC DBG INF NTC SUC WRN ERR FAI CRT FTL", []slog.Level{-8, -4, 0, 2, 3, 4, 8, 10, 12, 16}},
		{"Logly", "trace debug info notice success warning error fail critical fatal", []slog.Level{-8, -4, 0, 2, 3, 4, 8, 10, 12, 16}},
		{"syslog", "debug info notice warning err crit alert emerg", []slog.Level{-4, 0, 2, 4, 8, 12, 14, 16}},
		{"RFC 5424", "Debug Informational Notice Warning Error Critical Alert Emergency", []slog.Level{-4, 0, 2, 4, 8, 12, 14, 16}},
		{"zap", "debug info warn error dpanic panic fatal", []slog.Level{-4, 0, 4, 8, 12, 16, 16}},
		{"zerolog", "trace debug info warn error fatal panic disabled", []slog.Level{-8, -4, 0, 4, 8, 16, 16, math.MaxInt}},
		{"zerolog's console", "TRC DBG INF WRN ERR FTL PNC", []slog.Level{-8, -4, 0, 4, 8, 16, 16}},
		{"logrus", "trace debug info warning error fatal panic", []slog.Level{-8, -4, 0, 4, 8, 16, 16}},
		{"an offset", "INFO+2 WARNING-1 error+10 notice+1 INFO+0 TRACE-1", []slog.Level{2, 3, 18, 3, 0, -9}},
		{"a number", "0 -4 +8 12", []slog.Level{0, -4, 8, 12}},
		{"the limits", fmt.Sprintf("OFF off off-1 %d %d INFO%d", math.MaxInt, math.MinInt, math.MinInt), []slog.Level{
			math.MaxInt, math.MaxInt, math.MaxInt - 1, math.MaxInt, math.MinInt, math.MinInt,
		}},
	} {
		t.Run(tt.of, func(t *testing.T) {
			t.Parallel()
			var got []slog.Level
			for name := range strings.FieldsSeq(tt.names) {
				level, err := handler.ParseLevel(name)
				if err != nil {
					t.Error(err)
				}
				got = append(got, level)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
	for _, s := range []string{
		"", "LOUD", "INFO ", " INFO", "INFO+", "INFO++2", "INFO+x", "+", "-", "1.5", "INFO=2", "99999999999999999999", "WARN+1+1", "+INFO",
		"ERROR+9223372036854775807", "TRACE-9223372036854775808", "OFF+1", "1_000", "0x10", "\u0131NFO", "\u017fUCCESS", "INFO\x00",
	} {
		got, err := handler.ParseLevel(s)
		if err == nil {
			t.Errorf("ParseLevel(%q) = %v, want an error", s, got)
		} else if !strings.Contains(err.Error(), "unknown level "+`"`) || !strings.Contains(err.Error(), "CRITICAL") {
			t.Errorf("ParseLevel(%q): %v, want the text and what is allowed", s, err)
		}
	}
}

func TestLevelName(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		handler.LevelTrace: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", handler.LevelNotice: "NOTICE",
		handler.LevelSuccess: "SUCCESS", slog.LevelWarn: "WARN", slog.LevelError: "ERROR", handler.LevelFail: "FAIL",
		handler.LevelCritical: "CRITICAL", handler.LevelFatal: "FATAL", math.MaxInt: "OFF",
		-9: "TRACE-1", -7: "TRACE+1", -1: "DEBUG+3", 1: "INFO+1", 5: "WARN+1", 9: "ERROR+1", 11: "FAIL+1", 15: "CRITICAL+3", 17: "FATAL+1",
	} {
		if got := handler.LevelName(level); got != want {
			t.Errorf("LevelName(%d) = %q, want %q", level, got, want)
		}
	}
}

func TestParseLevelReadsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for level := slog.Level(-1000); level <= 1000; level++ {
		checkReadBack(t, level)
	}
	for n := range slog.Level(40) {
		checkReadBack(t, math.MaxInt-n)
		checkReadBack(t, math.MinInt+n)
	}
}

func checkReadBack(t *testing.T, level slog.Level) {
	t.Helper()
	for _, name := range []string{handler.LevelName(level), level.String(), strings.ToLower(handler.LevelName(level))} {
		if got, err := handler.ParseLevel(name); err != nil || got != level {
			t.Errorf("ParseLevel(%q) = %d, %v, want %d", name, got, err, level)
		}
	}
}

func FuzzParseLevelReadsWhatIsPrinted(f *testing.F) {
	for _, n := range []int{0, -4, 2, 8, 100, -100, 1 << 30, math.MaxInt, math.MinInt} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int) { checkReadBack(t, slog.Level(n)) })
}

func FuzzParseLevel(f *testing.F) {
	for _, s := range []string{"", "INFO", "warning+1", "-4", "OFF-1", "FATAL+9223372036854775807", "TRACE-9223372036854775808", "\u0131nfo", "+", "crit--1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		level, err := handler.ParseLevel(s)
		if err != nil {
			if level != 0 {
				t.Errorf("%v beside an error", level)
			}
			return
		}
		checkReadBack(t, level)
		// What log/slog reads is the same level.
		var std slog.Level
		if std.UnmarshalText([]byte(s)) == nil && std != level {
			t.Errorf("ParseLevel(%q) = %v, log/slog reads %v", s, level, std)
		}
	})
}

func TestJSONLevelName(t *testing.T) {
	t.Parallel()
	calls := 0
	ctx := t.Context()
	tests := []struct {
		name string
		opts handler.JSONOptions
		log  func(*slog.Logger)
		want string
	}{
		{
			"nil is log/slog's",
			handler.JSONOptions{},
			func(l *slog.Logger) { l.Log(ctx, handler.LevelNotice, "m") }, `{"level":"INFO+2","msg":"m"}`,
		},
		{
			"names",
			handler.JSONOptions{LevelName: handler.LevelName},
			func(l *slog.Logger) { l.Log(ctx, handler.LevelNotice, "m") }, `{"level":"NOTICE","msg":"m"}`,
		},
		{
			"INFO is named as well",
			handler.JSONOptions{LevelName: func(slog.Level) string { return "a \"name\"" }},
			func(l *slog.Logger) { l.Info("m") }, `{"level":"a \"name\"","msg":"m"}`,
		},
		{
			"a level that is logged is not",
			handler.JSONOptions{LevelName: handler.LevelName},
			func(l *slog.Logger) { l.Info("m", "level", handler.LevelNotice) }, `{"level":"INFO","msg":"m","level":"INFO+2"}`,
		},
		{
			"a panic costs the name",
			handler.JSONOptions{LevelName: func(slog.Level) string { panic("no name") }},
			func(l *slog.Logger) { l.Info("m", "k", 1) }, `{"level":"!PANIC","msg":"m","k":1}`,
		},
		{
			"asked for each record",
			handler.JSONOptions{LevelName: func(slog.Level) string { calls++; return strings.Repeat("I", calls) }},
			func(l *slog.Logger) { l.Info("a"); l.Info("b") }, `{"level":"I","msg":"a"}` + "\n" + `{"level":"II","msg":"b"}`,
		},
		{
			"bounded",
			handler.JSONOptions{LevelName: func(slog.Level) string { return strings.Repeat("I", 100) }, MaxFieldBytes: 20},
			func(l *slog.Logger) { l.Info("m") }, `{"level":"IIIIIIIIIIIIIIIIIIII…(+80 bytes)","msg":"m"}`,
		},
	}
	for _, tt := range tests {
		for _, replace := range []bool{false, true} {
			name := tt.name
			if replace {
				name += ", after a ReplaceAttr"
			}
			t.Run(name, func(t *testing.T) {
				calls = 0
				opts := tt.opts
				opts.Level = slog.Level(-100)
				if replace {
					opts.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr { return a }
				}
				checkJSON(t, opts, tt.log, tt.want)
			})
		}
	}
}

// checkJSON compares lines but for their time.
func checkJSON(t *testing.T, opts handler.JSONOptions, log func(*slog.Logger), want string) {
	t.Helper()
	var buf testlog.Buffer
	log(slog.New(gateTimeless{opts.NewHandler(&buf)}))
	if diff := cmp.Diff(want, strings.TrimSuffix(buf.String(), "\n")); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestJSONLevelNameAfterReplaceAttr(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replace func(slog.Attr) slog.Attr
		want    string
	}{
		"it gets the level":        {func(a slog.Attr) slog.Attr { a.Value = slog.BoolValue(a.Value.Any() == slog.LevelWarn); return a }, `"level":true,`},
		"another key":              {func(a slog.Attr) slog.Attr { a.Key = "severity"; return a }, `"severity":"<WARN>",`},
		"another level":            {func(a slog.Attr) slog.Attr { a.Value = slog.AnyValue(slog.LevelError); return a }, `"level":"<ERROR>",`},
		"a text is kept":           {func(a slog.Attr) slog.Attr { a.Value = slog.StringValue("w"); return a }, `"level":"w",`},
		"a LogValuer of a level":   {func(a slog.Attr) slog.Attr { a.Value = slog.AnyValue(levelValuer(8)); return a }, `"level":"<ERROR>",`},
		"nothing is left":          {func(slog.Attr) slog.Attr { return slog.Attr{} }, ``},
		"a panic costs the value":  {func(slog.Attr) slog.Attr { panic("no") }, `"level":"!PANIC: no",`},
		"a level of another field": {func(a slog.Attr) slog.Attr { return a }, `"level":"<WARN>",`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := handler.JSONOptions{LevelName: func(l slog.Level) string { return "<" + l.String() + ">" }}
			opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
				if len(groups) == 0 && a.Key == slog.LevelKey {
					return tt.replace(a)
				}
				return a
			}
			checkJSON(t, opts, func(l *slog.Logger) { l.Warn("m", "lowest", slog.LevelInfo, "n", 1) },
				`{`+tt.want+`"msg":"m","lowest":"INFO","n":1}`)
		})
	}
}

type levelValuer slog.Level

func (l levelValuer) LogValue() slog.Value { return slog.AnyValue(slog.Level(l)) }

// gateTimeless takes the time off each record.
type gateTimeless struct{ slog.Handler }

func (h gateTimeless) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func TestJSONLevelNameAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	h := handler.JSONOptions{LevelName: handler.LevelName}.NewHandler(io.Discard)
	r := slog.NewRecord(time.Now(), handler.LevelNotice, "m", 0)
	r.AddAttrs(five()...)
	if got := testing.AllocsPerRun(200, func() { _ = h.Handle(t.Context(), r) }); got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
