package redact_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/redact"
)

func ExampleSecret() {
	var config struct {
		Addr     string                `json:"addr"`
		Password redact.Secret[string] `json:"password"`
	}
	if err := json.Unmarshal([]byte(`{"addr":"db:5432","password":"hunter2"}`), &config); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", config)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("start", "config", config)
	fmt.Println(len(config.Password.Reveal()), "letters")
	// Output:
	// {Addr:db:5432 Password:[REDACTED]}
	// level=INFO msg=start config="{Addr:db:5432 Password:[REDACTED]}"
	// 7 letters
}
