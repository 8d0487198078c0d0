// Checklist is "Deployment Checklist" of the guide, ticked off by the program itself:
// Config.Check looks over the machine, and says for every box that stays open what
// to do about it. It does so on a machine on which much is missing, and again after
// the advice was followed.
//
//	go run ./examples/checklist                    the demonstration, in a temporary directory
//	go run ./examples/checklist -config log.json   all that there is to say about a configuration of yours
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
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
	flag.Parse()
	run := demonstrate
	if *config != "" {
		run = func() error { return check(*config) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// check is what belongs into a deployment: print everything, and stop it if the logs
// would not work.
func check(path string) error {
	cfg, err := pipeline.Load(path)
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

// tick prints the boxes of the guide, and returns how many are open.
func tick(findings []pipeline.Finding) (open int) {
	for _, box := range []struct {
		text  string
		about []string // how Finding.What begins of what it is about
	}{
		{"Log directories created with correct permissions", []string{"directory", "file /", "spool"}},
		{"Environment variables configured", []string{"environment"}},
		{"Configuration tested", []string{"configuration", "levels"}},
		{"Log rotation and retention set", []string{"rotation", "retention"}},
		{"Monitoring and alerting configured", []string{"monitoring"}},
		{"Log levels appropriate for environment", []string{"level"}},
		{"No sensitive data in logs", []string{"redaction"}},
		{"Logstash can be reached", []string{"receiver"}},
		{"Disk space for what is kept", []string{"space"}},
	} {
		mark, missing := "x", ""
		for _, f := range findings {
			isAbout := func(what string) bool { return strings.HasPrefix(f.What, what) }
			if f.Status != pipeline.Pass && slices.ContainsFunc(box.about, isAbout) {
				mark, missing = " ", missing+"      "+f.String()+"\n"
			}
		}
		if mark == " " {
			open++
		}
		fmt.Printf("- [%s] %s\n%s", mark, box.text, missing)
	}
	return open
}

// The same service before and after the advice: %[1]s is its directory, %[2]s its Logstash.
const (
	careless = `{
	"sinks": [
		{"name": "app", "type": "file", "path": "%[1]s/app/app.log", "level": "DEBUG"},
		{"name": "ship", "type": "logstash", "addr": "tcp://%[2]s"}
	],
	"redaction": {"off": true}
}`
	careful = `{
	"sinks": [
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
	return tick(cfg.Check(context.Background())), nil
}

// freeAddr returns an address on which nobody listens.
func freeAddr() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
