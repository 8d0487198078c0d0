package logstash_test

import (
	"context"
	"fmt"

	"github.com/sluicelog/sluice/logstash"
)

// printer is a Transport to standard output.
type printer struct{ channel string }

func (p printer) Send(_ context.Context, events [][]byte) (acked int, err error) {
	for _, event := range events {
		fmt.Printf("%s: %s\n", p.channel, event)
	}
	return len(events), nil
}

func (p printer) Close() error { return nil }

func ExampleScheme() {
	printed := logstash.Scheme{Name: "print", Port: "1", Open: func(to logstash.Remote) (logstash.Transport, error) {
		if to.Path == "" {
			return nil, fmt.Errorf("%s has no channel: want print://host/channel", to.Addr)
		}
		return printer{to.Path}, nil
	}}
	shipper, err := logstash.Dial("print://paper/news", &logstash.DialOptions{Schemes: []logstash.Scheme{printed}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(shipper, `{"message":"listening","port":8080}`)
	shipper.Close()
	// Output: news: {"message":"listening","port":8080}
}
