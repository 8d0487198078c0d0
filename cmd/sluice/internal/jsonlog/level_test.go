package jsonlog_test

import (
	"log/slog"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/handler"
)

func TestLevels(t *testing.T) {
	t.Parallel()
	const none slog.Level = -1000
	var p jsonlog.Parser
	for _, test := range []struct {
		members string
		want    slog.Level
	}{
		{`"level":"INFO"`, slog.LevelInfo},
		{`"level":"Info"`, slog.LevelInfo},
		{`"level":"information"`, slog.LevelInfo},
		{`"level":" WARNING "`, slog.LevelWarn},
		{`"level":"ERROR+1"`, slog.LevelError + 1},
		{`"level":"DEBUG-4"`, handler.LevelTrace},
		{`"level":"Verbose"`, handler.LevelTrace},
		{`"level":"dpanic"`, handler.LevelCritical},
		{`"level":"panic"`, handler.LevelFatal},
		{`"level":"SEVERE"`, slog.LevelError},
		{`"level":"FINE"`, slog.LevelDebug},
		{`"level":"\u0045RROR"`, slog.LevelError},
		{`"lvl":"eror"`, none},
		{`"lvl":"dbug","a":1`, none},
		{`"severity":"EMERGENCY"`, handler.LevelFatal},
		{`"severity":"DEFAULT"`, none},
		{`"level":"OFF"`, none},
		{`"level":""`, none},
		{`"level":null`, none},
		{`"level":true`, none},
		{`"level":30.5`, none},
		{`"level":[30]`, none},
		{`"level":123456789012`, none},
		{`"level":10`, handler.LevelTrace},
		{`"level":20`, slog.LevelDebug},
		{`"level":30`, slog.LevelInfo},
		{`"level":35`, handler.LevelNotice},
		{`"level":40`, slog.LevelWarn},
		{`"level":50`, slog.LevelError},
		{`"level":60`, handler.LevelFatal},
		{`"level":99`, handler.LevelFatal},
		{`"level":100,"level_name":"DEBUG"`, slog.LevelDebug}, // Monolog's
		{`"level":200`, slog.LevelInfo},
		{`"level":250`, handler.LevelNotice},
		{`"level":300`, slog.LevelWarn},
		{`"level":400`, slog.LevelError},
		{`"level":500`, handler.LevelCritical},
		{`"level":600`, handler.LevelFatal},
		{`"severity":3`, slog.LevelError}, // syslog's
		{`"severity":"6"`, slog.LevelInfo},
		{`"severity":"error"`, slog.LevelError},
		{`"severity":50`, slog.LevelError},
		{`"level":"30"`, slog.LevelInfo},
		{`"level":-8`, handler.LevelTrace},
		{`"level":-4`, slog.LevelDebug},
		{`"level":0`, slog.LevelInfo},
		{`"level":4`, slog.LevelWarn},
		{`"level":8`, slog.LevelError},
		{`"level":0,"short_message":"GELF"`, handler.LevelFatal},
		{`"short_message":"GELF","level":4`, slog.LevelWarn},
		{`"short_message":"GELF","level":6`, slog.LevelInfo},
		{`"short_message":"GELF","level":"7"`, slog.LevelDebug},
		{`"PRIORITY":"5"`, handler.LevelNotice},
		{`"PRIORITY":5`, handler.LevelNotice},
		{`"PRIORITY":"8"`, none},
		{`"PRIORITY":"high"`, none},
		{`"level":"gold","severity":"ALERT"`, handler.LevelCritical + 2},
		{`"level":"INFO","level":"ERROR"`, slog.LevelInfo},
		{`"log":{"level":"error"},"level":"info"`, slog.LevelError},
		{`"level":"info","log":{"level":"error"}`, slog.LevelInfo},
		{`"log":{"level":"gold"},"level":"info"`, slog.LevelInfo},
		{`"a":{"level":"error"}`, none},
	} {
		l, err := p.Parse([]byte("{" + test.members + "}"))
		if err != nil {
			t.Errorf("%s: %v", test.members, err)
			continue
		}
		got := none
		if l.HasLevel {
			got = l.Level
		}
		if got != test.want {
			t.Errorf("%s: got %v, want %v", test.members, got, test.want)
		}
	}
}
