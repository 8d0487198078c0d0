package kafka

import (
	"errors"
	"regexp"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	// refusedBatch is how the client tells at DEBUG of a batch that it will send again, and why.
	refusedBatch = regexp.MustCompile(`(?:retrying|resetting|err)@[-0-9,]*\(([A-Z_]+)`)
	batchTopic   = regexp.MustCompile(`([\w.-]+)\[`)
)

// ear is the logger of a client. What brokers answer to a batch that is sent again is told nowhere else. It listens
// while nothing is acked, and passes on to the user's own logger what that wants.
type ear struct {
	watch *watch
	own   kgo.Logger // nil when there is none
}

// Level returns what is wanted now.
func (e *ear) Level() kgo.LogLevel {
	if e.watch.listens.Load() {
		return kgo.LogLevelDebug
	}
	return e.ownLevel()
}

func (e *ear) ownLevel() kgo.LogLevel {
	if e.own == nil {
		return kgo.LogLevelNone
	}
	return e.own.Level()
}

// Log is told of what the client does.
func (e *ear) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if level <= e.ownLevel() {
		e.own.Log(level, msg, keyvals...)
	}
	if !e.watch.listens.Load() {
		return
	}
	for i := 1; i < len(keyvals); i += 2 {
		switch v := keyvals[i].(type) {
		case error:
			if answer, ok := errors.AsType[*kerr.Error](v); ok {
				e.watch.heard("", answer)
			}
		case string:
			if topic, answer := answerIn(v); answer != nil {
				e.watch.heard(topic, answer)
			}
		}
	}
}

// answerIn returns the first topic of which a batch is sent again, and why.
func answerIn(s string) (topic string, answer *kerr.Error) {
	at := refusedBatch.FindStringSubmatchIndex(s)
	if at == nil {
		return "", nil
	}
	if topics := batchTopic.FindAllStringSubmatch(s[:at[0]], -1); len(topics) > 0 {
		topic = topics[len(topics)-1][1]
	}
	for code := range int16(256) {
		if e, ok := errors.AsType[*kerr.Error](kerr.ErrorForCode(code)); ok && e.Message == s[at[2]:at[3]] {
			return topic, e
		}
	}
	return "", nil
}
