package redact_test

import (
	"fmt"
	"log/slog"
	"testing"
)

type printsBytes struct{ Password []byte }

func (p printsBytes) String() string {
	return fmt.Sprintf("%s %v %x", p.Password, p.Password, p.Password)
}

// A value of slog's in any is looked at as the value that it is, also where it
// leads back to itself.
func TestValuesOfSlogInValues(t *testing.T) {
	t.Parallel()
	cyclic := map[string]any{"password": "hunter2"}
	cyclic["self"] = slog.AnyValue(cyclic)
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"clean", []any{slog.IntValue(1)}, `a=[1]`},
		{"bytes", []any{slog.AnyValue([]byte("password=hunter2"))}, `a="[password=[REDACTED]]"`},
		{"group", []slog.Value{slog.GroupValue(slog.String("password", "hunter2"))}, `a=[{password:[REDACTED]}]`},
		{"cyclic", cyclic, `a="map[password:[REDACTED] self:[REDACTED: too deep]]"`},
		{"what a method makes of bytes", printsBytes{[]byte("hunter2")}, `a="[REDACTED] [[REDACTED]] [REDACTED]"`},
	} {
		if got := line(t, true, nil, nil, slog.Any("a", tt.v)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
