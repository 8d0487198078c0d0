package thirdparty_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/tracelog"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// pgxLog hands to slog what pgx tells. Its keys come in a map: sorted, a line looks the
// same each time.
func pgxLog(logger *slog.Logger) tracelog.LoggerFunc {
	levels := map[tracelog.LogLevel]slog.Level{
		tracelog.LogLevelTrace: handler.LevelTrace, tracelog.LogLevelDebug: slog.LevelDebug,
		tracelog.LogLevelWarn: slog.LevelWarn, tracelog.LogLevelError: slog.LevelError,
	}
	return func(ctx context.Context, level tracelog.LogLevel, msg string, data map[string]any) {
		attrs := make([]slog.Attr, 0, len(data))
		for _, key := range slices.Sorted(maps.Keys(data)) {
			attrs = append(attrs, slog.Any(key, data[key]))
		}
		logger.LogAttrs(ctx, levels[level], msg, attrs...)
	}
}

// TestPgx queries a server that knows as much of PostgreSQL as it takes, and one that refuses.
func TestPgx(t *testing.T) {
	p := newPipeline(t, handler.LevelTrace)
	testlog.CheckGoroutines(t)
	usePgx(t, p)
	p.check(t, []string{
		`{"level":"INFO","source":"caller pgx_test.go","msg":"Connect","logger":"pgx","db":{"database":"orders",` +
			`"host":"127.0.0.1","pid":4711,"port":0,"time":0}}`,
		`{"level":"INFO","source":"caller pgx_test.go","msg":"Query","logger":"pgx","db":{"args":[7],` +
			`"commandTag":"DELETE 1","pid":4711,"sql":"delete from orders where id = $1","time":0}}`,
		`{"level":"ERROR","source":"caller pgx_test.go","msg":"Query","logger":"pgx","db":{"args":[],` +
			`"err":"ERROR: cannot do alter role bob password '[REDACTED]' (SQLSTATE 42601)","pid":4711,` +
			`"sql":"alter role bob password '[REDACTED]'","time":0}}`,
		`{"level":"ERROR","source":"caller pgx_test.go","msg":"Query","logger":"pgx",` +
			`"db":{"args":["token=[REDACTED]"],"err":"ERROR: cannot do select  'token=[REDACTED]'  (SQLSTATE ` +
			`42601)","pid":4711,"sql":"select $1","time":0}}`,
		"{\"level\":\"ERROR\",\"source\":\"caller pgx_test.go\",\"msg\":\"Connect\",\"logger\":\"pgx\",\"db\":{\"database\":\"orders\",\"err\":\"failed to connect to `user=app database=orders`: host (127.0.0.1): dial error: connection refused\",\"host\":\"127.0.0.1\",\"port\":0,\"time\":0}}",
	}, `"port":\d+`, `"port":0`, `"time":\d+`, `"time":0`, `127\.0\.0\.1:\d+`, `host`)
}

// usePgx connects, executes three statements, and then cannot connect.
func usePgx(t *testing.T, h slog.Handler) {
	t.Helper()
	config, err := pgx.ParseConfig("postgres://app:" + secret + "@" + postgres(t) + "/orders?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	logger := slog.New(h).With("logger", "pgx").WithGroup("db")
	config.Tracer = &tracelog.TraceLog{Logger: pgxLog(logger), LogLevel: tracelog.LogLevelTrace}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "delete from orders where id = $1", 7); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(t.Context(), "alter role bob password '"+secret+"'"); err == nil {
		t.Error("no error")
	}
	if _, err := conn.Exec(t.Context(), "select $1", "token="+secret); err == nil {
		t.Error("no error")
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}

	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		t.Error("no error")
	}
}

// postgres returns the address of a server that wants a password, can delete, and
// calls everything else an error, in which it tells what it was asked.
func postgres(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if err := serve(pgproto3.NewBackend(conn, conn)); err != nil {
			t.Errorf("postgres: %v", err)
		}
	}()
	return listener.Addr().String()
}

func serve(b *pgproto3.Backend) error {
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
		return err
	}
	if m, err := b.Receive(); err != nil {
		return err
	} else if m, ok := m.(*pgproto3.PasswordMessage); !ok || m.Password != secret {
		return errors.New("no password")
	}
	b.Send(&pgproto3.AuthenticationOk{})
	for _, name := range []string{"standard_conforming_strings", "client_encoding"} {
		b.Send(&pgproto3.ParameterStatus{Name: name, Value: map[bool]string{true: "on", false: "UTF8"}[name[0] == 's']})
	}
	b.Send(&pgproto3.BackendKeyData{ProcessID: 4711, SecretKey: []byte{1, 2, 3, 4}})
	for {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if err := b.Flush(); err != nil {
			return err
		}
		m, err := b.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.Terminate:
			return nil
		case *pgproto3.Query:
			if len(m.String) > 6 && m.String[:6] == "delete" {
				b.Send(&pgproto3.CommandComplete{CommandTag: []byte("DELETE 1")})
			} else {
				b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42601", Message: "cannot do " + m.String, Detail: "password=" + secret})
			}
		}
	}
}
