package scan

import "testing"

func TestLogOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"/var/log/app/app.log":                       "app.log",
		"app-20261121T233046.123456Z.log":            "app.log",
		"app-20261121T233046.123456Z.log.gz":         "app.log",
		"app-20261121T233046.123456Z-2.log.zst":      "app.log",
		"app-20261121T233046.123456+0100.log":        "app.log",
		"app-20261121T233046.123456Z":                "app",
		"app-2026-11-21T23-30-46.123.log.gz":         "app.log",
		"app-2026-11-21T23-30-46.123-size_limit.log": "app.log",
		"app.log.1":                       "app.log",
		"app.log.12.gz":                   "app.log",
		"app.log-20261121":                "app.log",
		"app.log-20261121-1795341600.bz2": "app.log",
		"app-errors.log":                  "app-errors.log",
		"app-2.log":                       "app-2.log",
		"app-20261121.log":                "app.log",
		"app-2026-11-21.log.gz":           "app.log",
		"app.log.2026-11-21":              "app.log",
		"app.log-2026112123.gz":           "app.log",
		"app.log.gz":                      "app.log",
		"app.1.log":                       "app.1.log", // may be the log of process 1
		".1":                              ".1",
		".gz":                             ".gz",
		"-20261121T233046.123456Z":        "-20261121T233046.123456Z",
		"-":                               "-",
	} {
		if got := logOf(name); got != want {
			t.Errorf("logOf(%q) = %q, want %q", name, got, want)
		}
	}
}
