package rotate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

func TestNext(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("east", 3600)
	at := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		opts *rotate.Options
		want time.Time
	}{
		{nil, time.Time{}},
		{&rotate.Options{}, time.Time{}},
		{&rotate.Options{Schedule: "daily", Location: time.UTC}, at.Add(30 * time.Minute)},
		{&rotate.Options{Schedule: "daily", Location: zone}, at.Add(23*time.Hour + 30*time.Minute)},
	} {
		got, err := tt.opts.Next(at)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%+v: got %v, %v; want %v", tt.opts, got, err, tt.want)
		}
	}
	for _, opts := range []*rotate.Options{{Schedule: "dayly"}, {MaxBackups: -1}} {
		if _, err := opts.Next(at); err == nil || !strings.HasPrefix(err.Error(), "rotate: options: ") {
			t.Errorf("%+v: got %v", opts, err)
		}
	}
}
