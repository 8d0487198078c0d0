package thirdparty_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestWatermill routes a message whose handler fails once.
func TestWatermill(t *testing.T) {
	p := newPipeline(t, handler.LevelTrace)
	testlog.CheckGoroutines(t)
	useWatermill(t, p)
	p.has(t, []string{
		`{"level":"INFO","source":"github.com/ThreeDotsLabs/watermill slog.go","msg":"Running router handlers",` +
			`"events":{"count":1}}`,
		`{"level":"DEBUG","source":"github.com/ThreeDotsLabs/watermill slog.go","msg":"Loading plugins"}`,
		`{"level":"DEBUG-4","source":"github.com/ThreeDotsLabs/watermill slog.go","msg":"Sent message to subscriber",` +
			`"events":{"pubsub_uuid":"id","message_uuid":"1","topic":"orders"}}`,
		`{"level":"ERROR","source":"github.com/ThreeDotsLabs/watermill slog.go","msg":"Handler returned error",` +
			`"events":{"handler_name":"bill","message_uuid":"1","error":"POST https://bob:[REDACTED]@billing/: 503"}}`,
	}, `"pubsub_uuid":"[^"]*"`, `"pubsub_uuid":"id"`)
}

// useWatermill starts a router and publishes a message, whose handler fails once.
func useWatermill(t *testing.T, h slog.Handler) {
	t.Helper()
	logger := watermill.NewSlogLogger(slog.New(h).WithGroup("events"))
	pubSub := gochannel.NewGoChannel(gochannel.Config{}, logger)
	router, err := message.NewRouter(message.RouterConfig{}, logger)
	if err != nil {
		t.Fatal(err)
	}
	calls, billed := 0, make(chan struct{})
	router.AddConsumerHandler("bill", "orders", pubSub, func(*message.Message) error {
		if calls++; calls == 1 {
			return errors.New("POST https://bob:" + secret + "@billing/: 503")
		}
		close(billed)
		return nil
	})
	done := make(chan error)
	go func() { done <- router.Run(background) }()
	<-router.Running()
	if err := pubSub.Publish("orders", message.NewMessage("1", []byte("order"))); err != nil {
		t.Error(err)
	}
	<-billed
	if err := errors.Join(router.Close(), <-done); err != nil {
		t.Error(err)
	}
	if err := pubSub.Close(); err != nil {
		t.Error(err)
	}
}
