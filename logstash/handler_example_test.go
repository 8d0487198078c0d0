package logstash_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

func ExampleNewHandler() {
	h := logstash.NewHandler(os.Stdout, &logstash.Options{Host: "web-1", LoggerName: "api", Tags: []string{"prod"}})
	r := slog.NewRecord(time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC), slog.LevelError, "start failed", 0)
	r.Add("err", &fs.PathError{Op: "open", Path: "/etc/api", Err: fs.ErrNotExist}, "host", "a string would not do")
	if err := h.Handle(context.Background(), r); err != nil {
		panic(err)
	}
	// Output:
	// {"@timestamp":"2026-11-21T23:30:00Z","@version":"1","level":"ERROR","level_value":40000,"logger_name":"api","message":"start failed","host":{"name":"web-1"},"err":{"message":"open /etc/api: file does not exist","type":"*errors.errorString"},"attr_host":"a string would not do","tags":["prod"]}
}
