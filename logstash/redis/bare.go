package redis

import (
	"context"

	client "github.com/redis/go-redis/v9"
)

// bareHook sends PING in place of HELLO, and leaves it at that for an old server.
type bareHook struct{}

func (bareHook) DialHook(next client.DialHook) client.DialHook { return next }

func (bareHook) ProcessPipelineHook(next client.ProcessPipelineHook) client.ProcessPipelineHook {
	return next
}

func (bareHook) ProcessHook(next client.ProcessHook) client.ProcessHook {
	return func(ctx context.Context, cmd client.Cmder) error {
		if cmd.Name() != "hello" {
			return next(ctx, cmd)
		}
		err := next(ctx, client.NewStatusCmd(ctx, "ping"))
		if err == nil {
			err = errNoHello
		}
		cmd.SetErr(err)
		return err
	}
}

// errNoHello is the answer of a server that does not know HELLO.
var errNoHello error = helloError{}

type helloError struct{}

func (helloError) Error() string { return "ERR unknown command 'HELLO'" }
func (helloError) RedisError()   {}
