package pipeline

import (
	"log/slog"
	"os"
	"strings"
	"time"
)

// Emergency returns a pipeline for a program whose own could not be opened: it
// prints what is logged at ERROR and above to standard error as JSON, with secrets
// masked, and first of all err. A nil err is not printed. Its Health is
// monitor.Failing and says err, and so does Describe.
//
// The program may go on with it, and try again later by its Reload.
func Emergency(err error) *Pipeline {
	p, failed := Open(Config{Sinks: []Sink{{
		Type: Console, Name: "emergency", Writer: standardError{os.Stderr}, Level: At(slog.LevelError),
	}}})
	if failed != nil { // which there is nothing to be for
		panic("pipeline: Emergency: " + failed.Error())
	}
	p.current.Load().emergency = &emergency{err, time.Now()}
	if err != nil {
		p.Logger().Error(emergencyText, "error", err)
	}
	return p
}

// OpenOrEmergency is Open, and Emergency if that fails: the pipeline is never nil,
// and can be logged to and closed whatever the error says.
func OpenOrEmergency(cfg Config) (*Pipeline, error) {
	p, err := Open(cfg)
	if err != nil {
		return Emergency(err), err
	}
	return p, nil
}

const emergencyText = "logging is not set up: only errors are logged, to standard error"

// emergency is the error of a pipeline that Emergency has made.
type emergency struct {
	err   error // nil if it is not known
	since time.Time
}

func (e *emergency) Unwrap() error { return e.err }

func (e *emergency) Error() string {
	if e.err == nil {
		return emergencyText
	}
	return emergencyText + ": " + e.err.Error()
}

// describe adds e to a tree, a branch for each of its lines.
func (e *emergency) describe(t *branch, mask func(string) string) {
	t = t.add("emergency: " + emergencyText)
	if e.err == nil {
		return
	}
	for line := range strings.Lines(mask(e.err.Error())) {
		t.add(plain(strings.TrimSpace(line)))
	}
}
