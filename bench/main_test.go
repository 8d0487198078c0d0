package bench_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

// TestMain makes the test an Inbox if it has been started to be one.
func TestMain(m *testing.M) {
	if bench.IsInbox() {
		if err := bench.ServeInbox(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
