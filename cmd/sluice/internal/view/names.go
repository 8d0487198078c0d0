package view

import (
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// names are the names of the files, if they are printed: without the directory that they have in common.
type names struct {
	printed bool
	dir     string
	width   int // of the longest one
}

func newNames(files []string, printed bool) names {
	n := names{printed: printed}
	if len(files) == 0 {
		return n
	}
	n.dir = files[0]
	for _, file := range files {
		for !strings.HasPrefix(file, n.dir) || !strings.HasSuffix(n.dir, "/") {
			n.dir = n.dir[:strings.LastIndexByte(strings.TrimSuffix(n.dir, "/"), '/')+1]
			if n.dir == "" {
				break
			}
		}
	}
	for _, file := range files {
		n.width = max(n.width, len(file)-len(n.dir))
	}
	return n
}

// of returns the name of a line's file, with its number.
func (n *names) of(c *input.Chunk, i int) string {
	return place(strings.TrimPrefix(c.File, n.dir), c, i)
}

// column returns the name of a line padded to what most of them have.
func (n *names) column(name string) string {
	return name + strings.Repeat(" ", max(0, min(n.width, 40)+len(":12345")-len(name)))
}

// place returns a name of a chunk's file and, if that is known, the number of a line.
func place(file string, c *input.Chunk, i int) string {
	file = cli.Printable(file)
	if c.Number == 0 {
		return file
	}
	return file + ":" + strconv.FormatInt(c.Number+int64(i), 10)
}
