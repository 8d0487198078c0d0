// Checklist is "Deployment Checklist" of the guide, ticked off by the program itself as
// far as a program can: Config.Check looks over the machine, and says for every box
// that stays open what to do about it. The others name the program that helps. It does
// so on a machine on which much is missing, and again after the advice was followed.
//
//	go run ./examples/checklist                    the demonstration, in a temporary directory
//	go run ./examples/checklist -config log.json   all that there is to say about a configuration of yours
//	go run ./examples/checklist -env               the same about that of the variables LOG_*
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("checklist: ")
	config := flag.String("config", "", "a configuration in JSON to check, in place of the demonstration")
	env := flag.Bool("env", false, "check the configuration that the variables LOG_* describe")
	flag.Parse()
	run := demonstrate
	switch {
	case *env:
		run = func() error { return check(pipeline.FromEnv(os.Getenv)) }
	case *config != "":
		run = func() error { return check(pipeline.Load(*config)) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// check is what belongs into a deployment: print everything, and stop it if the logs
// would not work.
func check(cfg pipeline.Config, err error) error {
	if err != nil {
		return err
	}
	findings := cfg.Check(context.Background())
	for _, f := range findings {
		fmt.Println(f)
	}
	if slices.ContainsFunc(findings, func(f pipeline.Finding) bool { return f.Status == pipeline.Fail }) {
		return errors.New("not ready for production")
	}
	return nil
}

// box is one of the guide's: findings answer it, or somebody does by hand.
type box struct {
	text   string
	about  []string // with what Finding.What begins
	byHand string   // what helps
}

// boxes are those of the guide, below its three headings.
func boxes() []box {
	return []box{
		{text: "Pre-Deployment"},
		{"Log directories created with correct permissions", []string{"directory", "file", "spool"}, ""},
		{"Environment variables configured", []string{"environment"}, ""},
		{"Configuration tested in staging", []string{
			"configuration", "levels", "console", "clock", "user", "address", "receiver", "receivers",
			"certificate", "client certificate", "credentials", "key",
		}, ""},
		{"Log rotation and retention tested", []string{"rotation", "retention"}, ""},
		{"Monitoring and alerting configured", []string{"monitoring"}, ""},

		{text: "Post-Deployment"},
		{"Log files appearing as expected", nil, "go run ./examples/troubleshooting"},
		{"Log levels appropriate for environment", []string{"level"}, ""},
		{"No sensitive data in logs", []string{"redaction"}, ""},
		{"Performance meets requirements", nil, "go run ./examples/benchmark"},
		{"Monitoring dashboards show data", nil, "go run ./examples/monitor"},

		{text: "Maintenance"},
		{"Regular log analysis", nil, "go run ./examples/analysis"},
		{"Cleanup old log files", nil, "go run ./examples/cleanup"},
		{"Monitor disk space usage", []string{"space"}, ""},
		{"Review and adjust retention policies", []string{"retention"}, ""},
		{"Update logging configuration as needed", nil, "docs/systemd.md, Reload"},
	}
}

// tick prints the boxes, and returns how many are open of those that the findings
// answer. What belongs into none of them has one of its own, at the end.
func tick(findings []pipeline.Finding) (open int) {
	boxed := make([]bool, len(findings))
	for _, b := range boxes() {
		if b.about == nil && b.byHand == "" {
			fmt.Println(b.text)
			continue
		}
		if b.byHand != "" {
			fmt.Printf("- [ ] %s: by hand, see %s\n", b.text, b.byHand)
			continue
		}
		var missing []pipeline.Finding
		for i, f := range findings {
			if !slices.ContainsFunc(b.about, func(what string) bool { return strings.HasPrefix(f.What+" ", what+" ") }) {
				continue
			}
			boxed[i] = true
			if f.Status != pipeline.Pass {
				missing = append(missing, f)
			}
		}
		open += mark(b.text, missing)
	}
	var others []pipeline.Finding
	for i, f := range findings {
		if !boxed[i] && f.Status != pipeline.Pass {
			others = append(others, f)
		}
	}
	if len(others) > 0 {
		open += mark("What the list has not", others)
	}
	return open
}

// mark prints a box, and returns 1 if it is open.
func mark(text string, missing []pipeline.Finding) (open int) {
	if len(missing) == 0 {
		fmt.Println("- [x]", text)
		return 0
	}
	fmt.Println("- [ ]", text)
	for _, f := range missing {
		fmt.Println("     ", f)
	}
	return 1
}

// The same service before and after the advice: %[1]s is its directory, %[2]s its Logstash.
const (
	careless = `{
	"sinks": [
		{"name": "console", "type": "console"},
		{"name": "app", "type": "file", "path": "%[1]s/app/app.log", "level": "DEBUG"},
		{"name": "ship", "type": "logstash", "addr": "tcp://%[2]s"}
	],
	"redaction": {"off": true}
}`
	careful = `{
	"sinks": [
		{"name": "console", "type": "console"},
		{"name": "app", "type": "file", "path": "%[1]s/app/app.log", "level": "WARNING",
			"rotation": "1 MB, daily", "retention": "30 days, 5 MB"},
		{"name": "ship", "type": "logstash", "addr": "tcp://%[2]s",
			"spool_dir": "%[1]s/spool", "spool_max_size": "8 MiB"}
	],
	"health_interval": "5m"
}`
)

func demonstrate() error {
	dir, err := os.MkdirTemp("", "checklist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	logs := filepath.Join(dir, "app")
	if err := errors.Join(os.WriteFile(logs, nil, 0o600), os.Setenv("LOG_LEVELS", "WARNING")); err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	fmt.Println("At first:")
	before, err := checkText(careless, dir, addr)
	if err != nil {
		return err
	}

	// What the findings say is to be done, but for the configuration.
	if err := errors.Join(os.Rename(logs, logs+".old"), os.Mkdir(logs, 0o750), os.Unsetenv("LOG_LEVELS"),
		os.Mkdir(filepath.Join(dir, "spool"), 0o700)); err != nil {
		return err
	}
	logstash, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr) // in place of the real one
	if err != nil {
		return err
	}
	defer logstash.Close()
	fmt.Println("\nWith the advice followed:")
	after, err := checkText(careful, dir, addr)
	if err == nil && (before == 0 || after != 0) {
		err = fmt.Errorf("%d boxes open at first, %d afterwards", before, after)
	}
	return err
}

func checkText(text, dir, addr string) (open int, err error) {
	cfg, err := pipeline.Parse(fmt.Appendf(nil, text, filepath.ToSlash(dir), addr))
	if err != nil {
		return 0, err
	}
	// Who runs the demonstration, and on what disk, is not the service's.
	return tick(slices.DeleteFunc(cfg.Check(context.Background()), func(f pipeline.Finding) bool {
		return f.What == "user" || strings.HasPrefix(f.What, "file system of ")
	})), nil
}

// freeAddr returns an address on which nobody listens. Its port is none of those that
// systems give to whoever asks for any, or tests beside this choose from, and that somebody
// else could have meanwhile.
func freeAddr() (string, error) {
	var errs error
	for range 20 {
		port := 32_001 + rand.IntN(700) //nolint:gosec // chance is enough
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}
