package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
)

func jsonToStdout() slog.Handler {
	return handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime})
}

func ExampleNewRename() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		Keys: map[string]string{"http.status": "status_code", "err": "error"},
	})
	slog.New(h).WithGroup("http").Info("done", "status", 200)
	slog.New(h).Info("failed", "err", "EOF")
	// Output:
	// {"level":"INFO","msg":"done","http":{"status_code":200}}
	// {"level":"INFO","msg":"failed","error":"EOF"}
}

func ExampleNewRename_flatten() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Flatten: "."})
	slog.New(h).WithGroup("http").Info("done", slog.Group("request", "method", "GET"), "status", 200)
	// Output:
	// {"level":"INFO","msg":"done","http.request.method":"GET","http.status":200}
}

// Values are rewritten by the key of their attr.
func ExampleNewRename_byKey() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "card" && a.Value.Kind() == slog.KindString {
			s := a.Value.String()
			a.Value = slog.StringValue("…" + s[max(len(s)-4, 0):])
		}
		return a
	}})
	slog.New(h).Info("paid", "card", "4111111111111111")
	// Output:
	// {"level":"INFO","msg":"paid","card":"…1111"}
}

// Values are rewritten by the kind that a slog.Value has.
func ExampleNewRename_byKind() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindBool {
			a.Value = slog.StringValue(map[bool]string{true: "yes", false: "no"}[a.Value.Bool()])
		}
		return a
	}})
	slog.New(h).Info("m", "ok", true)
	// Output:
	// {"level":"INFO","msg":"m","ok":"yes"}
}

// Whatever is logged in a group is hidden, whether a call or WithGroup has made the
// group. To find secrets wherever they are, see package redact.
func ExampleNewRename_group() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: func(groups []string, a slog.Attr) slog.Attr {
		if slices.Contains(groups, "user") && a.Key != "id" {
			a.Value = slog.StringValue("*")
		}
		return a
	}})
	slog.New(h).Info("m", slog.Group("user", "id", 7, "email", "a@example.org"))
	slog.New(h).WithGroup("user").Info("m", "email", "a@example.org")
	// Output:
	// {"level":"INFO","msg":"m","user":{"id":7,"email":"*"}}
	// {"level":"INFO","msg":"m","user":{"email":"*"}}
}

// A whole group becomes one value.
func ExampleNewRename_wholeGroup() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		ReplaceGroups: true,
		Replace: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "point" && a.Value.Kind() == slog.KindGroup {
				var parts []string
				for _, m := range a.Value.Group() {
					parts = append(parts, m.Value.String())
				}
				a.Value = slog.StringValue(strings.Join(parts, ","))
			}
			return a
		},
	})
	slog.New(h).Info("m", slog.Group("point", "x", 1, "y", 2))
	// Output:
	// {"level":"INFO","msg":"m","point":"1,2"}
}

// Every key gets a prefix, but for those in groups.
func ExampleNewRename_prefix() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 {
			a.Key = "app." + a.Key
		}
		return a
	}})
	slog.New(h).Info("m", "id", 7)
	// Output:
	// {"level":"INFO","msg":"m","app.id":7}
}

func ExampleReplaceType() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		Replace: handler.ReplaceType(func(d time.Duration) slog.Value {
			return slog.Float64Value(d.Seconds())
		}),
	})
	slog.New(h).Info("done", "took", 1500*time.Millisecond)
	// Output:
	// {"level":"INFO","msg":"done","took":1.5}
}

// An error becomes a group. ErrorStack has more of it.
func ExampleReplaceType_error() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		Replace: handler.ReplaceType(func(err error) slog.Value {
			return slog.GroupValue(slog.String("message", err.Error()), slog.String("type", fmt.Sprintf("%T", err)))
		}),
	})
	slog.New(h).Info("failed", "err", errors.New("no such user"))
	// Output:
	// {"level":"INFO","msg":"failed","err":{"message":"no such user","type":"*errors.errorString"}}
}

// Times have a zone and a layout, or are seconds since 1970.
func ExampleReplaceType_time() {
	paris := time.FixedZone("CET", 3600)
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	local := handler.ReplaceType(func(t time.Time) slog.Value { return slog.StringValue(t.In(paris).Format(time.RFC1123)) })
	unix := handler.ReplaceType(func(t time.Time) slog.Value { return slog.Int64Value(t.Unix()) })
	slog.New(handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: local})).Info("m", "at", at)
	slog.New(handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: unix})).Info("m", "at", at)
	// Output:
	// {"level":"INFO","msg":"m","at":"Sun, 22 Nov 2026 00:30:00 CET"}
	// {"level":"INFO","msg":"m","at":1795303800}
}

// As a ReplaceAttr it makes a number of the record's time too.
func ExampleReplaceType_unixTime() {
	unix := handler.ReplaceType(func(t time.Time) slog.Value { return slog.Int64Value(t.UnixMilli()) })
	h := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: unix})
	r := slog.NewRecord(time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC), slog.LevelInfo, "m", 0)
	if err := h.Handle(context.Background(), r); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"time":1795303800000,"level":"INFO","msg":"m"}
}

// Addresses lose what says most of a person.
func ExampleReplaceType_address() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		Replace: handler.ReplaceType(func(addr netip.Addr) slog.Value {
			bits := 24
			if addr.Is6() {
				bits = 48
			}
			prefix, err := addr.Prefix(bits)
			if err != nil {
				return slog.StringValue("*")
			}
			return slog.StringValue(prefix.String())
		}),
	})
	slog.New(h).Info("m", "from", netip.MustParseAddr("192.0.2.77"))
	// Output:
	// {"level":"INFO","msg":"m","from":"192.0.2.0/24"}
}

// Requests and responses become groups with what is to be known of them.
func ExampleReplaceType_http() {
	request := handler.ReplaceType(func(r *http.Request) slog.Value {
		return slog.GroupValue(slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("host", r.Host))
	})
	response := handler.ReplaceType(func(r *http.Response) slog.Value {
		return slog.GroupValue(slog.Int("status", r.StatusCode), slog.Int64("length", r.ContentLength))
	})
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{Replace: handler.ReplaceAll(request, response)})
	r, err := http.NewRequest(http.MethodGet, "https://example.org/a?token=secret", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.New(h).Info("done", "request", r, "response", &http.Response{StatusCode: http.StatusOK, ContentLength: 12})
	// Output:
	// {"level":"INFO","msg":"done","request":{"method":"GET","path":"/a","host":"example.org"},"response":{"status":200,"length":12}}
}

func ExampleReplaceAll() {
	h := handler.NewRename(jsonToStdout(), &handler.RenameOptions{
		Replace: handler.ReplaceAll(
			handler.ReplaceType(func(d time.Duration) slog.Value { return slog.StringValue(d.String()) }),
			func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "debug" {
					return slog.Attr{} // left out
				}
				return a
			},
		),
	})
	slog.New(h).Info("done", "took", time.Minute, "debug", "x")
	// Output:
	// {"level":"INFO","msg":"done","took":"1m0s"}
}
