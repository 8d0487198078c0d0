package pipeline

import (
	"log/slog"
)

// Emergency returns a pipeline for a program whose own could not be opened: it
// prints what is logged at ERROR and above to standard error as JSON, with secrets
// masked, and first of all err. A nil err is not printed.
//
// The program may go on with it, and try again later by its Reload.
func Emergency(err error) *Pipeline {
	p, failed := Open(Config{Sinks: []Sink{{
		Type: Console, Name: "emergency", Stderr: true, Level: At(slog.LevelError),
	}}})
	if failed != nil { // which there is nothing to be for
		panic("pipeline: Emergency: " + failed.Error())
	}
	if err != nil {
		p.Logger().Error("logging is not set up: only errors are logged, to standard error", "error", err)
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
