// Filebeat is the first strategy for Logstash, once called Logstash Forwarder: the
// program writes events into a file that rotates, and Filebeat, configured by the
// filebeat.yml beside this program, tails it.
//
//	go run ./examples/filebeat
//
// It writes and rotates such a file, and then checks everything that Filebeat
// needs of it. docs/filebeat.md says why each of these matters.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

//go:embed filebeat.yml
var config string

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "filebeat:", err)
		os.Exit(1)
	}
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sluice-filebeat-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := write(filepath.Join(dir, "app.log")); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	lines := 0
	for _, file := range files {
		n, err := check(file)
		if err != nil {
			return err
		}
		lines += n
	}
	fmt.Printf("%d files with %d events: each line is one JSON object, no file is too short, every name is in filebeat.yml\n",
		len(files), lines)
	return nil
}

// write is the program: 20,000 events through a pipeline with one file.
func write(path string) (err error) {
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Type: pipeline.File, Path: path, Format: pipeline.ECS, Service: "orders",
		FileMode:  0o640, // Filebeat reads as a member of the group
		Rotation:  pipeline.Rotation{MaxSize: pipeline.Size(rotate.MiB)},
		Retention: pipeline.Retention{MaxAge: 7 * 24 * time.Hour}, // less than ignore_older
		Compress:  rotate.Gzip,
		Rotate:    rotate.Options{CompressDelay: 24 * time.Hour}, // longer than Filebeat is ever away
	}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	logger := p.Logger()
	for i := range 20_000 {
		logger.Info("paid", "order", i, "note", "two\nlines") // a line break in a value breaks no line
	}
	return nil
}

// check returns how many events a file has, or what Filebeat would stumble over.
func check(file string) (events int, err error) {
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return 0, err
	}
	name := filepath.Base(file)
	switch {
	case !configured(name):
		return 0, fmt.Errorf("%s: no path in filebeat.yml is for it", name)
	case len(text) < 1024:
		return 0, fmt.Errorf("%s: Filebeat reads no file below 1024 bytes, and it has %d", name, len(text))
	case !bytes.HasSuffix(text, []byte("\n")):
		return 0, fmt.Errorf("%s: the last line is not finished", name)
	}
	for line := range bytes.Lines(text) {
		var event struct {
			Time    time.Time `json:"@timestamp"`
			Message string    `json:"message"`
		}
		if err := json.Unmarshal(line, &event); err != nil || event.Message != "paid" || event.Time.IsZero() {
			return 0, errors.Join(fmt.Errorf("%s: not an event: %s", name, line), err)
		}
		events++
	}
	return events, nil
}

// configured reports whether one of the paths in filebeat.yml is for a file.
func configured(name string) bool {
	for _, pattern := range regexp.MustCompile(`"/var/log/app/([^"]+)"`).FindAllStringSubmatch(config, -1) {
		if ok, err := filepath.Match(pattern[1], name); ok && err == nil {
			return true
		}
	}
	return false
}
