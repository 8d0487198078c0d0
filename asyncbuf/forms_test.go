package asyncbuf_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/snapshot"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

func TestHandlersBehindAreKnown(t *testing.T) {
	file, err := rotate.Open(filepath.Join(t.TempDir(), "log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	buf := asyncbuf.NewHandler(slog.NewTextHandler(io.Discard, nil), nil)
	defer buf.Close()
	json, text := slog.NewJSONHandler(io.Discard, nil), slog.NewTextHandler(io.Discard, nil)
	same := func(_ []string, a slog.Attr) slog.Attr { return a }
	event := logstash.NewHandler(io.Discard, nil)
	for name, test := range map[string]struct {
		h    slog.Handler
		want snapshot.Forms
	}{
		"slog.JSONHandler":       {json, snapshot.JSON},
		"slog.TextHandler":       {text, snapshot.Text},
		"handler.JSONHandler":    {handler.NewJSONHandler(io.Discard, nil), snapshot.JSON},
		"handler.ConsoleHandler": {handler.NewConsoleHandler(io.Discard, nil), snapshot.Text},
		"logstash.Handler":       {event, snapshot.String},
		"handler.Gate":           {handler.NewGate(json, nil), snapshot.JSON},
		"handler.Recover":        {handler.NewRecover(json, nil), snapshot.JSON},
		"handler.Context":        {handler.NewContext(json, nil), snapshot.JSON},
		"fanout.Handler":         {fanout.NewHandler(nil, json, event), snapshot.JSON | snapshot.String},
		"fanout.Branch":          {fanout.When(fanout.HasTag("x"), text), snapshot.Text},
		"fanout.FirstMatch":      {fanout.NewFirstMatch(nil, json, event), snapshot.JSON | snapshot.String},
		"fanout.Failover":        {fanout.NewFailover(nil, text, json), snapshot.Text | snapshot.JSON},
		"rotate.Handler": {
			rotate.NewHandler(file, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }), snapshot.JSON,
		},
		"asyncbuf.Handler":         {buf, snapshot.Text},
		"one that looks at values": {redact.NewHandler(json, nil), snapshot.Unknown},
		"with ReplaceAttr, slog":   {slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: same}), snapshot.Unknown},
		"with ReplaceAttr, text":   {slog.NewTextHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: same}), snapshot.Unknown},
		"with ReplaceAttr, ours":   {handler.NewJSONHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: same}), snapshot.Unknown},
		"with ReplaceAttr, console": {
			handler.NewConsoleHandler(io.Discard, &handler.ConsoleOptions{ReplaceAttr: same}), snapshot.Unknown,
		},
		"somebody's":                   {slog.DiscardHandler, snapshot.Unknown},
		"somebody's among known":       {fanout.NewHandler(nil, json, slog.DiscardHandler), snapshot.Unknown},
		"one that cannot be unwrapped": {slog.NewMultiHandler(json, text), snapshot.Unknown},
	} {
		t.Run(name, func(t *testing.T) { diff(t, "forms", test.want, asyncbuf.FormsOf(test.h)) })
	}
}

// A conn has a String method that takes its lock, as the net/http server's
// connections and many others have.
type conn struct {
	mu   sync.Mutex
	Name string
}

func (c *conn) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Name
}

func TestOnlyMethodsThatAreNeededAreCalled(t *testing.T) {
	var got testlog.Buffer
	buf := asyncbuf.NewHandler(handler.NewJSONHandler(&got, nil), nil)
	c := &conn{Name: "a"}
	c.mu.Lock() // a JSON handler does not call String
	slog.New(buf).Info("m", "conn", c)
	c.mu.Unlock()
	if err := buf.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(got.String(), `"conn":{"Name":"a"}`) {
		t.Errorf("printed %s", got.String())
	}
}

func TestKeysKeepTheirTypeForRedaction(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var got testlog.Buffer
	buf := asyncbuf.NewHandler(redact.NewHandler(slog.NewJSONHandler(&got, nil), nil), nil)
	slog.New(buf).Info("m", "k", key)
	if err := buf.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(got.String(), `"k":"[REDACTED]"`) {
		t.Errorf("printed %s", got.String())
	}
}
