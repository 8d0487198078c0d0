package redact_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/redact"
)

// These types are correct Go: all that reads a map of them takes the lock.
type (
	jsonSession struct {
		mu   sync.Mutex
		Data map[string]string
	}
	textSession struct {
		mu   sync.Mutex
		Data map[string]string
	}
	state           struct{ m map[string]string }
	embeddedSession struct {
		mu sync.Mutex
		state
	}
	sharedSession struct {
		mu   *sync.Mutex
		data map[string]string
	}
	sessionError struct{ *textSession }
	bareSession  struct {
		mu   *sync.Mutex
		ID   string
		data map[string]string
	}
)

func set(mu *sync.Mutex, m map[string]string, k string) {
	mu.Lock()
	defer mu.Unlock()
	m[k] = "v"
}

func size(mu *sync.Mutex, m map[string]string) string {
	mu.Lock()
	defer mu.Unlock()
	return fmt.Sprintf("session of %t", m != nil)
}

func (s *jsonSession) set(k string)                 { set(&s.mu, s.Data, k) }
func (s *jsonSession) MarshalJSON() ([]byte, error) { return json.Marshal(size(&s.mu, s.Data)) }
func (s *textSession) set(k string)                 { set(&s.mu, s.Data, k) }
func (s *textSession) String() string               { return size(&s.mu, s.Data) }
func (s *embeddedSession) set(k string)             { set(&s.mu, s.m, k) }
func (s *embeddedSession) String() string           { return size(&s.mu, s.m) }
func (s sharedSession) set(k string)                { set(s.mu, s.data, k) }
func (s sharedSession) String() string              { return size(s.mu, s.data) }
func (e sessionError) Error() string                { return "no " + e.String() }
func (s bareSession) set(k string)                  { set(s.mu, s.data, k) }

func TestWhatALockGuardsIsNotRead(t *testing.T) {
	t.Parallel()
	text := &textSession{Data: map[string]string{}}
	for _, tt := range []struct {
		name string
		v    interface{ set(k string) }
		want string
	}{
		{"MarshalJSON", &jsonSession{Data: map[string]string{}}, `{"s":"session of true"}`},
		{"String", text, `{"s":"session of true"}`},
		{"embedded map", &embeddedSession{state: state{map[string]string{}}}, ``},
		{"pointer to a lock", sharedSession{new(sync.Mutex), map[string]string{}}, ``},
		{"error", sessionError{text}, `{"s":"no session of true"}`},
		{"no method", bareSession{new(sync.Mutex), "x", map[string]string{}}, `{"s":{"ID":"x"}}`},
		{"no method, by pointer", &bareSession{new(sync.Mutex), "x", map[string]string{}}, `{"s":{"ID":"x"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan struct{})
			var wg sync.WaitGroup
			defer wg.Wait()
			defer close(done)
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
						tt.v.set(strconv.Itoa(i % 100))
					}
				}
			})
			for _, v := range []any{tt.v, []any{tt.v}, map[string]any{"s": tt.v}} {
				l := slog.New(redact.NewHandler(slog.NewTextHandler(io.Discard, nil), nil))
				for range 500 {
					l.Info("m", "s", v)
				}
			}
			if got := line(t, false, nil, nil, slog.Any("s", tt.v)); tt.want != "" && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

type guardedText struct {
	mu       sync.Mutex
	password string
}

func (g *guardedText) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return "token=" + g.password
}

func (g *guardedText) MarshalText() ([]byte, error) { return []byte("plain"), nil }

func TestWhatMethodsOfALockedTypePrintIsScanned(t *testing.T) {
	t.Parallel()
	if got := line(t, true, nil, nil, slog.Any("s", &guardedText{password: "hunter2"})); strings.Contains(got, "hunter2") {
		t.Errorf("the secret is in %s", got)
	}
	v := &guardedText{}
	var got slog.Value
	slog.New(redact.NewHandler(capture{&got}, nil)).Info("m", "v", v)
	if got.Any() != any(v) {
		t.Errorf("a clean value has become %T %v", got.Any(), got.Any())
	}
}
