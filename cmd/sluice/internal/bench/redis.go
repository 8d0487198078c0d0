package bench

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// serveRedis answers as much of what a Redis knows as it takes to send to a list of it. It keeps how long that is, and nothing else.
func serveRedis(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 64<<10)
	length := 0
	for {
		name, args, err := readCommand(r)
		if err != nil {
			return err
		}
		answer := "-ERR unknown command\r\n"
		if strings.EqualFold(name, "rpush") {
			length += args - 1 // one is the key
			answer = fmt.Sprintf(":%d\r\n", length)
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return err
		}
	}
}

// readCommand reads a command, and returns its name and how many arguments it has.
func readCommand(r *bufio.Reader) (name string, args int, err error) {
	if args, err = readNumber(r, '*'); err != nil || args < 1 {
		return "", 0, errors.Join(err, errors.New("no command"))
	}
	for i := range args {
		n, err := readNumber(r, '$')
		if err != nil {
			return "", 0, err
		}
		if i == 0 {
			if n > 64 {
				return "", 0, errors.New("no name of a command")
			}
			text, err := r.Peek(n)
			if err != nil {
				return "", 0, err
			}
			name = string(text)
		}
		if _, err := r.Discard(n + len("\r\n")); err != nil {
			return "", 0, err
		}
	}
	return name, args - 1, nil
}

// readNumber reads a line with a number behind a sign.
func readNumber(r *bufio.Reader, sign byte) (int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != sign {
		return 0, fmt.Errorf("%q: want %c", line, sign)
	}
	n, err := strconv.Atoi(strings.TrimRight(string(line[1:]), "\r\n"))
	if err == nil && n < 0 {
		err = fmt.Errorf("%q: want 0 or more", line)
	}
	return n, err
}
