package kafka_test

import (
	"flag"
	"os"
	"testing"
)

// Most tests wait for a cluster most of the time, so that more of them run at once than there are processors, unless
// the command says how many.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
