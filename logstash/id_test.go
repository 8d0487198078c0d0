package logstash_test

import (
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// idTime returns the time of a UUID of version 7, or fails.
func idTime(t *testing.T, id string) time.Time {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' || len(raw) != 16 {
		t.Fatalf("no UUID: %q", id)
	}
	if version, variant := raw[6]>>4, raw[8]>>6; version != 7 || variant != 0b10 {
		t.Fatalf("version %d, variant %b of %s", version, variant, id)
	}
	var ms int64
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

func TestEventID(t *testing.T) {
	t.Parallel()
	for profile, path := range map[logstash.Profile][]string{
		logstash.V1: {"uuid"}, logstash.ECS: {"event", "id"}, logstash.ECSDotted: {"event.id"},
	} {
		tests := []struct {
			name string
			time time.Time
			opts logstash.Options
			args []any
			path []string
		}{
			{name: "of the record's time", time: halfPast, path: path},
			{name: "of now without one", path: path},
			{name: "of a time before 1970", time: time.UnixMilli(-1), path: path},
			{name: "under a name of one's own", time: halfPast, opts: logstash.Options{Names: logstash.FieldNames{ID: "id"}}, path: []string{"id"}},
			{name: "in @metadata alone", time: halfPast, opts: logstash.Options{Names: logstash.FieldNames{ID: "-"}}},
			{name: "in place of the user's", time: halfPast, args: []any{slog.Group("@metadata", "_id", "x", "index", "y")}, path: path},
			{
				name: "in place of the options'", time: halfPast,
				opts: logstash.Options{Metadata: []slog.Attr{slog.String("_id", "x"), slog.String("index", "y")}}, path: path,
			},
			{name: "beside attrs in an object", time: halfPast, opts: logstash.Options{Attrs: "attrs"}, args: []any{"uuid", 1}, path: path},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				opts := tt.opts
				opts.Profile, opts.EventID = profile, true
				before := time.Now().Truncate(time.Millisecond)
				line := encode(t, &opts, nil, tt.time, slog.LevelInfo, "m", tt.args...)
				event := decode(t, []byte(line+"\n"), &opts)
				metadata, _ := event["@metadata"].(map[string]any)
				id, _ := metadata["_id"].(string)
				at := idTime(t, id)
				switch {
				case tt.time.IsZero():
					if at.Before(before) || at.After(time.Now()) {
						t.Errorf("time %v, want now", at)
					}
				case tt.time.Before(time.Unix(0, 0)): // there is none before 1970
				case !at.Equal(tt.time.Truncate(time.Millisecond)):
					t.Errorf("time %v, want %v", at, tt.time)
				}
				if len(metadata) > 1 && metadata["index"] != "y" {
					t.Errorf("@metadata is %v", metadata)
				}
				if tt.path == nil {
					if strings.Count(line, id) != 1 {
						t.Errorf("got %s", line)
					}
					return
				}
				var got any = event
				for _, name := range tt.path {
					m, _ := got.(map[string]any)
					got = m[name]
				}
				if diff := cmp.Diff(any(id), got); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestEventIDsDiffer(t *testing.T) {
	t.Parallel()
	const n = 100_000
	seen := make(map[string]bool, n)
	w := writerFunc(func(p []byte) (int, error) {
		_, id, _ := strings.Cut(string(p), `{"uuid":"`)
		seen[id[:36]] = true
		return len(p), nil
	})
	names := bare()
	names.ID = "uuid"
	h := logstash.NewHandler(w, &logstash.Options{EventID: true, Names: names})
	r := slog.NewRecord(halfPast, slog.LevelInfo, "m", 0)
	for range n {
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != n {
		t.Errorf("%d different ids of %d", len(seen), n)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSequenceHasNoGaps(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 500
	for profile, path := range map[logstash.Profile][]string{
		logstash.V1: {"sequence"}, logstash.ECS: {"event", "sequence"}, logstash.ECSDotted: {"event.sequence"},
	} {
		var buf testlog.Buffer
		opts := &logstash.Options{Profile: profile, Sequence: true}
		root := logstash.NewHandler(&buf, opts)
		other := logstash.NewHandler(&testlog.Buffer{}, opts) // which counts for itself
		var wg sync.WaitGroup
		for i := range goroutines {
			wg.Go(func() {
				h := root.WithAttrs([]slog.Attr{slog.Int("goroutine", i)})
				for j := range each {
					if j%100 == 0 {
						h = h.WithGroup("g")
					}
					slog.New(h).Info("m", "k", 1)
					slog.New(other).Info("m")
				}
			})
		}
		wg.Wait()
		lines, _ := buf.Lines()
		var got []int
		for _, line := range lines {
			var v any = decode(t, []byte(line+"\n"), opts)
			for _, name := range path {
				m, _ := v.(map[string]any)
				v = m[name]
			}
			got = append(got, number(v))
		}
		slices.Sort(got)
		want := make([]int, goroutines*each)
		for i := range want {
			want[i] = i + 1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}
