package redis_test

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// exampleRedis starts a Redis for an example.
func exampleRedis() *fake {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return serve(ln, nil)
}

// withoutTime leaves out what is another one each time.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "@timestamp" {
		return slog.Attr{}
	}
	return a
}

// Records go to a list, from which Logstash takes them.
func Example() {
	server := exampleRedis()
	defer server.close()

	shipper, err := redis.Dial("redis://"+server.addr+"/logstash", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(slog.NewJSONHandler(shipper, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("order placed", "order", 4711)
	logger.Warn("payment is late", "order", 4711)
	if err := shipper.Close(); err != nil {
		fmt.Println(err)
	}

	for _, event := range server.list("logstash") {
		fmt.Println(event)
	}
	// Output:
	// {"level":"INFO","msg":"order placed","order":4711}
	// {"level":"WARN","msg":"payment is late","order":4711}
}

// A stream of about a million entries at most, in the database 2.
func ExampleScheme() {
	server := exampleRedis()
	defer server.close()

	shipper, err := logstash.Dial("redis://"+server.addr+"/orders", &logstash.DialOptions{
		Schemes: []logstash.Scheme{redis.Scheme(&redis.Options{DB: 2, Stream: true, MaxLen: 1_000_000})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(shipper, `{"message":"order placed"}`)
	if err := shipper.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(server.list("orders"), shipper.Stats().Written)
	// Output:
	// [{"message":"order placed"}] 1
}

// What an address must have is said at once.
func ExampleDial() {
	_, err := redis.Dial("redis://orders@redis-1/0", nil)
	fmt.Println(err)
	// Output:
	// redis: path "0": want the key; the number of a database is Options.DB
	// redis: Username "orders": want a password with it
}
