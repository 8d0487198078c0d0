//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

const (
	rate      = 2000 // events a second
	eventSize = 320  // bytes of an event of logstash.NewHandler
	tick      = 5 * time.Millisecond
	// patience is how long a program waits at its end until all is sent.
	patience = 30 * time.Second
)

// orderVariable has an order, in the process that is to carry it out.
const orderVariable = "SLUICE_STRATEGIES_ORDER"

// An order is what a child process is to do.
type order struct {
	Way, Addr, Dir string
	Sender         int           // the number by which its events are known
	Opened         time.Time     // of the account
	For            time.Duration // how long to log
}

func (o order) counterFile() string { return filepath.Join(o.Dir, fmt.Sprintf("handled-%d", o.Sender)) }

// start starts a child process with an order.
func (o order) start(ctx context.Context) (*exec.Cmd, *bytes.Buffer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	err = cmd.Start()
	return cmd, stderr, err
}

// carryOut is main in a child process.
func carryOut(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	w, err := wayOf(o.Way)
	if err != nil {
		return err
	}
	handled, err := openCounter(o.counterFile())
	if err != nil {
		return err
	}
	h, finish, err := w.open(o.Addr, o.Dir)
	if err != nil {
		return err
	}
	o.log(slog.New(h), handled)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = finish(ctx) // what is left undone is missing at the receiver
	return nil
}

// log logs at the rate, and notes how many calls have returned.
func (o order) log(logger *slog.Logger, handled counter) {
	pad := padding()
	total := int(o.For.Seconds() * rate)
	for begun, n := time.Now(), 0; n < total; time.Sleep(tick) {
		for due := int(time.Since(begun).Seconds() * rate); n < min(due, total); n++ {
			at := time.Since(o.Opened).Microseconds()
			logger.Info("order paid", senderKey, o.Sender, numberKey, n, timeKey, at, "pad", pad)
			handled.set(n + 1)
		}
	}
}

// padding returns an attr that makes an event as long as it is to be.
func padding() string {
	var b bytes.Buffer
	logger := slog.New(logstash.NewHandler(&b, events()))
	logger.Info("order paid", senderKey, 0, numberKey, 1000, timeKey, 1_000_000, "pad", "")
	return strings.Repeat("x", max(eventSize-b.Len(), 0))
}
