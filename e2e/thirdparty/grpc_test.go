package thirdparty_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sluicelog/sluice/internal/testlog"
)

// grpcLog hands to slog what the interceptors tell.
func grpcLog(logger *slog.Logger) logging.LoggerFunc {
	return func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		logger.Log(ctx, slog.Level(level), msg, fields...)
	}
}

// TestGRPC calls a service by way of the interceptors of go-grpc-middleware, which log
// the headers of a call, too.
func TestGRPC(t *testing.T) {
	p := newPipeline(t, slog.LevelDebug)
	testlog.CheckGoroutines(t)
	useGRPC(t, p)
	p.check(t, []string{
		`{"level":"DEBUG","source":"caller grpc_test.go","msg":"started call","client":{"protocol":"grpc",` +
			`"grpc.component":"client","grpc.service":"grpc.health.v1.Health","grpc.method":"Check",` +
			`"grpc.method_type":"unary","grpc.start_time":"time","grpc.time_ms":"0"}}`,
		`{"level":"INFO","source":"caller grpc_test.go","msg":"started call","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.time_ms":"0"}`,
		`{"level":"INFO","source":"caller grpc_test.go","msg":"request received","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.recv.duration":"0s","grpc.request.content":"",` +
			`"grpc.time_ms":"0"}`,
		`{"level":"INFO","source":"caller grpc_test.go","msg":"finished call","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.code":"OK","grpc.time_ms":"0"}`,
		`{"level":"DEBUG","source":"caller grpc_test.go","msg":"finished call","client":{"protocol":"grpc",` +
			`"grpc.component":"client","grpc.service":"grpc.health.v1.Health","grpc.method":"Check",` +
			`"grpc.method_type":"unary","grpc.start_time":"time","grpc.code":"OK","grpc.time_ms":"0"}}`,
		`{"level":"DEBUG","source":"caller grpc_test.go","msg":"started call","client":{"protocol":"grpc",` +
			`"grpc.component":"client","grpc.service":"grpc.health.v1.Health","grpc.method":"Check",` +
			`"grpc.method_type":"unary","grpc.start_time":"time","grpc.time_ms":"0"}}`,
		`{"level":"INFO","source":"caller grpc_test.go","msg":"started call","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.time_ms":"0"}`,
		`{"level":"INFO","source":"caller grpc_test.go","msg":"request received","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.recv.duration":"0s",` +
			`"grpc.request.content":"service:\"orders\"","grpc.time_ms":"0"}`,
		`{"level":"ERROR","source":"caller grpc_test.go","msg":"finished call","side":"server",` +
			`"headers":{":authority":["bufconn"],"authorization":"[REDACTED]","content-type":["application/grpc"],` +
			`"user-agent":["grpc"],"x-request-id":["42"]},"protocol":"grpc","grpc.component":"server",` +
			`"grpc.service":"grpc.health.v1.Health","grpc.method":"Check","grpc.method_type":"unary",` +
			`"peer.address":"bufconn","grpc.start_time":"time","grpc.code":"Internal",` +
			`"grpc.error":"rpc error: code = Internal desc = redis://:[REDACTED]@cache:6379: connection refused",` +
			`"grpc.time_ms":"0"}`,
		`{"level":"WARN","source":"caller grpc_test.go","msg":"finished call","client":{"protocol":"grpc",` +
			`"grpc.component":"client","grpc.service":"grpc.health.v1.Health","grpc.method":"Check",` +
			`"grpc.method_type":"unary","grpc.start_time":"time","grpc.code":"Internal",` +
			`"grpc.error":"rpc error: code = Internal desc = redis://:[REDACTED]@cache:6379: connection refused",` +
			`"grpc.time_ms":"0"}}`,
	}, `"grpc\.start_time":"[^"]*"`, `"grpc.start_time":"time"`, `"grpc\.time_ms":[\d.]+`, `"grpc.time_ms":0`,
		`"grpc\.time_ms":"[\d.]+"`, `"grpc.time_ms":"0"`, `"grpc\.recv\.duration":"[^"]*"`, `"grpc.recv.duration":"0s"`,
		`grpc-go/[\d.]+`, `grpc`)
}

// useGRPC has a server answer one call and fail another.
func useGRPC(t *testing.T, h slog.Handler) {
	t.Helper()
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(
		logging.UnaryServerInterceptor(grpcLog(slog.New(h).With("side", "server")), logging.WithFieldsFromContext(headers),
			logging.WithLogOnEvents(logging.StartCall, logging.PayloadReceived, logging.FinishCall)),
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if r, ok := request.(*healthpb.HealthCheckRequest); ok && r.GetService() == "orders" {
				return nil, status.Error(codes.Internal, errors.New("redis://:"+secret+"@cache:6379: connection refused").Error())
			}
			return next(ctx, request)
		}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener := bufconn.Listen(1 << 16)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	client, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithUnaryInterceptor(logging.UnaryClientInterceptor(grpcLog(slog.New(h).WithGroup("client")))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })

	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret, "x-request-id", "42")
	for _, service := range []string{"", "orders"} {
		_, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		if (err != nil) != (service != "") {
			t.Errorf("%q: %v", service, err)
		}
	}
}

// headers returns those of a call.
func headers(ctx context.Context) logging.Fields {
	md, _ := metadata.FromIncomingContext(ctx)
	return logging.Fields{"headers", md}
}
