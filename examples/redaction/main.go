// Redaction is "Sensitive Data Protection" of the production guide, before the
// fan-out and not in one of its branches: what reaches the callback and the file has
// no secrets in it, be they in the message, in attrs, in errors or in what With has
// bound. Afterwards the file is searched for them: this is "No sensitive data in
// logs" of the checklist.
//
//	go run ./examples/redaction
//
// -dir is where the log stays.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the log (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "redaction:", err)
		os.Exit(1)
	}
}

// secret is in everything that is logged here.
const secret = "hunter2"

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "redaction-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	path := filepath.Join(dir, "app.log")
	p, err := pipeline.Open(pipeline.Config{
		// Passwords, tokens, API keys and the like are masked as nothing else is
		// said. Here stands what only this program knows to be secret.
		Redaction: pipeline.Redaction{Keys: []string{"customer_note"}},
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: path},
			{Name: "secure", Type: pipeline.Func, Func: secureCallback, Level: pipeline.At(slog.LevelWarn)},
		},
	})
	if err != nil {
		return err
	}
	careless(p.Logger())
	if err := p.Close(); err != nil {
		return err
	}
	fmt.Println("secrets masked:", p.Stats().Redact.Redacted)
	return search(path)
}

// secureCallback is a secure logging system.
func secureCallback(_ context.Context, r slog.Record) error {
	fmt.Println(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Println("   ", a)
		return true
	})
	return nil
}

// careless logs as programs do. For the first four texts the guide has patterns;
// those after them slip through these patterns, or come out broken.
func careless(logger *slog.Logger) {
	for _, text := range []string{
		"login with password=" + secret,
		"secret: " + secret,
		"/orders?token=" + secret + "&page=2",
		`the key is api_key="` + secret + `"`,
		"Password: " + secret,
		"Authorization: Bearer " + secret,
		"apikey=" + secret,
		"connect to postgres://app:" + secret + "@db:5432/orders",
		`body {"user":"bob","password":"` + secret + `"}`,
		"password reset requested, token expired",
	} {
		logger.Warn(text)
	}
	request := http.Header{"X-Api-Key": {secret}, "Accept": {"*/*"}}
	logger.With("db_password", secret).WithGroup("login").Warn("what no pattern for messages sees",
		"headers", request, "err", errors.New("token="+secret+" refused"), "customer_note", secret)
}

// search looks for secrets in a log that is there already.
func search(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	findings := 0
	for finding, err := range redact.Scan(bytes.NewReader(text)) {
		if err != nil {
			return err
		}
		fmt.Printf("line %d: %s\n", finding.Line, finding.Excerpt)
		findings++
	}
	fmt.Printf("found in the file: the secret %d times, others by the rules %d times\n", bytes.Count(text, []byte(secret)), findings)
	if findings > 0 || bytes.Contains(text, []byte(secret)) || bytes.Count(text, []byte("[REDACTED]")) < 13 {
		return errors.New("there are secrets in the file")
	}
	return nil
}
