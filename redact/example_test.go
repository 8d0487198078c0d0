package redact_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/redact"
)

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func ExampleNewHandler() {
	out := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	logger := slog.New(redact.NewHandler(out, nil))
	logger.Info("login password=hunter2", "api_key", "k-123", "url", "https://bob:hunter2@example.com/?token=t&page=2")
	// Output:
	// {"level":"INFO","msg":"login password=[REDACTED]","api_key":"[REDACTED]","url":"https://bob:[REDACTED]@example.com/?token=[REDACTED]&page=2"}
}

func ExampleNewHandler_keys() {
	out := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	logger := slog.New(redact.NewHandler(out, &redact.Options{
		Keys:      []string{"card_number", "user.email"},
		AllowKeys: []string{"page_token"},
		Rules:     []redact.Rule{{Name: "badge", Pattern: `\bEMP-\d{6}\b`}},
		Mask:      "***",
	}))
	logger.Info("order", "CardNumber", 4111, slog.Group("user", "email", "bob@example.com", "id", 5), "page_token", "p2")
	logger.Error("denied", "err", errors.New("EMP-123456 may not enter"))
	// Output:
	// level=INFO msg=order CardNumber=*** user.email=*** user.id=5 page_token=p2
	// level=ERROR msg=denied err="*** may not enter"
}

func ExampleString() {
	fmt.Println(redact.String("dial postgres://app:hunter2@db:5432/shop?sslmode=require: refused"))
	fmt.Println(redact.String(`{"user":"bob","password":12345}`))
	// Output:
	// dial postgres://app:[REDACTED]@db:5432/shop?sslmode=require: refused
	// {"user":"bob","password":"[REDACTED]"}
}
