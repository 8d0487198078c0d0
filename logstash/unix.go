package logstash

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// maxUnixPath is the longest path of a unix socket on Linux; it is a little less
// elsewhere.
const maxUnixPath = 107

// explainUnix adds to the error of a connection to a unix socket what the kernel
// does not say.
func explainUnix(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Addr == nil {
		return err
	}
	if why := whyNoUnix(op.Addr.String(), err); why != "" {
		return fmt.Errorf("%w (%s)", err, why)
	}
	return err
}

// whyNoUnix returns what is wrong about the socket at path, empty if err says so.
func whyNoUnix(path string, err error) string {
	info, statErr := os.Stat(path)
	switch {
	case len(path) > maxUnixPath:
		return fmt.Sprintf("the path has %d bytes, and may have %d", len(path), maxUnixPath)
	case errors.Is(err, fs.ErrNotExist):
		return "the receiver makes the socket: is it running, in mode server?"
	case errors.Is(err, fs.ErrPermission):
		return "writing to the socket must be allowed, and entering each directory above it"
	case errors.Is(err, syscall.EPROTOTYPE):
		return "it is a datagram socket: want a stream socket"
	case statErr == nil && info.Mode().Type() != fs.ModeSocket:
		return "it is no socket"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens: the receiver that made the socket has ended"
	}
	return ""
}
