package pipeline_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

// A description as JSON. What is wrong with it is said all at once.
func ExampleParse() {
	_, err := pipeline.Parse([]byte(`{
  "level": "WARNIN",
  "sinks": [
    {"type": "console", "level": "INFO"},
    {
      "type": "file",
      "path": "/var/log/app/app.log",
      "rotatoin": "daily",
      "async": "yes"
    }
  ]
}`))
	fmt.Println(err)

	cfg, err := pipeline.Parse([]byte(`{
  "level": "WARN",
  "sinks": [
    {"type": "console", "level": "INFO"},
    {"type": "file", "path": "/var/log/app/app.log", "rotation": "100 MB, daily", "retention": "30 days", "async": true}
  ]
}`))
	fmt.Println(cfg.Level, cfg.Sinks[1].Rotation.Schedule, cfg.Sinks[1].Retention, err)
	// Output:
	// config: line 2: level is "WARNIN": want TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN, WARNING, ERROR, FAIL, CRITICAL, FATAL, OFF, or what syslog, zap, zerolog or logrus call a level, with or without an offset as in INFO+2, or a number; did you mean "WARNING"?
	// config: line 8: sinks[1].rotatoin: unknown field, did you mean "rotation"?
	// config: line 9: sinks[1].async is "yes": want true or false, without quotes
	// WARN daily 30 days <nil>
}

// The text types are of use in a program's own configuration, in any format whose
// library knows encoding.TextUnmarshaler.
func ExampleSize() {
	var settings struct {
		LogLevel pipeline.Level     `json:"log_level"`
		Upload   pipeline.Size      `json:"upload"`
		Timeout  pipeline.Duration  `json:"timeout"`
		Keep     pipeline.Retention `json:"keep"`
	}
	err := json.Unmarshal([]byte(`{"log_level": "debug", "upload": "16 MiB", "timeout": "1m30s", "keep": "2 weeks, 5 GB"}`), &settings)
	fmt.Println(settings.LogLevel.Level() == slog.LevelDebug, int64(settings.Upload), time.Duration(settings.Timeout), settings.Keep, err)

	err = json.Unmarshal([]byte(`{"upload": "16 MBit"}`), &settings)
	fmt.Println(err)
	// Output:
	// true 16777216 1m30s 14 days, 5 GB <nil>
	// pipeline: size "16 MBit": want bytes, as in 65536, or a unit, as in 64 KiB (of 1024) or 100 MB (of 1000); did you mean "16 MB"?
}

// A Config that was made in another way, such as from the environment, as JSON
// for Parse.
func ExampleConfig() {
	cfg, err := pipeline.FromEnv(func(name string) string {
		return map[string]string{"LOG_FILE": "/var/log/app/app.log", "LOG_ROTATION": "daily", "LOG_CONSOLE": "off"}[name]
	})
	if err != nil {
		panic(err)
	}
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	// Output:
	// {
	//   "level": "WARN",
	//   "sinks": [
	//     {
	//       "type": "file",
	//       "name": "LOG_FILE",
	//       "path": "/var/log/app/app.log",
	//       "rotation": "daily",
	//       "async": true,
	//       "buffer_size": "64 KiB",
	//       "flush_interval": "5s"
	//     }
	//   ]
	// }
}

func ExampleUnknownEnv() {
	for _, says := range pipeline.UnknownEnv([]string{"LOG_LEVEL=INFO", "LOG_RETENTOIN=30 days"}) { // os.Environ() in a program
		fmt.Println(says)
	}
	// Output:
	// LOG_RETENTOIN is not read by anything here: did you mean LOG_RETENTION?
}
