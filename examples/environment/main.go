// Environment is "Environment Variables" of the production guide: the variables are
// read with the units of the guide, and each mistake is named, with the value and
// what is allowed, before anything is logged to the wrong place. Variables that are
// not set are those of the guide here, so try
//
//	go run ./examples/environment
//	LOG_LEVEL=debug LOG_FLUSH_INTERVAL=5s go run ./examples/environment
//	LOG_LEVEL=loud LOG_BUFFER_SIZE=1e5 go run ./examples/environment
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the log (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "environment:", err)
		os.Exit(1)
	}
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "environment-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	guide := map[string]string{
		// Logging configuration
		"LOG_LEVEL":  "WARNING",
		"LOG_FORMAT": "json",
		"LOG_FILE":   filepath.Join(dir, "app.log"),
		// Performance tuning
		"LOG_BUFFER_SIZE":    "65536",
		"LOG_FLUSH_INTERVAL": "5000",
		// Security
		"LOG_SENSITIVE_MASK": "true",
	}
	getenv := func(name string) string { return cmp.Or(os.Getenv(name), guide[name]) } // os.Getenv in a program

	cfg, err := pipeline.FromEnv(getenv)
	if err != nil {
		return err
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Print(p.Describe())
	p.Logger().Info("order shipped", "order", 42) // not on the WARNING of the guide
	p.Logger().Warn("payment refused", "card_number", "4111 1111 1111 1111")
	if err := p.Close(); err != nil {
		return err
	}
	return mistakes(guide)
}

// mistakes reads the guide's variables as docker --env-file does, which takes the
// comment behind a value for a part of it, and with some others.
func mistakes(guide map[string]string) error {
	guide["LOG_FORMAT"] = "json  # or 'text'"
	guide["LOG_LEVEL"] = "WARNINGS"
	guide["LOG_FLUSH_INTERVAL"] = "five seconds"
	_, err := pipeline.FromEnv(func(name string) string { return guide[name] })
	if err == nil {
		return errors.New("nobody minds the mistakes")
	}
	fmt.Println(err)
	for _, sentence := range pipeline.UnknownEnv([]string{"LOG_FILES=app.log", "LOG_FILE=/var/log/app/app.log"}) {
		fmt.Println(sentence)
	}
	return nil
}
